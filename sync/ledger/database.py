"""The one connection to the state database: transactions, versions, faults.

All of it blocks and belongs to one thread; which thread is the ledger's affair.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from connectors.errors import ConfigError, ServiceError
from sync.ledger.address import FileAddress, bad_address, check_address
from sync.ledger.backend import Backend, Mode, ProfileLock
from sync.ledger.errors import StateError
from sync.ledger.migrations import HEAD, VERSION_TABLE
from sync.ledger.records import DatabaseFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

    from sync.ledger.hold import Hold
    from sync.ledger.plain import Plain
    from sync.ledger.records import Holder

SETTING = "[state] url"
_IN_MEMORY = "sqlite://"
_VERSION = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608  # a name of ours


class Database:
    """A state database. ``sessions`` says in which session each lock was taken."""

    def __init__(self, url: str, *, is_read_only: bool = False) -> None:
        self.holds: dict[str, Hold] = {}
        self.session = 0
        self.sessions: dict[str, int] = {}
        self._is_asking = False
        self._use(url, is_read_only=is_read_only)

    def open(self) -> None:
        """Connect, and bring the tables up to date.

        Where it is only to be read, what is not there yet is made in memory, and
        another version is refused.
        """
        if self._is_read_only and not (self.backend.is_there() and self._version()):
            self.close()
            self._use(_IN_MEMORY, is_read_only=False)
        if self._version() == HEAD:
            return
        if self._is_read_only:
            raise self.backend.other_version()
        from sync.ledger import tables  # noqa: PLC0415  # not needed for plain SQL

        with self.transaction(Mode.MIGRATE) as connection:
            if tables.create(connection):
                return
            from sync.ledger.migrate import migrate  # noqa: PLC0415  # alembic is heavy

            if not migrate(connection):
                raise self.backend.newer_version()

    def describe(self) -> DatabaseFacts:
        """Say what is there, without a change to it."""
        if not self.backend.is_there():
            return DatabaseFacts()
        version = self._version()
        is_current = version == HEAD
        if version is not None and not is_current:
            from sync.ledger.migrate import is_known  # noqa: PLC0415  # as above

            if not is_known(version):
                raise self.backend.newer_version()
        with self.plain(Mode.READ) as sender:
            software, size_bytes = self.backend.measure(sender)
        return DatabaseFacts(software, version, is_current, size_bytes)

    def check(self) -> None:
        """Read it whole; raise StateError if it is damaged, or denies what runs do."""
        is_current = self._version() == HEAD
        with self.plain(Mode.READ) as sender:
            self.backend.check(sender, is_current=is_current)

    def close(self) -> None:
        """Close the connection."""
        if "_engine" in self.__dict__:
            self._engine.dispose()
        self.backend.close()

    def profile_lock(self, profile: str) -> ProfileLock:
        """Prepare the lock of a profile."""
        return self.backend.profile_lock(profile, self)

    def take(self, hold: Hold, lock: ProfileLock, holder: Holder) -> bool:
        """Take a profile, or raise BusyError at once.

        Returns whether one that held it may not know yet that it does no longer.
        """
        lock.acquire(holder)
        with self.plain(Mode.DURABLE) as sender:
            lock.check_kept(sender)
            previous = hold.take(sender, holder)
        self.holds[hold.profile] = hold
        return previous is not None and not previous.is_gone

    def look(self, hold: Hold, lock: ProfileLock) -> None:
        """Raise BusyError or StateError if the profile is not held any more."""
        try:
            with self.plain(Mode.READ) as sender:
                lock.check_kept(sender)
                hold.check(sender, keeps=False)
        except ServiceError as error:
            hold.lose(error)
            raise

    def give_back(self, hold: Hold, lock: ProfileLock) -> None:
        """Free a profile; without effect when it was not taken."""
        if self.holds.get(hold.profile) is hold:
            del self.holds[hold.profile]
            hold.lose(StateError(f"The profile {hold.profile} is not held any more."))
            with suppress(ServiceError), self.plain(Mode.DURABLE) as sender:
                hold.give_back(sender, datetime.now(UTC))
        lock.release()

    @contextmanager
    def transaction(self, mode: Mode) -> Iterator[Connection]:
        """Do all that is inside or nothing; a fault of the database is a StateError."""
        with self._connection() as connection, connection.begin():
            for statement in self.backend.opening[mode]:
                connection.exec_driver_sql(statement)
            sender = self.backend.within(connection)
            self._check_holds(sender, keeps=mode is not Mode.READ)
            yield connection

    @contextmanager
    def plain(self, mode: Mode) -> Iterator[Plain]:
        """Do the same in plain SQL, and where the driver is Python's by itself."""
        begun = self.backend.begin(mode)
        if begun is None:
            with self.transaction(mode) as connection:
                yield self.backend.within(connection)
            return
        with self._in_words(), begun as sender:
            self._check_holds(sender, keeps=mode is not Mode.READ)
            yield sender

    def _use(self, url: str, *, is_read_only: bool) -> None:
        self._is_read_only = is_read_only
        self.backend = choose_backend(url, is_read_only=is_read_only)
        self.__dict__.pop("_engine", None)

    @cached_property
    def _engine(self) -> Engine:
        from sqlalchemy import event  # noqa: PLC0415  # not needed for plain SQL

        engine = self.backend.create_engine()
        event.listen(engine, "connect", self._count_session)
        return engine

    def _version(self) -> str | None:
        try:
            with self.plain(Mode.READ) as sender:
                rows = sender.rows(_VERSION)
        except StateError as error:
            said = error.__cause__
            if isinstance(said, Exception) and self.backend.is_missing_table(said):
                return None
            raise
        return rows[0][0] if rows else None

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        from sqlalchemy.exc import DBAPIError  # noqa: PLC0415  # as above

        with self._in_words(DBAPIError), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _in_words(self, *faults: type[Exception]) -> Iterator[None]:
        """Turn what the driver says, or SQLAlchemy of it, into a StateError."""
        try:
            yield
        except (*faults, *self.backend.faults) as error:
            explained = self._lost_by(error) or self.backend.explain(error)
            if explained is None:
                raise
            raise explained from error
        except UnicodeDecodeError:  # what SQLite says quotes what stands in the file
            damaged = self.backend.damaged()
        else:
            return
        raise damaged

    def _lost_by(self, error: Exception) -> ServiceError | None:
        """Say what went with a connection that broke, if a lock did."""
        is_lost = getattr(error, "connection_invalidated", False)
        if not (is_lost and self.sessions) or self._is_asking:
            return None
        self._is_asking = True
        try:
            with self.plain(Mode.READ):
                return None
        except ServiceError as lost:
            return lost
        finally:
            self._is_asking = False

    def _check_holds(self, sender: Plain, *, keeps: bool) -> None:
        """Stop when another run has taken a profile over, or can have done so.

        A lock goes with the session in which it was taken.
        """
        is_cut = any(session != self.session for session in self.sessions.values())
        if keeps or is_cut:
            for hold in self.holds.values():
                hold.check(sender, keeps=keeps)
        if not is_cut:
            return
        error = StateError(
            "The connection to the state database was lost, and with it the lock on "
            "the profile.",
            remedy="Run it again: nothing is done twice.",
            is_passing=True,
        )
        for hold in self.holds.values():
            hold.lose(error)
        raise error

    def _count_session(self, *_: object) -> None:
        self.session += 1


def choose_backend(url: str, *, is_read_only: bool = False) -> Backend:
    """Read ``[state] url``. No message repeats it, since it can hold a password."""
    address = check_address(url, SETTING)
    if isinstance(address, FileAddress) or address.get_backend_name() == "sqlite":
        from sync.ledger.sqlite import SqliteBackend  # noqa: PLC0415  # cheap start

        if not isinstance(address, FileAddress) and any(
            (address.host, address.username, address.password, address.port)
        ):
            raise ConfigError(
                "The setting [state] url names a host before its path, and a file has "
                "none.",
                remedy="Put three slashes before the path, as in sqlite:///PATH.",
            )
        return SqliteBackend(address, is_read_only=is_read_only)
    if address.get_backend_name() in {"postgresql", "postgres"}:
        from sync.ledger.postgres import PostgresBackend  # noqa: PLC0415  # as above
        from sync.ledger.server_address import read_server  # noqa: PLC0415  # as above

        told = read_server(url, address, SETTING)
        return PostgresBackend(address, told, is_read_only=is_read_only)
    raise bad_address(SETTING, "names a kind of database that is not supported")

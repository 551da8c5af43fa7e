"""The one connection to the state database: transactions, versions, faults.

All of it blocks and belongs to one thread; which thread is the ledger's affair.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from sqlalchemy import Text, column, event, select, table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from connectors.errors import ConfigError, ServiceError
from sync.ledger.backend import Backend, Mode, ProfileLock
from sync.ledger.errors import StateError
from sync.ledger.migrations import HEAD, VERSION_TABLE
from sync.ledger.records import DatabaseFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection

    from sync.ledger.hold import Hold
    from sync.ledger.records import Holder

_IN_MEMORY = "sqlite://"
_read_version = select(column("version_num", Text)).select_from(table(VERSION_TABLE))


class Database:
    """A state database. ``sessions`` says in which session each lock was taken."""

    def __init__(self, url: str, *, is_read_only: bool = False) -> None:
        self.holds: dict[str, Hold] = {}
        self.session = 0
        self.sessions: dict[str, int] = {}
        self._is_asking = False
        self._use(choose_backend(url), is_read_only=is_read_only)

    def open(self) -> None:
        """Connect, and bring the tables up to date.

        Where it is only to be read, what is not there yet is made in memory, and
        another version is refused.
        """
        if self._is_read_only and not (self.backend.is_there() and self._version()):
            self.close()
            self._use(choose_backend(_IN_MEMORY), is_read_only=False)
        if self._version() == HEAD:
            return
        if self._is_read_only:
            raise self.backend.other_version()
        from sync.ledger.migrate import migrate  # noqa: PLC0415  # alembic is heavy

        with self.transaction(Mode.MIGRATE) as connection:
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
        with self.transaction(Mode.READ) as connection:
            software, size_bytes = self.backend.measure(connection)
        return DatabaseFacts(software, version, is_current, size_bytes)

    def check(self) -> None:
        """Read it whole, and raise StateError if it is damaged."""
        with self.transaction(Mode.READ) as connection:
            self.backend.check(connection)

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()

    def profile_lock(self, profile: str) -> ProfileLock:
        """Prepare the lock of a profile."""
        return self.backend.profile_lock(profile, self)

    def take(self, hold: Hold, lock: ProfileLock, holder: Holder) -> bool:
        """Take a profile, or raise BusyError at once.

        Returns whether one that held it may not know yet that it does no longer.
        """
        lock.acquire(holder)
        with self.transaction(Mode.DURABLE) as connection:
            lock.check_kept(connection)
            previous = hold.take(connection, self.backend.insert, holder)
        self.holds[hold.profile] = hold
        return previous is not None and not previous.is_gone

    def look(self, hold: Hold, lock: ProfileLock) -> None:
        """Raise BusyError or StateError if the profile is not held any more."""
        try:
            with self.transaction(Mode.READ) as connection:
                lock.check_kept(connection)
                hold.check(connection, keeps=False)
        except ServiceError as error:
            hold.lose(error)
            raise

    def give_back(self, hold: Hold, lock: ProfileLock) -> None:
        """Free a profile; without effect when it was not taken."""
        if self.holds.get(hold.profile) is hold:
            del self.holds[hold.profile]
            hold.lose(StateError(f"The profile {hold.profile} is not held any more."))
            with (
                suppress(ServiceError),
                self.transaction(Mode.DURABLE) as connection,
            ):
                hold.give_back(connection, datetime.now(UTC))
        lock.release()

    @contextmanager
    def transaction(self, mode: Mode) -> Iterator[Connection]:
        """Do all that is inside or nothing; a fault of the database is a StateError."""
        with self._connection() as connection, connection.begin():
            for statement in self.backend.opening[mode]:
                connection.exec_driver_sql(statement)
            self._check_holds(connection, keeps=mode is not Mode.READ)
            yield connection

    def _use(self, backend: Backend, *, is_read_only: bool) -> None:
        self.backend = backend
        self._is_read_only = is_read_only
        self._engine = backend.create_engine(is_read_only=is_read_only)
        event.listen(self._engine, "connect", self._count_session)

    def _version(self) -> str | None:
        with self._connection() as connection:
            try:
                return connection.scalar(_read_version)
            except DBAPIError as error:
                if self.backend.is_missing_table(error):
                    return None
                raise

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            explained = self._lost_by(error) or self.backend.explain(error)
            if explained is None:
                raise
            raise explained from error
        except UnicodeDecodeError:  # what SQLite says quotes what stands in the file
            damaged = self.backend.damaged()
        else:
            return
        raise damaged

    def _lost_by(self, error: DBAPIError) -> ServiceError | None:
        """Say what went with a connection that broke, if a lock did."""
        is_lost = error.connection_invalidated and bool(self.sessions)
        if not is_lost or self._is_asking:
            return None
        self._is_asking = True
        try:
            with self.transaction(Mode.READ):
                return None
        except ServiceError as lost:
            return lost
        finally:
            self._is_asking = False

    def _check_holds(self, connection: Connection, *, keeps: bool) -> None:
        """Stop when another run has taken a profile over, or can have done so.

        A lock goes with the session in which it was taken.
        """
        is_cut = any(session != self.session for session in self.sessions.values())
        if keeps or is_cut:
            for hold in self.holds.values():
                hold.check(connection, keeps=keeps)
        if not is_cut:
            return
        error = StateError(
            "The connection to the state database was lost, and with it the lock on "
            "the profile.",
            remedy="Run it again: nothing is done twice.",
        )
        for hold in self.holds.values():
            hold.lose(error)
        raise error

    def _count_session(self, *_: object) -> None:
        self.session += 1


def choose_backend(url: str) -> Backend:
    """Read ``[state] url``. No message repeats it, since it can hold a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise _bad_url("cannot be read as an address") from error
    _check_options(url, parsed)
    match parsed.get_backend_name():
        case "sqlite":
            from sync.ledger.sqlite import SqliteBackend  # noqa: PLC0415  # cheap start

            return SqliteBackend(parsed)
        case "postgresql" | "postgres":
            from sync.ledger.postgres import PostgresBackend  # noqa: PLC0415  # as above

            return PostgresBackend(parsed)
        case _:
            raise _bad_url("names a kind of database that is not supported")


def _check_options(url: str, parsed: URL) -> None:
    """Refuse what SQLAlchemy would drop in silence: a ``?`` that begins no option."""
    # A password may hold one too.
    _, mark, options = url.rpartition("@")[2].partition("?")
    read = dict(parse_qsl(options, keep_blank_values=True))
    if mark and (not options or read.keys() != parsed.query.keys()):
        raise ConfigError(
            "The setting [state] url has a ? with no option=value after it.",
            remedy="Name a path without a ?, and give each option a value.",
        )


def _bad_url(what: str) -> ConfigError:
    return ConfigError(
        f"The setting [state] url {what}.",
        remedy="Write it as sqlite:///PATH or postgresql://USER@HOST/DATABASE.",
    )

"""SQLite: a file (or memory), a write-ahead log, and a lock file beside it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.errors import ConfigError
from connectors.files import expand
from sync.ledger.backend import Mode, Sessions
from sync.ledger.errors import OTHER_VERSION, BusyError, StateError
from sync.ledger.plain import to_json, to_utc, whole
from sync.ledger.records import Holder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from filelock import BaseFileLock
    from sqlalchemy import URL, Connection, Engine, Table

    from sync.ledger.address import FileAddress
    from sync.ledger.backend import ProfileLock, Upsert
    from sync.ledger.plain import Plain, Values

#: The place of a database without a file.
IN_MEMORY = "memory"

_START_AGAIN = (
    "Move the file away and run it again: what Discovr holds is enough to start again "
    "without doubling anything."
)
_CLOSE_IT = "Close the program that uses it (a viewer, a backup) and run it again."
_ALLOW_IT = "Allow writing to the file and its folder, or change [state] url."
_FREE_SPACE = "Free some space and run it again; nothing is done twice."

#: SQLite counts in milliseconds of 32 bits.
_LONGEST_TIMEOUT_S = 86_400

#: What SQLite says of a file that is none of ours in places, with no code of its own.
_ODD = re.compile(
    "^(unsupported file format|no such column|Could not decode|table .* has no column"
    "|(table|index) .* already exists)"  # though none said which version it is of
)

#: By primary result code: what happened to "The state database PATH", what to do.
_FAULTS = {
    sqlite3.SQLITE_BUSY: ("is locked by another program", _CLOSE_IT),
    sqlite3.SQLITE_LOCKED: ("is locked by another program", _CLOSE_IT),
    sqlite3.SQLITE_PROTOCOL: ("is locked by another program", _CLOSE_IT),
    sqlite3.SQLITE_FULL: ("has no room left on its disk", _FREE_SPACE),
    sqlite3.SQLITE_CORRUPT: ("is damaged", _START_AGAIN),
    sqlite3.SQLITE_NOTADB: ("is not a database, or is damaged", _START_AGAIN),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", _ALLOW_IT),
    sqlite3.SQLITE_READONLY: ("cannot be written to", _ALLOW_IT),
    sqlite3.SQLITE_PERM: ("cannot be written to", _ALLOW_IT),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: its disk reports an error",
        "Check the disk and the space on it, then run it again.",
    ),
}

#: Of these it may well be that a minute later all is well.
_PASSING = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
)


class _Sender:
    """Sends plain SQL to the one connection."""

    keeping: ClassVar[str] = ""  # whoever writes has all of it

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, values: Values | None = None) -> list[Any]:
        """Send a statement, and return its rows as tuples."""
        found = self._connection.execute(statement, _stored(values or {}))
        return found.fetchall()

    def each(self, statement: str, values: Sequence[Values]) -> None:
        """Send a statement once for each of these."""
        self._connection.executemany(statement, [*map(_stored, values)])

    def from_json(self, value: Any) -> Any:
        """Read a column that holds JSON; a bare number is one for SQLite too."""
        return json.loads(value) if isinstance(value, str) else value


def _stored(values: Values) -> dict[str, Any]:
    """Put values as the tables hold them: SQLite itself knows no instants."""
    return {name: _store(value) for name, value in values.items()}


def _store(value: Any) -> Any:
    if isinstance(value, datetime):
        instant = to_utc(value).replace(tzinfo=None)
        return instant.isoformat(" ", "microseconds")
    return whole(value) if isinstance(value, str) else value


class SqliteBackend:
    """A database file; without a path, or with ``:memory:``, one in memory."""

    opening: ClassVar[Mapping[Mode, tuple[str, ...]]] = {
        Mode.READ: ("BEGIN",),
        # Without a sync the order of commits still holds: a later DURABLE one syncs
        # the log with all that is in it.
        Mode.RELAXED: ("PRAGMA synchronous = NORMAL", "BEGIN IMMEDIATE"),
        Mode.DURABLE: ("PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"),
        Mode.MIGRATE: ("PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"),
    }
    kind: ClassVar[str] = "SQLite"
    faults: ClassVar[tuple[type[Exception], ...]] = (sqlite3.Error,)

    def __init__(self, url: FileAddress | URL, *, is_read_only: bool = False) -> None:
        in_memory = url.database in (None, "", ":memory:")
        self._path = None if in_memory else expand(Path(str(url.database)))
        self._timeout_s = _read_timeout(url)
        self._is_look = is_read_only
        self._connection: sqlite3.Connection | None = None
        self._held: dict[str, Holder] = {}
        self.place = str(self._path or IN_MEMORY)

    @property
    def connection(self) -> sqlite3.Connection:
        """The one connection, opened by the first look at it."""
        if self._connection is None:
            connect = self._connect_to_look if self._is_look else self._connect
            self._connection = connect()
        return self._connection

    def create_engine(self) -> Engine:
        """Build SQLAlchemy's engine around the connection; nothing is opened yet."""
        # Heavy, and plain SQL does without it.
        from sqlalchemy import StaticPool, create_engine  # noqa: PLC0415

        return create_engine(
            "sqlite://",
            creator=lambda: self.connection,
            poolclass=StaticPool,
            hide_parameters=True,
            json_serializer=to_json,
        )

    @contextmanager
    def begin(self, mode: Mode) -> Iterator[Plain]:
        """Begin a transaction on the driver itself."""
        connection = self.connection
        for statement in self.opening[mode]:
            connection.execute(statement)
        try:
            yield _Sender(connection)
            connection.commit()
        finally:
            connection.rollback()  # without effect on what was committed

    def within(self, connection: Connection) -> Plain:  # noqa: ARG002  # there is one
        """Send plain SQL in a transaction that SQLAlchemy has begun."""
        return _Sender(self.connection)

    def insert(self, table: Table) -> Upsert:
        """Start an INSERT that knows ON CONFLICT."""
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415  # as above

        return sqlite.insert(table)

    def share_titles(self, sender: Plain, *, is_tidying: bool) -> None:
        """Do nothing: whoever writes has all of it."""

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def is_there(self) -> bool:
        """Whether there is a file; one in memory begins anew each time."""
        return self._path is not None and self._path.exists()

    def measure(self, sender: Plain) -> tuple[str, int]:
        """Return the version of SQLite, and the size without the write-ahead log."""
        ((pages,),) = sender.rows("PRAGMA page_count")
        ((page_bytes,),) = sender.rows("PRAGMA page_size")
        return f"SQLite {sqlite3.sqlite_version}", pages * page_bytes

    def check(
        self,
        sender: Plain,
        *,
        is_current: bool,  # noqa: ARG002  # whoever may write the file may do all
    ) -> None:
        """Read every page of the file."""
        if sender.rows("PRAGMA quick_check(1)") != [("ok",)]:
            raise self.damaged()

    def is_missing_table(self, error: Exception) -> bool:
        """Whether it says that a table is not there."""
        return str(_said(error)).startswith("no such table")

    def explain(self, error: Exception) -> StateError | None:
        """Say a fault of the driver in words; None for a fault of the program."""
        said = _said(error)
        # The low byte is the primary code; the rest says where in SQLite it arose.
        code = getattr(said, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        is_odd = _ODD.search(str(said)) is not None
        is_refused = code == sqlite3.SQLITE_READONLY and self._is_writable()
        is_refused &= not self._is_look  # which refuses every change itself
        if is_odd or is_refused or self.is_missing_table(error):
            code = sqlite3.SQLITE_CORRUPT
        fault = _FAULTS.get(code)
        if fault is None:
            return None
        return self._state_error(*fault, is_passing=code in _PASSING)

    def damaged(self) -> StateError:
        """Say that what is stored is damaged."""
        return self._state_error(*_FAULTS[sqlite3.SQLITE_CORRUPT])

    def other_version(self) -> StateError:
        """Say that the tables are not of this version, and are to stay as they are."""
        return self._state_error(*OTHER_VERSION)

    def newer_version(self) -> StateError:
        """Say that the tables are those of a later program."""
        return self._state_error(
            "is from a newer version of trakt2discovr",
            "Update trakt2discovr, or name another file in [state] url.",
        )

    def profile_lock(
        self,
        profile: str,
        database: Sessions,  # noqa: ARG002  # PostgreSQL locks through it
    ) -> ProfileLock:
        """Prepare the lock of a profile: a file beside the database."""
        if self._path is None:
            return LocalProfileLock(profile, self._held)
        name = hashlib.sha256(profile.encode(errors="replace")).hexdigest()[:16]
        return FileProfileLock(
            profile, self._path.with_name(f"{self._path.name}.{name}")
        )

    def _state_error(
        self, what: str, remedy: str, *, is_passing: bool = False
    ) -> StateError:
        where = f" {self._path}" if self._path else ""
        message = f"The state database{where} {what}."
        return StateError(message, remedy=remedy, is_passing=is_passing)

    def _connect(self) -> sqlite3.Connection:
        if self._path is not None:
            self._prepare_file(self._path)
        connection = sqlite3.connect(
            self._path or ":memory:", timeout=self._timeout_s, isolation_level=None
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA fullfsync = ON")  # macOS: past the disk's cache
            _switch_to_wal(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _connect_to_look(self) -> sqlite3.Connection:
        """Open what is there; SQLite itself then refuses every change."""
        if self._path is None:
            return sqlite3.connect(":memory:")
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=self._timeout_s,
            isolation_level=None,
        )
        try:
            connection.execute("PRAGMA query_only = ON")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _is_writable(self) -> bool:
        """Whether the system lets us write; then it is the file that does not."""
        path = self._path
        return path is not None and all(
            os.access(place, os.W_OK) for place in (path, path.parent)
        )

    def _prepare_file(self, path: Path) -> None:
        """Create file and folder for the owner's eyes; SQLite follows the file."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)
        except OSError as error:
            raise self._state_error(
                f"cannot be created: {error.strerror}", _ALLOW_IT
            ) from error


class FileProfileLock:
    """A lock file that the system frees when its process dies, by whatever means.

    Who holds it stands in a second file: lockers may truncate the first, and Windows
    lets nobody else read it.
    """

    def __init__(self, profile: str, path: Path) -> None:
        self._profile = profile
        self._path = f"{path}.lock"
        self._holder = path.with_name(f"{path.name}.holder")
        self._said: str | None = None

    @cached_property
    def _lock(self) -> BaseFileLock:
        from filelock import FileLock  # noqa: PLC0415  # a look takes no lock

        return FileLock(self._path, timeout=0, mode=0o600, thread_local=False)

    def acquire(self, holder: Holder) -> None:
        """Take it in the name of ``holder``, or raise BusyError at once."""
        try:
            self._lock.acquire()
            self._holder.touch(mode=0o600)
            said = json.dumps(asdict(holder), default=str)
            self._holder.write_text(said, "utf-8")
            self._said = said
        except TimeoutError as error:
            raise BusyError(self._profile, self._read_holder()) from error
        except OSError as error:
            self.release()
            raise StateError(
                f"The lock file {self._path} cannot be written: {error.strerror}.",
                remedy="Allow writing to its folder, or change [state] url.",
            ) from error

    def check_kept(self, sender: Plain) -> None:
        """Leave that to the epoch: a shared folder knows nothing of another's lock."""

    def check(self) -> None:
        """Raise BusyError if it is taken, without taking it.

        Only what a killed run left behind is tried, and freed again at once: a lock
        that nobody has ever held stays untouched.
        """
        if not self._holder.exists():
            return
        try:
            self._lock.acquire()
        except OSError as error:  # that of another user cannot be tried
            raise BusyError(self._profile, self._read_holder()) from error
        self._lock.release()

    def release(self) -> None:
        """Free it; without effect when it was not taken."""
        if self._lock.is_locked:
            # Where the lock file was taken away, another run may have it by now.
            with suppress(OSError, ValueError):
                if self._said in (None, self._holder.read_text("utf-8")):
                    self._holder.unlink()
            self._lock.release()

    def _read_holder(self) -> Holder | None:
        """Read who holds it; None in the moment before that is written."""
        try:
            fields = json.loads(self._holder.read_text("utf-8"))
            return Holder(
                **{**fields, "since": datetime.fromisoformat(fields["since"])}
            )
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None


class LocalProfileLock:
    """The lock within one process, for a database that no other process can see."""

    def __init__(self, profile: str, held: dict[str, Holder]) -> None:
        self._profile = profile
        self._held = held
        self._is_mine = False

    def acquire(self, holder: Holder) -> None:
        """Take it in the name of ``holder``, or raise BusyError at once."""
        self.check()
        self._held[self._profile] = holder
        self._is_mine = True

    def check_kept(self, sender: Plain) -> None:
        """Leave that to the epoch."""

    def check(self) -> None:
        """Raise BusyError if it is taken, without taking it."""
        if self._profile in self._held:
            raise BusyError(self._profile, self._held[self._profile])

    def release(self) -> None:
        """Free it; without effect when it was not taken."""
        if self._is_mine:
            self._is_mine = False
            del self._held[self._profile]


def _said(error: Exception) -> BaseException:
    """Return what the driver said, be it that SQLAlchemy passes it on."""
    said = getattr(error, "orig", None)
    return said if isinstance(said, BaseException) else error


def _read_timeout(url: FileAddress | URL) -> float:
    """Return how long to wait for another program's transaction, in seconds."""
    timeout_s = url.query.get("timeout", "10")
    with suppress(ValueError, TypeError):
        seconds = float(timeout_s)  # type: ignore[arg-type]  # a repeat is a tuple
        if not set(url.query) - {"timeout"} and 0 <= seconds <= _LONGEST_TIMEOUT_S:
            return seconds
    raise ConfigError(
        "The setting [state] url has options that SQLite does not take.",
        remedy="The only one is ?timeout=SECONDS, up to a day; leave the others out.",
    )


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switch on the write-ahead log, which stays on in the file.

    Two processes that do so at once in a new file block each other, and SQLite does
    not wait then as it does elsewhere; so wait by way of a transaction of our own,
    which gives up when the timeout is over.
    """
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            connection.execute("BEGIN EXCLUSIVE")
            connection.rollback()
        else:
            return

"""PostgreSQL through psycopg 3, with session advisory locks."""

from __future__ import annotations

import hashlib
import re
from contextlib import closing, suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from sqlalchemy import StaticPool, create_engine, event
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from sync.ledger.backend import Mode, Sessions
from sync.ledger.errors import OTHER_VERSION, BusyError, StateError
from sync.ledger.hold import read_holder
from sync.ledger.plain import to_json, to_utc, whole
from sync.ledger.server_address import DRIVER, PLACE, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import psycopg
    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection

    from sync.ledger.backend import ProfileLock
    from sync.ledger.plain import Plain, Values
    from sync.ledger.records import Holder

_UNDEFINED_TABLE = "42P01"

_CHECK_URL = "Check user, password, host and database name in [state] url."
_REACH_IT = "Start it, or check host and port in [state] url, and run it again."
_START_AGAIN = (
    "Name an empty database in [state] url and run it again: what Discovr holds is "
    "enough to start again without doubling anything."
)
_TRY_LATER = "Run it again when the server is well; nothing is done twice."
_GRANT = "Give its user the right to create and change tables there."

#: By SQLSTATE or its first two digits: what happened to "The state database HOST",
#: what to do.
_FAULTS = {
    "08": ("cannot be reached", _REACH_IT),
    "28": ("refused the login", _CHECK_URL),
    "3D": ("does not exist", _CHECK_URL),
    "3F": ("has no schema that its user may use", _GRANT),
    "25P03": ("ended a transaction in which nothing was asked", _TRY_LATER),
    "55000": ("lets nobody in for now", _TRY_LATER),
    "57P03": ("lets nobody in for now", _TRY_LATER),
    "25006": ("cannot be written to: it is read-only", "Name the primary server."),
    "42501": ("denies what its user has to do", _GRANT),
    _UNDEFINED_TABLE: ("has lost a table", _START_AGAIN),
    "42P07": ("has lost the version of its tables", _START_AGAIN),
    "53100": ("has no room left on its disk", "Free some space and run it again."),
    "53": ("is short of resources", _TRY_LATER),
    "55": ("is locked by another program", _TRY_LATER),
    "57": ("was shut down or cancelled the work", _TRY_LATER),
    "58": ("reports a fault of its system", _TRY_LATER),
    "40": ("was changed by another program meanwhile", _TRY_LATER),
    "XX": ("is damaged", "Ask whoever runs the server to check it."),
}

#: Of these it may well be that a minute later all is well.
PASSING = frozenset({"08", "25P03", "40", "53", "55", "55000", "57", "57P03", "58"})

#: By what a server says that lets nobody in for now. Of a connection that failed
#: psycopg hands on no SQLSTATE. These are of PostgreSQL's appendix of error codes.
_NOT_NOW = {
    "the database system is": "57P03",  # starting up, shutting down, in recovery
    "too many clients": "53300",
    "too many connections": "53300",
    "remaining connection slots": "53300",
    "is not currently accepting connections": "55000",  # ALLOW_CONNECTIONS false
}

#: Of an address that leads to any session of a pool.
_POOLED = (
    (
        "is behind a pooler that gives each transaction another session, where no lock "
        "on a profile holds"
    ),
    "Name the server itself in [state] url, or set pool_mode = session for it.",
)
#: What a fault of an option says where it does not name it.
_SAID_OF = {"options": "configuration parameter"}

#: Both ends notice within a minute that the other one is gone; the server then frees
#: the locks of the session.
_DEFAULTS = {
    "application_name": "trakt2discovr",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
#: A program that is frozen within a transaction keeps others from its rows no longer.
_SESSION = """
SET TIME ZONE 'UTC';
SET idle_in_transaction_session_timeout TO '1min';
SET synchronous_commit TO on;
SET tcp_keepalives_idle TO 30;
SET tcp_keepalives_interval TO 10;
SET tcp_keepalives_count TO 3
"""
_SIZE = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
WHERE relkind = 'r' AND starts_with(relname, 't2d_') AND pg_table_is_visible(oid)
"""
#: The schema that tables go into, with what its user may do there. We have made the
#: session read-only ourselves, so what it began with is what tells.
_RIGHTS = """
SELECT quote_ident(current_schema()), quote_ident(current_user),
coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
pg_is_in_recovery() OR (
    SELECT reset_val = 'on' FROM pg_settings
    WHERE name = 'default_transaction_read_only'
)
"""
_DENIED = """
SELECT 1 FROM pg_class
WHERE relkind = 'r' AND starts_with(relname, 't2d_') AND pg_table_is_visible(oid)
AND NOT (
    has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
    AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')
)
LIMIT 1
"""
#: The server shows a key of 64 bits as two of 32.
_COUNT_HELD = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
AND objsubid = 1 AND classid::bigint = :high AND objid::bigint = :low
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_COUNT_HELD_HERE = f"{_COUNT_HELD} AND pid = pg_backend_pid()"
_LOCK = "SELECT pg_try_advisory_lock(:key)"
_UNLOCK = "SELECT pg_advisory_unlock(:key)"
#: Any number may put titles at once, and nobody else while some are taken away.
_PUT_TITLES = "SELECT pg_advisory_xact_lock_shared(7214402958412049)"
_TIDY_TITLES = "SELECT pg_advisory_xact_lock(7214402958412049)"

#: A name behind a colon; two colons are a cast.
_NAMED = re.compile(r"(?<!:):(\w+)")


class _Sender:
    """Sends plain SQL through SQLAlchemy's connection."""

    keeping: ClassVar[str] = " FOR SHARE"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, values: Values | None = None) -> list[Any]:
        """Send a statement, and return its rows as tuples."""
        sent = _of_psycopg(statement), _stored(values) if values else None
        found = self._connection.exec_driver_sql(*sent)
        return [*map(tuple, found)] if found.returns_rows else []

    def each(self, statement: str, values: Sequence[Values]) -> None:
        """Send a statement once for each of these."""
        sent = _of_psycopg(statement), [*map(_stored, values)]
        self._connection.exec_driver_sql(*sent)

    def from_json(self, value: Any) -> Any:
        """Leave a column that holds JSON as it is: the driver has read it."""
        return value


def _of_psycopg(statement: str) -> str:
    return _NAMED.sub(r"%(\1)s", statement)


def _stored(values: Values) -> dict[str, Any]:
    return {name: _store(value) for name, value in values.items()}


def _store(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_utc(value)
    return whole(value) if isinstance(value, str) else value


class PostgresBackend:
    """A database on a server; its tables stand in the first schema of the path."""

    opening: ClassVar[Mapping[Mode, tuple[str, ...]]] = {
        Mode.READ: (),
        Mode.RELAXED: ("SET LOCAL synchronous_commit TO off",),
        Mode.DURABLE: (),
        # Two programs that open an empty database at once must not both fill it.
        Mode.MIGRATE: ("SELECT pg_advisory_xact_lock(7214402958412047)",),
    }
    insert = staticmethod(insert)
    kind: ClassVar[str] = "PostgreSQL"
    faults: ClassVar[tuple[type[Exception], ...]] = ()  # SQLAlchemy passes all on

    def __init__(
        self, url: URL, told: Mapping[str, str], *, is_read_only: bool = False
    ) -> None:
        self._is_look = is_read_only
        self._url = url.set(drivername=DRIVER)
        self.place = place_of(told)

    def create_engine(self) -> Engine:
        """Build the engine around one connection; nothing is opened yet."""
        options = {k: v for k, v in _DEFAULTS.items() if k not in self._url.query}
        engine = create_engine(
            self._url,
            poolclass=StaticPool,
            pool_pre_ping=True,
            hide_parameters=True,
            json_serializer=to_json,
            connect_args=options,
        )
        event.listen(engine, "connect", partial(self._refuse_pool, engine, options))
        event.listen(engine, "connect", _prepare_session)
        if self._is_look:
            event.listen(engine, "connect", _refuse_changes)
        return engine

    def begin(self, mode: Mode) -> None:
        """Leave that to SQLAlchemy, which has the connection."""

    def within(self, connection: Connection) -> Plain:
        """Send plain SQL in a transaction that SQLAlchemy has begun."""
        return _Sender(connection)

    def share_titles(self, sender: Plain, *, is_tidying: bool) -> None:
        """Keep others from what this transaction does with titles that all share."""
        sender.rows(_TIDY_TITLES if is_tidying else _PUT_TITLES)

    def close(self) -> None:
        """Leave that to SQLAlchemy."""

    def is_there(self) -> bool:
        """Whether there is a server is known once it is asked."""
        return True

    def measure(self, sender: Plain) -> tuple[str, int]:
        """Return the version of the server, and the size of our tables alone."""
        ((version,),) = sender.rows("SHOW server_version")
        ((size_bytes,),) = sender.rows(_SIZE)
        return f"PostgreSQL {version.partition(' ')[0]}", size_bytes

    def check(self, sender: Plain, *, is_current: bool) -> None:
        """Look at the rights alone; damage is for whoever runs the server."""
        ((schema, user, may_create, is_fixed),) = sender.rows(_RIGHTS)
        if schema is None:
            raise self._state_error(*_FAULTS["3F"])
        if is_fixed:
            raise self._state_error(*_FAULTS["25006"])
        if not may_create and not is_current:
            raise self._state_error(
                "does not let its user create tables",
                f"Have its owner run: GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}",
            )
        if any(sender.rows(_DENIED)):
            raise self._state_error(*_FAULTS["42501"])

    def is_missing_table(self, error: Exception) -> bool:
        """Whether it says that a table is not there."""
        return _read_sqlstate(error) == _UNDEFINED_TABLE

    def explain(self, error: Exception) -> StateError | None:
        """Say a fault of the driver in words; None for a fault of the program."""
        driver = getattr(error, "orig", None)
        said = str(driver)
        if "statement pooling" in said:  # pgbouncer, with pool_mode = statement
            return self._state_error(*_POOLED)
        is_named = getattr(driver, "sqlstate", None) is None
        for option in self._url.query if is_named else ():
            if option not in PLACE and _SAID_OF.get(option, option) in said:
                return self._state_error(
                    f"cannot be reached with the option {option} as it is",
                    f"Correct {option} in [state] url, or leave it out.",
                )
        sqlstate = _read_sqlstate(error)
        key = sqlstate if sqlstate in _FAULTS else sqlstate[:2]
        fault = _FAULTS.get(key)
        if fault is None:
            return None
        return self._state_error(*fault, is_passing=key in PASSING)

    def damaged(self) -> StateError:
        """Say that what is stored is damaged."""
        return self._state_error(*_FAULTS["XX"])

    def other_version(self) -> StateError:
        """Say that the tables are not of this version, and are to stay as they are."""
        return self._state_error(*OTHER_VERSION)

    def newer_version(self) -> StateError:
        """Say that the tables are those of a later program."""
        return self._state_error(
            "is from a newer version of trakt2discovr",
            "Update trakt2discovr, or name another database in [state] url.",
        )

    def profile_lock(self, profile: str, database: Sessions) -> ProfileLock:
        """Prepare the lock of a profile."""
        return _AdvisoryLock(profile, database, self._state_error(*_POOLED))

    def _refuse_pool(
        self,
        engine: Engine,
        options: Mapping[str, Any],
        connection: psycopg.Connection,
        _: object,
    ) -> None:
        """Raise StateError before anything is set in a session that others use too."""
        from sync.ledger.pooler import keeps_session  # noqa: PLC0415  # as above

        args, found = engine.dialect.create_connect_args(self._url)
        again = partial(engine.dialect.connect, *args, **{**found, **options})
        if not keeps_session(connection, cast("Callable[[], Any]", again)):
            connection.close()
            raise self._state_error(*_POOLED)

    def _state_error(
        self, what: str, remedy: str, *, is_passing: bool = False
    ) -> StateError:
        message = f"The state database {self.place} {what}."
        return StateError(message, remedy=remedy, is_passing=is_passing)


class _AdvisoryLock:
    """A lock of the very session in which the ledger writes.

    When the session ends, by whatever means, the lock is free and nothing more can be
    written under it.
    """

    def __init__(self, profile: str, database: Sessions, pooled: StateError) -> None:
        digest = hashlib.sha256(f"trakt2discovr {profile}".encode(errors="replace"))
        self._key = int.from_bytes(digest.digest()[:8], signed=True)
        unsigned = self._key % 2**64
        self._words = {
            "key": self._key,
            "high": unsigned >> 32,
            "low": unsigned % 2**32,
        }
        self._profile = profile
        self._database = database
        self._pooled = pooled
        self._is_mine = False

    def acquire(self, holder: Holder) -> None:
        """Take it, or raise BusyError at once; the holder stands in the ledger."""
        del holder
        sessions = self._database.sessions
        with self._database.plain(Mode.DURABLE) as sender:
            # The server would grant it to the same session again.
            if self._profile in sessions or not self._ask(sender, _LOCK):
                raise BusyError(self._profile, read_holder(sender, self._profile))
            sessions[self._profile] = self._database.session
            self._is_mine = True

    def check_kept(self, sender: Plain) -> None:
        """Raise StateError if the session of this transaction does not have it."""
        if not self._ask(sender, _COUNT_HELD_HERE):
            raise self._pooled

    def check(self) -> None:
        """Raise BusyError if it is taken, without taking it."""
        with self._database.plain(Mode.READ) as sender:
            if self._ask(sender, _COUNT_HELD):
                raise BusyError(self._profile, read_holder(sender, self._profile))

    def release(self) -> None:
        """Free it; without effect when it was not taken or went with its session."""
        if not self._is_mine:
            return
        self._is_mine = False
        session = self._database.sessions.pop(self._profile)
        with suppress(StateError), self._database.plain(Mode.DURABLE) as sender:
            if session == self._database.session:
                self._ask(sender, _UNLOCK)

    def _ask(self, sender: Plain, statement: str) -> Any:
        ((found,),) = sender.rows(statement, self._words)
        return found


def _refuse_changes(connection: DBAPIConnection, _: object) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute("SET default_transaction_read_only TO on")
    connection.commit()


def _prepare_session(connection: DBAPIConnection, _: object) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(_SESSION)
    connection.commit()


def _read_sqlstate(error: Exception) -> str:
    """Return the SQLSTATE; where psycopg has none, the one that fits what it says."""
    driver = getattr(error, "orig", None)
    sqlstate: str | None = getattr(driver, "sqlstate", None)
    if sqlstate or not isinstance(error, OperationalError):
        return sqlstate or ""
    # The server's words come in its own language, but a refusal is FATAL in most.
    for words, code in _NOT_NOW.items():
        if words in str(driver):
            return code
    attempt = getattr(driver, "pgconn", None)
    is_refused = (
        getattr(attempt, "needs_password", False)
        or getattr(attempt, "used_password", False)
        or "FATAL" in str(driver)
    )
    return "28000" if is_refused else "08006"

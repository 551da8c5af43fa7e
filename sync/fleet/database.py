"""The fleet's PostgreSQL: a pool of connections, and its faults in words."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg

from connectors.errors import ConfigError
from sync.fleet.migrations import HEAD, VERSION_TABLE
from sync.ledger.errors import StateError
from sync.ledger.postgres import PASSING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_ALONE = "SELECT pg_advisory_lock(7214402958412051)"
_VERSION = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608  # a name of ours
#: What the program itself gets wrong: no fault of the database.
_BUGS = (
    asyncpg.PostgresSyntaxError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
)
#: What the driver tells of its database. Where a connection breaks at the wrong moment
#: it takes that for a fault of its own: an InternalClientError.
FAULTS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
#: A connection is there by then, and a statement answered.
_CONNECTED_WITHIN_S, _ANSWERED_WITHIN_S = 10.0, 60.0
#: A connection that is not free by then, or cannot be given back, is a fault: whoever
#: waits for one knows no other end. To cancel a statement waits for the server, too.
_LENT_WITHIN_S = 20.0
#: No transaction stays open for longer, so that a worker that is frozen in one does not
#: keep the others from its rows. To renew a login takes less.
_IDLE_FOR = "5min"
#: A pool that is not closed by then is torn down.
_CLOSED_AFTER_S = 5.0
_DRIVER = re.compile(r"^postgres(ql)?(\+\w+)?://")


class FleetDatabase:
    """Statements over a pool. Each fault of the database is a StateError.

    A connection that broke is replaced by the next statement.
    """

    def __init__(self, pool: asyncpg.Pool, url: str) -> None:
        self.pool = pool
        self.place = place_of(url)
        self._url = url

    async def rows(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Send a statement, and return its rows."""
        with self.in_words():
            found: list[asyncpg.Record] = await self.pool.fetch(statement, *values)
            return found

    @asynccontextmanager
    async def transaction(
        self, *, is_relaxed: bool = False
    ) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """Do all that is inside or nothing.

        A relaxed one does not wait for the disk: a crash can take it away whole.
        """
        with self.in_words():
            async with self.pool.acquire() as connection, connection.transaction():
                if is_relaxed:
                    await connection.execute("SET LOCAL synchronous_commit TO off")
                yield connection

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Do what is inside while nobody else makes tables or keys of this fleet."""
        with self.in_words():
            async with self.pool.acquire() as connection:
                # It goes with the connection, or when that is given back.
                await connection.execute(_ALONE)
                yield

    @asynccontextmanager
    async def apart(self, most: int) -> AsyncIterator[asyncpg.Pool]:
        """Open other connections to it, for who may lose some of them."""
        async with _open_pool(self._url, most) as pool:
            yield pool

    async def check_version(self) -> None:
        """Raise ConfigError where the tables are not those of this program."""
        try:
            with self.in_words():
                version = await self.pool.fetchval(_VERSION)
        except asyncpg.UndefinedTableError:
            version = None
        if version != HEAD:
            raise ConfigError(
                f"The database {self.place} has no fleet of this version.",
                remedy="Make or upgrade its tables: trakt2discovr fleet init",
            )

    @contextmanager
    def in_words(self) -> Iterator[None]:
        """Turn what the driver says into our words; its own may hold anything."""
        try:
            yield
        except _BUGS:
            raise
        except FAULTS as error:
            fault = error
        else:
            return
        raise _unusable(self.place, fault)


@asynccontextmanager
async def open_database(url: str, *, most: int = 10) -> AsyncIterator[FleetDatabase]:
    """Open a pool of at most so many connections. Raises ConfigError, StateError."""
    async with _open_pool(url, most) as pool:
        yield FleetDatabase(pool, url)


@asynccontextmanager
async def _open_pool(url: str, most: int) -> AsyncIterator[asyncpg.Pool]:
    place = place_of(url)
    try:
        pool = await _Pool(_DRIVER.sub("postgresql://", url), **_options(most))
    except FAULTS as error:
        fault = error
    except ValueError:
        raise ConfigError(
            "The setting [fleet] url cannot be read as an address.",
            remedy="Write it as postgresql://USER@HOST/DATABASE.",
        ) from None
    else:
        try:
            yield pool
        finally:
            await _close(pool)
        return
    raise _unusable(place, fault)


class _Pool(asyncpg.Pool):  # type: ignore[misc]  # it has no types
    """A pool in which nobody waits for ever, whoever asks it."""

    def acquire(self, *, timeout: float | None = None) -> Any:
        """Lend a connection, with a bound."""
        return super().acquire(timeout=_LENT_WITHIN_S if timeout is None else timeout)


def _options(most: int) -> dict[str, Any]:
    return {
        "min_size": 1,
        "max_size": most,
        "max_queries": 50_000,
        "max_inactive_connection_lifetime": 300.0,
        "setup": None,
        "init": None,
        "loop": None,
        "connection_class": asyncpg.Connection,
        "record_class": asyncpg.Record,
        "timeout": _CONNECTED_WITHIN_S,
        "command_timeout": _ANSWERED_WITHIN_S,
        "server_settings": {
            "application_name": "trakt2discovr",
            "timezone": "UTC",
            "idle_in_transaction_session_timeout": _IDLE_FOR,
        },
    }


async def _close(pool: asyncpg.Pool) -> None:
    """Close it; a connection that broke may never be given back."""
    try:
        await asyncio.wait_for(pool.close(), _CLOSED_AFTER_S)
    except FAULTS:
        pool.terminate()


def place_of(url: str) -> str:
    """Say where a database is, in words that hold no secret."""
    if not _DRIVER.match(url):
        raise ConfigError(
            "The setting [fleet] url names no PostgreSQL, which is what a fleet needs.",
            remedy="Write it as postgresql://USER@HOST/DATABASE, or leave it out: then "
            "a private server is started.",
        )
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    host = parts.hostname or "the local socket"
    return f"{parts.path.lstrip('/') or 'postgres'} on {host}{port}"


def _unusable(place: str, fault: Exception) -> StateError:
    # What the server itself says, by its kind; else it could not be asked.
    said = getattr(fault, "sqlstate", None)
    return StateError(
        f"The fleet's database {place} cannot be used ({type(fault).__name__}).",
        remedy="Check [fleet] url, and that the server is up; then run it again: "
        "nothing is done twice.",
        is_passing=said is None or bool({said, said[:2]} & PASSING),
    )

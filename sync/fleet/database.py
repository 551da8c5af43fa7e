"""The fleet's PostgreSQL: a pool of connections, and its faults in words."""

from __future__ import annotations

import asyncio
import configparser
import re
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from connectors.errors import ConfigError
from sync.fleet.connecting import SETTING, connecting
from sync.fleet.migrations import HEAD, VERSION_TABLE
from sync.ledger.address import FileAddress, check_address
from sync.ledger.errors import StateError
from sync.ledger.postgres import PASSING
from sync.ledger.server_address import PLACE, place_of, read_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

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
#: A statement is answered by then.
_ANSWERED_WITHIN_S = 60.0
#: A connection that is not free by then, or cannot be given back, is a fault: whoever
#: waits for one knows no other end. To cancel a statement waits for the server, too.
_LENT_WITHIN_S = 20.0
#: A pool that is not closed by then is torn down.
_CLOSED_AFTER_S = 5.0
_DRIVER = re.compile(r"^postgres(ql)?(\+\w+)?://")


class FleetDatabase:
    """Statements over a pool. Each fault of the database is a StateError.

    A connection that broke is replaced by the next statement.
    """

    def __init__(self, pool: asyncpg.Pool, url: str) -> None:
        self.pool = pool
        self.place = place_of(read_url(url))
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
        async with AsyncExitStack() as stack:
            with self.in_words():
                acquired = self.pool.acquire()
                connection = await stack.enter_async_context(acquired)
                # It goes with the connection, or when that is given back.
                try:
                    await connection.execute(_ALONE)
                except TimeoutError:
                    raise StateError(
                        "Somebody else makes the tables or keys of this fleet.",
                        remedy="Run it again once that is over: nothing was changed.",
                    ) from None
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
    told = read_url(url)
    try:
        pool = await _Pool(**_options(most), **connecting(told))
    except (ValueError, configparser.Error) as error:  # of the driver, which may quote
        named = (n for n in told if n not in PLACE and n in str(error))
        wrong = next(named, type(error).__name__)
    except FAULTS as error:
        raise _unusable(place_of(told), error) from None
    else:
        try:
            yield pool
        finally:
            await _close(pool)
        return
    raise ConfigError(
        f"An option of the setting [fleet] url is not as it should be: {wrong}.",
        remedy="Correct what stands behind its ?, or leave that out.",
    )


def read_url(url: str) -> Mapping[str, str]:
    """Return what ``[fleet] url`` says, by the names of libpq. Raises ConfigError."""
    address = check_address(url, SETTING) if _DRIVER.match(url) else None
    if address is None or isinstance(address, FileAddress):
        raise ConfigError(
            "The setting [fleet] url names no PostgreSQL, which is what a fleet needs.",
            remedy="Write it as postgresql://USER@HOST/DATABASE, or leave it out: then "
            "a private server is started.",
        )
    return read_server(url, address, SETTING)


class _Pool(asyncpg.Pool):  # type: ignore[misc]  # it has no types
    """A pool in which nobody waits for ever, whoever asks it."""

    def acquire(self, *, timeout: float | None = None) -> Any:
        """Lend a connection, with a bound."""
        return super().acquire(timeout=_LENT_WITHIN_S if timeout is None else timeout)


def _options(most: int) -> dict[str, Any]:
    """Return what the pool itself is told."""
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
        "command_timeout": _ANSWERED_WITHIN_S,
    }


async def _close(pool: asyncpg.Pool) -> None:
    """Close it; a connection that broke may never be given back."""
    try:
        await asyncio.wait_for(pool.close(), _CLOSED_AFTER_S)
    except FAULTS:
        pool.terminate()


def _unusable(place: str, fault: Exception) -> StateError:
    # What the server itself says, by its kind; else it could not be asked.
    said = getattr(fault, "sqlstate", None)
    return StateError(
        f"The fleet's database {place} cannot be used ({type(fault).__name__}).",
        remedy="Check [fleet] url, and that the server is up; then run it again: "
        "nothing is done twice.",
        is_passing=said is None or bool({said, said[:2]} & PASSING),
    )

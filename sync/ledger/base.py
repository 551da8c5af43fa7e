"""A database behind one thread: awaited calls, each one a transaction."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from connectors.clock import SystemClock
from sync.ledger.database import Database
from sync.ledger.hold import TAKE_OVER_S, Hold
from sync.ledger.records import DatabaseFacts, Holder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from contextlib import AbstractContextManager
    from datetime import datetime
    from types import TracebackType

    from sqlalchemy import Connection

    from connectors.clock import Clock
    from sync.ledger.backend import Mode
    from sync.ledger.plain import Plain

C = TypeVar("C")
S = TypeVar("S", bound="LedgerBase")
P = ParamSpec("P")
T = TypeVar("T")


def transaction(
    mode: Mode,
) -> Callable[
    [Callable[Concatenate[S, Connection, P], T]],
    Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
]:
    """Make a blocking method one awaited transaction in the ledger's thread."""

    def decorate(
        method: Callable[Concatenate[S, Connection, P], T],
    ) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
        return _awaited(method, partial(Database.transaction, mode=mode))

    return decorate


def plainly(
    mode: Mode,
) -> Callable[
    [Callable[Concatenate[S, Plain, P], T]],
    Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
]:
    """Do the same for a method that needs no more than plain SQL."""

    def decorate(
        method: Callable[Concatenate[S, Plain, P], T],
    ) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
        return _awaited(method, partial(Database.plain, mode=mode))

    return decorate


def _awaited(
    method: Callable[Concatenate[S, C, P], T],
    begin: Callable[[Database], AbstractContextManager[C]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    @wraps(method)
    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._in_thread(partial(work, self, *args, **kwargs))

    def work(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with begin(self._database) as sender:
            return method(self, sender, *args, **kwargs)

    return call


class LedgerBase:
    """An open database. A cancelled call has happened whole or not at all."""

    def __init__(self, url: str, *, is_read_only: bool = False) -> None:
        """Prepare it; only ``open`` makes sure that its tables are there.

        With ``is_read_only`` nothing is created, migrated or written: look at what
        ``describe`` returns before anything else is read.
        """
        #: As it was given: it can hold a password.
        self.url = url
        self._database = Database(url, is_read_only=is_read_only)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    @classmethod
    async def open(cls, url: str, *, is_read_only: bool = False) -> Self:
        """Open ``sqlite:///PATH``, ``sqlite://`` (memory) or ``postgresql://...``.

        Creates and migrates what is not there yet; with ``is_read_only`` it is made in
        memory, and another version is refused. Raises ConfigError for the url,
        StateError for the database.
        """
        ledger = cls(url, is_read_only=is_read_only)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(ledger.close)
            await ledger._in_thread(ledger._database.open)
            stack.pop_all()
        return ledger

    async def close(self) -> None:
        """Wait for what is under way, and close. Nothing can be called after."""
        closing = self._to_the_end(self._database.close)
        self._worker.shutdown(wait=False)
        await closing

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def kind(self) -> str:
        """Which kind of database it is."""
        return self._database.backend.kind

    @property
    def place(self) -> str:
        """Where it is, in words that hold no secret."""
        return self._database.backend.place

    async def describe(self) -> DatabaseFacts:
        """Say what the database is. Raises StateError where it cannot be used."""
        return await self._in_thread(self._database.describe)

    async def check(self) -> None:
        """Read it whole. Raises StateError if it is damaged, or denies what runs do."""
        await self._in_thread(self._database.check)

    async def check_free(self, profile: str) -> None:
        """Raise BusyError if a run holds the profile; leaves it as it is."""
        await self._in_thread(self._database.profile_lock(profile).check)

    @asynccontextmanager
    async def profile_lock(
        self, profile: str, *, command: str, at: datetime, clock: Clock | None = None
    ) -> AsyncIterator[Hold]:
        """Hold the profile, or raise BusyError at once: one run per profile.

        The lock is free as soon as its process is gone, however it went. Ask the hold
        before each write to a service. It comes after a few seconds where a run that
        may still be there did not give the profile back.
        """
        database, lock = self._database, self._database.profile_lock(profile)
        clock = clock or SystemClock()

        async def look(hold: Hold) -> None:
            await self._in_thread(partial(database.look, hold, lock))

        hold = Hold(profile, clock, look)
        holder = Holder.here(command, at)
        try:
            if await self._in_thread(partial(database.take, hold, lock, holder)):
                await clock.sleep(TAKE_OVER_S)
            yield hold
        finally:
            await self._to_the_end(partial(database.give_back, hold, lock))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def _to_the_end(self, work: Callable[[], T]) -> Awaitable[T]:
        """Queue it at once, and let it happen even if whoever waits is cancelled."""
        loop = asyncio.get_running_loop()
        return asyncio.shield(loop.run_in_executor(self._worker, work))

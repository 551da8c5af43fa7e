"""Nothing in a fleet waits for ever: not for the database, and not for a job."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from sync.fleet import database as databases
from sync.fleet import engine
from sync.fleet.calendar import Kind
from sync.fleet.database import open_database
from sync.fleet.engine import PgQueue
from sync.fleet.profiles import Profiles
from sync.fleet.queue import Job
from sync.fleet.worker import Worker
from sync.ledger.errors import StateError
from tests.clocks import FakeClock
from tests.fleet_suite.fakes import MemoryQueue, Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sync.fleet.database import FleetDatabase
    from sync.fleet.queue import Queue
    from tests.postgres import PostgresServer

#: What is bounded ends in a fraction of a second here.
SOON_S = 0.1


@pytest.fixture(autouse=True)
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is open: what works takes longer than this on a busy machine."""
    monkeypatch.setattr(databases, "_CLOSED_AFTER_S", SOON_S)
    monkeypatch.setattr(engine, "_ENDED_WITHIN_S", SOON_S)


class Line:
    """What stands between a program and a server; a frozen one passes nothing on."""

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._is_open = asyncio.Event()
        self._is_open.set()
        self.held = asyncio.Event()
        self._served: set[asyncio.Task[None]] = set()
        self.url = ""

    def freeze(self) -> None:
        self._is_open.clear()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Line]:
        listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        place = self._server.netloc.rpartition("@")[0]
        self.url = self._server._replace(netloc=f"{place}@127.0.0.1:{port}").geturl()
        try:
            yield self
        finally:
            listening.close()
            for task in self._served:
                task.cancel()
            await asyncio.wait(self._served)

    def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._served.add(asyncio.create_task(self._pass_both(reader, writer)))

    async def _pass_both(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writers = [writer]
        try:
            await self._is_open.wait()
            host, port = self._server.hostname, self._server.port
            there, back = await asyncio.open_connection(host, port)
            writers.append(back)
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        finally:
            for each in writers:
                each.close()
                with suppress(OSError):
                    await each.wait_closed()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while words := await reader.read(65_536):
            if not self._is_open.is_set():
                self.held.set()
            await self._is_open.wait()
            writer.write(words)


async def test_a_server_that_says_nothing_any_more_holds_nobody(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        Line(postgres.url()).opened() as line,
        open_database(line.url, most=2) as database,
    ):
        await database.rows("SELECT 1")
        line.freeze()
        monkeypatch.setattr(databases, "_LENT_WITHIN_S", SOON_S)
        asking = asyncio.create_task(database.rows("SELECT 1"))
        await asyncio.wait_for(line.held.wait(), 20)
        # To cancel a statement is a question to the server, too.
        asking.cancel()
        _, late = await asyncio.wait({asking}, timeout=10)
        assert not late
        async with asyncio.timeout(10):
            with pytest.raises(StateError) as found:
                await database.rows("SELECT 1")
        assert found.value.is_passing


async def test_who_waits_for_a_connection_that_nobody_gives_back_is_told(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_database(postgres.url(), most=1) as database:
        async with database.transaction():
            monkeypatch.setattr(databases, "_LENT_WITHIN_S", SOON_S)
            async with asyncio.timeout(10):
                with pytest.raises(StateError) as found:
                    await database.rows("SELECT 1")
            assert found.value.is_passing
        monkeypatch.undo()
        assert len(await database.rows("SELECT 1")) == 1


async def test_a_transaction_that_is_left_open_keeps_nobody_for_ever(
    postgres: PostgresServer,
) -> None:
    async with open_database(postgres.url()) as database:
        (row,) = await database.rows("SHOW idle_in_transaction_session_timeout")
        assert row[0] == "5min"


@pytest.mark.parametrize("is_stubborn", [False, True])
@pytest.mark.parametrize("kind", ["memory", "pgqueuer"])
async def test_who_cancels_a_worker_does_not_wait_for_its_jobs(
    fleet: FleetDatabase, kind: str, *, is_stubborn: bool
) -> None:
    queue: Queue = MemoryQueue() if kind == "memory" else PgQueue(fleet)
    begun, told, over = asyncio.Event(), asyncio.Event(), asyncio.Event()
    before = asyncio.all_tasks()

    async def handle(_: int) -> None:
        begun.set()
        try:
            await over.wait()
        except asyncio.CancelledError:
            told.set()
            if is_stubborn:
                await over.wait()
            raise

    await queue.enqueue([Job(1, Kind.KEEP)])
    task = asyncio.create_task(queue.work(Kind.KEEP, 2, handle, asyncio.Event()))
    await asyncio.wait_for(begun.wait(), 20)
    task.cancel()
    _, late = await asyncio.wait({task}, timeout=5)
    assert not late
    assert task.cancelled()
    await asyncio.wait_for(told.wait(), 5)
    over.set()
    while left := asyncio.all_tasks() - before:
        await asyncio.wait(left, timeout=5)


async def test_a_part_of_a_worker_that_breaks_takes_the_others_with_it(
    fleet: FleetDatabase,
) -> None:
    class Broken(MemoryQueue):
        async def work(self, *_: object) -> None:
            raise RuntimeError("It is broken.")

    worker = Worker(Profiles(fleet), Broken(), Script(), slots=2, clock=FakeClock())
    before = asyncio.all_tasks()
    with pytest.raises(RuntimeError):
        await worker.stay()
    left = [t for t in asyncio.all_tasks() - before if "_drive" not in repr(t)]
    assert left == []

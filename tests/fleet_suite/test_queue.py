"""What the fleet asks of a queue, for the engine and for the fake that stands in."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from sync.fleet.calendar import Kind
from sync.fleet.engine import PgQueue
from sync.fleet.queue import Job
from tests.fleet_suite.fakes import MemoryQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sync.fleet.database import FleetDatabase
    from sync.fleet.queue import Queue

FIRST, KEEP = Kind.FIRST, Kind.KEEP


@pytest.fixture(params=["memory", "pgqueuer"])
def queue(request: pytest.FixtureRequest) -> Queue:
    if request.param == "memory":
        return MemoryQueue()
    return PgQueue(request.getfixturevalue("fleet"))


@asynccontextmanager
async def worker(
    queue: Queue,
    handle: Callable[[int], Awaitable[None]],
    *,
    kind: Kind = KEEP,
    slots: int = 2,
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(queue.work(kind, slots, handle, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


class Handler:
    """Notes what it is given; holds each until it is let go."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.seen: list[int] = []
        self.running: set[int] = set()
        self.most = 0
        self.open = asyncio.Event()
        if is_open:
            self.open.set()
        self._changed = asyncio.Condition()

    async def __call__(self, key: int) -> None:
        assert key not in self.running
        self.running.add(key)
        self.most = max(self.most, len(self.running))
        await self._note(key)
        await self.open.wait()
        self.running.discard(key)
        await self._note(None)

    async def saw(self, count: int) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.seen) >= count)

    async def idle(self) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: not self.running)

    async def _note(self, key: int | None) -> None:
        async with self._changed:
            if key is not None:
                self.seen.append(key)
            self._changed.notify_all()


async def test_each_job_is_handled_once_the_urgent_ones_first(queue: Queue) -> None:
    jobs = [Job(1, KEEP), Job(2, KEEP), Job(3, KEEP, priority=1)]
    assert await queue.enqueue(jobs) == [True, True, True]
    handler = Handler()
    async with worker(queue, handler):
        await handler.saw(3)
    assert sorted(handler.seen) == [1, 2, 3]
    assert handler.seen[0] == 3


async def test_a_second_job_of_a_profile_is_refused_while_one_waits_or_runs(
    queue: Queue,
) -> None:
    assert await queue.enqueue([Job(7, KEEP)]) == [True]
    assert await queue.enqueue([Job(7, KEEP), Job(8, KEEP)]) == [False, True]
    handler = Handler(is_open=False)
    async with worker(queue, handler):
        await handler.saw(2)
        assert await queue.enqueue([Job(7, KEEP)]) == [False]
        assert await queue.enqueue([Job(7, FIRST)]) == [False]
        handler.open.set()
    assert sorted(handler.seen) == [7, 8]


async def test_a_profile_can_be_queued_again_once_its_run_has_ended(
    queue: Queue,
) -> None:
    handler = Handler()
    async with worker(queue, handler):
        await queue.enqueue([Job(7, KEEP)])
        await handler.saw(1)
        await handler.idle()
        async with asyncio.timeout(20):
            while not (await queue.enqueue([Job(7, KEEP)]))[0]:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await handler.saw(2)


async def test_a_worker_takes_no_more_than_it_has_slots(queue: Queue) -> None:
    await queue.enqueue([Job(key, KEEP) for key in range(1, 7)])
    handler = Handler(is_open=False)
    async with worker(queue, handler, slots=2):
        await handler.saw(2)
        handler.open.set()
        await handler.saw(6)
    assert handler.most == 2


async def test_migrations_and_syncs_have_slots_of_their_own(queue: Queue) -> None:
    await queue.enqueue([Job(key, FIRST) for key in (1, 2, 3)] + [Job(4, KEEP)])
    slow, quick = Handler(is_open=False), Handler()
    async with worker(queue, slow, kind=FIRST):
        await slow.saw(2)
        async with worker(queue, quick, kind=KEEP):
            await quick.saw(1)
        slow.open.set()
        await slow.saw(3)
    assert quick.seen == [4]


async def test_what_fails_is_never_repeated_by_the_queue(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []

    async def fail(key: int) -> None:
        seen.append(key)
        raise RuntimeError("It does not work.")

    await queue.enqueue([Job(1, KEEP)])
    after = Handler()
    async with worker(queue, fail):
        async with asyncio.timeout(20):
            while not (await queue.enqueue([Job(1, FIRST)]))[0]:  # noqa: ASYNC110
                await asyncio.sleep(0)
        async with worker(queue, after, kind=FIRST):
            await after.saw(1)
    assert seen == [1]
    caplog.clear()


async def test_a_stop_waits_for_what_is_under_way_and_leaves_the_rest(
    queue: Queue,
) -> None:
    await queue.enqueue([Job(key, KEEP) for key in (1, 2, 3)])
    handler = Handler(is_open=False)
    stop = asyncio.Event()
    task = asyncio.create_task(queue.work(KEEP, 2, handler, stop))
    await handler.saw(2)
    running: list[int] = []
    task.add_done_callback(lambda _: running.extend(handler.running))
    stop.set()
    for _ in range(20):
        await asyncio.sleep(0)
    handler.open.set()
    await asyncio.wait_for(task, 20)
    assert running == []
    assert len(handler.seen) == 2
    async with worker(queue, handler):
        await handler.saw(3)
    assert sorted(handler.seen) == [1, 2, 3]


async def test_two_workers_share_the_jobs(queue: Queue) -> None:
    await queue.enqueue([Job(key, KEEP) for key in range(1, 21)])
    one, other = Handler(), Handler()
    async with worker(queue, one), worker(queue, other):
        async with asyncio.timeout(20):
            while len(one.seen) + len(other.seen) < 20:  # noqa: ASYNC110
                await asyncio.sleep(0)
    assert sorted(one.seen + other.seen) == [*range(1, 21)]


async def test_a_job_of_a_worker_that_died_goes_to_another(
    fleet: FleetDatabase,
) -> None:
    queue = PgQueue(fleet)
    await queue.enqueue([Job(1, KEEP), Job(2, KEEP)])
    # As a worker leaves it that was killed a while ago, and one that is at work.
    await fleet.rows(
        "UPDATE fleet_queue.pgqueuer SET status = 'picked', "
        "queue_manager_id = gen_random_uuid(), heartbeat = now() - "
        "CASE WHEN dedupe_key = '1' THEN interval '31 s' ELSE interval '1 s' END"
    )
    handler = Handler()
    async with worker(queue, handler):
        await handler.saw(1)
    assert handler.seen == [1]


async def test_what_the_engine_notes_is_thrown_away_after_a_while(
    fleet: FleetDatabase,
) -> None:
    queue, handler = PgQueue(fleet), Handler()
    for key in (1, 2):
        await queue.enqueue([Job(key, KEEP)])
        async with worker(queue, handler):
            await handler.saw(key)
        await fleet.rows(
            "UPDATE fleet_queue.pgqueuer_log SET created = created - interval '1 day'"
        )
    async with worker(queue, handler):
        async with asyncio.timeout(20):
            while await fleet.rows("SELECT 1 FROM fleet_queue.pgqueuer_log"):  # noqa: ASYNC110
                await asyncio.sleep(0)

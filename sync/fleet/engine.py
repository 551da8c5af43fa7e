"""The queue on PostgreSQL, by pgqueuer. Nothing else knows that engine."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import PgqException
from pgqueuer.domain.settings import DBSettings
from pgqueuer.queries import Queries

from sync.ledger.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    import asyncpg
    from pgqueuer.models import Job as EngineJob

    from sync.fleet.calendar import Kind
    from sync.fleet.database import FleetDatabase
    from sync.fleet.queue import Job

#: Its tables stand in a schema of their own.
SCHEMA = "fleet_queue"
#: A worker that was not heard of for so long has died: its jobs go to others.
HEARTBEAT = timedelta(seconds=30)
#: So often the queue is looked at where no word of a new job came.
_POLL = timedelta(seconds=2)
#: What a kind of job has for itself: one to listen on, the others for statements.
_CONNECTIONS = 4
#: The engine takes jobs in batches, of at most half of the slots.
FEWEST_SLOTS = 2
#: What the engine notes of jobs that are over is kept for so long.
_KEPT = timedelta(hours=1)
_TIDY_EVERY_S = 600.0
#: What is cancelled gets so long to write down what it has done.
_ENDED_WITHIN_S = 10.0
_TIDY = f"DELETE FROM {SCHEMA}.pgqueuer_log WHERE created < now() - $1::interval"  # noqa: S608


class PgQueue:
    """Jobs in PostgreSQL. The database tells the workers when there are new ones."""

    def __init__(
        self, database: FleetDatabase, *, heartbeat: timedelta = HEARTBEAT
    ) -> None:
        settings = DBSettings(db_schema=SCHEMA)
        self._settings = settings
        self._database = database
        self._heartbeat = heartbeat
        self._queries = self._connect(database.pool)

    async def install(self) -> None:
        """Make the engine's tables, or bring them up to date."""
        with self._database.in_words():
            if await self._queries.schema_is_installed():
                await self._queries.upgrade()
            else:
                await self._queries.install()

    async def enqueue(self, jobs: Sequence[Job]) -> list[bool]:
        """Put jobs in; for each, whether it was taken."""
        if not jobs:
            return []
        with self._database.in_words():
            taken = await self._queries.enqueue(
                [job.kind.value for job in jobs],
                [str(job.key).encode() for job in jobs],
                [job.priority for job in jobs],
                dedupe_key=[str(job.key) for job in jobs],
                on_conflict="skip",
            )
        return [number is not None for number in taken]

    async def work(
        self,
        kind: Kind,
        slots: int,
        handle: Callable[[int], Awaitable[None]],
        stop: asyncio.Event,
    ) -> None:
        """Handle jobs of one kind, at most ``slots`` at once, until ``stop`` is set."""
        # What the engine listens on it may lose, and then it never gives it back.
        async with self._database.apart(_CONNECTIONS) as pool:
            await self._run(pool, kind, max(slots, FEWEST_SLOTS), handle, stop)

    async def _run(
        self,
        pool: asyncpg.Pool,
        kind: Kind,
        slots: int,
        handle: Callable[[int], Awaitable[None]],
        stop: asyncio.Event,
    ) -> None:
        manager = QueueManager(self._connect(pool), channel=self._settings.channel)
        jobs: set[asyncio.Task[None]] = set()

        @manager.entrypoint(kind.value, accepts_context=False)
        async def _handle(job: EngineJob) -> None:
            task = asyncio.ensure_future(handle(int(job.payload or b"0")))
            jobs.add(task)
            task.add_done_callback(jobs.discard)
            await task

        async def end() -> None:
            await stop.wait()
            manager.shutdown.set()

        beside = [asyncio.create_task(end()), asyncio.create_task(self._tidy())]
        try:
            with self._database.in_words():
                running = manager.run(
                    dequeue_timeout=_POLL,
                    batch_size=slots // 2,
                    max_concurrent_tasks=slots,
                    heartbeat_timeout=self._heartbeat,
                    # Its first probe may leave before it listens, and is lost then.
                    # Where nothing is heard, the poll finds the jobs.
                    shutdown_on_listener_failure=False,
                    # Its statistics are read by nobody here.
                    log_aggregation_interval=timedelta(),
                )
                await _to_the_end(asyncio.create_task(running), jobs)
        except PgqException as error:
            said = type(error).__name__
        else:
            return
        finally:
            for task in beside:
                task.cancel()
        raise StateError(
            f"The queue in {self._database.place} hears of no new jobs ({said}).",
            remedy="Check that the server is up; workers go on by themselves then.",
        )

    async def _tidy(self) -> None:
        """Throw away what the engine noted, which it keeps for ever."""
        while True:
            with suppress(StateError):  # the next time will do
                await self._database.rows(_TIDY, _KEPT)
            await asyncio.sleep(_TIDY_EVERY_S)

    def _connect(self, pool: asyncpg.Pool) -> Queries:
        settings = self._settings
        return Queries(
            AsyncpgPoolDriver(pool),
            qbe=QueryBuilderEnvironment(settings),
            qbq=QueryQueueBuilder(settings),
            qbs=QuerySchedulerBuilder(settings),
        )


async def _to_the_end(
    running: asyncio.Task[None], jobs: Collection[asyncio.Task[None]]
) -> None:
    """Wait for the engine, which waits for its jobs, however long they take.

    Told to end it does so too, and tells no job. So they are told here, and what does
    not heed it is left behind: whoever ends us waits for no more.
    """
    try:
        await asyncio.wait({running})
    except asyncio.CancelledError:
        for task in (*jobs, running):
            task.cancel()
        running.add_done_callback(_forget)
        await asyncio.wait({running}, timeout=_ENDED_WITHIN_S)
        raise
    running.result()


def _forget(running: asyncio.Task[None]) -> None:
    """Take note of a fault that nobody waits for any more."""
    if not running.cancelled():
        running.exception()

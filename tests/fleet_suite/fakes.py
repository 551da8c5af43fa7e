"""A queue in memory that keeps every promise of the Protocol, and runs of a script."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sync.daemon.turn import Ending
from sync.fleet.calendar import Verdict
from sync.fleet.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sync.fleet.calendar import Kind
    from sync.fleet.profiles import Profile
    from sync.fleet.queue import Job
    from sync.runtime.stop import Stop


class MemoryQueue:
    """The jobs that wait, and those that run, by their keys."""

    def __init__(self) -> None:
        self._waiting: dict[int, Job] = {}
        self._running: dict[int, Job] = {}
        self._changed = asyncio.Event()

    @property
    def waiting(self) -> list[int]:
        return [*self._waiting]

    def forget(self, key: int) -> None:
        del self._waiting[key]

    async def enqueue(self, jobs: Sequence[Job]) -> list[bool]:
        taken = []
        for job in jobs:
            is_new = job.key not in self._waiting and job.key not in self._running
            if is_new:
                self._waiting[job.key] = job
            taken.append(is_new)
        self._changed.set()
        return taken

    async def work(
        self,
        kind: Kind,
        slots: int,
        handle: Callable[[int], Awaitable[None]],
        stop: asyncio.Event,
    ) -> None:
        tasks: set[asyncio.Task[None]] = set()
        try:
            await self._hand_out(kind, slots, handle, stop, tasks)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            raise

    async def _hand_out(
        self,
        kind: Kind,
        slots: int,
        handle: Callable[[int], Awaitable[None]],
        stop: asyncio.Event,
        tasks: set[asyncio.Task[None]],
    ) -> None:
        while not stop.is_set():
            self._changed.clear()
            for job in sorted(self._waiting.values(), key=lambda j: -j.priority):
                if job.kind is kind and len(tasks) < slots:
                    self._running[job.key] = self._waiting.pop(job.key)
                    task = asyncio.create_task(self._run(job, handle))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
            waits = [asyncio.create_task(e.wait()) for e in (stop, self._changed)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, job: Job, handle: Callable[[int], Awaitable[None]]) -> None:
        try:
            await handle(job.key)
        except RuntimeError:
            pass  # the engine notes it, and that is all
        finally:
            del self._running[job.key]
            self._changed.set()


class Script:
    """Runs that end as they are told, and note who ran."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.ran: list[str] = []
        self.stops: list[Stop] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._verdicts = [*verdicts]
        self.is_down = False

    async def run(self, profile: Profile, stop: Stop) -> Outcome:
        self.ran.append(profile.profile)
        self.stops.append(stop)
        await self.gate.wait()
        if self.is_down:
            return Outcome(Verdict.AGAIN, Ending.DOWN, "It is down.")
        verdict = self._verdicts.pop(0) if self._verdicts else Verdict.DONE
        words = None if verdict is Verdict.DONE else "It did not work."
        return Outcome(verdict, message=words)

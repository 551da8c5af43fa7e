"""A worker: moves what is due into the queue, and runs what comes out of it.

Any number of them work side by side, on any machine. Each may be killed at any moment.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from connectors.errors import ServiceError
from sync.daemon.turn import Ending
from sync.fleet.calendar import Kind, Verdict, settle
from sync.fleet.dispatch import Dispatch
from sync.fleet.outcome import Outcome
from sync.fleet.queue import Job
from sync.runtime import logs
from sync.runtime.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connectors.clock import Clock
    from sync.fleet.profiles import Profile, Profiles
    from sync.fleet.queue import Queue

#: A migration gives way to others after it has written for this long, or for as long as
#: it had to read before that, which it will have to do again. Then it is due again.
GIVES_WAY_AFTER_S = 600.0
#: Nobody has so much to read.
READS_FOR_S = 6 * 3_600.0
_LOOK_S = 5.0
#: After a fault of the database.
_AGAIN_S = 2.0
#: So often an ending is tried to be written down.
_TRIES = 5


class Runs(Protocol):
    """What runs a profile."""

    async def run(self, profile: Profile, stop: Stop) -> Outcome:
        """Carry over what is new, to the end or until ``stop``; raises no error."""


@dataclass(slots=True)
class Tally:
    """What a worker has done, for its metrics. ``endings`` of runs, by their names."""

    endings: Counter[str] = field(default_factory=Counter)
    written: int = 0
    looked_at: datetime | None = None


class Worker:
    """Runs profiles, ``slots`` of each kind at once.

    A run that is told to stop settles what is under way first; its profile is due
    again at once.
    """

    def __init__(
        self,
        profiles: Profiles,
        queue: Queue,
        runs: Runs,
        *,
        slots: int,
        clock: Clock,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.tally = Tally()
        self._profiles = profiles
        self._queue = queue
        self._runs = runs
        self._slots = slots
        self._clock = clock
        self._uniform = uniform
        self._stopping = asyncio.Event()
        self._running: dict[int, _Run] = {}
        self._dispatch = Dispatch()

    @property
    def running(self) -> int:
        """How many runs are under way."""
        return len(self._running)

    def stop(self) -> None:
        """Begin nothing more, and let what is under way give way."""
        self._stopping.set()
        for run in self._running.values():
            run.give_way()

    async def stay(self) -> None:
        """Work until ``stop``; what is wrong with the database passes."""
        parts = (self._dispatch_all(), *(self._work(kind) for kind in Kind))
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def dispatch(self, kind: Kind) -> int:
        """Move what is due into the queue; returns how many jobs it took."""
        now = self._clock.now()
        busy = sum(run.profile.kind is kind for run in self._running.values())
        free = max(0, self._slots - busy)
        waiting = await self._profiles.waiting(kind, now) if free else 0
        most = self._dispatch.room(free, waiting, now)
        if not most:
            return 0
        picked = await self._profiles.pick(kind, most, now)
        self._dispatch.moved(len(picked), most)
        jobs = [Job(number, kind, priority) for number, priority in picked]
        try:
            taken = await self._queue.enqueue(jobs)
        except ServiceError:
            # Else they would be taken for queued until their lease is over.
            with suppress(ServiceError):
                await self._profiles.refused([job.key for job in jobs], now)
            raise
        refused = [j.key for j, is_in in zip(jobs, taken, strict=True) if not is_in]
        await self._profiles.refused(refused, now)
        return sum(taken)

    async def handle(self, number: int) -> None:
        """Run a profile, unless it is not due any more."""
        now = self._clock.now()
        if self._stopping.is_set():
            await self._patiently(lambda: self._profiles.refused([number], now))
            return
        profile = await self._patiently(lambda: self._profiles.begin(number, now))
        if profile is None:
            return
        run = _Run(profile, self._runs, self._clock)
        self._running[number] = run
        if self._stopping.is_set():
            run.give_way()
        try:
            outcome = await run.outcome()
        finally:
            self._running.pop(number, None)
        self._note(profile, outcome)
        standing = settle(
            profile.standing,
            outcome.verdict,
            self._clock.now(),
            self._uniform,
            asked=outcome.asked,
        )
        error = profile.last_error
        if outcome.verdict is not Verdict.GAVE_WAY:
            error = outcome.message
        await self._patiently(lambda: self._profiles.end(profile, standing, error))

    async def _work(self, kind: Kind) -> None:
        while not self._stopping.is_set():
            try:
                await self._queue.work(kind, self._slots, self.handle, self._stopping)
            except ServiceError as error:
                await self._wait_after(error)

    async def _dispatch_all(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._stop_unwanted()
                for kind in Kind:
                    await self.dispatch(kind)
                self.tally.looked_at = self._clock.now()
            except ServiceError as error:
                await self._wait_after(error)
            await self._pause(self._dispatch.pause_s())

    async def _stop_unwanted(self) -> None:
        """Let those give way that were paused, removed, or given another place.

        That is another source, or another account on Discovr.
        """
        # Those that begin while the database is asked are not among them.
        runs = [*self._running.items()]
        sources = await self._profiles.sources([n for n, _ in runs]) if runs else {}
        for number, run in runs:
            profile = run.profile
            known = (profile.source, profile.is_shared)
            if sources.get(number) != known and not run.is_told:
                run.give_way()

    async def _wait_after(self, error: ServiceError) -> None:
        logs.tell("fleet.database", f"{error}", level=logging.WARNING)
        await self._pause(_AGAIN_S)

    async def _pause(self, seconds: float) -> None:
        waits = {
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._stopping.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _patiently(self, ask: Callable[[], object]) -> Profile | None:
        """Ask the database, some times over where it cannot answer.

        What is not written down is done again: the profile stays due.
        """
        for left in reversed(range(_TRIES)):
            try:
                found: Profile | None = await ask()  # type: ignore[misc]
            except ServiceError as error:
                if left:
                    await self._clock.sleep(_AGAIN_S)
                else:
                    logs.tell("fleet.unnoted", f"{error}", level=logging.ERROR)
            else:
                return found
        return None

    def _note(self, profile: Profile, outcome: Outcome) -> None:
        ending = outcome.ending.value if outcome.ending else Verdict.GAVE_WAY.value
        self.tally.endings[ending] += 1
        self._dispatch.note(is_down=outcome.ending is Ending.DOWN)
        written = outcome.result.written if outcome.result else 0
        self.tally.written += written
        said = outcome.message or f"{written:,} written."
        level = logging.WARNING if outcome.message else logging.INFO
        logs.tell(
            "fleet.ran",
            f"{profile.profile}: {ending}. {said}",
            level=level,
            profile=profile.profile,
            kind=profile.kind.value,
            ending=ending,
            written=written,
        )


class _Run:
    """One run under way, which can be told to give way."""

    def __init__(self, profile: Profile, runs: Runs, clock: Clock) -> None:
        self.profile = profile
        self._runs = runs
        self._clock = clock
        self._stop = Stop()
        self._task: asyncio.Task[Outcome] | None = None

    @property
    def is_told(self) -> bool:
        """Whether it was asked to end."""
        return self._stop.is_requested

    def give_way(self) -> None:
        """Ask for an end, or put one where nothing has to be settled."""
        self._stop.request()
        if self._task and not self._stop.is_heeded:
            self._task.cancel()

    async def outcome(self) -> Outcome:
        """Run it to its end."""
        if self._stop.is_requested:
            return Outcome(Verdict.GAVE_WAY)
        self._task = asyncio.create_task(self._runs.run(self.profile, self._stop))
        waiting = None
        if self.profile.kind is Kind.FIRST:
            waiting = asyncio.create_task(self._give_way_later())
        try:
            return await self._task
        except asyncio.CancelledError:
            if not self._stop.is_requested or not self._task.cancelled():
                self._task.cancel()
                with suppress(asyncio.CancelledError):
                    await self._task
                raise
            return Outcome(Verdict.GAVE_WAY)
        finally:
            if waiting:
                waiting.cancel()

    async def _give_way_later(self) -> None:
        read_s = 0.0
        while read_s < READS_FOR_S and not self._stop.was_heeded:
            await self._clock.sleep(_LOOK_S)
            read_s += _LOOK_S
        if not self._stop.was_heeded:
            self.give_way()
            return
        await self._clock.sleep(max(GIVES_WAY_AFTER_S, read_s))
        # Whoever has written all of it by now compares both sides, and is soon done.
        self._stop.request()


def overdue(oldest: datetime | None, now: datetime) -> timedelta:
    """Return for how long the oldest profile has been due."""
    return max(timedelta(), now - oldest) if oldest else timedelta()

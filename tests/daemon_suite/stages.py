"""A job under test: scripted runs on a moved clock, and what it said meanwhile."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from connectors.errors import TransientError
from sync.config import Settings
from sync.daemon.job import Job, Terms
from sync.daemon.turn import Result
from sync.errors import StoppedError
from sync.runtime.stop import Stop
from tests.clocks import FakeClock

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Sequence

    from sync.events import Event

SIX_HOURS = timedelta(hours=6)
DOWN = TransientError("Trakt could not be reached.")
GOOD = None


class JumpingClock(FakeClock):
    """A clock whose wall time can be set, and whose machine can sleep."""

    def set_forward(self, seconds: float) -> None:
        """Move the wall clock alone; that is what a machine that slept finds too."""
        self._start += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Step:
    """What one run does: how long it takes, and the error it ends with, if any."""

    error: Exception | None = GOOD
    takes_s: float = 1.0
    meanwhile: Callable[[], object] = lambda: None
    is_good: bool = True


@dataclass
class Taken:
    """A run that was made."""

    began_at: datetime
    announced_at: datetime | None
    terms: Terms
    ended_at: datetime | None = None


@dataclass
class Stage:
    """A job whose runs follow a script; the last step ends it."""

    steps: Sequence[Step]
    every: timedelta = SIX_HOURS
    clock: JumpingClock = field(default_factory=JumpingClock)
    uniform: Callable[[float, float], float] = lambda low, high: (low + high) / 2
    read: Callable[[], Terms] | None = None
    taken: list[Taken] = field(default_factory=list)
    stop: Stop = field(default_factory=Stop)
    changes: list[str] = field(default_factory=list)
    announced_at: datetime | None = None
    login: Callable[[], str] = lambda: ""

    def __post_init__(self) -> None:
        terms = Terms(Settings(), self.every)
        self.job = Job(
            terms,
            read=self.read or (lambda: terms),
            run=self._run,
            stop=self.stop,
            clock=self.clock,
            watchers=(self._watch,),
            login=lambda _: self.login(),
            uniform=self.uniform,
        )

    async def play(self) -> Job:
        """Run the script to its end."""
        with suppress(StoppedError):
            await self.job.stay()
        return self.job

    @property
    def gaps(self) -> list[float]:
        """Seconds from the start of one run to that of the next."""
        starts = [taken.began_at for taken in self.taken]
        return [(b - a).total_seconds() for a, b in pairwise(starts)]

    async def _run(self, terms: Terms, _on_event: Callable[[Event], None]) -> Result:
        step = self.steps[len(self.taken)]
        if self.taken:
            assert self.taken[-1].ended_at is not None, "two runs at once"
        taken = Taken(self.clock.now(), self.announced_at, terms)
        self.taken.append(taken)
        await self.clock.sleep(step.takes_s)
        step.meanwhile()
        taken.ended_at = self.clock.now()
        if len(self.taken) == len(self.steps):
            self.stop.request()
        if step.error:
            raise step.error
        return Result(is_good=step.is_good)

    async def _watch(self, job: Job) -> None:
        self.changes.append("runs" if job.state.running_since else "waits")
        if job.state.due:
            self.announced_at = job.state.due.at


def said(caplog: pytest.LogCaptureFixture, *keys: str) -> list[logging.LogRecord]:
    """Return what was logged under these keys."""
    return [r for r in caplog.records if getattr(r, "key", "") in keys]


def chance(seed: int) -> Callable[[float, float], float]:
    """Return a seeded ``random.uniform``."""
    return random.Random(seed).uniform  # noqa: S311  # a test guards nothing


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for it, while everybody else runs."""
    for _ in range(1_000_000):
        if is_so():
            return
        await asyncio.sleep(0)
    pytest.fail("it never came to that")


async def settle() -> None:
    """Let everybody run who can."""
    for _ in range(20):
        await asyncio.sleep(0)

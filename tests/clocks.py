"""A clock that tests move: sleeping takes no time, and everybody sees the same time."""

from __future__ import annotations

import asyncio
import heapq
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from connectors.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Turns of the event loop given to everybody else before time moves on. Whoever can
#: still run does so in a few turns (a lock handed over takes two).
_SETTLE_TURNS = 10
#: What a pacer waits between two requests is shorter.
_LONGER_PAUSE_S = 0.25
_START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """Virtual time: it jumps to the earliest sleeper once nobody else can run.

    Sleepers wake in the order of their times, equal times in the order of going to
    sleep. Network traffic to loopback servers takes no virtual time. ``slept`` holds
    every sleep that was asked for. ``overshoot_s`` makes each sleep last that much
    longer, as on a busy machine.
    """

    def __init__(self, start: datetime = _START, *, overshoot_s: float = 0.0) -> None:
        self._start = start
        self._elapsed_s = 0.0
        self._overshoot_s = overshoot_s
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._driver: asyncio.Task[None] | None = None
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Move time by hand; sleepers whose time has come wake in their order."""
        self._elapsed_s += seconds

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        self.slept.append(seconds)
        wake = asyncio.get_running_loop().create_future()
        wake_at = self._elapsed_s + seconds + self._overshoot_s
        heapq.heappush(self._sleepers, (wake_at, next(self._order), wake))
        if self._driver is None or self._driver.done():
            self._driver = asyncio.create_task(self._drive())
        await wake

    async def _drive(self) -> None:
        while self._sleepers:
            for _ in range(_SETTLE_TURNS):
                await asyncio.sleep(0)
            wake_at, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                self._elapsed_s = max(self._elapsed_s, wake_at)
                wake.set_result(None)


@contextmanager
def hasty_system_clock() -> Iterator[None]:
    """Let the program's own clock jump over its longer pauses.

    For tests that run the program as a caller does, who gives it no clock: a pause
    before a second look or a retry takes no time, and the steady clock says it did.
    """
    jumped = [0.0]
    real_sleep, real_monotonic = SystemClock.sleep, SystemClock.monotonic

    async def sleep(clock: SystemClock, seconds: float) -> None:
        if seconds > _LONGER_PAUSE_S:
            jumped[0] += seconds
            seconds = 0
        await real_sleep(clock, seconds)

    def monotonic(clock: SystemClock) -> float:
        return real_monotonic(clock) + jumped[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SystemClock, "sleep", sleep)
        patch.setattr(SystemClock, "monotonic", monotonic)
        yield

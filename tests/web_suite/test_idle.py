"""The page ends by itself once nobody needs it."""

from __future__ import annotations

import asyncio

from sync.web.idle import LONGEST_S, Idle
from tests.clocks import FakeClock


async def test_it_ends_an_hour_after_the_last_request() -> None:
    clock = FakeClock()
    idle = Idle(clock, lambda: False)
    await idle.wait()
    assert clock.monotonic() == LONGEST_S
    idle.touch()
    waiting = asyncio.create_task(idle.wait())
    await clock.sleep(LONGEST_S - 1)
    idle.touch()
    await waiting
    assert clock.monotonic() == 3 * LONGEST_S - 1


async def test_it_does_not_end_while_anything_is_going_on() -> None:
    clock = FakeClock()
    idle = Idle(clock, lambda: clock.monotonic() < 3 * LONGEST_S)
    await idle.wait()
    assert 4 * LONGEST_S - 60 <= clock.monotonic() <= 4 * LONGEST_S

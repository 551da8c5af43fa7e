"""The clock of the tests itself: what it promises to the others."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import FakeClock


@given(st.lists(st.floats(0.001, 1000), max_size=20))
def test_sleepers_wake_in_the_order_of_their_times(waits: list[float]) -> None:
    async def run() -> list[tuple[float, float]]:
        clock = FakeClock()
        woken: list[tuple[float, float]] = []

        async def sleeper(seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append((seconds, clock.monotonic()))

        async with asyncio.TaskGroup() as group:
            for seconds in waits:
                group.create_task(sleeper(seconds))
        return woken

    assert asyncio.run(run()) == [(seconds, seconds) for seconds in sorted(waits)]


async def test_a_cancelled_sleep_moves_no_time(clock: FakeClock) -> None:
    long = asyncio.create_task(clock.sleep(1000))
    await asyncio.sleep(0)
    long.cancel()
    await clock.sleep(5)
    with pytest.raises(asyncio.CancelledError):
        await long
    await clock.sleep(1)
    assert clock.monotonic() == 6


async def test_both_clocks_and_the_hand_move_together(clock: FakeClock) -> None:
    before = clock.now()
    clock.advance(3)
    await clock.sleep(4)
    await clock.sleep(0)
    assert clock.now() - before == timedelta(seconds=7)
    assert clock.slept == [4]

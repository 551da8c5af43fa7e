"""SIGINT and SIGTERM, one or two of them, and two programs at once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from typing import TYPE_CHECKING

import pytest

from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.faults import Fault
from sync.sandbox.server.server import utc_now
from tests.clocks import FakeClock
from tests.safety.accounts import mixed_account
from tests.safety.arena import Arena, Phase, arena
from tests.safety.calm import calm
from tests.safety.program import MIGRATE, Ending, Reaper, end, run, start

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from sync.sandbox.server.faults import FaultPlan
    from tests.safety.arena import Mark

WRITES = ("POST", "PATCH")
#: Longer than any test takes: what is held so is let go at the end of the test.
HELD_S = 600


@asynccontextmanager
async def real_time_arena(folder: Path) -> AsyncIterator[Arena]:
    account, own = mixed_account(2)
    async with arena(account, folder, own=own, clock=FakeClock(utc_now())) as place:
        yield place


async def expected(folder: Path) -> Counter[Mark]:
    return (await calm(folder, {}, DiscovrQuirks(), copies=2)).marks


async def signalled(place: Arena, reaper: Reaper) -> Ending:
    place.tell(reaper)
    reaper.process = await start(place, is_afresh=reaper.number == 0)
    ending = await end(reaper.process)
    place.tell(None)
    assert "Traceback" not in ending.stderr
    return ending


async def finish(place: Arena, folder: Path) -> None:
    """Run again: it has to end as if nothing had happened."""
    again = await run(place)
    assert again.code == 0, again.stderr
    assert place.discovr.doubled() == {}
    assert place.marks() == await expected(folder / "calm")


# Write 0 mints the session; write 1 is the one that is read back.
@pytest.mark.parametrize(
    ("signal", "number"),
    [
        (SIGINT, 1),
        pytest.param(SIGTERM, 2, marks=pytest.mark.long),
        pytest.param(SIGINT, 5, marks=pytest.mark.long),
        pytest.param(SIGTERM, 11, marks=pytest.mark.long),
    ],
)
async def test_a_signal_settles_what_is_under_way_and_says_where_it_stands(
    tmp_path: Path, signal: Signals, number: int
) -> None:
    async with real_time_arena(tmp_path) as place:
        reaper = Reaper(number, Phase.BEFORE, signals=(signal,), methods=WRITES)
        ending = await signalled(place, reaper)
        assert ending.code == 128 + signal
        assert "Stopped after" in ending.stderr
        assert "left unclear: none." in ending.stderr
        assert "Run it again" in ending.stderr
        await finish(place, tmp_path)


@pytest.mark.parametrize(
    "number", [0, *(pytest.param(n, marks=pytest.mark.long) for n in (3, 9))]
)
async def test_a_signal_before_the_first_write_stops_at_once(
    tmp_path: Path, number: int
) -> None:
    async with real_time_arena(tmp_path) as place:
        ending = await signalled(
            place, Reaper(number, Phase.BEFORE, signals=(SIGTERM,))
        )
        assert ending.code == 128 + SIGTERM
        assert "Stopped before writing" in ending.stderr
        assert place.writes() == 0
        await finish(place, tmp_path)


async def test_a_signal_after_the_last_write_does_not_deny_it(tmp_path: Path) -> None:
    async with real_time_arena(tmp_path) as place:
        calm_marks = await expected(tmp_path / "expected")

        def is_last(request: web.Request, phase: Phase) -> bool:
            is_check = request.method == "GET" and place.marks() == calm_marks
            if is_check and phase is Phase.BEFORE and reaper.process:
                reaper.process.kill(SIGINT)
            return False

        reaper = Reaper(-1, Phase.BEFORE)
        place.tell(is_last)
        reaper.process = await start(place)
        ending = await end(reaper.process)
        place.tell(None)
        assert ending.code == 128 + SIGINT
        assert "Stopped after writing" in ending.stderr
        await finish(place, tmp_path)


@pytest.mark.long
async def test_a_second_signal_leaves_at_once_and_loses_nothing(tmp_path: Path) -> None:
    async with real_time_arena(tmp_path) as place:
        place.discovr.faults = held(after=4)
        reaper = Reaper(6, Phase.DONE, signals=(SIGINT, SIGTERM), methods=WRITES)
        ending = await signalled(place, reaper)
        assert ending.code in (128 + SIGINT, 128 + SIGTERM)
        await place.discovr.settle()
        place.discovr.faults = None
        await finish(place, tmp_path)


@pytest.mark.long
async def test_a_profile_that_another_run_holds_is_refused_and_free_once_it_died(
    tmp_path: Path,
) -> None:
    async with real_time_arena(tmp_path) as place:
        arrived = asyncio.Event()
        place.discovr.faults = held(after=3, arrived=arrived)
        holder = await start(place)
        await arrived.wait()
        second = await run(place, "--json", *MIGRATE)
        assert second.code == 6
        assert f"migrate, process {holder.pid} on " in second.stderr
        assert '"exit_code": 6' in second.stdout
        holder.kill(SIGKILL)
        assert (await end(holder)).code == -SIGKILL
        await place.discovr.settle()
        place.discovr.faults = None
        await finish(place, tmp_path)


def held(*, after: int, arrived: asyncio.Event | None = None) -> FaultPlan:
    """Give no answer to the writes after so many, though they take effect."""
    seen: list[int] = []

    def plan(request: web.Request, number: int) -> Fault | None:
        if request.path != "/profile/history" or request.method == "GET":
            return None
        seen.append(number)
        if len(seen) <= after:
            return None
        if arrived:
            arrived.set()
        return Fault.slow(HELD_S)

    return plan

"""The pace of requests, on a clock that moves by itself."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http.pacing import OpenPacer, QuotaPacer, RatePacer
from sync.sandbox.server.limits import Window
from tests.clocks import FakeClock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOTHING: Mapping[str, str] = {}


def worst_window(times: Sequence[float], window_s: float) -> int:
    """Count the most slots that any closed window of that length holds."""
    return max(sum(start <= t <= start + window_s for t in times) for start in times)


async def take(pacer: OpenPacer, clock: FakeClock, count: int) -> list[float]:
    """Take that many slots as fast as they are given, one caller each."""
    times: list[float] = []

    async def one() -> None:
        await pacer.acquire()
        times.append(clock.monotonic())

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one())
    return times


async def climb(pacer: RatePacer, count: int) -> list[float]:
    """Return the rate after each of so many good answers."""
    climbed = []
    for _ in range(count):
        await pacer.acquire()
        pacer.observe(200, NOTHING)
        climbed.append(pacer.rate)
    return climbed


@given(
    rate=st.floats(0.1, 50),
    count=st.integers(2, 40),
    overshoot_s=st.floats(0, 0.02),
    window_s=st.floats(0.1, 20),
)
def test_no_window_holds_more_than_the_rate_allows(
    rate: float, count: int, overshoot_s: float, window_s: float
) -> None:
    clock = FakeClock(overshoot_s=overshoot_s)
    times = asyncio.run(take(RatePacer(rate, clock=clock), clock, count))
    allowed = (window_s + RatePacer.CATCH_UP_S) * rate + 1
    assert worst_window(times, window_s) <= allowed + 1e-6


@given(rate=st.floats(0.1, 50), overshoot_s=st.floats(0, 0.02))
def test_under_load_the_rate_is_used_even_if_the_loop_is_late(
    rate: float, overshoot_s: float
) -> None:
    clock = FakeClock(overshoot_s=overshoot_s)
    times = asyncio.run(take(RatePacer(rate, clock=clock), clock, 101))
    assert 100 / (times[-1] - times[0]) >= 0.97 * rate


async def test_after_a_rest_there_is_no_burst(clock: FakeClock) -> None:
    pacer = RatePacer(5, clock=clock)
    await pacer.acquire()
    clock.advance(60)
    times = await take(pacer, clock, 5)
    step_s = 0.2 / RatePacer.SHARE
    assert [later - sooner for sooner, later in pairwise(times)] == pytest.approx(
        [step_s - RatePacer.CATCH_UP_S, step_s, step_s, step_s]
    )


@given(rate=st.integers(1, 100), lateness_s=st.floats(0, RatePacer.CATCH_UP_S))
def test_a_service_that_counts_by_its_own_seconds_refuses_nothing(
    rate: int, lateness_s: float
) -> None:
    clock = FakeClock(overshoot_s=lateness_s)
    times = asyncio.run(take(RatePacer(rate, clock=clock), clock, 3 * rate + 1))
    window_at, taken = times[0], 0
    for time in times:
        if time >= window_at + 1:
            window_at, taken = time, 0
        taken += 1
        assert taken <= rate


@given(
    limit=st.integers(1, 30),
    period_s=st.floats(1, 600),
    count=st.integers(1, 80),
    overshoot_s=st.floats(0, 2),
)
def test_no_window_holds_more_than_the_quota(
    limit: int, period_s: float, count: int, overshoot_s: float
) -> None:
    clock = FakeClock(overshoot_s=overshoot_s)
    pacer = QuotaPacer(limit, period_s, clock=clock)
    times = asyncio.run(take(pacer, clock, count))
    assert worst_window(times, period_s) <= limit


async def test_the_quota_is_used_and_a_short_walk_is_not_slowed_down(
    clock: FakeClock,
) -> None:
    times = await take(QuotaPacer(clock=clock), clock, 1501)
    assert times[499] == 0
    assert 1500 / times[-1] >= 0.97 * 500 / 300


async def test_the_limit_is_read_from_the_header(clock: FakeClock) -> None:
    pacer = QuotaPacer(clock=clock)
    await pacer.acquire()
    pacer.observe(200, rate_limit(limit=3, period=60, remaining=2))
    times = await take(pacer, clock, 5)
    assert times == [0, 0, 61, 61, 61]


async def test_a_lower_limit_counts_what_was_sent_before_it_was_known(
    clock: FakeClock,
) -> None:
    pacer = QuotaPacer(clock=clock)
    await take(pacer, clock, 10)
    pacer.observe(200, rate_limit(limit=4, period=100, remaining=90))
    assert await take(pacer, clock, 2) == [101, 101]


async def test_a_quota_that_others_have_used_up_is_waited_for(
    clock: FakeClock,
) -> None:
    pacer = QuotaPacer(clock=clock)
    await take(pacer, clock, 3)
    pacer.observe(200, rate_limit(remaining=2, until="2026-01-01T00:00:40Z"))
    assert await take(pacer, clock, 1) == [40]


async def test_the_window_of_the_service_ends_by_its_own_clock(
    clock: FakeClock,
) -> None:
    pacer = QuotaPacer(clock=clock)
    await pacer.acquire()
    headers = {
        **rate_limit(remaining=0, until="2026-05-01T12:00:25Z"),
        "Date": "Fri, 01 May 2026 12:00:00 GMT",
    }
    pacer.observe(200, headers)
    assert await take(pacer, clock, 1) == [25]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "[]",
        "no json",
        '{"limit": 0, "period": 300}',
        '{"limit": -5, "period": 300}',
        '{"limit": 99999999999999999999, "period": 1}',
        '{"limit": 1, "period": 0}',
        '{"limit": 1, "period": 1e300}',
        '{"limit": 1}',
        '{"limit": 1, "period": 300, "until": "soon", "remaining": 0}',
        '{"name": "AUTHED_API_POST_LIMIT", "limit": 1, "period": 1, "remaining": 0}',
    ],
)
async def test_a_header_that_makes_no_sense_changes_nothing(
    value: str, clock: FakeClock
) -> None:
    pacer = QuotaPacer(clock=clock)
    await pacer.acquire()
    pacer.observe(200, {"X-Ratelimit": value})
    assert (pacer.limit, pacer.period_s) == (500, 300)
    assert await take(pacer, clock, 499) == [0] * 499


async def test_an_end_of_the_window_far_off_is_not_believed(clock: FakeClock) -> None:
    pacer = QuotaPacer(clock=clock)
    await pacer.acquire()
    pacer.observe(200, rate_limit(remaining=-3, until="2999-01-01T00:00:00Z"))
    assert await take(pacer, clock, 1) == [300]


@pytest.mark.parametrize("kind", ["open", "rate", "quota"])
async def test_one_pause_stops_everybody(kind: str, clock: FakeClock) -> None:
    pacer = a_pacer(kind, clock)
    pacer.pause(30)
    pacer.pause(10)
    times = await take(pacer, clock, 3)
    assert times[0] == 30


async def test_a_pause_also_stops_who_waits_already(clock: FakeClock) -> None:
    pacer = RatePacer(0.1, clock=clock)
    await pacer.acquire()
    waiting = asyncio.create_task(take(pacer, clock, 1))
    await asyncio.sleep(0)
    pacer.pause(60)
    assert await waiting == [60]


async def test_too_many_requests_halve_the_rate_once_per_pause(
    clock: FakeClock,
) -> None:
    pacer = RatePacer(8, clock=clock)
    await take(pacer, clock, 4)
    for _ in range(4):
        pacer.observe(429, NOTHING)
    assert pacer.rate == 4
    await pacer.acquire()
    pacer.observe(429, NOTHING)
    assert pacer.rate == 2


async def test_the_rate_never_falls_to_nothing_and_climbs_back_slowly(
    clock: FakeClock,
) -> None:
    pacer = RatePacer(8, clock=clock)
    for _ in range(20):
        await pacer.acquire()
        pacer.observe(429, NOTHING)
    assert pacer.rate == pytest.approx(8 / 64)
    began_at = clock.monotonic()
    climbed = await climb(pacer, 800)
    assert climbed == sorted(climbed)
    assert climbed[-1] == 8
    assert 60 < clock.monotonic() - began_at < 600


async def test_what_was_fine_is_soon_used_again_and_what_was_refused_is_approached(
    clock: FakeClock,
) -> None:
    pacer = RatePacer(8, clock=clock)
    await pacer.acquire()
    pacer.observe(429, NOTHING)
    climbed = await climb(pacer, 200)
    assert climbed[15] > 0.97 * 8
    assert climbed[-1] < 0.99 * 8


@pytest.mark.parametrize("limit", [5, 20])
@pytest.mark.parametrize("told", [1.3, 2, 10])
def test_a_limit_that_nobody_announces_is_found_within_a_minute_and_kept(
    limit: int, told: float
) -> None:
    good, refused = asyncio.run(find(limit, told * limit, seconds=360))
    late = [time for time in good if time > 60]
    assert len(late) > 0.95 * limit * 300
    late_refused = [time for time in refused if time > 60]
    assert len(late_refused) < 0.01 * len(late)


async def find(
    limit: int, rate: float, seconds: float
) -> tuple[list[float], list[float]]:
    """Send that long at full pace; return when answers were good and when refused."""
    clock = FakeClock(overshoot_s=0.001)
    pacer, window = RatePacer(rate, clock=clock), Window(limit, 1)
    good: list[float] = []
    refused: list[float] = []

    async def send() -> None:
        while clock.monotonic() < seconds:
            await pacer.acquire()
            await clock.sleep(0.01)
            if window.take(clock.now()):
                good.append(clock.monotonic())
                pacer.observe(201, NOTHING)
            else:
                refused.append(clock.monotonic())
                pacer.observe(429, NOTHING)
                pacer.pause(1)

    await asyncio.gather(*(send() for _ in range(4)))
    return good, refused


@pytest.mark.parametrize("status", [0, 500, 503])
async def test_a_fault_does_not_speed_things_up(status: int, clock: FakeClock) -> None:
    pacer = RatePacer(8, clock=clock)
    await pacer.acquire()
    pacer.observe(429, NOTHING)
    pacer.observe(status, NOTHING)
    assert pacer.rate == 4


@given(
    cancelled=st.sets(st.integers(0, 9)),
    kind=st.sampled_from(["rate", "quota"]),
    turns=st.integers(0, 3),
)
def test_who_gives_up_neither_takes_nor_loses_a_slot_and_the_line_keeps_its_order(
    cancelled: set[int], kind: str, turns: int
) -> None:
    async def run() -> tuple[list[int], float]:
        clock = FakeClock()
        pacer = a_pacer(kind, clock)
        await pacer.acquire()
        served: list[int] = []

        async def one(number: int) -> None:
            await pacer.acquire()
            served.append(number)

        tasks = [asyncio.create_task(one(number)) for number in range(10)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for number in cancelled:
            tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return served, clock.monotonic()

    served, elapsed_s = asyncio.run(run())
    assert served == [number for number in range(10) if number not in cancelled]
    step_s = 0.2 / RatePacer.SHARE if kind == "rate" else 301
    assert elapsed_s == pytest.approx(len(served) * step_s)


async def test_only_waits_worth_telling_are_told(clock: FakeClock) -> None:
    told: list[tuple[float, str]] = []
    pacer = RatePacer(
        5, clock=clock, on_wait=lambda seconds, reason: told.append((seconds, reason))
    )
    await take(pacer, clock, 3)
    assert told == []
    pacer.pause(7)
    await take(pacer, clock, 1)
    assert told == [(7, "the service asked for a pause")]


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        RatePacer(rate)


@pytest.mark.parametrize(("limit", "period_s"), [(0, 300), (500, 0), (1, -1)])
def test_a_quota_that_is_none_is_refused(limit: int, period_s: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        QuotaPacer(limit, period_s)


def a_pacer(kind: str, clock: FakeClock) -> OpenPacer:
    return {
        "open": OpenPacer(clock=clock),
        "rate": RatePacer(5, clock=clock),
        "quota": QuotaPacer(1, 300, clock=clock),
    }[kind]


def rate_limit(
    *,
    limit: int = 500,
    period: int = 300,
    remaining: int = 100,
    until: str | None = None,
) -> dict[str, str]:
    value = {
        "name": "AUTHED_API_GET_LIMIT",
        "limit": limit,
        "period": period,
        "remaining": remaining,
        "until": until,
    }
    return {"X-Ratelimit": json.dumps(value)}

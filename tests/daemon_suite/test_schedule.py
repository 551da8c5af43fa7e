"""Intervals, addresses and due times: what is read, and the laws of waiting."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.daemon.schedule import Due, Pace
from sync.runtime.values import (
    LONGEST,
    SHORTEST,
    Address,
    describe_interval,
    parse_address,
    parse_interval,
)
from tests.daemon_suite.stages import JumpingClock, chance

INTERVALS = st.timedeltas(min_value=SHORTEST, max_value=LONGEST)
SEEDS = st.integers(0, 2**32)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1_800), ("6h", 21_600), ("1d", 86_400), (" 6H ", 21_600)],
)
def test_intervals_are_read_as_people_write_them(text: str, seconds: int) -> None:
    assert parse_interval(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "6", "h", "6 h", "-6h", "6.5h", "6w", "6h30m", "٦h", "9" * 40 + "h"]
)
def test_what_is_no_interval_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"like 90s, 30m, 6h or 1d"):
        parse_interval(text)


@pytest.mark.parametrize("text", ["0s", "59s", "31d", "0d", "9999999d"])
def test_an_interval_out_of_range_is_refused_with_the_range(text: str) -> None:
    with pytest.raises(ValueError, match="from 1m to 30d"):
        parse_interval(text)


@given(st.integers(60, 2_592_000))
def test_an_interval_is_shown_as_it_would_be_read(seconds: int) -> None:
    interval = timedelta(seconds=seconds)
    assert parse_interval(describe_interval(interval)) == interval


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9464", "127.0.0.1", 9464),
        ("9464", "127.0.0.1", 9464),
        (":9464", "127.0.0.1", 9464),
        ("localhost:0", "127.0.0.1", 0),
        ("[::1]:9464", "::1", 9464),
        ("0.0.0.0:9464", "0.0.0.0", 9464),  # noqa: S104  # read here, not listened on
    ],
)
def test_addresses_are_read_and_a_bare_port_is_this_machine_alone(
    text: str, host: str, port: int
) -> None:
    address = parse_address(text)
    assert address == Address(host, port)
    assert address.is_private == (host != "0.0.0.0")  # noqa: S104  # the same


@pytest.mark.parametrize(
    "text", ["", "host.example:80", "127.0.0.1", "1.2.3.4:65536", "[::1]", "*:80"]
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"like 127\.0\.0\.1:9464"):
        parse_address(text)


@given(INTERVALS, SEEDS)
def test_jitter_stays_within_a_tenth_and_ten_minutes(
    every: timedelta, seed: int
) -> None:
    wait_s = Pace(every, chance(seed)).interval_s()
    off_s = abs(wait_s - every.total_seconds())
    assert off_s <= min(every.total_seconds() / 10, 600) + 1e-6


def test_jitter_spreads() -> None:
    pace = Pace(timedelta(hours=6), chance(1))
    waits = [pace.interval_s() for _ in range(100)]
    assert max(waits) - min(waits) > 600


@given(INTERVALS, st.integers(1, 10_000), SEEDS)
def test_back_off_doubles_up_to_the_interval_and_never_beyond(
    every: timedelta, failures: int, seed: int
) -> None:
    wait_s = Pace(every, chance(seed)).backoff_s(failures)
    longest = min(60 * 2.0 ** min(failures - 1, 40), every.total_seconds())
    assert longest / 2 <= wait_s <= longest


@given(INTERVALS, st.integers(1, 100), st.floats(0, 1e7), SEEDS)
def test_what_a_service_asks_for_is_kept_in_full(
    every: timedelta, failures: int, asked_s: float, seed: int
) -> None:
    pace = Pace(every, chance(seed))
    assert pace.backoff_s(failures, asked_s) >= asked_s


@given(st.floats(0, 1e6), st.lists(st.floats(0, 1e5), max_size=5))
def test_while_clocks_agree_a_due_time_stays_what_it_was(
    wait_s: float, steps: list[float]
) -> None:
    clock = JumpingClock()
    due = Due(clock, wait_s)
    at = due.at
    for step in steps:
        if due.left_s > step:
            clock.advance(step)
            assert abs((due.at - at).total_seconds()) < 1e-3
    clock.advance(due.left_s + 1e-3)
    assert due.left_s == 0


@given(st.floats(-1e8, 1e8), st.floats(1, 1e6))
def test_however_the_wall_clock_is_set_nothing_waits_longer_than_it_should(
    jump_s: float, wait_s: float
) -> None:
    clock = JumpingClock()
    due = Due(clock, wait_s)
    clock.set_forward(jump_s)
    assert due.left_s <= wait_s + 1e-3
    if jump_s >= wait_s + 1e-3:
        assert due.left_s == 0
    assert math.isclose(
        (due.at - clock.now()).total_seconds(), due.left_s, abs_tol=1e-3
    )

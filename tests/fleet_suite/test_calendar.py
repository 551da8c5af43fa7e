"""When a profile is due again, whatever came of its runs."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sync.fleet.calendar import (
    FIRST_PAUSE,
    SPREAD,
    Kind,
    Standing,
    State,
    Verdict,
    pause,
    settle,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
#: What a number of seconds loses in a month.
ROUNDED = timedelta(milliseconds=1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

everies = st.timedeltas(MINUTE, timedelta(days=30))
chances = st.floats(*SPREAD)
standings = st.builds(
    Standing,
    kind=st.sampled_from(Kind),
    every=everies,
    due_at=st.just(NOW),
    failures=st.integers(0, 1_000),
    last_ok_at=st.none() | st.just(NOW - HOUR),
)


@given(standing=standings, chance=chances)
def test_after_a_good_run_it_is_due_an_interval_later(
    standing: Standing, chance: float
) -> None:
    then = settle(standing, Verdict.DONE, NOW, lambda *_: chance)
    assert then.due_at is not None
    wait = then.due_at - NOW
    assert 0.9 * standing.every - ROUNDED <= wait <= 1.1 * standing.every + ROUNDED
    assert (then.kind, then.failures, then.last_ok_at) == (Kind.KEEP, 0, NOW)
    assert then.state is State.ACTIVE


lateness = st.timedeltas(timedelta(), timedelta(days=90))


@given(every=everies, chance=chances, late=lateness)
def test_however_late_a_run_was_the_next_is_planned_from_when_it_was_due(
    every: timedelta, chance: float, late: timedelta
) -> None:
    due_at = NOW - late
    then = settle(
        Standing(Kind.KEEP, every, due_at), Verdict.DONE, NOW, lambda *_: chance
    )
    assert then.due_at is not None
    assert NOW <= then.due_at <= NOW + 1.1 * every + ROUNDED
    intervals = (then.due_at - due_at - every * chance) / every
    assert abs(intervals - round(intervals)) * every <= ROUNDED


@given(every=everies, chance=chances, late=lateness)
def test_a_migration_is_over_when_it_is_over(
    every: timedelta, chance: float, late: timedelta
) -> None:
    first = Standing(Kind.FIRST, every, NOW - late)
    then = settle(first, Verdict.DONE, NOW, lambda *_: chance)
    assert then.due_at is not None
    assert abs(then.due_at - NOW - every * chance) <= ROUNDED


def test_a_fleet_that_caught_up_at_once_does_not_stay_together() -> None:
    """A thousand that were all due for a day, and all ran in the same minute."""
    chance, every = random.Random(1), 6 * HOUR  # noqa: S311
    standings = [
        Standing(Kind.KEEP, every, NOW - timedelta(days=1) + every * n / 1_000)
        for n in range(1_000)
    ]
    hours = Counter(
        (then.due_at - NOW) // HOUR
        for then in (settle(s, Verdict.DONE, NOW, chance.uniform) for s in standings)
        if then.due_at
    )
    assert {*hours} == {*range(6)}
    assert max(hours.values()) < 1.3 * 1_000 / 6


@given(standing=standings, chance=chances)
def test_a_download_that_is_carried_over_is_due_no_more(
    standing: Standing, chance: float
) -> None:
    download = Standing(Kind.FIRST, standing.every, NOW, repeats=False)
    assert settle(download, Verdict.DONE, NOW, lambda *_: chance).due_at is None


@given(standing=standings)
def test_a_lost_login_waits_for_a_person(standing: Standing) -> None:
    then = settle(standing, Verdict.LOGIN, NOW, lambda *_: 1.0)
    assert then.state is State.NEEDS_LOGIN
    assert then.kind is standing.kind


@given(standing=standings)
def test_who_gave_way_is_due_at_once_and_did_not_fail(standing: Standing) -> None:
    then = settle(standing, Verdict.GAVE_WAY, NOW, lambda *_: 1.1)
    assert then == Standing(
        standing.kind,
        standing.every,
        NOW,
        failures=standing.failures,
        last_ok_at=standing.last_ok_at,
    )


@given(standing=standings, chance=chances)
def test_a_guard_waits_for_the_next_interval(standing: Standing, chance: float) -> None:
    then = settle(standing, Verdict.LATER, NOW, lambda *_: chance)
    assert then.due_at is not None
    assert abs(then.due_at - NOW - standing.every * chance) < ROUNDED
    assert then.failures == standing.failures + 1
    assert then.kind is standing.kind


@given(standing=standings, chance=chances, asked=st.timedeltas(timedelta(), 40 * HOUR))
def test_an_outage_waits_as_long_as_it_is_asked_to_and_no_longer_than_an_interval(
    standing: Standing, chance: float, asked: timedelta
) -> None:
    then = settle(standing, Verdict.AGAIN, NOW, lambda *_: chance, asked=asked)
    assert then.due_at is not None
    wait = then.due_at - NOW
    assert wait >= asked
    assert wait <= max(asked, 1.1 * standing.every + ROUNDED)
    assert wait >= min(0.9 * FIRST_PAUSE, 0.9 * standing.every) - ROUNDED


@given(every=everies)
def test_the_pauses_of_an_outage_double_from_a_minute_on(every: timedelta) -> None:
    pauses = [pause(failures, every) for failures in range(30)]
    assert pauses[0] == min(MINUTE, every)
    for before, after in pairwise(pauses):
        assert after == min(2 * before, every)

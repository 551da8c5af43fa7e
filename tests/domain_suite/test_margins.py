"""Which margins around a plain air date are safe, whatever a reading client does.

A client may take the date for midnight in some zone, or compare it with the calendar
day, in some zone, on which the default was watched. Each comes down to one instant
from which on a default covers the episode.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sync.domain.seasons import Airing

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = timedelta(hours=1)
AIR_DATE = date(2024, 3, 2)
MIDNIGHT = datetime.combine(AIR_DATE, time(), UTC)
ZONES = [timezone(quarter * HOUR / 4) for quarter in range(-12 * 4, 14 * 4 + 1)]
#: The zones in which anybody lives, less the islands at the rim.
NEW_YORK, HAWAII, TOKYO = (timezone(hours * HOUR) for hours in (-5, -10, 9))


def as_midnight(at: datetime, zone: timezone) -> bool:
    """Whether a client covers it that takes the date for midnight in its zone."""
    return datetime.combine(AIR_DATE, time(), zone) < at


def as_day(at: datetime, zone: timezone) -> bool:
    """Whether a client covers it that compares calendar days in its zone."""
    return at.astimezone(zone).date() > AIR_DATE


class Case(NamedTuple):
    """A default at a time, read by a client."""

    name: str
    hours: float
    reads: Callable[[datetime, timezone], bool]
    zone: timezone
    covers: bool


COVERED, BARE = True, False
CASES = [
    Case("an evening show, an hour after airing, UTC days", 27, as_day, UTC, COVERED),
    Case("the same by the calendar of New York", 27, as_day, NEW_YORK, BARE),
    Case("the same after midnight in New York", 29.5, as_day, NEW_YORK, COVERED),
    Case("on the evening of that day in Hawaii", 33, as_day, HAWAII, BARE),
    Case("at breakfast of the next day in Tokyo", 23, as_day, TOKYO, COVERED),
    Case("midnight in New York has passed", 5.5, as_midnight, NEW_YORK, COVERED),
    Case("midnight in Tokyo, the day before in UTC", -8.5, as_midnight, TOKYO, COVERED),
    Case("the evening before in Tokyo", -9.5, as_midnight, TOKYO, BARE),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_client_covers(case: Case) -> None:
    assert case.reads(MIDNIGHT + case.hours * HOUR, case.zone) is case.covers


def is_read(reads: Callable[[datetime, timezone], bool], hours: float) -> set[bool]:
    """Return what the clients of all zones say of a default at that time."""
    return {reads(MIDNIGHT + hours * HOUR, zone) for zone in ZONES}


@pytest.mark.parametrize(
    ("reads", "never_until", "always_from"),
    [(as_midnight, -14, 12.01), (as_day, 9.99, 36)],
    ids=["as midnight", "as a day"],
)
def test_where_every_zone_agrees(
    reads: Callable[[datetime, timezone], bool],
    never_until: float,
    always_from: float,
) -> None:
    assert is_read(reads, never_until) == {False}
    assert is_read(reads, never_until + 0.02) == {False, True}
    assert is_read(reads, always_from - 0.02) == {False, True}
    assert is_read(reads, always_from) == {True}


def test_what_surely_airs_later_is_covered_by_no_client() -> None:
    # Law 2: 14 hours would do; there are 24.
    default = MIDNIGHT - Airing.from_date(AIR_DATE).margin
    assert Airing.from_date(AIR_DATE).span.is_surely_not_before(default)
    for reads in (as_midnight, as_day):
        assert not any(reads(default, zone) for zone in ZONES)


def test_what_surely_aired_is_covered_by_every_client() -> None:
    # Law 1: also by one that compares calendar days west of UTC.
    span = Airing.from_date(AIR_DATE).span
    default = span.latest + timedelta(minutes=1)
    assert span.is_surely_before(default)
    for reads in (as_midnight, as_day):
        assert all(reads(default, zone) for zone in ZONES)
    # And there is such a client for which less would not do.
    west = timezone(-12 * HOUR)
    assert not as_day(span.latest - timedelta(minutes=1), west)

"""The reading rule: what is sure of an episode, and what is open."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from sync.domain.seasons import (
    Airing,
    Reading,
    Span,
    current_entry,
    read_season,
    span_of,
    split_season,
)
from tests.domain_suite.brute_force import Season, day, entry, grid_seasons, shown_in

if TYPE_CHECKING:
    from sync.domain.entries import Entry

SECOND = timedelta(seconds=1)
DAYS = timedelta(days=1)
DONE, NOT, OPEN = Reading.COMPLETED, Reading.NOT_COMPLETED, Reading.OPEN


@pytest.mark.parametrize(
    ("airing", "margin", "after"),
    [
        (Airing.from_instant(datetime(2024, 3, 2, tzinfo=UTC)), 2 * DAYS, 2 * DAYS),
        (
            Airing.from_date(date(2024, 3, 2)),
            DAYS,
            1.5 * DAYS,
        ),
    ],
    ids=["an instant from Trakt", "a date from TMDB"],
)
def test_an_air_date_is_sure_outside_its_margin_only(
    airing: Airing, margin: timedelta, after: timedelta
) -> None:
    aired_at = datetime(2024, 3, 2, tzinfo=UTC)
    assert airing.span == Span(aired_at - margin, aired_at + after)
    for at, reading in (
        (aired_at + after + SECOND, DONE),
        (aired_at + after, OPEN),
        (aired_at - margin + SECOND, OPEN),
        (aired_at - margin, NOT),
    ):
        assert read_season([entry(None, at)], {1: airing}) == {1: reading}


@pytest.mark.parametrize(
    ("placeholder", "expected"), [(date(1, 1, 1), DONE), (date(9999, 12, 31), NOT)]
)
def test_a_placeholder_at_the_end_of_the_calendar_is_a_date_like_any_other(
    placeholder: date, expected: Reading
) -> None:
    airing = Airing.from_date(placeholder)
    assert read_season([entry(None, day(0))], {1: airing}) == {1: expected}


def test_without_an_air_date_an_episode_may_have_aired_at_any_time() -> None:
    assert read_season([entry(None, day(0))], {1: None}) == {1: OPEN}
    assert read_season([], {1: None}) == {1: NOT}
    assert span_of(None).latest.year == date.max.year


@pytest.mark.parametrize(("progress", "reading"), [(80, DONE), (79.9, NOT)])
def test_an_explicit_entry_wins_over_any_default(
    progress: float, reading: Reading
) -> None:
    aired = {1: Airing(day(0), DAYS)}
    for default in (100, 0):
        entries = [entry(1, day(5), progress), entry(None, day(90), default)]
        assert read_season(entries, aired) == {1: reading}


def test_an_entry_outside_the_catalogue_is_read_too() -> None:
    assert read_season([entry(7, None)], {}) == {7: DONE}


@pytest.mark.parametrize(
    ("defaults", "reading"),
    [
        ([(day(50), 100)], DONE),
        ([(day(50), 0)], NOT),
        ([(None, 100)], OPEN),
        ([(None, 0)], NOT),
        ([(day(50), 100), (day(60), 100)], DONE),
        ([(day(50), 100), (day(-60), 0)], DONE),
        ([(day(50), 100), (day(60), 0)], OPEN),
        ([(day(60), 100), (day(50), 0)], OPEN),
        ([(day(50), 100), (None, 0)], OPEN),
        ([(day(50), 0), (day(-60), 100)], NOT),
        ([(day(0.5), 100), (day(50), 0)], OPEN),
    ],
)
def test_several_defaults_are_sure_only_where_all_that_reach_it_agree(
    defaults: list[tuple[datetime | None, float]], reading: Reading
) -> None:
    entries = [entry(None, at, progress) for at, progress in defaults]
    assert read_season(entries, {1: Airing(day(0), DAYS)}) == {1: reading}


@pytest.mark.parametrize(
    ("repeats", "expected"),
    [
        ([entry(1, day(1), 0), entry(1, day(2), 100)], 100),
        ([entry(1, day(2), 0), entry(1, day(1), 100)], 0),
        ([entry(1, None, 100), entry(1, day(1), 0)], 0),
        ([entry(1, day(1), 0), entry(1, day(1), 100)], 100),
    ],
)
def test_of_repeats_the_newest_counts_and_then_the_furthest(
    repeats: list[Entry], expected: float
) -> None:
    for order in (repeats, repeats[::-1]):
        counts = current_entry(order)
        assert counts is not None
        assert counts.progress == expected
        assert split_season(order).own == {1: counts}


def test_of_no_entry_none_counts() -> None:
    assert current_entry([]) is None


@given(season=grid_seasons())
def test_the_reading_is_what_a_client_shows_however_it_reads(season: Season) -> None:
    for number, reading in read_season(season.existing, season.airings or {}).items():
        marks = set(shown_in(season, number))
        expected = {True: DONE, False: NOT}[marks.pop()] if len(marks) == 1 else OPEN
        assert reading is expected

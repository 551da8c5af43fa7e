"""The laws of DESIGN.md on any season, by carrying the plan out and reading it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log2
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sync.domain.collapse import overreach, plan_season
from sync.domain.plan import Action, Fate
from sync.domain.plays import UNKNOWN_DATE, Key, Place
from sync.domain.rules import Conflict, Mode, SeasonRecord
from sync.domain.seasons import Airing
from tests.domain_suite.brute_force import (
    PLACE,
    Season,
    applied,
    broken_laws,
    day,
    entry,
    grid_seasons,
    is_kept,
    shown_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
SEASONS = grid_seasons()


def any_season(test: Callable[..., None]) -> Callable[..., None]:
    return settings(max_examples=120)(given(season=SEASONS)(test))


def late_in(season: Season) -> list[int]:
    return overreach(season.existing, season.watched, season.airings)


def writes(season: Season) -> int:
    """Without the zeros that limit a default of an earlier run."""
    limited = [n for n in late_in(season) if n >= 1 and season.mode is Mode.FEWEST]
    return len(season.plan().operations) - len(limited)


@any_season
def test_laws_1_and_2_hold_however_a_client_reads_the_air_dates(season: Season) -> None:
    after = season.after(season.plan())
    limited = late_in(season) if season.mode is Mode.FEWEST else []
    expected = {f"2: {n} is un-watched" for n in limited}
    assert set(broken_laws(season, after)) <= expected
    assert not any(any(shown_in(after, n)) for n in limited if n >= 1)


@pytest.mark.parametrize("patch_moves", [True, False])
@any_season
def test_law_3_planning_again_after_a_run_gives_nothing(
    season: Season, *, patch_moves: bool
) -> None:
    again = season.after(season.plan(), patch_moves=patch_moves).plan()
    assert again.operations == ()
    assert again.saved == 0


@settings(max_examples=120)
@given(season=SEASONS, randomness=st.randoms(use_true_random=False))
def test_law_4_the_order_of_the_input_does_not_matter(
    season: Season, randomness: random.Random
) -> None:
    shuffled = replace(
        season,
        watched=_shuffled_dict(season.watched, randomness),
        airings=season.airings and _shuffled_dict(season.airings, randomness),
        existing=tuple(randomness.sample(season.existing, len(season.existing))),
    )
    assert shuffled.plan() == season.plan()


def _shuffled_dict(items: Mapping[int, T], randomness: random.Random) -> dict[int, T]:
    return dict(randomness.sample(list(items.items()), len(items)))


@pytest.mark.parametrize("patch_moves", [True, False])
@any_season
def test_law_5_a_run_cut_short_is_finished_by_the_next_with_the_same_writes(
    season: Season, *, patch_moves: bool
) -> None:
    operations = season.plan().operations
    for done in range(len(operations)):
        profile = applied(season.existing, operations[:done], patch_moves=patch_moves)
        rest = replace(season, existing=profile).plan().operations
        assert [o.id for o in rest] == [o.id for o in operations[done:]]


@any_season
def test_law_8_every_entry_has_a_time_at_which_it_was_really_watched(
    season: Season,
) -> None:
    for operation in season.plan().operations:
        if operation.is_default:
            assert operation.watched_at in season.watched.values()
            assert operation.watched_at != UNKNOWN_DATE
        elif operation.progress:
            assert operation.key.episode is not None
            assert operation.watched_at == season.watched[operation.key.episode]


@any_season
def test_law_9_every_watched_episode_has_one_fate_and_it_is_the_true_one(
    season: Season,
) -> None:
    choice = season.plan()
    after = season.after(choice)
    written = {o.key.episode for o in choice.operations if o.progress} - {None}
    covers = {c.episode for o in choice.operations for c in o.covers}
    assert choice.outcomes.keys() == season.watched.keys()
    for number, fate in choice.outcomes.items():
        own, marks = season.own(number), shown_in(season, number)
        assert (fate is Fate.WRITTEN) == (number in written)
        assert (fate is Fate.COVERED) == (number in covers or (not own and all(marks)))
        assert (fate is Fate.ALREADY_THERE) == (bool(own) and all(marks))
        assert (fate is Fate.KEPT) == is_kept(season, number)
        if fate is Fate.UNSUPPORTED:
            assert number < 1
            assert not all(shown_in(after, number))


@any_season
def test_what_a_default_stands_for_is_recorded_with_each_own_time(
    season: Season,
) -> None:
    choice = season.plan()
    for default in (o for o in choice.operations if o.is_default):
        assert default.action is Action.ADD
        assert default.covers == tuple(sorted(default.covers))
        assert dict(default.covers) == {
            n: season.watched[n]
            for n, fate in choice.outcomes.items()
            if fate is Fate.COVERED
        }


@any_season
def test_writes_go_oldest_first_and_a_zero_before_the_default_it_limits(
    season: Season,
) -> None:
    operations = season.plan().operations
    assert list(operations) == sorted(operations, key=lambda o: o.order)
    default = next((i for i, o in enumerate(operations) if o.is_default), None)
    zeros = [i for i, o in enumerate(operations) if o.progress == 0]
    if default is not None:
        assert all(zero < default for zero in zeros)
        assert {operations[i].watched_at for i in zeros} <= {
            operations[default].watched_at
        }


@any_season
def test_zeros_are_written_in_fewest_only_and_a_second_default_never(
    season: Season,
) -> None:
    operations = season.plan().operations
    if season.mode is not Mode.FEWEST:
        assert all(o.progress == 100 for o in operations)
    if season.mode is Mode.OFF or season.defaults or not season.airings:
        assert not any(o.is_default for o in operations)


@any_season
def test_more_freedom_never_needs_more_writes(season: Season) -> None:
    off, clean, fewest = (
        writes(replace(season, mode=mode))
        for mode in (Mode.OFF, Mode.CLEAN, Mode.FEWEST)
    )
    assert fewest <= clean <= off
    assert replace(season, mode=Mode.OFF).plan().saved == 0


@any_season
def test_saved_counts_against_one_entry_for_each_that_needs_one(season: Season) -> None:
    off = writes(replace(season, mode=Mode.OFF))
    assert season.plan().saved == off - writes(season)


@settings(max_examples=120)
@given(season=SEASONS, number=st.integers(1, 8))
def test_one_more_play_costs_at_most_one_more_write(
    season: Season, number: int
) -> None:
    assume(number not in season.watched)
    watched = {**season.watched, number: day(10)}
    assert writes(replace(season, watched=watched)) <= writes(season) + 1


@settings(max_examples=120)
@given(season=SEASONS, number=st.integers(1, 8))
def test_what_stands_there_already_never_costs_a_write(
    season: Season, number: int
) -> None:
    there = (*season.existing, entry(number, day(99)))
    assert writes(replace(season, existing=there)) <= writes(season)


@settings(max_examples=120)
@given(season=SEASONS, numbers=st.sets(st.integers(1, 8)))
def test_a_zero_of_ours_never_keeps_a_play_back(
    season: Season, numbers: set[int]
) -> None:
    zeros = tuple(entry(n, day(99), 0) for n in numbers)
    own = tuple(e for e in season.existing if e.key.episode not in numbers)
    choice = plan_season(
        PLACE,
        season.watched,
        own + zeros,
        season.airings,
        mode=season.mode,
        conflict=Conflict.NEWEST,
        record=SeasonRecord(zeros=numbers),
    )
    raised = {n for n in numbers if n in season.watched}
    assert {n for n in numbers if choice.outcomes.get(n) is Fate.WRITTEN} == raised


class Counted(datetime):
    """An instant that counts how often it is compared."""

    comparisons = 0

    def __lt__(self, other: datetime) -> bool:  # type: ignore[override]  # as datetime
        Counted.comparisons += 1
        return super().__lt__(other)

    def __le__(self, other: datetime) -> bool:  # type: ignore[override]  # as datetime
        Counted.comparisons += 1
        return super().__le__(other)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_season_of_3000_episodes_takes_near_linear_work(mode: Mode) -> None:
    size = 3000
    numbers = random.Random(3).sample(range(1, size + 1), size)  # noqa: S311  # no secret
    start = Counted(2001, 9, 1, tzinfo=UTC)
    season = Season(
        {n: start + timedelta(days=n + n % 7) for n in numbers if n % 5},
        {n: Airing(start + timedelta(days=n), timedelta(days=1)) for n in numbers},
        mode=mode,
    )
    Counted.comparisons = 0
    choice = season.plan()
    assert len(choice.operations) <= size
    assert Counted.comparisons < 4 * size * log2(size)


def test_100000_plays_are_planned_season_by_season() -> None:
    watched = {n: day(400 + n) for n in range(1, 67)}
    airings = {n: Airing(day(7 * n), timedelta(days=1)) for n in watched}
    planned = 0
    for show in range(1500):
        choice = plan_season(
            Place(f"TV_{show}", 1),
            watched,
            (),
            airings,
            mode=Mode.CLEAN,
            conflict=Conflict.NEWEST,
        )
        assert choice.operations[-1].key == Key(f"TV_{show}", 1)
        planned += len(choice.outcomes)
    assert planned == 99_000

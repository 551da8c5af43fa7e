"""Law 7 against brute force: no allowed plan needs fewer writes, ties as settled."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from sync.domain.collapse import overreach
from sync.domain.plays import UNKNOWN_DATE
from sync.domain.rules import Mode
from sync.domain.seasons import Airing
from tests.domain_suite.brute_force import (
    Plan,
    Season,
    as_plan,
    best_plan,
    broken_laws,
    day,
    entry,
    grid_seasons,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sync.domain.entries import Entry

EARLY, MIDDLE, LATE = (Airing(day(n), timedelta(hours=48)) for n in (0, 8, 20))


class Episode:
    """One cell of the grid: air date, watch, and an entry of its own if any."""

    def __init__(
        self,
        airing: Airing | None,
        watched: datetime | None,
        own: tuple[datetime, float] | None = None,
    ) -> None:
        self.airing, self.watched, self.own = airing, watched, own


SMALL_GRID = [
    *(Episode(airing, None) for airing in (None, EARLY, LATE)),
    *(Episode(EARLY, day(n)) for n in (5, 10)),
    Episode(MIDDLE, day(10)),
]
GRID = [
    *(Episode(airing, None) for airing in (None, EARLY, MIDDLE, LATE)),
    *(Episode(airing, day(10)) for airing in (None, EARLY, MIDDLE)),
    *(Episode(airing, day(5)) for airing in (EARLY, MIDDLE)),
    Episode(EARLY, UNKNOWN_DATE),
    Episode(EARLY, None, (day(3), 100)),
    Episode(EARLY, day(10), (day(11), 40)),
]
LARGE_GRID = [
    *GRID,
    *(Episode(MIDDLE, at) for at in (day(6), day(11), UNKNOWN_DATE)),
    *(Episode(LATE, at) for at in (day(18), day(22), day(23))),
    Episode(EARLY, day(10), (day(3), 100)),
    Episode(EARLY, day(10), (day(3), 40)),
    Episode(EARLY, None, (day(3), 0)),
]


def season_of(episodes: tuple[Episode, ...], first: int, mode: Mode) -> Season:
    numbered = dict(enumerate(episodes, start=first))
    own: list[Entry] = [
        entry(n, *e.own) for n, e in numbered.items() if e.own and n >= 1
    ]
    return Season(
        {n: e.watched for n, e in numbered.items() if e.watched},
        {n: e.airing for n, e in numbered.items()},
        tuple(own),
        mode,
    )


def every_season(grid: list[Episode], size: int, first: int) -> Iterator[Season]:
    for episodes in combinations_with_replacement(grid, size):
        for mode in (Mode.CLEAN, Mode.FEWEST):
            yield season_of(episodes, first, mode)


@pytest.mark.parametrize(
    ("grid", "size", "first"),
    [
        (LARGE_GRID, 1, 1),
        (LARGE_GRID, 2, 1),
        (LARGE_GRID, 3, 1),
        (GRID, 4, 1),
        (GRID, 3, 0),
        (SMALL_GRID, 5, 1),
        (SMALL_GRID, 6, 1),
    ],
)
def test_every_season_of_a_grid_gets_the_cheapest_allowed_plan(
    grid: list[Episode], size: int, first: int
) -> None:
    for season in every_season(grid, size, first):
        assert as_plan(season.plan()) == best_plan(season), season


@settings(max_examples=300)
@given(season=grid_seasons())
def test_any_season_gets_the_cheapest_allowed_plan(season: Season) -> None:
    late = set(overreach(season.existing, season.watched, season.airings))
    chosen = as_plan(season.plan())
    assert chosen._replace(zeros=chosen.zeros - late) == best_plan(season)


def test_the_brute_force_refuses_a_default_that_over_watches() -> None:
    season = Season({1: day(10), 2: day(10)}, {1: EARLY, 2: EARLY, 3: MIDDLE})
    lying = Season(season.watched, season.airings, (entry(None, day(10)),))
    assert list(broken_laws(season, lying)) == ["2: 3 was never watched"]
    assert best_plan(season) == Plan(None, frozenset({1, 2}), frozenset())


def test_the_brute_force_refuses_a_default_that_may_miss_an_episode() -> None:
    season = Season({1: day(10), 2: day(10)}, {1: EARLY, 2: MIDDLE})
    short = Season(season.watched, season.airings, (entry(None, day(10)),))
    assert list(broken_laws(season, short)) == ["1: 2 is not shown"]

"""Later: an episode turns up that a default of ours would cover and nobody watched."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sync.domain.collapse import SeasonChoice, overreach, plan_season
from sync.domain.plan import Fate
from sync.domain.rules import Conflict, Mode, SeasonRecord
from sync.domain.seasons import Airing, Reading, read_season
from tests.domain_suite.brute_force import PLACE, Season, day, entry

if TYPE_CHECKING:
    from sync.domain.entries import Entry

MARGIN = timedelta(hours=48)
AIRINGS = {n: Airing(day(n), MARGIN) for n in range(1, 4)}
WATCHED = {n: day(100) for n in AIRINGS}
OURS = entry(None, day(100), imported="trakt")
TURNED_UP = {**AIRINGS, 4: Airing(day(50), MARGIN)}
COLLAPSED = Season(WATCHED, TURNED_UP, (OURS,))


def name(season: Season, record: SeasonRecord | None = None) -> list[int]:
    arguments = (season.existing, season.watched, season.airings)
    return overreach(*arguments, record) if record else overreach(*arguments)


def test_it_is_named_in_every_mode() -> None:
    for mode in Mode:
        choice = replace(COLLAPSED, mode=mode).plan()
        expected = "a season default stands there already; it may cover S01E04, never"
        assert choice.reason == f"{expected} watched"
    assert name(COLLAPSED) == [4]


@pytest.mark.parametrize("mode", [Mode.CLEAN, Mode.OFF])
def test_it_is_only_said_unless_zeros_are_allowed(mode: Mode) -> None:
    assert replace(COLLAPSED, mode=mode).plan().operations == ()


def test_in_fewest_it_gets_a_zero_once() -> None:
    season = replace(COLLAPSED, mode=Mode.FEWEST)
    [zero] = season.plan().operations
    assert (zero.key.episode, zero.progress, zero.watched_at) == (4, 0, day(100))
    after = season.after(season.plan())
    assert read_season(after.existing, TURNED_UP)[4] is Reading.NOT_COMPLETED
    assert after.plan().operations == ()
    assert name(after) == []


@pytest.mark.parametrize(
    ("airing", "is_named"),
    [
        (Airing(day(98), MARGIN), True),
        (Airing(day(101.9), MARGIN), True),
        (Airing(day(102), MARGIN), False),
        (None, True),
    ],
)
def test_what_may_be_covered_is_named_and_what_airs_later_is_not(
    airing: Airing | None, *, is_named: bool
) -> None:
    season = replace(COLLAPSED, airings={**AIRINGS, 4: airing})
    assert name(season) == ([4] if is_named else [])


@pytest.mark.parametrize(
    "existing",
    [
        (),
        (entry(None, day(100)),),
        (OURS, entry(None, day(120))),
        (OURS, entry(4, day(60), 0)),
        (OURS, entry(4, day(60), 100)),
        (entry(None, day(100), 0, "trakt"),),
    ],
    ids=["nothing", "theirs", "both", "own zero", "own mark", "ours un-marked"],
)
def test_what_a_person_marked_or_limited_is_never_named(
    existing: tuple[Entry, ...],
) -> None:
    season = replace(COLLAPSED, existing=existing, mode=Mode.FEWEST, watched={})
    assert 4 not in name(season)


def test_several_are_named_in_order_and_limited_with_the_first_default() -> None:
    late = Airing(day(50), MARGIN)
    season = replace(
        COLLAPSED,
        airings={5: late, 4: late, **AIRINGS},
        existing=(entry(None, day(120), imported="trakt"), OURS),
        mode=Mode.FEWEST,
    )
    assert name(season) == [4, 5]
    assert {o.watched_at for o in season.plan().operations} == {day(100)}


def test_without_a_catalogue_nothing_is_named() -> None:
    assert name(replace(COLLAPSED, airings=None)) == []


def test_an_episode_that_no_entry_can_name_is_said_but_not_written() -> None:
    season = replace(
        COLLAPSED, airings={**AIRINGS, 0: Airing(day(0), MARGIN)}, mode=Mode.FEWEST
    )
    assert name(season) == [0]
    assert season.plan().operations == ()


def with_record(season: Season, record: SeasonRecord) -> SeasonChoice:
    return plan_season(
        PLACE,
        season.watched,
        season.existing,
        season.airings,
        mode=Mode.FEWEST,
        conflict=Conflict.NEWEST,
        record=record,
    )


def test_a_play_that_was_taken_back_on_trakt_is_not_un_watched() -> None:
    stood_for = SeasonRecord(covers=(1, 2, 3))
    season = replace(COLLAPSED, watched={1: day(100), 2: day(100)}, airings=AIRINGS)
    assert name(season) == [3]
    assert name(season, stood_for) == []
    assert with_record(season, stood_for).operations == ()


@pytest.mark.parametrize(
    ("zeros", "progress", "fate"),
    [((4,), 0, Fate.WRITTEN), ((), 0, Fate.KEPT), ((4,), 40, Fate.KEPT)],
    ids=["ours", "the person's", "ours, then half watched"],
)
def test_a_play_that_arrives_late_overrules_our_own_zero_only(
    zeros: tuple[int, ...], progress: float, fate: Fate
) -> None:
    season = replace(
        COLLAPSED,
        watched={**WATCHED, 4: day(60)},
        existing=(OURS, entry(4, day(120), progress)),
    )
    assert with_record(season, SeasonRecord(zeros=zeros)).outcomes[4] is fate

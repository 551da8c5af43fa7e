"""The awkward seasons by name: what is written for each, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sync.domain.plan import Action, Fate
from sync.domain.plays import UNKNOWN_DATE
from sync.domain.rules import Conflict, Mode
from sync.domain.seasons import Airing
from tests.domain_suite.brute_force import Season, broken_laws, day, entry

if TYPE_CHECKING:
    from sync.domain.collapse import SeasonChoice

WEEKLY = {n: Airing(day(7 * n), timedelta(hours=48)) for n in range(1, 11)}
BINGED = {n: day(100 + n) for n in range(1, 11)}
MINUTE = timedelta(minutes=1)


def weekly(count: int) -> dict[int, Airing | None]:
    return {n: WEEKLY[n] for n in range(1, count + 1)}


def written(choice: SeasonChoice) -> list[str]:
    """The operations in order, as ``add 3``, ``zero 4``, ``set 5``, ``default``."""
    names = {
        (Action.ADD, 100): "add",
        (Action.SET, 100): "set",
        (Action.SET, 0): "zero",
    }
    return [
        "default" if o.is_default else f"{names[o.action, o.progress]} {o.key.episode}"
        for o in choice.operations
    ]


def plan(season: Season) -> SeasonChoice:
    choice = season.plan()
    assert not list(broken_laws(season, season.after(choice)))
    return choice


def test_a_finished_season_becomes_one_entry_at_its_last_watch() -> None:
    choice = plan(Season(BINGED, weekly(10)))
    assert written(choice) == ["default"]
    assert choice.operations[0].watched_at == day(110)
    assert dict(choice.operations[0].covers) == BINGED
    assert set(choice.outcomes.values()) == {Fate.COVERED}
    assert choice.saved == 9
    assert choice.reason == "all 10 watched; last one 2024-04-20"
    assert choice.operations[0].reason == choice.reason


def test_watched_before_the_official_air_date_gets_an_entry_of_its_own() -> None:
    watched = {**{n: day(100) for n in range(1, 5)}, 5: day(33)}
    airings = {**weekly(4), 5: Airing(day(200), timedelta(hours=48))}
    choice = plan(Season(watched, airings))
    assert written(choice) == ["add 5", "default"]
    assert choice.reason == "all 5 watched; last one 2024-04-10; on its own: S01E05"


def test_a_whole_season_watched_before_it_aired_is_kept_apart() -> None:
    choice = plan(Season({1: day(1), 2: day(2)}, weekly(2)))
    assert written(choice) == ["add 1", "add 2"]
    assert choice.reason == "kept apart: S01E01 airs after the last watch"


def test_caught_up_in_a_running_season_keeps_the_newest_apart() -> None:
    watched = {n: WEEKLY[n].at + timedelta(hours=3) for n in range(1, 6)}
    choice = plan(Season(watched, weekly(10)))
    assert written(choice) == ["default", "add 5"]
    assert choice.operations[0].watched_at == watched[5]
    assert choice.reason == "5 of 10 watched; last one 2024-02-05; on its own: S01E05"


def test_the_next_episode_of_a_running_season_is_one_entry_more() -> None:
    watched = {n: WEEKLY[n].at + timedelta(hours=3) for n in range(1, 6)}
    season = Season(watched, weekly(10))
    later = season.after(season.plan())
    later = replace(later, watched={**watched, 6: WEEKLY[6].at + timedelta(hours=3)})
    choice = plan(later)
    assert written(choice) == ["add 6"]
    assert choice.reason == "a season default stands there already"
    assert choice.saved == 0


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.CLEAN, ["add 1", "add 2", "add 3"]),
        (Mode.FEWEST, ["add 1", "add 2", "add 3"]),
    ],
)
def test_first_episodes_only_never_mark_the_rest(
    mode: Mode, expected: list[str]
) -> None:
    watched = {n: day(100 + n) for n in (1, 2, 3)}
    choice = plan(Season(watched, weekly(10), mode=mode))
    assert written(choice) == expected
    assert choice.reason == "S01E04 and 6 more were never watched"


def test_first_episodes_watched_in_time_may_be_collapsed_before_the_rest_airs() -> None:
    watched = {n: day(26) for n in (1, 2, 3)}
    choice = plan(Season(watched, weekly(10)))
    assert written(choice) == ["default"]
    assert choice.reason == "3 of 10 watched; last one 2024-01-27"


@pytest.mark.parametrize(
    ("mode", "expected", "reason"),
    [
        (
            Mode.CLEAN,
            [f"add {n}" for n in BINGED if n != 4],
            "S01E04 was never watched",
        ),
        (
            Mode.FEWEST,
            ["zero 4", "default"],
            "9 of 10 watched; last one 2024-04-20; held back by a zero: S01E04",
        ),
        (
            Mode.OFF,
            [f"add {n}" for n in BINGED if n != 4],
            "season defaults are off",
        ),
    ],
)
def test_all_but_one(mode: Mode, expected: list[str], reason: str) -> None:
    watched = {n: at for n, at in BINGED.items() if n != 4}
    choice = plan(Season(watched, weekly(10), mode=mode))
    assert written(choice) == expected
    assert choice.reason == reason


def test_undated_plays_ride_along_with_a_dated_one() -> None:
    watched = {**dict.fromkeys(range(1, 10), UNKNOWN_DATE), 10: day(110)}
    choice = plan(Season(watched, weekly(10)))
    assert written(choice) == ["default"]
    assert choice.operations[0].watched_at == day(110)
    assert choice.operations[0].covers[0].watched_at == UNKNOWN_DATE


@pytest.mark.parametrize("aired_in", [1966, 2024])
def test_undated_plays_alone_are_never_collapsed(aired_in: int) -> None:
    airings = {n: Airing.from_date(date(aired_in, 9, n)) for n in (1, 2, 3)}
    choice = plan(Season(dict.fromkeys(airings, UNKNOWN_DATE), airings))
    assert written(choice) == ["add 1", "add 2", "add 3"]
    assert {o.watched_at for o in choice.operations} == {UNKNOWN_DATE}
    assert choice.reason == "watched on unknown dates: nothing is collapsed"


def test_an_unaired_finale_with_a_date_is_left_out() -> None:
    airings = {**weekly(10), 11: Airing(day(400), timedelta(hours=48))}
    choice = plan(Season(BINGED, airings))
    assert written(choice) == ["default"]
    assert choice.reason == "10 of 11 watched; last one 2024-04-20"


@pytest.mark.parametrize(
    ("mode", "expected", "reason"),
    [
        (
            Mode.CLEAN,
            [f"add {n}" for n in BINGED],
            "kept apart: S01E11 has no air date",
        ),
        (
            Mode.FEWEST,
            ["zero 11", "default"],
            "10 of 11 watched; last one 2024-04-20; held back by a zero: S01E11",
        ),
    ],
)
def test_an_unaired_finale_without_a_date_may_be_read_as_aired(
    mode: Mode, expected: list[str], reason: str
) -> None:
    choice = plan(Season(BINGED, {**weekly(10), 11: None}, mode=mode))
    assert written(choice) == expected
    assert choice.reason == reason


def test_two_episodes_in_one_minute_share_one_default() -> None:
    choice = plan(Season({1: day(100), 2: day(100)}, weekly(2)))
    assert written(choice) == ["default"]
    assert choice.operations[0].watched_at == day(100)


def test_two_entries_of_one_minute_have_ids_of_their_own() -> None:
    choice = plan(Season({1: day(100), 2: day(100)}, None))
    assert written(choice) == ["add 1", "add 2"]
    assert len({o.id for o in choice.operations}) == 2


def test_an_episode_0_is_covered_where_the_others_are_collapsed_anyway() -> None:
    airings = {n: WEEKLY[n + 1] for n in range(3)}
    choice = plan(Season({n: day(100 + n) for n in range(3)}, airings))
    assert written(choice) == ["default"]
    assert choice.outcomes == dict.fromkeys(range(3), Fate.COVERED)
    assert choice.saved == 1


def test_an_episode_0_alone_cannot_be_written() -> None:
    choice = plan(Season({0: day(100), 1: day(101)}, {0: WEEKLY[1], 1: WEEKLY[2]}))
    assert written(choice) == ["add 1"]
    assert choice.outcomes == {0: Fate.UNSUPPORTED, 1: Fate.WRITTEN}
    assert choice.reason == "one entry needs no default"


@pytest.mark.parametrize("mode", [Mode.CLEAN, Mode.FEWEST])
def test_an_unwatched_episode_0_forbids_the_default_as_no_zero_can_name_it(
    mode: Mode,
) -> None:
    choice = plan(Season(BINGED, {0: WEEKLY[1], **weekly(10)}, mode=mode))
    assert written(choice) == [f"add {n}" for n in BINGED]
    assert choice.reason == "S01E00 was never watched"


def test_gaps_in_the_numbering_are_no_missing_episodes() -> None:
    airings = {n: WEEKLY[n] for n in (1, 2, 5, 9)}
    choice = plan(Season({n: BINGED[n] for n in airings}, airings))
    assert written(choice) == ["default"]
    assert choice.reason == "all 4 watched; last one 2024-04-19"


def test_an_episode_that_the_catalogue_lacks_gets_an_entry_of_its_own() -> None:
    choice = plan(Season(BINGED, weekly(9)))
    assert written(choice) == ["default", "add 10"]


def test_the_lowest_number_is_named_first() -> None:
    airings = {16: WEEKLY[1], 8: WEEKLY[1], **weekly(2)}
    choice = plan(Season({1: day(100), 2: day(100)}, airings))
    assert choice.reason == "S01E08 and 1 more were never watched"


def test_as_many_are_said_to_be_unwatched_as_the_map_has_empty_squares() -> None:
    watched = {1: day(24), 2: day(24)}
    choice = plan(Season(watched, weekly(8)))
    assert choice.reason == "S01E03 and 5 more were never watched"


@pytest.mark.parametrize(
    ("airing", "hours"),
    [
        (Airing.from_date(date(2024, 3, 2)), 24),
        (Airing.from_instant(datetime(2024, 3, 3, 2, 0, tzinfo=UTC)), 48),
    ],
    ids=["TMDB's date", "Trakt's instant"],
)
@pytest.mark.parametrize("mode", list(Mode))
def test_an_airing_across_midnight_utc_is_not_marked_the_afternoon_before(
    airing: Airing, hours: int, mode: Mode
) -> None:
    """New York, 2 March 2024, 21:00: 02:00 UTC on the 3rd, and TMDB says the 2nd."""
    last = datetime(2024, 3, 2, 20, 0, tzinfo=UTC)
    watched = {1: last, 2: last}
    choice = plan(Season(watched, {**weekly(2), 3: airing}, mode=mode))
    assert written(choice) == ["add 1", "add 2"]
    near = f"kept apart: S01E03 airs within {hours} h of the last watch"
    assert choice.reason == ("season defaults are off" if mode is Mode.OFF else near)


def test_an_evening_show_watched_the_same_night_has_an_entry_of_its_own() -> None:
    aired = datetime(2024, 3, 3, 2, 0, tzinfo=UTC)
    watched = {1: day(30), 2: day(30), 3: aired + timedelta(hours=1)}
    choice = plan(Season(watched, {**weekly(2), 3: Airing.from_instant(aired)}))
    assert written(choice) == ["default", "add 3"]


@pytest.mark.parametrize(
    ("updated_at", "conflict", "fate"),
    [
        (day(104) - MINUTE, Conflict.NEWEST, Fate.WRITTEN),
        (day(104) + timedelta(seconds=59), Conflict.NEWEST, Fate.WRITTEN),
        (day(104) + MINUTE, Conflict.NEWEST, Fate.KEPT),
        (None, Conflict.NEWEST, Fate.KEPT),
        (day(200), Conflict.TRAKT, Fate.WRITTEN),
        (None, Conflict.TRAKT, Fate.WRITTEN),
        (day(50), Conflict.DISCOVR, Fate.KEPT),
    ],
)
def test_a_persons_own_entry_under_80_inside_the_season(
    updated_at: datetime | None, conflict: Conflict, fate: Fate
) -> None:
    own = (entry(4, updated_at, 40),)
    choice = plan(Season(BINGED, weekly(10), own, conflict=conflict))
    assert choice.outcomes[4] is fate
    assert written(choice) == (
        ["default"] if fate is Fate.KEPT else ["set 4", "default"]
    )
    default = next(o for o in choice.operations if o.is_default)
    assert 4 not in dict(default.covers)


def test_an_entry_that_no_write_can_name_is_left_as_it_is() -> None:
    choice = plan(Season({0: day(100)}, weekly(3), (entry(0, day(50), 40),)))
    assert choice.operations == ()
    assert choice.outcomes == {0: Fate.UNSUPPORTED}


def test_a_persons_own_zero_lets_the_rest_be_collapsed() -> None:
    watched = {n: at for n, at in BINGED.items() if n != 4}
    choice = plan(Season(watched, weekly(10), (entry(4, day(90), 0),)))
    assert written(choice) == ["default"]


@pytest.mark.parametrize("airings", [None, {}, dict.fromkeys(BINGED)])
def test_no_catalogue_at_all_collapses_nothing(
    airings: dict[int, Airing | None] | None,
) -> None:
    choice = plan(Season(BINGED, airings))
    assert written(choice) == [f"add {n}" for n in BINGED]
    assert choice.reason == "no air dates: nothing is collapsed"
    assert choice.saved == 0


def test_no_catalogue_reads_nothing_as_covered() -> None:
    choice = plan(Season(BINGED, None, (entry(None, day(500)),)))
    assert written(choice) == [f"add {n}" for n in BINGED]


def test_within_48_hours_of_the_last_watch_it_is_kept_apart() -> None:
    choice = plan(Season({1: day(16), 2: day(16)}, weekly(2)))
    assert written(choice) == ["add 1", "add 2"]
    assert choice.reason == "kept apart: S01E02 airs within 48 h of the last watch"


def test_among_equally_cheap_defaults_the_latest_wins() -> None:
    watched = {1: day(100), 2: day(50), 3: day(70)}
    assert plan(Season(watched, weekly(3))).operations[0].watched_at == day(100)


def test_an_earlier_default_is_taken_where_a_later_one_would_over_watch() -> None:
    watched = {1: day(25), 2: day(26), 3: day(26), 5: day(90)}
    choice = plan(Season(watched, weekly(5)))
    assert written(choice) == ["default", "add 5"]
    assert choice.operations[0].watched_at == day(26)
    assert choice.reason == "4 of 5 watched; as of 2024-01-27; on its own: S01E05"


def test_nothing_is_written_where_everything_stands_already() -> None:
    there = tuple(entry(n, day(300)) for n in BINGED)
    choice = plan(Season(BINGED, weekly(10), there))
    assert choice.operations == ()
    assert set(choice.outcomes.values()) == {Fate.ALREADY_THERE}
    assert choice.reason == "nothing to add"


@pytest.mark.parametrize(
    ("un_marked_at", "conflict", "fate"),
    [
        (day(200), Conflict.NEWEST, Fate.KEPT),
        (day(100), Conflict.NEWEST, Fate.WRITTEN),
        (day(200), Conflict.TRAKT, Fate.WRITTEN),
        (day(100), Conflict.DISCOVR, Fate.KEPT),
        (None, Conflict.NEWEST, Fate.WRITTEN),
    ],
)
def test_a_season_that_the_person_un_marked_follows_the_conflict_rule(
    un_marked_at: datetime | None, conflict: Conflict, fate: Fate
) -> None:
    standing = (entry(None, un_marked_at, 0),)
    choice = plan(Season(BINGED, weekly(10), standing, conflict=conflict))
    assert set(choice.outcomes.values()) == {fate}
    assert not any(o.is_default for o in choice.operations)

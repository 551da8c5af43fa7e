"""The numbers at which a decision turns: each holds at its bound and not one beside."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sync.domain.delta import diff
from sync.domain.guard import Change, is_mostly_missing, measure
from sync.domain.origin import TRAKT
from sync.domain.plan import Action, Fate, Operation
from sync.domain.plays import Key, Place
from sync.domain.reconcile import reconcile
from sync.domain.rules import Mode, Rules
from sync.domain.seasons import Airing, Airings
from sync.domain.watermark import Watermark
from tests.factories import at, desired, entry, episode, film, play

KEY = Key("MV_501")


@pytest.mark.parametrize(
    ("changed", "own", "is_unsafe"),
    [
        (9, 10, False),  # too few to be worth a refusal
        (10, 40, False),  # a quarter is allowed
        (10, 39, True),
        (11, 44, False),
        (11, 43, True),
    ],
)
def test_a_guard_lets_pass_a_quarter_and_any_nine(
    changed: int, own: int, *, is_unsafe: bool
) -> None:
    assert Change(changed, own).is_unsafe is is_unsafe


@pytest.mark.parametrize(
    ("missing", "written", "is_mostly"),
    [
        (9, 9, False),  # too few to be worth a refusal
        (10, 10, True),
        (10, 19, True),
        (10, 20, False),  # a half may be somebody's wish
        (11, 21, True),
        (11, 22, False),
    ],
)
def test_more_than_half_of_a_run_is_missing_by_nobodys_wish(
    missing: int, written: int, *, is_mostly: bool
) -> None:
    assert is_mostly_missing(missing, written) is is_mostly


def test_what_a_plan_changes_is_what_it_sets_of_the_persons_own() -> None:
    own, other, ours = Key("MV_1"), Key("MV_2"), Key("MV_3")
    labelled = entry(ours, imported=TRAKT.label)
    there = [entry(own), entry(own, at(2)), entry(other, imported="x"), labelled]
    operations = [
        *(Operation(Action.SET, key, at()) for key in (own, own, ours, Key("MV_4"))),
        Operation(Action.ADD, other, at()),
    ]
    assert measure(operations, there, {TRAKT.label}) == Change(1, 2)


@pytest.mark.parametrize(
    ("since", "is_due"),
    [
        (timedelta(), False),
        (timedelta(days=7) - timedelta(microseconds=1), False),
        (timedelta(days=7), True),
        (timedelta(microseconds=-1), True),  # a clock that was put back
    ],
)
def test_both_sides_are_read_whole_after_seven_days(
    since: timedelta, *, is_due: bool
) -> None:
    mark = Watermark(at(), at(), at(), {})
    assert mark.is_due(at() + since) is is_due


def test_plays_without_an_id_are_told_apart_by_what_and_when() -> None:
    first, second = play(film(1), at(1), id=None), play(film(1), at(2), id=None)
    other = play(film(2), at(1), id=None)
    assert diff([], [first, second, other]).added == (first, second, other)
    assert diff([first, second, other], [first, other]).removed == (second,)


def test_a_viewing_behind_an_entry_is_an_older_one_where_the_ledger_is_lost() -> None:
    """Two stand behind one that is listed: none of them is newer than that."""
    plays = [play(film(1), at(day)) for day in (1, 2, 3)]
    there = [entry(KEY, at(2), imported=TRAKT.label, count=2)]
    plan = reconcile(desired(*plays), there, Rules(has_every_viewing=True))
    assert [(o.action, o.watched_at) for o in plan.operations] == [(Action.ADD, at(3))]
    assert plan.fates[KEY] is Fate.WRITTEN
    assert plan.older[KEY] == dict.fromkeys((at(1), at(2)), Fate.ALREADY_THERE)


def test_what_is_newer_than_all_that_is_listed_hides_behind_nothing() -> None:
    there = [entry(KEY, at(5), imported=TRAKT.label, count=2)]
    rules = Rules(has_every_viewing=True)
    plan = reconcile(desired(play(film(1), at(6))), there, rules)
    assert [o.watched_at for o in plan.operations] == [at(6)]


SEASON = Key("TV_501", 1)


def airings(*days: float) -> dict[Place, Airings]:
    dates = enumerate(days, 1)
    return {SEASON.place: {n: Airing(at(day), timedelta(hours=24)) for n, day in dates}}


def test_a_zero_is_written_once_whichever_default_it_limits() -> None:
    """Where every viewing counts, too: the plan for the latest names it as well."""
    watched = desired(episode(1, 1, at()), episode(1, 2, at(6)), episode(1, 4, at(5)))
    rules = Rules(
        mode=Mode.FEWEST, airings=airings(-30, 3, -30, 3), has_every_viewing=True
    )
    operations = reconcile(watched, (), rules).operations
    assert [o.key.episode for o in operations if not o.progress] == [3]


def test_a_default_that_stands_there_gets_its_zeros_where_every_viewing_counts() -> (
    None
):
    there = [entry(SEASON, at(5), imported=TRAKT.label, count=3)]
    rules = Rules(
        mode=Mode.FEWEST, airings=airings(-30, -30, -30, 3), has_every_viewing=True
    )
    operations = reconcile(desired(episode(1, 2, at(1))), there, rules).operations
    assert [(o.key.episode, o.progress) for o in operations] == [(1, 0), (3, 0), (4, 0)]

"""The numbers at which a decision turns: each holds at its bound and not one beside."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sync.domain.delta import diff
from sync.domain.entries import OUR_LABEL
from sync.domain.guard import Change
from sync.domain.plan import Action, Fate
from sync.domain.plays import Key
from sync.domain.reconcile import reconcile
from sync.domain.rules import Rules
from sync.domain.watermark import Watermark
from tests.factories import at, desired, entry, film, play

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
    there = [entry(KEY, at(2), imported=OUR_LABEL, count=2)]
    plan = reconcile(desired(*plays), there, Rules(has_every_viewing=True))
    assert [(o.action, o.watched_at) for o in plan.operations] == [(Action.ADD, at(3))]
    assert plan.fates[KEY] is Fate.WRITTEN
    assert plan.older[KEY] == dict.fromkeys((at(1), at(2)), Fate.ALREADY_THERE)

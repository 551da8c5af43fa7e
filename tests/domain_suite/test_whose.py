"""What entries tell of our writes: each sign for itself, at its bounds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.evidence import (
    Count,
    added_among,
    before_these,
    is_in_place,
    is_made_by,
    is_ours,
    is_removal,
    is_taken_back,
    merged_titles,
    others_beside,
    unseen_minutes,
    with_times_found,
)
from sync.domain.plan import Action, Operation, Restored
from sync.domain.plays import Key
from sync.domain.writes import Outcome, Row
from tests.factories import at, entry

if TYPE_CHECKING:
    from sync.domain.entries import Entry

KEY, OTHER, SEASON = Key("MV_1"), Key("MV_2"), Key("TV_1", 1)
LABELS = ("trakt",)
WRITTEN = at(20)


def row(operation: Operation, **fields: Any) -> Row:
    known = {"intended_at": WRITTEN, "settled_at": WRITTEN} | fields
    return Row(1, "p", operation, Outcome.APPLIED, **known)


def added(day: float, key: Key = KEY, **fields: Any) -> Row:
    return row(Operation(Action.ADD, key, at(day)), **fields)


def was_set(progress: int = 100, key: Key = KEY, day: float = 1, **fields: Any) -> Row:
    return row(Operation(Action.SET, key, at(day), progress), **fields)


def later(one: Row) -> Row:
    return replace(one, run=2)


def ours(day: float, key: Key = KEY, **fields: Any) -> Entry:
    return entry(key, at(day), **{"imported": "trakt"} | fields)


def theirs(day: float, key: Key = KEY, **fields: Any) -> Entry:
    return entry(key, at(day), **fields)


@pytest.mark.parametrize(
    ("one", "is_one"),
    [
        (added(1), True),
        (added(1, before_progress=2), True),  # how many viewings stood there
        (was_set(), True),
        (was_set(before_progress=0), False),
        (was_set(before_progress=30), False),
    ],
)
def test_what_was_found_is_set_back_and_all_else_removed(
    one: Row, *, is_one: bool
) -> None:
    assert is_removal(one) is is_one


@pytest.mark.parametrize(
    ("rows", "there", "is_gone"),
    [
        ([added(1)], [], True),
        ([added(1)], [ours(1, OTHER)], True),
        ([added(1)], [ours(1)], False),
        ([added(1)], [ours(3)], False),  # moved there by a later PATCH
        ([added(1), added(2)], [ours(2)], True),
        ([added(2), added(1)], [ours(2)], False),
        ([added(1), added(1), added(2)], [ours(2)], True),
        ([added(1), added(2)], [ours(2, count=2)], False),
        ([added(1), added(2), added(3)], [ours(3, count=2)], True),
        # What was written elsewhere, or otherwise, is no repeat of it.
        ([added(1), added(2, OTHER)], [ours(3)], False),
        ([added(1), was_set(day=2)], [ours(3)], False),
        ([was_set(before_progress=30)], [theirs(1, progress=30)], True),
        ([was_set(before_progress=29.6)], [theirs(1, progress=30)], True),
        ([was_set(before_progress=30)], [theirs(1)], False),
        ([was_set(before_progress=30)], [theirs(1, progress=31)], False),
        ([was_set(before_progress=100)], [theirs(1)], False),
        ([was_set()], [theirs(1, progress=0)], False),
        # Set twice, it may be back at what either of them found.
        (
            [was_set(before_progress=50), was_set(50, before_progress=30)],
            [theirs(1, progress=30)],
            True,
        ),
        (
            [was_set(50, before_progress=30), was_set(before_progress=50)],
            [theirs(1, progress=50)],
            False,
        ),
        (
            [was_set(before_progress=30), was_set(before_progress=40, key=OTHER)],
            [theirs(1, progress=40)],
            False,
        ),
        ([was_set(before_progress=30), added(1)], [theirs(1, progress=0)], False),
        # Of two that may have been moved the newest is taken to be there.
        ([added(1), added(2)], [ours(9)], True),
        ([added(2), added(1)], [ours(9)], False),
        ([added(1), added(2), added(3)], [ours(2), ours(9)], True),
        # What a later run added is not what an earlier one had set.
        ([was_set(before_progress=30), later(added(9))], [ours(9)], True),
        ([was_set(0), later(added(9))], [ours(9)], True),
        ([was_set(0), later(added(9))], [ours(8)], False),
        ([was_set(0), later(added(9))], [ours(9), theirs(1)], False),
        ([was_set(0), later(added(9))], [ours(9, count=2)], False),
        ([later(was_set(0)), added(9)], [ours(9, progress=0)], False),
    ],
)
def test_a_write_is_taken_back_where_nothing_of_it_is_to_be_seen(
    rows: list[Row], there: list[Entry], *, is_gone: bool
) -> None:
    assert is_taken_back(rows[0], rows, there) is is_gone


SET_BACK = was_set(before_progress=30, before_at=at(5), undone_at=at(21))


@pytest.mark.parametrize(
    ("there", "back", "gets_it"),
    [
        (theirs(20, progress=30), [SET_BACK], True),
        (entry(KEY, at(20, minutes=-2), progress=30), [SET_BACK], True),
        (entry(KEY, at(20, minutes=-3), progress=30), [SET_BACK], False),
        (entry(KEY, at(21, minutes=2), progress=30), [SET_BACK], True),
        (entry(KEY, at(21, minutes=3), progress=30), [SET_BACK], False),
        (entry(KEY, None, progress=30), [SET_BACK], False),
        (theirs(20, progress=31), [SET_BACK], False),
        (theirs(20, progress=30), [replace(SET_BACK, undone_at=None)], False),
        (theirs(20, progress=30), [replace(SET_BACK, before_progress=None)], False),
        (theirs(20, OTHER, progress=30), [SET_BACK], False),
        (theirs(20, progress=30), [], False),
        # The latest of several knows best.
        (
            theirs(20, progress=30),
            [was_set(before_progress=40, undone_at=at(21)), SET_BACK],
            True,
        ),
        (
            theirs(20, progress=30),
            [SET_BACK, was_set(before_progress=40, undone_at=at(21))],
            False,
        ),
    ],
)
def test_what_was_set_back_gets_the_time_again_at_which_it_was_found(
    there: Entry, back: list[Row], *, gets_it: bool
) -> None:
    expected = replace(there, updated_at=at(5)) if gets_it else there
    assert list(with_times_found([there], back)) == [expected]
    beside = theirs(7, Key("MV_9"), progress=30)
    assert list(with_times_found([there, beside], back)) == [expected, beside]
    # Of two nobody can say which it was.
    two = [there, replace(there, progress=90)]
    assert list(with_times_found(two, back)) == two


@pytest.mark.parametrize(
    ("there", "one", "is_one"),
    [
        (ours(1), added(1), True),
        (ours(1), added(1, OTHER), False),
        (ours(2), added(1), False),
        (theirs(1), added(1), True),  # PATCH may have dropped the label
        (theirs(1, imported="other"), added(1), False),
        (theirs(1), was_set(), True),
        (theirs(1), was_set(30), False),
        (theirs(1), was_set(before_progress=30), False),
        (theirs(1), was_set(key=OTHER), False),
    ],
)
def test_an_entry_is_made_by_what_added_it_or_set_it_where_there_was_none(
    there: Entry, one: Row, *, is_one: bool
) -> None:
    assert is_made_by([one], there, LABELS) is is_one
    assert is_made_by([added(8), one], there, LABELS) is is_one


def test_what_a_copy_brought_back_has_the_label_that_it_had() -> None:
    back = row(Operation(Action.ADD, KEY, at(1), restored=Restored(30, "x", at(1))))
    labels = {label: ours(1, imported=label) for label in ("x", "trakt", None)}
    told = {label: is_ours(one, back, LABELS) for label, one in labels.items()}
    assert told == {"x": True, "trakt": False, None: True}
    assert not is_ours(ours(2, imported="x"), back, LABELS)
    assert not is_ours(entry(KEY, None), back, LABELS)


def test_added_are_those_of_a_minute_of_ours_and_what_came_back_without_one() -> None:
    undated = row(Operation(Action.ADD, KEY, at(1), restored=Restored(30, "x")))
    rows = [added(1), added(3), was_set(day=2), undated]
    mine = [ours(1), ours(3), theirs(3), theirs(20, imported="x"), entry(KEY, None)]
    others = [ours(2), theirs(1, imported="x"), theirs(21, imported="x")]
    assert added_among([*mine, *others], rows, LABELS) == mine


@pytest.mark.parametrize(
    ("there", "rows", "is_beside"),
    [
        ([ours(1)], [added(1)], False),
        ([theirs(2)], [added(1)], True),
        ([ours(1), theirs(2)], [added(1)], True),
        ([ours(1), theirs(2, progress=79)], [added(1)], False),
        # A merged entry hides as many as it counts beyond itself.
        ([ours(1, count=2)], [added(1)], True),
        ([ours(2, count=2)], [added(1), added(2)], False),
        ([ours(2, count=3)], [added(1), added(2)], True),
        ([ours(2, count=2)], [added(2), added(1, OTHER)], True),
        ([ours(2, count=2)], [added(2), was_set(day=1)], True),
    ],
)
def test_a_viewing_that_no_row_made_stands_beside_ours_or_hides_there(
    there: list[Entry], rows: list[Row], *, is_beside: bool
) -> None:
    assert others_beside(there, rows, LABELS) is is_beside


def test_one_that_is_meant_itself_is_not_beside() -> None:
    mine, other = theirs(2), theirs(3)
    assert not others_beside([mine], [added(1)], LABELS, mine)
    assert others_beside([mine, other], [added(1)], LABELS, mine)


@pytest.mark.parametrize(
    ("there", "rows", "left"),
    [
        ([ours(1)], [added(1)], []),
        ([ours(1), ours(1, OTHER)], [added(1)], [ours(1, OTHER)]),
        ([ours(1), theirs(2)], [added(1)], [theirs(2)]),
        ([ours(1), ours(2)], [added(1), added(2)], []),
        ([theirs(20)], [was_set()], []),
        (
            [theirs(20)],
            [was_set(before_progress=30, before_at=at(5))],
            [theirs(5, progress=30)],
        ),
        ([theirs(20)], [was_set(50, before_progress=30)], [theirs(20)]),
        # An earlier version did not note the time: one before the write is as found.
        ([theirs(5)], [was_set(before_progress=30)], [theirs(5, progress=30)]),
        (
            [theirs(20)],
            [was_set(before_progress=30)],
            [entry(KEY, None, progress=30)],
        ),
        (
            [theirs(30)],
            [was_set(before_progress=30, before_at=at(5))],
            [theirs(30)],  # watched since
        ),
        (
            [theirs(1)],
            [was_set(before_progress=30, before_at=at(5))],
            [theirs(1)],  # what a SET is about is no minute of its entry
        ),
        ([theirs(20)], [added(20, OTHER), was_set(key=OTHER)], [theirs(20)]),
        # It was merged into one that stood for two.
        ([theirs(9, count=3)], [added(1, before_progress=2)], [theirs(9, count=2)]),
        ([theirs(9)], [added(1, before_progress=2)], [theirs(9)]),
        ([theirs(9, count=3)], [added(1)], [theirs(9, count=3)]),
        ([theirs(9, count=3)], [was_set(50, before_progress=2)], [theirs(9, count=3)]),
    ],
)
def test_before_the_rows_all_stood_as_they_found_it(
    there: list[Entry], rows: list[Row], left: list[Entry]
) -> None:
    assert before_these(there, rows, LABELS) == left


def test_a_title_is_merged_by_its_own_rows_alone() -> None:
    rows = [added(1, before_progress=2), added(1, OTHER)]
    assert merged_titles([theirs(1, OTHER, count=3)], rows) == set()
    assert merged_titles([theirs(1, count=3)], rows) == {"MV_1"}


@pytest.mark.parametrize(
    ("there", "unseen"),
    [
        ([], [1, 2, 3]),
        ([ours(3)], [1, 2]),
        ([ours(3), ours(1)], [2]),
        ([ours(3, count=2)], [1]),  # the newest hides first
        ([ours(1, count=2)], [2]),
        ([ours(3, count=3)], []),
        ([ours(9, count=2)], [1, 2]),
    ],
)
def test_minutes_are_unseen_that_are_not_listed_and_cannot_hide(
    there: list[Entry], unseen: list[int]
) -> None:
    rows = [added(1), added(2), added(3), was_set(day=4)]
    assert unseen_minutes(rows, there) == {at(day) for day in unseen}


ADD, SET = Operation(Action.ADD, KEY, at(1)), Operation(Action.SET, KEY, at(1), 30)
DEFAULT = Operation(Action.ADD, SEASON, at(1))
BACK = Operation(Action.ADD, KEY, at(1), restored=Restored(30, "x", at(1)))
UNDATED = replace(BACK, restored=Restored(30, "x"))
ONE, NONE = Count(1, frozenset({at(5)})), Count()


@pytest.mark.parametrize(
    ("operation", "there", "before", "is_there"),
    [
        (ADD, [], None, False),
        (ADD, [theirs(1, OTHER)], None, False),
        (ADD, [theirs(9)], None, True),  # one viewing is enough, whoever made it
        (ADD, [theirs(1, progress=79)], None, False),
        (SET, [theirs(1, progress=30)], None, True),
        (SET, [theirs(1, progress=31)], None, False),
        (SET, [theirs(1)], NONE, False),
        (DEFAULT, [theirs(1, SEASON)], None, True),
        (DEFAULT, [theirs(9, SEASON)], None, False),
        (DEFAULT, [theirs(9, SEASON, count=2)], None, False),
        (DEFAULT, [theirs(1, SEASON, progress=0)], None, False),
        (BACK, [theirs(1, progress=30)], None, True),
        (BACK, [theirs(9, progress=30)], None, False),
        (BACK, [theirs(9)], None, False),
        (UNDATED, [], None, False),
        (UNDATED, [theirs(9, progress=30)], None, True),
        # Where every viewing counts.
        (ADD, [theirs(1)], NONE, True),
        (ADD, [theirs(9)], NONE, False),
        (ADD, [theirs(1, progress=79)], NONE, False),
        (ADD, [theirs(5, count=2)], ONE, True),
        (ADD, [theirs(5, count=2)], ONE._replace(viewings=2), False),
        (ADD, [theirs(5, count=2)], Count(1, None), True),
        (ADD, [theirs(8), theirs(9)], Count(1, None), False),
        (ADD, [theirs(9, count=2)], ONE, False),  # listed anew: it is the person's
        (ADD, [theirs(9, count=3)], ONE, True),
    ],
)
def test_a_write_is_in_place_where_its_entry_or_one_more_viewing_shows(
    operation: Operation, there: list[Entry], before: Count | None, *, is_there: bool
) -> None:
    assert is_in_place(operation, there, before) is is_there

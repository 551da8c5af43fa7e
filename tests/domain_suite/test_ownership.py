"""Whose an entry is: by the time that a write found, and by its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sync.domain.evidence import is_as_set, is_ours
from sync.domain.plan import Action, Operation, Restored
from sync.domain.plays import Key
from sync.ledger import Outcome, Row
from tests.factories import at, entry

if TYPE_CHECKING:
    from datetime import datetime

KEY = Key("MV_1")
#: When the entry was watched that the write finds.
FOUND = at(5)


@pytest.mark.parametrize("before_at", [FOUND, None])
@pytest.mark.parametrize(
    ("watched_at", "is_kept_or_moved"),
    [
        (FOUND, True),
        (at(20), True),
        (at(20, minutes=-2), True),
        (at(20, minutes=12), True),
        (at(20, minutes=13), False),
        (at(30), False),
        (None, True),
    ],
)
def test_a_set_entry_is_known_by_a_time_that_the_write_can_have_left(
    before_at: datetime | None, watched_at: datetime | None, *, is_kept_or_moved: bool
) -> None:
    row, one = set_within_ten_minutes(before_at), entry(Key("MV_1"), watched_at)
    assert is_as_set(one, row) is is_kept_or_moved


@pytest.mark.parametrize("before_at", [FOUND, None])
def test_any_time_before_it_may_be_the_one_that_an_earlier_version_found(
    before_at: datetime | None,
) -> None:
    for watched_at in (at(12), at(20, minutes=-3)):
        one = entry(Key("MV_1"), watched_at)
        assert is_as_set(one, set_within_ten_minutes(before_at)) is (before_at is None)


def test_where_nobody_knows_when_a_write_ended_any_time_may_be_its() -> None:
    row = replace(set_within_ten_minutes(FOUND), settled_at=None)
    assert is_as_set(entry(KEY, at(30)), row)


def set_within_ten_minutes(before_at: datetime | None) -> Row:
    return Row(
        run=1,
        profile="p",
        operation=Operation(Action.SET, Key("MV_1"), at(8)),
        outcome=Outcome.APPLIED,
        intended_at=at(20),
        settled_at=at(20, minutes=10),
        before_progress=30,
        before_at=before_at,
    )


@pytest.mark.parametrize(
    ("minutes", "is_one"),
    [(-3, False), (-2, True), (0, True), (12, True), (13, False)],
)
def test_what_came_back_without_a_time_is_known_by_when_it_was_sent(
    minutes: int, *, is_one: bool
) -> None:
    back = Operation(Action.ADD, KEY, at(8), restored=Restored(100, "x", None))
    sent = Row(1, "p", back, Outcome.APPLIED, at(20), at(20, minutes=10))
    one = entry(KEY, at(20, minutes=minutes), imported="x")
    assert is_ours(one, sent, ()) is is_one
    assert is_ours(replace(one, updated_at=None), sent, ())
    if minutes > 0:  # nobody knows when it ended: it may be a later one
        assert is_ours(one, replace(sent, settled_at=None), ())

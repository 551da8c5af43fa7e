"""Whose an entry is: by the time that a write found, and by its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sync.domain.evidence import is_as_set
from sync.domain.plan import Action, Operation
from sync.domain.plays import Key
from sync.ledger import Outcome, Row
from tests.factories import at, entry

if TYPE_CHECKING:
    from datetime import datetime

#: When the entry was watched that the write finds.
FOUND = at(5)


@pytest.mark.parametrize("before_at", [FOUND, None])
@pytest.mark.parametrize(
    ("watched_at", "is_kept_or_moved"),
    [
        (FOUND, True),
        (at(20), True),
        (at(20, minutes=-1), True),
        (at(20, minutes=11), True),
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
    one = entry(Key("MV_1"), at(12))
    assert is_as_set(one, set_within_ten_minutes(before_at)) is (before_at is None)


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

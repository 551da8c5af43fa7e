"""What stood there before our writes, and what a write makes of it."""

from __future__ import annotations

import pytest

from sync.domain.evidence import Count, merged_titles
from sync.domain.plan import Action, Operation
from sync.domain.plays import Key
from sync.domain.writes import Outcome, Row
from tests.factories import T0, entry

KEY = Key("MV_1")


def row(action: Action, before: float | None) -> Row:
    written = Operation(action, KEY, T0)
    return Row(1, "p", written, Outcome.APPLIED, T0, before_progress=before)


@pytest.mark.parametrize(
    ("before", "count", "is_merged"),
    [
        (None, 1, False),
        (None, 3, False),
        (0, 1, False),
        (0, 3, False),
        (1, 1, False),
        (1, 2, True),
        (2, 2, False),
        (2, 3, True),
    ],
)
def test_a_title_is_merged_where_its_entry_counts_more_than_stood_there(
    before: float | None, count: int, *, is_merged: bool
) -> None:
    entries = [entry(KEY, count=count), entry("MV_2", count=3)]
    found = merged_titles(entries, [row(Action.ADD, before)])
    assert found == ({"MV_1"} if is_merged else set())


def test_a_later_set_does_not_hide_that_it_was_merged() -> None:
    rows = [row(Action.ADD, 1), row(Action.SET, 30)]
    assert merged_titles([entry(KEY, count=2)], rows) == {"MV_1"}


def test_a_set_makes_one_viewing_where_there_was_none_and_any_minute_may_be_it() -> (
    None
):
    key_set, added = Operation(Action.SET, KEY, T0), Operation(Action.ADD, KEY, T0)
    assert Count().after(key_set) == Count(1, None)
    assert Count(3, frozenset({T0})).after(key_set) == Count(3, None)
    assert Count().after(added) == Count(1, frozenset({T0}))
    assert Count(2, None).after(added) == Count(3, None)

"""What a removal shows of what removals take."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sync.domain.plan import Action, Operation
from sync.domain.plays import Key, Place
from sync.domain.writes import Outcome, Row
from sync.pipeline.undo_place import PlaceUndo
from sync.pipeline.undo_standing import Undone
from tests.factories import T0, entry

SEASON, FIRST, SECOND = Key("TV_1", 1), Key("TV_1", 1, 1), Key("TV_1", 1, 2)


@pytest.mark.parametrize(
    ("before", "left", "sent", "takes_season"),
    [
        ([SEASON, FIRST], [FIRST], [SEASON], False),
        ([SEASON, FIRST], [], [SEASON], True),
        # It stands there still, or there is nothing beside it.
        ([SEASON, FIRST], [SEASON, FIRST], [SEASON], None),
        ([SEASON, FIRST], [SEASON], [SEASON], None),
        ([SEASON], [], [SEASON], None),
        # An episode was asked for too: nobody knows what took which.
        ([SEASON, FIRST, SECOND], [SECOND], [SEASON, FIRST], None),
        ([FIRST, SECOND], [SECOND], [FIRST], None),
    ],
)
def test_only_a_season_that_went_by_itself_shows_what_it_takes_along(
    before: list[Key], left: list[Key], sent: list[Key], takes_season: bool | None
) -> None:
    result = Undone(1)
    undoing: Any = SimpleNamespace(services=None, labels=(), result=result)
    rows = [
        Row(1, "p", Operation(Action.ADD, key, T0), Outcome.APPLIED, T0)
        for key in (SEASON, FIRST, SECOND)
    ]
    place = PlaceUndo(undoing, Place("TV_1", 1), rows, [])
    place._entries = [entry(key) for key in left]
    place._sent.update(sent)
    place._check(sent, [entry(key) for key in before])
    assert result.takes_season is takes_season

"""Whether what was written accounts for all that is listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sync.domain.plan import Action
from sync.domain.plays import Key
from sync.ledger.kinds import accounts_for
from tests.factories import at, entry

if TYPE_CHECKING:
    from datetime import datetime

    from sync.domain.entries import Entry

KEY = Key("MV_1")


@dataclass
class Written:
    """The columns of a write that are looked at."""

    watched_at: datetime
    action: str = Action.ADD.value
    before_progress: float | None = None
    media: str = KEY.media
    season: int | None = None
    episode: int | None = None


SET, FOUND = Action.SET.value, 30.0


@pytest.mark.parametrize(
    ("rows", "entries", "is_all"),
    [
        ([], [], True),
        ([], [entry(KEY, at(1))], False),
        ([Written(at(1))], [entry(KEY, at(1))], True),
        ([Written(at(1))], [entry(KEY, at(2))], False),
        ([Written(at(1))], [entry(KEY, None)], False),
        ([Written(at(1))], [entry(KEY, at(1), count=2)], False),
        ([Written(at(1)), Written(at(2))], [entry(KEY, at(2), count=2)], True),
        ([Written(at(1)), Written(at(2))], [entry(KEY, at(1))], True),
        ([Written(at(1)), Written(at(9))], [entry(KEY, at(n)) for n in (1, 2)], False),
        # PATCH may have moved the time of what it made, and found what it set.
        ([Written(at(1), SET)], [entry(KEY, at(5))], True),
        ([Written(at(1), SET, FOUND)], [entry(KEY, at(1))], False),
        ([Written(at(1), media="MV_2")], [entry(KEY, at(1))], False),
        ([Written(at(1))], [entry(KEY, at(1)), entry("MV_2", at(1))], False),
    ],
)
def test_each_viewing_has_a_write_of_its_key_and_minute(
    rows: list[Written], entries: list[Entry], *, is_all: bool
) -> None:
    assert accounts_for(rows, entries) is is_all

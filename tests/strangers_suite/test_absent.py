"""A season that TMDB does not have: Discovr may not show it, and the report says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sync.domain.rules import Mode
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.account.titles import by_tmdb
from sync.transform.air_dates import ABSENT
from tests.worlds import world

if TYPE_CHECKING:
    from pathlib import Path

WATCHED = datetime(2026, 1, 5, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("plays", "mode", "has_tmdb"),
    [
        (1, Mode.CLEAN, True),
        (2, Mode.OFF, True),
        (1, Mode.CLEAN, False),
    ],
)
async def test_a_season_that_tmdb_lacks_is_named_whatever_was_watched_of_it(
    plays: int, mode: Mode, tmp_path: Path, *, has_tmdb: bool
) -> None:
    account = synthetic_account(30, 2, seed=5)
    show = next(t for t in account.titles if t.seasons)
    for play in account.plays:
        account.remove_play(play.id)
    season = show.seasons[-1]
    for episode in season.episodes[:plays]:
        account.add_play(show, WATCHED, season=season.number, number=episode.number)
    history = {"collapse": mode}
    async with world(account, tmp_path, history=history, has_tmdb=has_tmdb) as place:
        lacking = replace(show, seasons=show.seasons[:-1])
        place.tmdb._titles = by_tmdb([lacking])
        plan = (await place.plan()).prepared.plan
        asked = len(place.tmdb.seen)
    assert len(plan.operations) == plays
    reasons = [note.reason for note in plan.seasons]
    assert (reasons == [ABSENT]) is has_tmdb
    assert asked == has_tmdb

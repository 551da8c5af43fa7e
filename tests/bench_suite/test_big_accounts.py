"""What a run holds of an account, in bytes a play: big ones have to fit as well."""

from __future__ import annotations

import gc
import json
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bench import big_account
from bench.measure import Noise
from bench.sizes import QUICK
from connectors.trakt.minimal import MinimalShows, decode_shows
from sync import api
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.server import utc_now
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from tests.worlds import World

FEW, MANY = 30, 230
#: As many as in the account of 300,000 plays and 5,000 shows.
PLAYS_A_SHOW = 60


async def peak_of(work: Awaitable[object]) -> int:
    """Return the most bytes that it held beyond what was there before."""
    gc.collect()
    tracemalloc.start()
    try:
        await work
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def watch_one_more(place: World) -> None:
    film = next(play.title for play in place.account.plays if play.episode is None)
    place.account.add_play(film, utc_now() - timedelta(minutes=5))


async def test_a_sync_holds_little_more_for_each_play(tmp_path: Path) -> None:
    peaks: list[int] = []
    for plays in (FEW, MANY):
        account = synthetic_account(plays, max(1, plays // PLAYS_A_SHOW))
        folder = tmp_path / str(plays)
        folder.mkdir()
        async with world(account, folder, has_tmdb=False) as place:
            await place.migrate()
            if not peaks:  # caches are filled
                await watch_one_more(place)
                await api.sync(place.settings)
            await watch_one_more(place)
            peaks.append(await peak_of(api.sync(place.settings)))
    few, many = peaks
    assert (many - few) / (MANY - FEW) < 900


def test_of_a_minimal_list_one_show_is_decoded_at_a_time() -> None:
    shows, episodes = 100, 60
    moment = "2026-10-31T17:57:00.000Z"
    season = {str(number): [moment] for number in range(1, episodes + 1)}
    body = json.dumps(
        {str(show): {f"{show}|1": season} for show in range(1, shows + 1)}
    ).encode()
    tracemalloc.start()
    listed = MinimalShows([decode_shows(body)])
    found = sum(len(seasons[1]) for seasons in listed.values())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == shows * episodes
    assert peak / found < 20


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_big_account_fits_into_little_memory() -> None:
    sizes = replace(QUICK, big_account=30_000)
    rows = {row.what: row for row in (await big_account.run(sizes, Noise())).rows}
    assert rows["30,000 plays: migrate, peak memory"].value < 160
    assert rows["30,000 plays: sync of one play, peak memory"].value < 130

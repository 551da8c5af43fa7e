"""What a run holds of an account, in bytes a play: big ones have to fit as well."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bench import big_account
from bench.measure import Noise
from bench.sizes import QUICK
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


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_big_account_fits_into_little_memory() -> None:
    sizes = replace(QUICK, big_account=30_000)
    rows = {row.what: row for row in (await big_account.run(sizes, Noise())).rows}
    assert rows["30,000 plays: migrate, peak memory"].value < 160
    assert rows["30,000 plays: sync of one play, peak memory"].value < 130

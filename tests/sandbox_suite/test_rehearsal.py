"""A rehearsal of one's own file, with the air dates that real runs have paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sync import api
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.rehearsal import LISTINGS, open_sandbox
from sync.sandbox.trakt.export import write_export
from sync.transform.listings import TmdbListing, TraktListing
from tests.worlds import world

if TYPE_CHECKING:
    from pathlib import Path

    from sync.config import Settings
    from sync.pipeline.result import Report


async def rehearse(settings: Settings, path: Path) -> Report:
    async with open_sandbox(settings, is_rehearsal=True) as rehearsal:
        return await api.plan(rehearsal, files=[path])


@pytest.mark.parametrize("has_tmdb", [False, True])
async def test_it_plans_what_the_real_run_plans(
    tmp_path: Path, *, has_tmdb: bool
) -> None:
    account = synthetic_account(200, 3, seed=2)
    path = tmp_path / "export.zip"
    write_export(account, path)
    async with world(account, tmp_path, has_tmdb=has_tmdb) as place:
        bare = await rehearse(place.settings, path)
        real = await place.plan(files=[path])
        again = await rehearse(place.settings, path)
    assert real.prepared.plan.saved
    assert bare.prepared.plan.saved == 0
    assert again.prepared.plan == real.prepared.plan


def test_the_listings_go_by_these_names() -> None:
    assert (TmdbListing.name, TraktListing.name) == LISTINGS

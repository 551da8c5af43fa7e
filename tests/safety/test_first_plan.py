"""The first plan of a large account, with both of Trakt's quotas in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sync.sandbox.account.synthetic import synthetic_account
from tests.virtual import calm_ledger, open_world, refused, waits_into

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.long
async def test_100_000_plays_wait_for_one_window_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm_ledger(monkeypatch)
    place = open_world(synthetic_account(100_000, 1_000), tmp_path, has_tmdb=False)
    waits: list[float] = []
    prepared, seconds = await place.prepare(on_event=waits_into(waits))
    assert prepared.plan.saved > 35_000
    assert seconds < 330
    assert set(refused(place)) <= {201, 413}
    # One wait of the line, however many stand in it.
    assert len([wait for wait in waits if wait > 60]) == 1

"""What was answered is kept, also by a run that comes to nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sync.errors import IncompleteReadError
from sync.sandbox.trakt.quirks import TraktQuirks
from tests.safety.accounts import mixed_account
from tests.virtual import calm_ledger, open_world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.virtual import VirtualWorld


async def test_air_dates_of_a_reading_that_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm_ledger(monkeypatch)
    account, _ = mixed_account(3)
    lost = frozenset({account.plays_of(account.find("Film 1"))[0].id})
    quirks = TraktQuirks(dropped_after_slicing=lost, drops_from_minimal=False)
    place = open_world(account, tmp_path, quirks=quirks)
    with pytest.raises(IncompleteReadError):
        await place.carry()
    asked = [request.path for request in place.tmdb.seen]
    assert asked
    place.tmdb.seen.clear()
    await place.carry(accept_incomplete=True)
    again = [request.path for request in place.tmdb.seen]
    assert not {*asked} & {*again}


async def test_air_dates_of_a_reading_that_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm_ledger(monkeypatch)
    account, _ = mixed_account(3)
    place = open_world(account, tmp_path)
    running = asyncio.create_task(place.carry())
    async with asyncio.timeout(20):
        while len(answered(place)) < 2:  # the first one was read by then
            assert not running.done()
            await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    first, *_ = answered(place)
    place.tmdb.seen.clear()
    await place.carry()
    assert first not in answered(place)


def answered(place: VirtualWorld) -> list[str]:
    return [request.path for request in place.tmdb.seen if request.status == 200]

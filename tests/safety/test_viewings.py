"""Where every viewing counts: marks taken back, and viewings behind a count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sync import plan
from sync.config import StateSettings
from sync.domain.plays import Key
from sync.sandbox.account import Account
from sync.sandbox.discovr_quirks import DiscovrQuirks
from sync.sandbox.faults import Fault
from tests.safety.accounts import film, mixed_account, show, watched_on
from tests.safety.arena import Viewing, arena
from tests.safety.reading import shown
from tests.test_load import once

if TYPE_CHECKING:
    from pathlib import Path

EVERY = {"collapse": "off", "plays": "all"}


async def test_an_episode_that_was_un_marked_is_set_although_a_default_stands(
    tmp_path: Path,
) -> None:
    title = show(1, 4)
    account = Account([title])
    for number in range(1, 5):
        account.add_play(title, watched_on(20, number), season=1, number=number)
    history = {"collapse": "clean", "plays": "all"}
    async with arena(account, tmp_path, history=history) as place:
        await place.migrate()
        key = Key("TV_201", 1, 4)
        place.discovr.person_sets(key, 5, at=watched_on(3))
        await place.migrate()
        assert key in shown(account, place.discovr.entries()).surely
        assert await place.operations() == ()


@pytest.mark.parametrize("repeats", ["merged", "counted"])
async def test_what_hid_there_before_is_not_taken_for_a_write_that_was_lost(
    tmp_path: Path, repeats: str
) -> None:
    title, key = film(1), Key("MV_101")
    account = Account([title])
    account.add_play(title, watched_on(1))
    quirks = DiscovrQuirks(repeats=repeats)  # type: ignore[arg-type]  # one of them
    async with arena(account, tmp_path, discovr=quirks, history=EVERY) as place:
        for day in (30, 31):
            place.discovr.person_adds(key, at=watched_on(day))
        spoil = once(Fault.cut_before())
        place.discovr.faults = lambda request, _number: spoil(request)
        await place.migrate()
        assert place.discovr.appended == [Viewing(key, watched_on(1))]


async def test_a_lost_state_doubles_nothing_where_repeats_are_merged(
    tmp_path: Path,
) -> None:
    account, own = mixed_account()
    quirks = DiscovrQuirks(repeats="merged")
    async with arena(
        account, tmp_path, own=own, discovr=quirks, history=EVERY
    ) as place:
        await place.migrate()
        settings = place.settings.model_copy(
            update={"state": StateSettings(url="sqlite://", tokens=tmp_path / "none")}
        )
        report = await plan(settings)
        assert report.prepared.plan.operations == ()

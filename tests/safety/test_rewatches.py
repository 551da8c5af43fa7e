"""Where every viewing counts: marks taken back, and viewings behind a count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sync import plan
from sync.config import StateSettings
from sync.domain.plays import Key
from sync.sandbox.account.account import Account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.faults import Fault
from tests.load_suite.test_load import once
from tests.safety.accounts import film, mixed_account, show, watched_on
from tests.safety.arena import Phase, Viewing, arena
from tests.safety.killing import migrate_until
from tests.safety.reading import shown

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

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


@pytest.mark.parametrize("repeats", ["listed", "merged", "counted"])
@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("day", [1.5, 9, None])
async def test_a_viewing_of_the_persons_is_not_taken_for_a_write_that_was_lost(
    tmp_path: Path, repeats: str, phase: Phase, number: int, day: float | None
) -> None:
    title, key = film(1), Key("MV_101")
    account = Account([title])
    wanted = [Viewing(key, watched_on(day)) for day in (1, 2)]
    for viewing in wanted:
        account.add_play(title, viewing.minute)
    quirks = DiscovrQuirks(repeats=repeats)  # type: ignore[arg-type]  # one of them
    left = {Phase.BEFORE: number, Phase.DONE: number}

    def is_moment(request: web.Request, now: Phase) -> bool:
        left[now] -= request.method == "POST" and request.path == "/profile/history"
        return now is phase and left[now] == 0

    async with arena(account, tmp_path, discovr=quirks, history=EVERY) as place:
        assert await migrate_until(place, is_moment)
        place.clock.advance(3600)
        place.discovr.person_adds(key, at=None if day is None else watched_on(day))
        assert (await place.migrate()).is_complete
        assert sorted(place.discovr.appended) == wanted


async def test_what_was_held_off_by_a_zero_of_ours_is_set_not_added_again(
    tmp_path: Path,
) -> None:
    """An entry of ours at that very minute is there, and says that it went."""
    title, key = show(1, 4), Key("TV_201", 1, 2)
    account = Account([title])
    for number in range(1, 5):
        account.add_play(title, watched_on(2, number), season=1, number=number)
    account.add_play(title, watched_on(9), season=1, number=2)
    history = {"collapse": "fewest", "plays": "all"}
    async with arena(account, tmp_path, history=history) as place:
        await place.migrate()
        (minute,) = (v.minute for v in place.discovr.appended if v.key == key)
        for play in account.plays_of(title, 1, 2):
            account.remove_play(play.id)
        await place.sync(prune=True)
        assert key not in shown(account, place.discovr.entries()).maybe
        account.add_play(title, minute, season=1, number=2)
        assert (await place.sync()).is_complete
        assert key in shown(account, place.discovr.entries()).surely
        assert place.discovr.doubled() == {}

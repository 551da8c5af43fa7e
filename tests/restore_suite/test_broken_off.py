"""What a broken-off restore may have sent is looked up by every later command."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import product
from typing import TYPE_CHECKING

import pytest

from sync.domain.plays import Key
from sync.ledger import Ledger
from sync.sandbox.account.account import Account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.visibility import Lie
from tests.long import choose
from tests.restore_suite.copies import as_listed, own, put_down
from tests.safety.accounts import film, watched_on
from tests.safety.arena import Phase, arena
from tests.safety.killing import run_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from sync.ledger import Row
    from sync.pipeline.result import Report
    from tests.safety.arena import Arena

HOUR_S = 3600
FILM, OTHER = Key("MV_101"), Key("MV_102")


@asynccontextmanager
async def broken_off(
    folder: Path, plays: str, repeats: str, phase: Phase = Phase.DONE
) -> AsyncIterator[Arena]:
    """Open a world in which a restore died with its one write, of what was watched."""
    account = Account([film(1), film(2)])
    account.add_play(account.find("Film 2"), watched_on(1))
    quirks = DiscovrQuirks(repeats=repeats)  # type: ignore[arg-type]
    history = {"plays": plays}
    async with arena(account, folder, discovr=quirks, history=history) as place:
        assert (await place.migrate()).is_complete
        place.clock.advance(2 * HOUR_S)
        there = as_listed(place.discovr.entries())
        copy = put_down(place, [*there, own(FILM, day=2, label="trakt")])

        def is_moment(request: web.Request, now: Phase) -> bool:
            is_write = (request.method, request.path) == ("POST", "/profile/history")
            return is_write and now is phase

        assert await run_until(place, place.restore(copy), is_moment)
        account.add_play(account.find("Film 1"), watched_on(2))
        yield place


async def run(place: Arena, command: str) -> Report:
    return await (place.migrate() if command == "migrate" else place.sync())


async def unsettled(place: Arena) -> list[Row]:
    async with await Ledger.open(place.settings.state.url) as ledger:
        profile = place.discovr.profiles[0].id
        return await ledger.unsettled(profile, is_restored=True)


WORLDS = [*product(("migrate", "sync"), ("latest", "all"), ("listed", "merged"))]
CASES = [(*world, readings) for readings in (0, 1, 2) for world in WORLDS]


@pytest.mark.parametrize("case", choose(CASES[1::11], CASES[::2], CASES))
async def test_what_it_sent_is_not_sent_by_a_run(
    tmp_path: Path, case: tuple[str, str, str, int]
) -> None:
    command, plays, repeats, readings = case
    async with broken_off(tmp_path, plays, repeats) as place:
        visibility = place.discovr.visibility
        visibility.big = Lie(lags_s=HOUR_S if readings else 0)
        visibility.title = Lie(lags_s=HOUR_S, readings=readings) if readings else Lie()
        assert (await run(place, command)).is_complete
        assert place.discovr.doubled() == {}
        assert [e.key for e in place.discovr.entries()].count(FILM) == 1
        assert await unsettled(place) == []
        # It is the person's, though its label is ours.
        await place.undo(is_each=False)
        left = {e.key for e in place.discovr.entries()}
        assert left == {OTHER}


@pytest.mark.parametrize(("command", "plays", "repeats"), WORLDS[3:4])
async def test_what_it_did_not_send_a_run_writes_for_its_own_play(
    tmp_path: Path, command: str, plays: str, repeats: str
) -> None:
    async with broken_off(tmp_path, plays, repeats, Phase.BEFORE) as place:
        assert (await run(place, command)).is_complete
        assert [e.key for e in place.discovr.entries()].count(FILM) == 1
        assert place.discovr.doubled() == {}

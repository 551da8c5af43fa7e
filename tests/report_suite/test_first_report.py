"""A first run reports, also where there is nothing to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.errors import InputError
from sync.documents.report_store import recall_report
from sync.domain.plays import Key
from sync.ledger import Ledger
from sync.sandbox.account.account import Account
from tests.safety.accounts import Own, film, watched_on
from tests.safety.arena import arena

if TYPE_CHECKING:
    from pathlib import Path

    from sync.documents.report import ReportDocument
    from tests.safety.arena import Arena

THERE = [Own(Key("MV_101"), 100, watched_on(1))]


async def recall(place: Arena) -> ReportDocument:
    async with await Ledger.open(place.settings.state.url) as ledger:
        report, _ = await recall_report(ledger, place.discovr.profiles[0].id)
    return report


@pytest.mark.parametrize("command", ["migrate", "sync"])
@pytest.mark.parametrize(
    ("has_tmdb", "own"), [(True, THERE), (False, [])], ids=["all there", "unmatched"]
)
async def test_what_has_nothing_to_write_reports_once(
    command: str, tmp_path: Path, own: list[Own], *, has_tmdb: bool
) -> None:
    account = Account([film(1, has_tmdb=has_tmdb), film(2)])
    account.add_play(account.titles[0], watched_on(1))
    async with arena(account, tmp_path, own=own) as place:
        with pytest.raises(InputError, match="no run yet"):
            await recall(place)
        await getattr(place, command)()
        first = await recall(place)
        assert (first.command, first.run) == (command, None)
        assert bool(first.unmatched) is not has_tmdb
        # What wrote something is what is shown, until something is written again.
        account.add_play(account.titles[1], watched_on(2))
        await place.sync()
        assert (await recall(place)).run == 1
        await place.migrate()
        assert (await recall(place)).run == 1

"""The account of the runs before, of which nothing is left that tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.plays import Key
from sync.errors import GuardError
from sync.events import Warned
from sync.ledger.fact_names import SOURCE_LOGIN
from sync.pipeline import run as pipeline
from sync.wiring.bootstrap import build
from tests.pipeline_suite.test_sync import Life, agree, life
from tests.safety.accounts import film

if TYPE_CHECKING:
    from pathlib import Path

    from sync.pipeline.result import Report

OURS = Key("MV_101")


async def replace_history(it: Life) -> None:
    """Have the person remove every play and watch something else."""
    for play in [*it.account.plays]:
        it.account.remove_play(play.id)
    title = film(7)
    if title not in it.account.titles:
        it.account.titles.append(title)
    it.account.add_play(title, it.clock.now())


async def heard(it: Life, **options: Any) -> tuple[Report, list[str]]:
    said: list[str] = []
    it.clock.advance(3_600)
    async with build(
        it.place.settings,
        clock=it.clock,
        on_event=lambda event: (
            said.append(event.message) if isinstance(event, Warned) else None
        ),
    ) as services:
        report = await pipeline.sync(services, confirm=agree, **options)
    return report, said


async def forget_login(it: Life) -> None:
    async with build(it.place.settings, clock=it.clock) as services:
        profile = await services.target.open_profile()
        await services.ledger.delete_fact(profile, SOURCE_LOGIN)


def keys(it: Life) -> set[Key]:
    return {entry.key for entry in it.place.discovr.entries()}


@pytest.mark.parametrize("days", [0, 8])
async def test_a_history_that_was_replaced_is_of_the_same_login(
    tmp_path: Path, days: int
) -> None:
    """Nobody has asked for the name of the account before: the login tells it."""
    async with life(tmp_path, is_lasting=True) as it:
        await replace_history(it)
        it.clock.advance(days * 86_400)
        with pytest.raises(GuardError):
            await it.sync(prune=True)
        report, said = await heard(it, prune=True, is_forced=True)
        assert said == []
        assert OURS in report.prepared.stale.keys
        assert OURS not in keys(it)
        assert Key("MV_107") in keys(it)


@pytest.mark.parametrize("days", [0, 8])
async def test_a_history_that_emptied_is_of_the_same_account_later_too(
    tmp_path: Path, days: int
) -> None:
    async with life(tmp_path, is_lasting=True) as it:
        await forget_login(it)
        for play in [*it.account.plays]:
            it.account.remove_play(play.id)
        await it.sync()
        await replace_history(it)
        it.clock.advance(days * 86_400)
        report, _ = await heard(it, prune=True, is_forced=True)
        assert OURS in report.prepared.stale.keys
        assert OURS not in keys(it)


@pytest.mark.parametrize("days", [0, 8])
async def test_what_may_be_of_another_account_stays_and_is_told_of(
    tmp_path: Path, days: int
) -> None:
    async with life(tmp_path, is_lasting=True) as it:
        await forget_login(it)
        await replace_history(it)
        it.clock.advance(days * 86_400)
        before = keys(it)
        for _ in range(2):
            report, said = await heard(it, prune=True, is_forced=True)
            assert report.prepared.stale.keys == ()
            assert keys(it) >= before
            (line,) = said
            assert "trakt2discovr undo 1" in line
            it.account.add_play(it.account.find("Film 7"), it.clock.now())
        _, said = await heard(it)
        assert said == []

"""No zero says "never watched" of what is there and cannot be read."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.plays import Key
from sync.errors import StoppedError
from sync.sandbox.account.account import Account
from tests.pipeline_suite.test_move import migrate
from tests.safety.accounts import show, watched_on
from tests.strangers_suite.test_sources import Sources, sources, write_file
from tests.strangers_suite.test_unreadable import spoil_files
from tests.strangers_suite.unread import (
    SPOILS,
    about_nothing,
    mend,
    of_another_form,
    read_anew,
    spoil,
    with_nothing_left,
    without_a_date,
    without_id_or_date,
    without_its_title,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

#: Of each show all episodes but the last were watched: one default and a zero.
EPISODES = 6
SHOWS = (1, 2, 3)
LAST = {n: Key(f"TV_{200 + n}", 1, EPISODES) for n in SHOWS}
#: Records that do not tell of which title they are, though their play is known...
LOST = (with_nothing_left, without_id_or_date, of_another_form)
#: ... or was never read.
NAMELESS = (*LOST, about_nothing, without_its_title)


@asynccontextmanager
async def holed(folder: Path, plays: str = "latest") -> AsyncIterator[Sources]:
    """Open a world with seasons that are worth a default and a zero each."""
    account = Account([show(n, EPISODES) for n in SHOWS])
    async with sources(account, folder) as it:
        it.place.history |= {"collapse": "fewest", "plays": plays}
        yield it


def watch(it: Sources, number: int, *episodes: int) -> None:
    title = it.account.find(f"Show {number}")
    for episode in episodes:
        at = watched_on(10 * number, episode)
        it.account.add_play(title, at, season=1, number=episode)


def zeros(it: Sources) -> set[Key]:
    return {key for key, progress in it.entries() if progress == 0}


@pytest.mark.parametrize("plays", ["latest", "all"])
@pytest.mark.parametrize("how", SPOILS)
async def test_of_an_account(tmp_path: Path, how: Any, plays: str) -> None:
    async with holed(tmp_path, plays) as it:
        watch(it, 1, *range(1, EPISODES + 1))
        watch(it, 2, *range(1, EPISODES))
        spoil(it, "Show 1", how, season=1, number=EPISODES)
        report = await it.sync()
        assert (report.unreadable, it.missing()) == (1, {LAST[1]})
        assert zeros(it) == ({LAST[2]} if how not in NAMELESS else set())
        assert not (await read_anew(it)).prepared.plan.operations
        mend(it)
        await read_anew(it)
        assert LAST[1] in it.completed()


@pytest.mark.parametrize("how", SPOILS)
async def test_of_a_title_of_which_nothing_can_be_read(
    tmp_path: Path, how: Any
) -> None:
    async with holed(tmp_path) as it:
        for number in (1, 2):
            watch(it, number, *range(1, EPISODES))
        await it.sync()
        before = it.entries()
        assert zeros(it) == {LAST[1], LAST[2]}
        spoil(it, "Show 1", how)
        watch(it, 3, *range(1, EPISODES))
        await read_anew(it, prune=True)
        assert zeros(it) == {LAST[1], LAST[2]} | (
            {LAST[3]} if how not in LOST else set()
        )
        assert {*before} <= {*it.entries()}


@pytest.mark.parametrize("stop_after", [0, 1, 2, 4])
async def test_of_a_run_that_goes_on(tmp_path: Path, stop_after: int) -> None:
    async with holed(tmp_path) as it:
        watch(it, 1, *range(1, EPISODES + 1))
        watch(it, 2, *range(1, EPISODES))
        spoil(it, "Show 1", without_a_date, season=1, number=EPISODES)
        with pytest.raises(StoppedError):
            await migrate(it, stop_after=stop_after)
        await migrate(it)
        assert zeros(it) == {LAST[2]}


@pytest.mark.parametrize("plays", ["latest", "all"])
async def test_of_what_changed(tmp_path: Path, plays: str) -> None:
    async with holed(tmp_path, plays) as it:
        watch(it, 2, *range(1, EPISODES))
        watch(it, 1, EPISODES)
        spoil(it, "Show 1", without_a_date)
        await it.sync()
        assert zeros(it) == {LAST[2]}
        # It was kept as there: nothing but what is new is read now.
        watch(it, 1, *range(1, EPISODES))
        report = await it.sync()
        assert report.prepared.since is not None
        assert zeros(it) == {LAST[2]}
        assert len(it.entries()) == 2 + EPISODES - 1


async def test_of_a_file_that_another_source_says_nothing_about(
    tmp_path: Path,
) -> None:
    async with holed(tmp_path) as it:
        watch(it, 1, EPISODES)
        at = it.clock.now() - timedelta(days=1)
        path = write_file(it.account, tmp_path / "file", at, is_owned=False)
        spoil_files(path, without_a_date, every=1)
        await it.migrate(path)
        it.account.remove_play(it.account.plays[0].id)
        watch(it, 1, *range(1, EPISODES))
        watch(it, 2, *range(1, EPISODES))
        await it.sync_whole()
        assert zeros(it) == {LAST[2]}

"""Which titles a run may say nothing changed of, and what those are counted for."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock, patch

import pytest

from sync.domain.guard import FEWEST_GUARDED, MOST_CHANGED_SHARE
from sync.domain.plays import Key, Kind
from sync.errors import UnsafeRemovalError
from sync.ledger import Ledger
from sync.pipeline.prepared import Signs
from sync.pipeline.rest import find_rest
from sync.pipeline.signs import checkpoint_of
from sync.ports import IncrementalSource
from sync.sandbox.account.account import Account
from sync.wiring.bootstrap import build
from tests.pipeline_suite.test_rest import twins
from tests.safety.accounts import film, mixed_account, show, watched_on
from tests.strangers_suite.test_sources import sources
from tests.strangers_suite.unread import without_a_date

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sync.pipeline.checkpoint import Checkpoint
    from sync.pipeline.services import Services
    from tests.strangers_suite.test_sources import Sources

#: With so many there, a prune of the fewest that are guarded is just too much.
LEFT = math.ceil(FEWEST_GUARDED / MOST_CHANGED_SHARE) - FEWEST_GUARDED - 1
SETTLED = {"film:1", "film:2", "film:4", "show:1", "show:2"}


@pytest.fixture
async def settled(tmp_path: Path) -> AsyncIterator[tuple[Services, Checkpoint]]:
    """Yield a profile in which a film was watched since all was in its place."""
    account, _ = mixed_account()
    async with sources(account, tmp_path) as it:
        await it.sync()
        account.add_play(account.find("Film 3"), it.clock.now())
        async with build(it.place.settings, clock=it.clock) as services:
            checkpoint = await checkpoint_of(services)
            assert checkpoint
            yield services, checkpoint


async def rest_of(
    services: Services, checkpoint: Checkpoint, /, **beside: Any
) -> set[str]:
    """Return the titles of the rest, where these things are otherwise."""
    mark, source = checkpoint.mark, services.source
    assert isinstance(source, IncrementalSource)
    stamps = await source.stamps()
    moved = mark.moved(stamps)
    assert moved == {Kind.FILM}
    signs = Signs(
        source,
        stamps,
        moved,
        unsettled=set(),
        has_pauses=False,
        has_new_ids=False,
        is_updated=False,
    )
    sums = {**await services.ledger.sums(checkpoint.profile)}
    signs = replace(signs, **beside.pop("signs", {}))
    mark = replace(mark, **beside.pop("mark", {}))
    services = replace(services, **beside.pop("services", {}))
    sums |= beside.pop("sums", {})
    assert not beside
    rest = await find_rest(services, checkpoint.profile, mark, signs, sums)
    return {*rest.titles}


async def test_what_did_not_change_is_the_rest(
    settled: tuple[Services, Checkpoint],
) -> None:
    assert await rest_of(*settled) == SETTLED


@pytest.mark.parametrize(
    "otherwise",
    [
        # A title may come to another id, and so to the key of any other.
        {"signs": {"has_new_ids": True}},
        # What an older version could not read may be of any title.
        {"signs": {"is_updated": True}},
        # What is to be taken back may be of any.
        {"mark": {"stale": ["MV_101"]}},
        # The lists counted what nobody could name.
        {"mark": {"gaps": {"episode:1101": ["2024-01-01T00:00:00+00:00"]}}},
        # What one source lacks another may hold.
        {"sums": {"letterboxd": {}}},
        # Nobody knows what a source of the caller's leaves out.
        {"services": {"is_brought": True}},
    ],
    ids=str,
)
async def test_where_it_cannot_be_told_of_each_all_are_looked_at(
    settled: tuple[Services, Checkpoint], otherwise: dict[str, dict[str, Any]]
) -> None:
    assert await rest_of(*settled, **otherwise) == set()


async def test_a_name_to_be_left_out_may_be_that_of_any_title(
    settled: tuple[Services, Checkpoint],
) -> None:
    services, checkpoint = settled
    history = services.settings.history.model_copy(update={"skip": ("Film 1",)})
    of_person = services.settings.model_copy(update={"history": history})
    assert await rest_of(services, checkpoint, services={"settings": of_person}) == (
        set()
    )


@pytest.mark.parametrize(
    ("call", "answer"), [("unreadable", ["a record"]), ("get_fact", [["MV_101"]])]
)
async def test_what_cannot_be_read_or_is_lacked_may_be_of_any_title(
    settled: tuple[Services, Checkpoint], call: str, answer: Any
) -> None:
    with patch.object(Ledger, call, AsyncMock(return_value=answer)):
        assert await rest_of(*settled) == set()


@pytest.mark.parametrize("day", [0, 3], ids=["today", "long ago"])
async def test_a_new_record_that_cannot_be_read_has_all_titles_looked_at(
    tmp_path: Path, day: int
) -> None:
    """It comes in the window, or with a title that the lists have read again."""

    def watch(it: Sources) -> None:
        title = it.account.find("Film 2")
        at = watched_on(day) if day else it.clock.now()
        play = it.account.add_play(title, at)
        it.place.trakt.quirks.odd[play.id] = without_a_date

    async with twins(tmp_path) as both:
        report = await both.go_on(watch)
        assert not isinstance(report, str)
        assert report.prepared.whole.extraction.quarantined
        assert not report.prepared.rest.titles


def films(count: int) -> Account:
    account = Account([film(number) for number in range(1, count + 1)])
    for number, title in enumerate(account.titles):
        account.add_play(title, watched_on(number))
    return account


def forget(it: Sources, number: int) -> None:
    for play in it.account.plays_of(it.account.find(f"Film {number}")):
        it.account.remove_play(play.id)


async def test_a_prune_of_all_that_was_looked_at_is_none_of_all_that_there_is(
    tmp_path: Path,
) -> None:
    async with sources(films(4), tmp_path) as it:
        await it.sync()
        forget(it, 1)
        report = await it.sync(prune=True)
        assert report.is_complete
        assert not report.is_unread
        assert {*report.prepared.rest.titles} == {"film:2", "film:3", "film:4"}
        assert it.there() == {Key("MV_102"), Key("MV_103"), Key("MV_104")}


@pytest.mark.parametrize(("left", "is_refused"), [(LEFT, True), (LEFT + 1, False)])
async def test_the_rest_counts_for_the_guard_of_a_prune(
    tmp_path: Path, left: int, *, is_refused: bool
) -> None:
    account = films(left)
    title = show(1, FEWEST_GUARDED + 1)
    account.titles.append(title)
    for number in range(1, FEWEST_GUARDED + 1):
        account.add_play(title, watched_on(number), season=1, number=number)
    async with sources(account, tmp_path) as it:
        await it.sync()
        for play in account.plays_of(title):
            account.remove_play(play.id)
        if is_refused:
            with pytest.raises(UnsafeRemovalError):
                await it.sync(prune=True)
            return
        report = await it.sync(prune=True)
        assert len(report.prepared.rest.titles) == left
        assert len(it.there()) == left


async def test_a_pause_before_a_title_of_the_rest_was_watched_is_not_carried(
    tmp_path: Path,
) -> None:
    def pause(it: Sources) -> None:
        title = it.account.find("Film 2")
        it.account.pause(title, 40, watched_on(1))
        it.place.discovr.person_removes(Key("MV_102"))

    async with twins(tmp_path) as both:
        report = await both.go_on(pause)
        assert not isinstance(report, str)
        assert "film:2" in report.prepared.rest.titles
        assert not [*both.few.place.discovr.playback()]

"""What came back is the person's: every later run treats it so, and its undo alone."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from sync import api
from sync.checkup.status import read_status
from sync.domain.evidence import as_the_persons
from sync.domain.plan import Fate
from sync.domain.plays import Key
from sync.errors import MissingEntriesError
from sync.ledger import Ledger
from sync.pipeline.missing import DOUBTED_FOR
from sync.sandbox.account.account import Account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from tests.long import choose
from tests.restore_suite.copies import as_listed, own, put_down, standing
from tests.safety.accounts import film, mixed_account, show, watched_on
from tests.safety.arena import Phase, arena
from tests.safety.killing import run_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from tests.safety.arena import Arena

FILM, SEASON = Key("MV_101"), Key("TV_201", 1)
#: A command, and how it collapses and counts.
WAYS = [*product(("migrate", "sync"), ("off", "clean"), ("latest", "all"))]


def lose_everything(place: Arena) -> None:
    for key in {e.key for e in place.discovr.entries()}:
        place.discovr.person_removes(key)


@asynccontextmanager
async def restored(folder: Path, **options: Any) -> AsyncIterator[Arena]:
    """A profile that a run had filled, lost, and brought back from a copy."""
    account, mine = mixed_account()
    async with arena(account, folder, own=mine, **options) as place:
        assert (await place.migrate()).is_complete
        before, copy = (
            standing(place),
            put_down(place, as_listed(place.discovr.entries())),
        )
        lose_everything(place)
        done = await place.restore(copy)
        assert done.is_complete
        # Each with the label of its own: ours are told by it no more.
        assert standing(place) == before
        yield place


async def test_nothing_is_written_removed_or_missing_after_it(tmp_path: Path) -> None:
    async with restored(tmp_path) as place:
        before, writes = standing(place), place.writes()
        report = await place.migrate()
        assert report.prepared.plan.operations == ()
        assert report.verification
        assert report.verification.is_clean
        assert report.balance()[0].gone == 0
        for play in [*place.account.plays[1:]]:
            place.account.remove_play(play.id)
        pruned = await place.sync(prune=True, is_forced=True)
        assert pruned.prepared.stale.keys == ()
        found = await api.verify(place.settings, clock=place.clock)
        assert found.verification
        assert found.verification.is_clean
        assert standing(place) == before
        assert place.writes() == writes


@pytest.mark.long
async def test_without_it_the_same_would_be_taken_back(tmp_path: Path) -> None:
    """Show that the test above can fail."""
    account, mine = mixed_account()
    async with arena(account, tmp_path, own=mine) as place:
        await place.migrate()
        for play in [*account.plays[1:]]:
            account.remove_play(play.id)
        pruned = await place.sync(prune=True, is_forced=True)
        assert pruned.prepared.stale.keys


async def test_its_undo_takes_all_of_it_and_no_other_one_does(tmp_path: Path) -> None:
    async with restored(tmp_path) as place:
        before = standing(place)
        async with await Ledger.open(place.settings.state.url) as ledger:
            profile = place.discovr.profiles[0].id
            rows = await ledger.rows(profile, run=1)
            assert rows
            assert all(row.undone_at for row in rows)
        undone = await place.undo()
        assert undone.run == 2
        assert not undone.left_alone
        assert len(undone.removed) == len({key for key, *_ in before})
        assert place.discovr.entries() == []


async def test_what_the_person_unmarked_stays_so_and_what_is_older_does_not(
    tmp_path: Path,
) -> None:
    account = Account([film(1), film(2)])
    for title in account.titles:
        account.add_play(title, watched_on(5))
    newer, older = own(FILM, 30, day=9), own(Key("MV_102"), 30, day=1)
    async with arena(account, tmp_path) as place:
        await place.restore(put_down(place, [newer, older]))
        report = await place.migrate(is_forced=True)
        assert report.prepared.plan.fates[FILM] is Fate.KEPT
        says = {e.key: e.progress for e in place.discovr.entries()}
        assert says == {FILM: 30, older.key: 100}
        # What is set is set back, and stands: it is not ours to remove.
        assert (await place.undo()).restored == [older.key]
        assert {e.progress for e in place.discovr.entries()} == {30}


async def test_what_is_removed_again_stays_so_and_written_again_it_is_ours(
    tmp_path: Path,
) -> None:
    account = Account([film(1)])
    account.add_play(account.titles[0], watched_on(0))
    async with arena(account, tmp_path) as place:
        copy = put_down(place, [own(FILM, label="trakt")])
        first = await place.restore(copy)
        place.discovr.person_removes(FILM)
        report = await place.migrate()
        assert report.is_complete
        assert report.prepared.plan.gone == {FILM}
        assert place.discovr.entries() == []
        place.history["conflict"] = "trakt"
        place.clock.advance(DOUBTED_FOR.total_seconds())
        again = await place.migrate()
        assert again.is_complete
        assert len(place.discovr.entries()) == 1
        # One minute, one label: the ledger knows whose it is by who came last.
        assert first.run
        assert again.run
        assert (await place.undo()).run == again.run
        assert place.discovr.entries() == []


@pytest.mark.parametrize("way", choose(WAYS[::5], WAYS, WAYS))
async def test_where_every_list_hides_it_nothing_of_it_is_written_twice(
    tmp_path: Path, way: tuple[str, str, str]
) -> None:
    how, collapse, plays = way
    history = {"collapse": collapse, "plays": plays}
    async with restored(tmp_path, history=history) as place:
        before, visibility = standing(place), place.discovr.visibility
        visibility.big.ends_after = visibility.title.ends_after = 0
        with pytest.raises(MissingEntriesError):
            await getattr(place, how)()
        report = await getattr(place, how)(is_forced=True)
        visibility.big.ends_after = visibility.title.ends_after = None
        assert place.discovr.doubled() == {}
        keys = [entry.key for entry in place.discovr.entries()]
        assert keys.count(SEASON) == sum(
            n for (key, *_), n in before.items() if key == SEASON
        )
        if collapse == "off":
            assert standing(place) == before
        assert report.balance()[0].is_even


@pytest.mark.parametrize("shown", [1, 2])
async def test_what_it_brought_back_may_hide_behind_what_a_list_shows(
    tmp_path: Path, shown: int
) -> None:
    """Each repeat is listed with the number of all, and the list ends too early."""
    account, quirks = Account([film(1)]), DiscovrQuirks(repeats="counted")
    for day in (1, 2, 3):
        account.add_play(account.titles[0], watched_on(day))
    options: dict[str, Any] = {"discovr": quirks, "history": {"plays": "all"}}
    async with arena(account, tmp_path, **options) as place:
        assert (await place.migrate()).is_complete
        before = standing(place)
        copy = put_down(place, as_listed(place.discovr.entries()))
        lose_everything(place)
        assert (await place.restore(copy)).is_complete
        visibility = place.discovr.visibility
        visibility.big.ends_after, visibility.title.ends_after = 0, shown
        await place.migrate()
        assert place.discovr.doubled() == {}
        assert standing(place) == before


async def test_what_only_seems_gone_is_found_by_its_title(tmp_path: Path) -> None:
    async with restored(tmp_path) as place:
        before, visibility = standing(place), place.discovr.visibility
        visibility.big.ends_after = 0
        visibility.title.ends_after, visibility.title.readings = 0, 1
        report = await place.migrate()
        assert report.prepared.plan.gone == frozenset()
        assert standing(place) == before


@pytest.mark.parametrize("number", choose([2], [2, 6], range(1, 9)))
async def test_what_an_undo_of_it_took_that_was_killed_is_nobodys_wish(
    tmp_path: Path, number: int
) -> None:
    async with restored(tmp_path) as place:
        removals = 0

        def is_moment(request: web.Request, phase: Phase) -> bool:
            nonlocal removals
            removals += request.method == "DELETE" and phase is Phase.DONE
            return removals == number

        before = len(place.discovr.entries())
        assert await run_until(place, place.undo(), is_moment)
        assert len(place.discovr.entries()) < before
        report = await place.migrate()
        assert report.is_complete
        assert report.balance()[0].gone == 0


async def test_restored_once_more_only_that_time_counts(tmp_path: Path) -> None:
    account = Account([film(1)])
    account.add_play(account.titles[0], watched_on(0))
    async with arena(account, tmp_path) as place:
        copy = put_down(place, [own(FILM, label="trakt")])
        for _ in range(2):
            assert (await place.restore(copy)).is_complete
            place.discovr.person_removes(FILM)
        assert (await place.restore(copy)).run == 3
        assert (await place.undo()).run == 3
        assert place.discovr.entries() == []
        # Nobody removed what that brought back: it was undone.
        report = await place.migrate()
        assert report.balance()[0].gone == 0
        assert len(place.discovr.entries()) == 1


async def test_a_default_with_our_label_is_the_persons_once_it_is_back(
    tmp_path: Path,
) -> None:
    """The planner may not limit it by zeros, as it would one of ours."""
    account = Account([show(1, 4)])
    account.add_play(account.titles[0], watched_on(0), season=1, number=1)
    history = {"collapse": "fewest"}
    async with arena(account, tmp_path, history=history) as place:
        await place.restore(put_down(place, [own(SEASON, day=30, label="trakt")]))
        before = standing(place)
        report = await place.migrate()
        assert report.is_complete
        assert standing(place) == before


@pytest.mark.long
async def test_status_tells_of_it_and_of_the_copy(tmp_path: Path) -> None:
    async with restored(tmp_path) as place:
        (profile,) = (await read_status(place.settings, clock=place.clock)).profiles
        assert profile.last_run
        assert profile.last_run.command == "restore"
        assert profile.last_run.arrived == profile.last_run.writes
        assert (profile.pending, profile.unclear) == (0, 0)
        assert profile.last_copy
        assert profile.last_copy.is_there


def test_only_what_came_back_loses_its_label() -> None:
    entries = [own(FILM, label="trakt"), own(FILM, day=1, label="trakt")]
    assert as_the_persons(entries, []) == entries

"""Before a run writes to a profile that holds the person's, what it read is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sync import api
from sync.documents.copy import CopyDocument
from sync.domain.plays import Key
from sync.errors import UnkeptCopyError
from sync.pipeline.copy_file import MOST_KEPT, read_copy
from sync.pipeline.documents import report_document, undo_document
from sync.sandbox.account.account import Account
from sync.sandbox.discovr.visibility import Lie
from tests.restore_suite.copies import own, put_down, said, standing
from tests.safety.accounts import film, mixed_account, show, watched_on
from tests.safety.arena import arena

if TYPE_CHECKING:
    from pathlib import Path

    from tests.safety.arena import Arena

MINE = [(Key("MV_900"), 40, watched_on(3))]


def small() -> Account:
    account = Account([film(1), film(2), show(1, 4)])
    account.add_play(account.titles[0], watched_on(1))
    return account


def copies(place: Arena) -> list[Path]:
    return sorted((place.folder / "copies").rglob("*.json"))


async def test_each_run_keeps_all_that_stood_there_before_it(tmp_path: Path) -> None:
    async with arena(small(), tmp_path, own=MINE) as place:
        before = standing(place)
        report = await place.migrate()
        assert report.kept_copy
        copy = read_copy(report.kept_copy.path)
        assert said(copy.entries) == before
        assert (copy.places, copy.command) == (None, "migrate")
        assert (copy.profile, copy.name) == (place.discovr.profiles[0].id, "Me")
        assert report.kept_copy.entries == len(copy.entries)
        document = report_document(report, "migrate", 0)
        assert document.kept_copy
        assert document.kept_copy.path == str(report.kept_copy.path)
        CopyDocument.model_validate_json(report.kept_copy.path.read_bytes())
        # A run that writes nothing keeps nothing.
        assert (await place.migrate()).kept_copy is None
        assert len(copies(place)) == 1


@pytest.mark.long
async def test_the_last_ones_are_kept(tmp_path: Path) -> None:
    account = small()
    async with arena(account, tmp_path, own=MINE) as place:
        for day in range(MOST_KEPT + 2):
            title = film(10 + day)
            account.titles.append(title)
            account.add_play(title, watched_on(day))
            place.clock.advance(60)
            report = await place.migrate()
        assert len(copies(place)) == MOST_KEPT
        assert report.kept_copy
        assert copies(place)[-1] == report.kept_copy.path


@pytest.mark.parametrize("mine", [[], MINE], ids=["ours alone", "and theirs"])
async def test_nothing_is_kept_where_all_is_ours(
    mine: list[Any], tmp_path: Path
) -> None:
    account = small()
    async with arena(account, tmp_path, own=mine) as place:
        first = await place.migrate()
        account.add_play(account.titles[1], watched_on(2))
        second = await place.migrate()
        undone = await place.undo()
        assert [bool(first.kept_copy), bool(second.kept_copy)] == [bool(mine)] * 2
        # What it touches holds nothing of theirs.
        assert undone.kept_copy is None


async def test_undo_keeps_the_seasons_that_it_touches(tmp_path: Path) -> None:
    season = Key("TV_201", 1)
    account = small()
    account.add_play(account.titles[2], watched_on(2), season=1, number=1)
    mine = [*MINE, (season._replace(episode=3), 40, watched_on(3))]
    async with arena(account, tmp_path, own=mine) as place:
        await place.migrate()
        undone = await place.undo()
        assert undone.kept_copy
        copy = read_copy(undone.kept_copy.path)
        # Of what is all ours nothing can be lost.
        assert {*(copy.places or ())} == {season.place}
        keys = {e.key for e in copy.entries}
        assert keys == {season._replace(episode=n) for n in (1, 3)}
        document = undo_document(undone)
        assert document.kept_copy
        assert document.kept_copy.is_part
        # What it says nothing of is not compared.
        place.discovr.person_removes(season._replace(episode=3))
        done = await place.restore(undone.kept_copy.path)
        assert {o.key for o in done.operations} == keys
        assert done.is_complete


async def test_a_sync_keeps_what_it_read_of_what_changed(tmp_path: Path) -> None:
    account = small()
    account.add_play(account.titles[2], watched_on(2), season=1, number=1)
    mine = [*MINE, (Key("TV_201", 1, 3), 40, watched_on(3))]
    async with arena(account, tmp_path, own=mine) as place:
        await place.migrate()
        place.clock.advance(3600)
        account.add_play(account.titles[2], watched_on(4), season=1, number=2)
        place.discovr.seen.clear()
        report = await place.sync()
        reads = [r for r in place.discovr.seen if r.method == "GET"]
        assert len([r for r in reads if "/history" in r.path]) == 1
        assert report.kept_copy
        assert report.kept_copy.is_part
        copy = read_copy(report.kept_copy.path)
        assert {e.key for e in copy.entries} == {Key("TV_201", 1, n) for n in (1, 3)}


async def test_it_costs_no_request(tmp_path: Path) -> None:
    requests = []
    for copies_folder in (None, tmp_path / "mine"):
        account, mine = mixed_account()
        folder = tmp_path / str(copies_folder is None)
        async with arena(account, folder, own=mine) as place:
            report = await api.migrate(
                place.settings, clock=place.clock, copies=copies_folder
            )
            requests.append(len(place.discovr.seen))
            assert bool(report.kept_copy) is bool(copies_folder)
            assert copies(place) == []
            if copies_folder and report.kept_copy:
                assert copies_folder in report.kept_copy.path.parents
    assert requests[0] == requests[1]


async def test_one_that_cannot_be_kept_stops_the_run_before_it_writes(
    tmp_path: Path,
) -> None:
    async with arena(small(), tmp_path, own=MINE) as place:
        (tmp_path / "copies").write_text("in the way")
        for run in (place.migrate, place.sync):
            with pytest.raises(UnkeptCopyError, match="nothing was written"):
                await run()
        restoring = place.restore(put_down(place, [own(Key("MV_5"))]))
        with pytest.raises(UnkeptCopyError):
            await restoring
        assert place.writes() == 0
        assert standing(place).total() == len(MINE)


async def test_a_list_that_is_short_is_not_kept_as_if_it_were_whole(
    tmp_path: Path,
) -> None:
    account = small()
    async with arena(account, tmp_path, own=MINE) as place:
        await place.migrate()
        account.add_play(account.titles[1], watched_on(2))
        place.discovr.visibility.big = Lie(ends_after=1)
        report = await place.migrate(is_forced=True)
        assert report.run
        assert report.kept_copy is None
        assert len(copies(place)) == 1


@pytest.mark.long
async def test_the_same_profile_is_not_kept_twice(tmp_path: Path) -> None:
    async with arena(small(), tmp_path, own=MINE) as place:
        first = await place.migrate()
        await place.undo()
        place.clock.advance(60)
        second = await place.migrate()
        assert first.kept_copy
        assert first.kept_copy == second.kept_copy
        first.kept_copy.path.unlink()
        await place.undo()
        third = await place.migrate()
        assert third.kept_copy
        assert third.kept_copy.path.exists()


@pytest.mark.long
async def test_what_is_being_restored_is_not_pushed_out(tmp_path: Path) -> None:
    async with arena(Account([]), tmp_path, own=MINE) as place:
        given = put_down(place, [own(Key("MV_5"))])
        copy = tmp_path / "copies" / given.parent.name / given.name
        copy.parent.mkdir(parents=True)
        given.rename(copy)
        for day in range(MOST_KEPT + 1):
            place.clock.advance(60)
            place.discovr.person_adds(Key("MV_6"), at=watched_on(day))
            place.discovr.person_removes(Key("MV_5"))
            assert (await place.restore(copy)).is_complete
        assert copy.exists()
        assert json.loads(copy.read_text())["profile"]["name"] == "Me"

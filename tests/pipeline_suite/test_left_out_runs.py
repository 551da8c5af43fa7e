"""Law 15 in whole runs: every way in leaves out the same, and takes nothing back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from sync import apply, migrate, plan, unmatched, verify
from sync.documents.report import ReportDocument
from sync.domain.plan import Fate
from sync.domain.plays import Key
from sync.domain.resume import LEFT_OUT
from sync.events import Warned
from sync.pipeline.documents import left_out_document, report_document
from sync.pipeline.result import exit_code
from sync.sandbox.trakt.export import write_export
from tests.long import choose
from tests.overrides_suite.test_runs import fill_in
from tests.pipeline_suite.test_sync import NOW, life
from tests.safety.accounts import film, mixed_account, show, watched_on
from tests.safety.reading import shown, watched
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sync.events import Event
    from sync.pipeline.result import Report
    from sync.sandbox.account.account import Account, Play

Case: TypeAlias = "tuple[dict[str, Any], Callable[[Play], bool]]"
#: The filters, and the plays that are left, told by hand.
FILTERS: list[Case] = [
    ({"since": watched_on(6)}, lambda p: p.watched_at >= watched_on(6)),
    ({"only": "films"}, lambda p: p.title.kind == "film"),
    ({"only": "shows"}, lambda p: p.title.kind == "show"),
    (
        {"skip": ["Show 1", "https://www.themoviedb.org/movie/101-film-1"]},
        lambda p: p.title.name not in ("Show 1", "Film 1"),
    ),
    (
        {"skip": ["tvdb:9"], "since": watched_on(20, 2), "only": "shows"},
        lambda p: p.title.kind == "show" and p.watched_at >= watched_on(20, 2),
    ),
]


def wanted(account: Account, is_wanted: Callable[[Play], bool]) -> set[Key]:
    out = {play.id for play in account.plays if not is_wanted(play)}
    return {*watched(account, out)}


def told(report: Report) -> list[tuple[str, int, str]]:
    """Return what a report says of what was left out: it is the same everywhere."""
    total, _ = report.balance()
    assert total.is_even
    document = report_document(report, "x", 0)
    assert document.balance.left_out == total.fates[Fate.LEFT_OUT]
    assert sum(left.plays for left in document.left_out) == document.balance.left_out
    by_title = sum(title.balance.left_out for title in document.titles)
    assert report.prepared.since or by_title == document.balance.left_out
    return [(left.title.title, left.plays, left.reason) for left in document.left_out]


@pytest.mark.parametrize("case", choose([FILTERS[4]], FILTERS, FILTERS))
async def test_every_way_in_leaves_out_the_same(tmp_path: Path, case: Case) -> None:
    history, is_wanted = case
    account, _ = mixed_account()
    download = tmp_path / "export.zip"
    write_export(account, download)
    async with world(account, tmp_path, history=history) as place:
        by_file = await plan(place.settings, files=[download])
        by_api = await plan(place.settings)
        first = by_api.prepared.plan.operations
        assert [o.id for o in by_file.prepared.plan.operations] == [o.id for o in first]
        done = await place.migrate()
        again = await verify(place.settings)
        assert again.verification
        assert again.verification.is_clean
        reports = [by_file, by_api, done, again]
        expected = told(by_api)
        assert [told(report) for report in reports] == [expected] * len(reports)
        listed = await unmatched(place.settings)
        assert listed == left_out_document(again.prepared)
        left = [play for play in account.plays if not is_wanted(play)]
        assert sum(plays for _, plays, _ in expected) == len(left)
        there = shown(account, place.discovr.entries())
        assert there.maybe <= wanted(account, is_wanted)
        assert wanted(account, is_wanted) <= there.surely
        assert exit_code(done, is_strict=False) == 0


@pytest.mark.parametrize("case", choose([FILTERS[3]], FILTERS, FILTERS))
async def test_what_stands_stays_when_a_filter_is_added_and_the_rest_comes_later(
    tmp_path: Path, case: Case
) -> None:
    history, is_wanted = case
    async with life(tmp_path) as it:
        before = it.entries()
        it.place.history = history
        for _ in range(2):
            report = await it.sync(prune=True)
            assert not report.prepared.stale.keys
            assert not report.prepared.stale.waiting
            assert it.entries() == before
        # Nothing has changed: that costs what it always does.
        assert report.prepared.is_unchanged
        assert (len(it.trakt), len(it.discovr)) == (1, 0)
        seen = await verify(it.place.settings)
        assert seen.verification
        assert seen.verification.is_clean
        assert not seen.verification.elsewhere
        left = [play for play in it.account.plays if not is_wanted(play)]
        assert report.balance()[0].fates[Fate.LEFT_OUT] == len(left)


@pytest.mark.parametrize("case", choose([FILTERS[0]], FILTERS, FILTERS))
async def test_what_is_wanted_later_is_written_though_nothing_has_changed(
    tmp_path: Path, case: Case
) -> None:
    history, is_wanted = case
    async with life(tmp_path, history=history) as it:
        assert it.missing() >= {
            key
            for key in {*watched(it.account)} - wanted(it.account, is_wanted)
            if key not in it.completed()
        } - {Key("MV_103"), Key("MV_102")}
        if "since" in history:
            it.place.history = history | {"since": history["since"] - timedelta(days=4)}
            sooner = await it.sync()
            assert sooner.is_complete
        it.place.history = {}
        report = await it.sync()
        assert report.is_complete
        assert it.missing() == set()
        assert report.balance()[0].fates[Fate.LEFT_OUT] == 0


async def test_what_went_and_is_back_while_it_is_left_out_is_not_gone(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        before = it.entries()
        for play in it.account.plays_of(it.account.find("Film 1")):
            it.account.remove_play(play.id)
        assert (await it.sync()).prepared.stale.keys == (Key("MV_101"),)
        it.place.history = {"skip": ["Film 1"]}
        it.account.add_play(it.account.find("Film 1"), NOW)
        report = await it.sync(prune=True)
        assert not report.prepared.stale.keys
        assert it.entries() == before


async def test_new_plays_that_are_left_out_cost_nothing_on_discovr(
    tmp_path: Path,
) -> None:
    async with life(tmp_path, history={"skip": ["Show 2"]}) as it:
        before = it.entries()
        it.account.add_play(it.account.find("Show 2"), NOW, season=2, number=1)
        report = await it.sync()
        assert it.entries() == before
        assert it.discovr == []
        count = len(it.account.plays_of(it.account.find("Show 2")))
        assert report.balance()[0].fates[Fate.LEFT_OUT] == count
        assert [title.name for title in report.balance()[1]] == ["Show 2"]


@pytest.mark.long
async def test_a_play_of_a_title_beside_it_is_written_alone(tmp_path: Path) -> None:
    """An older episode of the season is left out: no default covers it."""
    async with life(tmp_path, history={"since": watched_on(40)}) as it:
        for number in (2, 3, 4):
            at = watched_on(50, number)
            it.account.add_play(it.account.find("Show 1"), at, season=1, number=number)
        assert (await it.sync()).is_complete
        there = it.completed() | {*shown(it.account, it.place.discovr.entries()).maybe}
        assert {k for k in there if k.media == "TV_201"} == {
            Key("TV_201", 1, n) for n in (2, 3, 4)
        }


async def test_a_title_that_goes_by_another_name_now_is_wanted_again(
    tmp_path: Path,
) -> None:
    async with life(tmp_path, history={"skip": ["Film 1"]}) as it:
        assert Key("MV_101") not in it.completed()
        there = it.account.find("Film 1")
        it.account.add_play(there, NOW)
        assert (await it.sync()).balance()[0].fates[Fate.LEFT_OUT] == 4
        again = replace(there, name="Film One")
        it.account.titles[it.account.titles.index(there)] = again
        for play in it.account.plays_of(there):
            it.account._plays[play.id] = replace(play, title=again)
        it.account.add_play(it.account.find("Film 2"), NOW)
        report = await it.sync()
        assert report.prepared.since
        assert Key("MV_101") in it.completed()
        assert report.balance()[0].fates[Fate.LEFT_OUT] == 0
        assert report.balance()[0].is_even


async def test_a_plan_is_applied_with_the_filter_that_it_was_made_with(
    tmp_path: Path,
) -> None:
    account, _ = mixed_account()
    file = tmp_path / "plan.json"
    async with world(account, tmp_path, history={"only": "films"}) as place:
        report = await plan(place.settings)
        document = report_document(report, "plan", 0)
        file.write_text(document.model_dump_json(), encoding="utf-8")
        place.history = {"skip": ["Film 1"], "since": watched_on(8)}
        done = await apply(place.settings, file)
        assert told(done) == told(report)
        entries = place.discovr.entries()
        assert {e.key.media[:2] for e in entries} == {"MV"}
        assert Key("MV_101") in {e.key for e in entries}
        # A plan of an earlier version knows of no filter: the settings count.
        old = document.model_dump(mode="json")
        del old["filter"], old["left_out"]
        assert ReportDocument.model_validate(old).filter is None


@pytest.mark.long
async def test_resume_points_are_left_out_alike(tmp_path: Path) -> None:
    account, _ = mixed_account()
    later = film(70)
    account.titles.append(later)
    account.pause(later, 40, watched_on(60))
    account.pause(account.find("Film 2"), 40, watched_on(50))
    wire = account.find("Show 2")
    account.pause(wire, 40, watched_on(60), wire.episode(2, 1))
    async with world(account, tmp_path) as place:
        for history, left in (
            ({}, set()),
            ({"only": "films"}, {"Show 2"}),
            ({"skip": ["Film 70 (2000)"]}, {"Film 70"}),
            ({"since": watched_on(60)}, {"Film 2"}),
        ):
            place.history = history
            playback = (await place.plan()).playback
            assert playback
            named = {
                p.point.title.name for p in playback.plan.left if p.reason == LEFT_OUT
            }
            assert named == left
            chosen = {r.point.title.name for r in playback.plan.chosen}
            assert chosen == {"Film 70", "Film 2", "Show 2"} - left


async def test_a_skip_that_names_nothing_is_said_with_the_nearest_title(
    tmp_path: Path,
) -> None:
    account, _ = mixed_account()
    download = tmp_path / "export.zip"
    write_export(account, download)
    skip = ["Shaw 1", "Show 2", "tt7654321"]
    async with world(account, tmp_path, history={"skip": skip}) as place:
        for command in (
            partial(plan, place.settings),
            partial(plan, place.settings, files=[download]),
            partial(migrate, place.settings),
            partial(verify, place.settings),
        ):
            events: list[Event] = []
            await command(on_event=events.append)
            texts = [event.message for event in events if isinstance(event, Warned)]
            assert len(texts) == 2
            assert '"Shaw 1"' in texts[0]
            assert 'Did you mean "Show 1 (2020)"?' in texts[0]
            assert '"tt7654321"' in texts[1]


async def test_the_list_of_unmatched_titles_takes_a_skip(tmp_path: Path) -> None:
    account, _ = mixed_account()
    account.titles.append(other := film(8, has_tmdb=False))
    account.add_play(other, watched_on(12))
    async with world(account, tmp_path, has_tmdb=False) as place:
        await place.migrate()
        for name in ("ids.toml", "ids.csv"):
            path = tmp_path / name
            listed = await unmatched(place.settings, out=path)
            names = {left.title.title for left in listed.unmatched}
            assert names == {"Film 8", "Film 9"} - (
                {"Film 9"} if "csv" in name else set()
            )
            if name == "ids.toml":
                fill_in(path, **{"Film 9": " Skip "})
            else:
                text = path.read_text(encoding="utf-8")
                assert "film,Film 9,2000,skip" in text
                path.write_text(text.replace("Film 8,2000,", "Film 8,2000,skip"))
            report = await place.migrate()
            reason = "marked skip in your list of unmatched titles"
            assert ("Film 9", 1, reason) in told(report)
            assert (await verify(place.settings)).balance() == report.balance()
        assert not report.prepared.compared.desired.unmatched
        assert [name for name, _, _ in told(report)] == ["Film 8", "Film 9"]
        text = path.read_text(encoding="utf-8")
        await unmatched(place.settings, out=path)
        assert path.read_text(encoding="utf-8").count("left out, as you marked it") == 2
        path.write_text(text.replace("skip", ""), encoding="utf-8")
        taken_in = await place.migrate()
        assert len(taken_in.prepared.compared.desired.unmatched) == 2


async def test_a_mark_in_the_list_is_heeded_by_the_next_sync(tmp_path: Path) -> None:
    """The title was found by TMDB and written; then it is marked, then taken in."""
    async with life(tmp_path) as it:
        path = tmp_path / "ids.toml"
        await unmatched(it.place.settings, out=path)
        entry = (
            '[[title]]\nkind = "film"\ntitle = "Film {}"\nyear = 2000\ntmdb = "{}"\n'
        )
        text = path.read_text(encoding="utf-8")
        marks = (entry.format(1, "skip"), entry.format(60, "skip"))
        path.write_text("\n".join((text, *marks)), encoding="utf-8")
        it.account.titles.append(film(60))
        it.account.add_play(it.account.find("Film 60"), NOW)
        before = it.entries()
        report = await it.sync(prune=True)
        assert report.balance()[0].fates[Fate.LEFT_OUT] == 4
        assert not report.prepared.stale.keys
        assert it.entries() == before
        assert (await it.sync()).prepared.is_unchanged
        path.write_text(f"{text}\n{marks[0]}", encoding="utf-8")
        assert (await it.sync()).is_complete
        assert Key("MV_160") in it.completed()


@pytest.mark.long
async def test_a_title_that_only_tmdb_knows_is_left_alone_too(tmp_path: Path) -> None:
    """A title that is left out is not looked up; what was found of it is kept."""
    async with life(tmp_path) as it:
        title = show(40, 2)
        found = {e.key for e in it.place.discovr.entries()}
        it.account.titles.append(title)
        it.place.trakt.quirks.odd.clear()
        at = watched_on(30)
        it.account.add_play(title, at, season=1, number=1)
        assert (await it.sync()).is_complete
        assert {e.key for e in it.place.discovr.entries()} - found
        it.place.history = {"skip": ["Show 40"]}
        report = await it.sync(prune=True)
        assert not report.prepared.stale.keys
        it.account.remove_play(it.account.plays_of(title)[0].id)
        # What has really gone from Trakt is gone, left out or not.
        gone = await it.sync(prune=True)
        assert gone.undone
        assert {e.key for e in it.place.discovr.entries()} == found

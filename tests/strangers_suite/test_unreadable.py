"""What is there and cannot be read is not gone, and not done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sync import api
from sync.cli.view.end import next_command, show_report
from sync.domain.plan import Fate
from sync.domain.plays import Key
from sync.domain.verify import Verification
from sync.extract import records
from sync.pipeline import run as pipeline
from sync.pipeline.documents import left_out_document, report_document
from sync.pipeline.result import describe, exit_code
from sync.sandbox.trakt.export import write_export
from sync.wiring.bootstrap import build
from tests.pipeline_suite.test_sync import Life, agree, life
from tests.safety.accounts import mixed_account, watched_on
from tests.strangers_suite.unread import (
    SPOILS,
    codes,
    dated_before_films,
    mend,
    read_anew,
    spoil,
    with_nothing_left,
    without_a_date,
    without_id_or_date,
)
from tests.terminal_suite.reports import context, draw
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sync.pipeline.result import Report

FILM_1, FILM_4 = Key("MV_101"), Key("MV_104")


def end_of(report: Report, command: str = "sync") -> str:
    following = next_command(report, context(), command)
    text = draw(lambda c: show_report(c, report, context(), following), 200)
    return " ".join(text.split())


@pytest.mark.parametrize("how", SPOILS)
@pytest.mark.parametrize(
    ("name", "which", "keys"),
    [
        ("Film 1", {}, [FILM_1]),
        ("Show 2", {"season": 2, "number": 3}, [Key("TV_202", 2, 3)]),
        ("Show 1", {"season": 1}, [Key("TV_201", 1, n) for n in range(1, 5)]),
    ],
)
async def test_prune_takes_nothing_back_that_is_there_and_cannot_be_read(
    tmp_path: Path, how: Any, name: str, which: dict[str, int], keys: list[Key]
) -> None:
    async with life(tmp_path) as it:
        shown, entries = it.completed(), it.entries()
        number = spoil(it, name, how, **which)
        report = await read_anew(it, prune=True, is_forced=True)
        assert it.completed() == shown
        assert it.entries() == entries
        assert report.prepared.stale.keys == ()
        assert {*keys} <= {*report.prepared.stale.waiting}
        assert report.unreadable == number
        # Readable again, they are taken up as if nothing had been.
        mend(it)
        report = await read_anew(it, prune=True)
        assert report.unreadable == 0
        assert (report.prepared.stale.keys, report.prepared.stale.waiting) == ((), ())
        assert it.entries() == entries


@pytest.mark.parametrize("how", SPOILS)
async def test_what_went_while_it_could_not_be_read_goes_once_nothing_speaks_for_it(
    tmp_path: Path, how: Any
) -> None:
    async with life(tmp_path) as it:
        spoil(it, "Film 1", how)
        assert FILM_1 in (await read_anew(it, prune=True)).prepared.stale.waiting
        for play in it.account.plays_of(it.account.find("Film 1")):
            it.account.remove_play(play.id)
        report = await read_anew(it, prune=True)
        assert report.unreadable == 0
        assert report.prepared.stale.keys == (FILM_1,)
        assert FILM_1 not in it.completed()


async def test_a_record_of_one_title_holds_off_no_other(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        spoil(it, "Film 1", without_a_date)
        for play in it.account.plays_of(it.account.find("Film 4")):
            it.account.remove_play(play.id)
        report = await read_anew(it, prune=True)
        assert report.prepared.stale.keys == (FILM_4,)
        assert FILM_1 in it.completed()


@pytest.mark.parametrize("how", [with_nothing_left, without_id_or_date])
async def test_a_record_of_nobody_knows_what_holds_off_all_it_may_be(
    tmp_path: Path, how: Any
) -> None:
    async with life(tmp_path) as it:
        spoil(it, "Film 1", how)
        before = it.entries()
        for name in ("Film 4", "Show 2"):
            for play in it.account.plays_of(it.account.find(name)):
                it.account.remove_play(play.id)
        report = await read_anew(it, prune=True, is_forced=True)
        left = {key for key, _ in it.entries()}
        assert FILM_4 in left
        # Of the one record the kind is legible: no episode can hide behind it.
        is_film = how is without_id_or_date
        assert (Key("TV_202", 2, 3) in left) is not is_film
        assert is_film or it.entries() == before
        assert FILM_4 in report.prepared.stale.waiting


async def test_one_odd_record_does_not_make_every_sync_read_everything(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        for how in SPOILS:
            mend(it)
            spoil(it, "Film 1", how)
            spoil(it, "Show 2", how, season=1, number=2)
            await read_anew(it)
            show, now = it.account.find("Show 1"), it.clock.now()
            # What was watched just now is in the window; what is dated back is not.
            for at, most in ((now, 1), (watched_on(50), 5)):
                it.account.add_play(it.account.find("Film 2"), at)
                it.account.add_play(show, at, season=1, number=1)
                report = await it.sync()
                assert report.prepared.since is not None
                pages = [path for path in it.trakt if path.startswith("/sync/history")]
                assert len(pages) <= most, how
                assert report.unreadable == 4
                assert not report.failed
                assert (await it.sync()).prepared.is_unchanged


async def test_an_odd_record_that_comes_new_is_met_at_once(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        play = it.account.add_play(it.account.find("Film 2"), it.clock.now())
        it.place.trakt.quirks.odd[play.id] = without_a_date
        report = await it.sync()
        assert report.prepared.since is not None
        assert report.unreadable == 1
        assert codes(report) == (4, 4)
        assert codes(await it.sync()) == (0, 4)


async def test_it_is_4_when_new_or_grown_and_0_with_a_line_from_then_on(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        assert codes(await it.sync()) == (0, 4)  # a special, and a film without an id
        spoil(it, "Film 1", without_a_date)
        told = await read_anew(it)
        assert codes(told) == (4, 4)
        for report in (await it.sync(), await it.sync(), await read_anew(it)):
            assert codes(report) == (0, 4)
            text = end_of(report)
            assert f"{told.unreadable} records could not be read" in text
            assert "everything" not in text.lower()
        spoil(it, "Film 3", without_a_date)
        assert codes(await read_anew(it)) == (4, 4)
        assert codes(await read_anew(it)) == (0, 4)
        mend(it)
        report = await read_anew(it)
        assert codes(report) == (0, 4)
        assert "could not be read" not in end_of(report)


async def test_nothing_readable_is_2_and_changes_nothing(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        entries = it.entries()
        for play in it.account.plays:
            it.place.trakt.quirks.odd[play.id] = without_a_date
        for _ in range(2):
            report = await read_anew(it, prune=True, is_forced=True)
            assert codes(report) == (2, 2)
            assert "None of the" in end_of(report)
            assert it.entries() == entries
        mend(it)
        report = await it.sync(prune=True)
        assert codes(report)[0] == 0
        assert it.entries() == entries


@pytest.mark.parametrize("layout", ["flat", "traktexport"])
@pytest.mark.parametrize("how", [without_a_date, dated_before_films])
async def test_where_nothing_of_a_file_is_readable_the_next_is_what_names_it(
    tmp_path: Path, layout: Any, how: Any
) -> None:
    account, _ = mixed_account()
    for special in account.plays_of(account.find("Show 3")):
        account.remove_play(special.id)
    path = write_export(account, tmp_path / "export", layout)
    spoil_files(path, how, every=1)
    async with world(account, tmp_path) as place:
        report = await place.migrate(files=[path], accept_incomplete=True)
        assert codes(report) == (2, 2)
        # Services are in order: it is the file that has to be looked at.
        assert next_command(report, context(), "migrate").endswith(" unmatched")
        named = await api.unmatched(place.settings)
        assert len(named.quarantined) >= report.unreadable > 0


async def test_what_the_program_learns_to_read_it_reads_from_what_it_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, _ = mixed_account()
    async with world(account, tmp_path) as place:
        it = Life(place)
        with monkeypatch.context() as older:
            older.setattr(records, "EARLIEST", watched_on(8.5))
            report = await it.sync()
            assert report.unreadable > 5
            assert (await it.sync()).prepared.is_unchanged
        assert (await it.sync()).prepared.is_unchanged
        update(monkeypatch, "9.9.9")
        report = await it.sync()
        assert report.prepared.since is not None
        assert not [path for path in it.trakt if "history" in path]
        assert (report.unreadable, it.missing()) == (0, set())
        assert (await it.sync()).prepared.is_unchanged


async def test_what_a_newer_program_cannot_read_either_is_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with life(tmp_path) as it:
        spoil(it, "Film 1", without_a_date)
        number = (await read_anew(it)).unreadable
        update(monkeypatch, "9.9.9")
        report = await it.sync()
        assert not report.prepared.is_unchanged
        assert (report.unreadable, codes(report)) == (number, (0, 4))
        assert (await it.sync()).prepared.is_unchanged


def update(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    for module in ("signs", "unreadable", "checkpoint"):
        name = f"sync.pipeline.{module}.program_version"
        monkeypatch.setattr(name, lambda: version)


def a_game(record: dict[str, Any]) -> Any:
    return record | {"type": "game", "movie": None, "game": {"title": "Pong"}}


def a_special(record: dict[str, Any]) -> Any:
    episode = {"season": 0, "number": "one", "ids": {}}
    return record | {"type": "episode", "movie": None, "episode": episode}


@pytest.mark.parametrize("how", [a_game, a_special])
async def test_what_discovr_has_no_place_for_is_unsupported_and_not_unreadable(
    tmp_path: Path, how: Any
) -> None:
    async with life(tmp_path) as it:
        before = (await it.sync()).balance()[0]
        play = it.account.add_play(it.account.find("Film 2"), it.clock.now())
        it.place.trakt.quirks.odd[play.id] = how
        report = await it.sync()
        after = report.balance()[0]
        assert codes(report) == (0, 4)
        assert report.unreadable == 0
        more = after.fates[Fate.UNSUPPORTED] - before.fates[Fate.UNSUPPORTED]
        assert (more, after.read - before.read) == (1, 1)


async def test_every_route_counts_the_same(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        spoil(it, "Film 1", without_a_date)
        spoil(it, "Show 2", without_a_date, season=1, number=2)
        it.account.add_play(it.account.find("Film 4"), it.clock.now())
        routes: dict[str, Any] = {}
        routes["plan"] = await it.place.plan()
        routes["a whole sync"] = await read_anew(it)
        routes["an idle sync"] = await it.sync()
        it.account.add_play(it.account.find("Film 4"), it.clock.now())
        routes["a sync"] = await it.sync(prune=True)
        assert routes["a sync"].prepared.since is not None
        async with build(it.place.settings, clock=it.clock) as services:
            routes["migrate"] = await pipeline.migrate(services, confirm=agree)
            routes["verify"] = await pipeline.verify(services)
        counts = {name: count(report) for name, report in routes.items()}
        older = {name: counts.pop(name) for name in list(counts)[:3]}
        for same in (older, counts):
            assert len({json.dumps(c, sort_keys=True) for c in same.values()}) == 1
        listed = await api.unmatched(it.place.settings)
        assert listed == left_out_document(routes["verify"].prepared)
        for name, report in routes.items():
            assert codes(report)[0] == (4 if name == "a whole sync" else 0), name


def count(report: Report) -> dict[str, Any]:
    """Return what is said of a reading, as the JSON has it."""
    document = report_document(report, "any", 0).model_dump(mode="json")
    balance = document["balance"]
    names = ("read", "unreadable", "unsupported", "unmatched")
    lists = ("unmatched", "unsupported", "quarantined")
    assert balance["read"] == sum(
        number for name, number in balance.items() if name not in ("read", "repeats")
    )
    return {name: balance[name] for name in names} | {
        f"list of {name}": document[name] for name in lists
    }


@pytest.mark.parametrize("layout", ["flat", "traktexport"])
async def test_a_file_counts_as_the_account_does(tmp_path: Path, layout: Any) -> None:
    account, _ = mixed_account()
    path = write_export(account, tmp_path / "export", layout)
    spoil_files(path, without_a_date, every=5)
    async with world(account, tmp_path) as place:
        for number, play in enumerate(sorted_plays(account)):
            is_odd = number % 5 == 0
            if is_odd and not (play.episode and play.episode.season == 0):
                place.trakt.quirks.odd[play.id] = without_a_date
        by_api = await place.plan()
        by_file = await place.plan(files=[path], accept_incomplete=True)
        kept = {n: v for n, v in count(by_file).items() if "quarantined" not in n}
        assert kept == kept | {n: count(by_api)[n] for n in kept}
        report = await place.migrate(files=[path], accept_incomplete=True)
        assert exit_code(report, is_strict=False) == 4
        again = await place.migrate(files=[path], accept_incomplete=True)
        assert codes(again) == (0, 4)


def is_special(record: dict[str, Any]) -> bool:
    return bool(record.get("episode", {}).get("season") == 0)


def sorted_plays(account: Any) -> list[Any]:
    return sorted(account.plays, key=lambda p: (p.watched_at, p.id), reverse=True)


def spoil_files(path: Path, how: Callable[[Any], Any], *, every: int) -> None:
    files = [path] if path.is_file() else sorted(path.rglob("*.json"))
    number = 0
    for file in files:
        document = json.loads(file.read_text())
        plays = (
            document["history"]
            if isinstance(document, dict) and ("history" in document)
            else document
        )
        if not (isinstance(plays, list) and plays and "watched_at" in plays[0]):
            continue
        for place, record in enumerate(plays):
            if number % every == 0 and not is_special(record):
                plays[place] = how(record)
            number += 1
        file.write_text(json.dumps(document))


def test_no_word_of_everything_while_something_could_not_be_read() -> None:
    assert "everything" in describe(Verification(5), "Trakt")
    assert "everything" not in describe(Verification(5), "Trakt", is_partly_read=True)

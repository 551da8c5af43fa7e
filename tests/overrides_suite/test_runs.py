"""Whole runs with ids that a person gave: used from the next run on."""

from __future__ import annotations

import io
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from connectors.errors import InputError
from sync import migrate, sync, undo, unmatched, verify
from sync.cli.context import Context
from sync.cli.view import end
from sync.domain.desired import NO_ANSWER, NO_KEY
from sync.domain.plays import Key
from sync.events import Finished
from sync.ledger import Ledger
from sync.pipeline.documents import report_document
from sync.pipeline.run import migrate as run_migrate
from sync.pipeline.run import sync as run_sync
from sync.report.account import build_left
from sync.sandbox.account.account import Account
from sync.sandbox.account.sample import sample_account
from sync.sandbox.server.faults import Fault
from sync.sandbox.server.server import utc_now
from sync.sandbox.trakt.export import write_export
from sync.transform.overrides import OverrideBook
from sync.wiring.bootstrap import build
from tests.clocks import FakeClock
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sync.events import Event
    from sync.pipeline.result import Report

#: In the sample, and without a TMDB key unmatched, as Trakt sends no TMDB id.
BABYLON, BOAT, SHTISEL = "Babylon Berlin", "Das Boot", "שטיסל"
#: No catalogue knows it.
HOME = "Our Summer 2009 (home movie)"

#: Matched from the start.
OTHERS = ("The Matrix", "Chernobyl", "Fleabag", "Fight Club")


def small_account() -> Account:
    """Return these titles of the sample with their plays; the catalogue has all."""
    sample = sample_account()
    names = (BABYLON, BOAT, SHTISEL, HOME, *OTHERS)
    plays = [play for play in sample.plays if play.title.name in names]
    return Account(sample.titles, plays)


def fill_in(path: Path, **ids: str) -> None:
    """Put ids beside titles that are named by their first word."""
    text = path.read_text(encoding="utf-8")
    for word, value in ids.items():
        pattern = rf'(title = "{word}.*?\ntmdb = )"[^"]*"'
        text, found = re.subn(pattern, rf'\1"{value}"', text, count=1, flags=re.DOTALL)
        assert found
    path.write_text(text, encoding="utf-8")


def written(place: World) -> set[str]:
    """Return the media ids that any write to the profile was about."""
    return {
        seen.body["mediaId"] if seen.method == "POST" else seen.path.rpartition("/")[2]
        for seen in place.discovr.requests(path="/profile/history")
        if seen.method != "GET"
    }


def reasons(report: Report) -> dict[str, str]:
    return {
        left.title.name: left.reason
        for left in report.prepared.compared.desired.unmatched
    }


@asynccontextmanager
async def moved(folder: Path, **options: Any) -> AsyncIterator[tuple[World, Path]]:
    """Carry the sample over, and write the list of what did not match."""
    async with world(small_account(), folder, **options) as place:
        await place.migrate()
        path = folder / "ids.toml"
        await unmatched(place.settings, out=path)
        place.discovr.seen.clear()
        place.tmdb.seen.clear()
        yield place, path


async def test_only_the_titles_that_got_an_id_go_again(tmp_path: Path) -> None:
    async with moved(tmp_path, has_tmdb=False) as (place, path):
        before = len(place.discovr.entries())
        fill_in(path, Babylon="68155", Das="https://www.themoviedb.org/movie/387-boot")
        report = await place.migrate()
        assert report.is_complete
        assert report.balance()[0].is_even
        assert reasons(report).keys() == {HOME, SHTISEL}
        assert written(place) == {"TV_68155", "MV_387"}
        assert place.writes() == len(place.discovr.entries()) - before
        operations = report.prepared.plan.operations
        assert place.writes() == len(operations) > 1
        assert {o.key.media for o in operations} == {"TV_68155", "MV_387"}
        # One read before and one after; nothing else is asked of the service.
        pages = -(-before // 50) + -(-len(place.discovr.entries()) // 50)
        reads = place.discovr.requests("GET", "/profile/history")
        assert len(reads) <= pages + 1
        place.discovr.seen.clear()
        assert (await place.migrate()).is_complete
        assert place.writes() == 0
        assert place.tmdb.seen == []


async def test_plan_and_verify_know_them_and_a_plan_keeps_nothing(
    tmp_path: Path,
) -> None:
    async with moved(tmp_path, has_tmdb=False) as (place, path):
        fill_in(path, Das="387")
        plan = await place.plan()
        assert [o.key for o in plan.prepared.plan.operations] == [Key("MV_387")]
        missing = (await verify(place.settings)).verification
        assert missing is not None
        assert missing.missing == (Key("MV_387"),)
        async with await Ledger.open(place.settings.state.url) as ledger:
            book = OverrideBook(ledger, place.clock)
            assert await book.kept() == []
            await place.migrate()
            assert [one.tmdb for one in await book.kept()] == [387]
        after = (await verify(place.settings)).verification
        assert after is not None
        assert after.is_clean


async def test_a_new_id_is_checked_with_tmdb_once(tmp_path: Path) -> None:
    said: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Finished):
            said.append(event.summary)

    async with moved(tmp_path) as (place, path):
        fill_in(path, Our="550")
        await migrate(place.settings, on_event=listen)
        assert len(place.tmdb.requests(path="/3/movie/550")) == 1
        label = f"{HOME} (2009)"
        assert f"your id for {label} leads to Fight Club (1999) on TMDB" in said
        await place.migrate()
        assert len(place.tmdb.requests(path="/3/movie")) == 1
        await unmatched(place.settings, out=path)
        assert 'on_tmdb = "Fight Club (1999)"' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("999999", "leads to no film on TMDB"),
        ("tt0903747", "leads to no film on TMDB"),  # that is a show
        ("tt4040404", "leads to no film on TMDB"),
    ],
)
async def test_an_id_that_tmdb_does_not_know_stops_the_run_before_it_writes(
    tmp_path: Path, value: str, words: str
) -> None:
    async with moved(tmp_path) as (place, path):
        fill_in(path, Our=value)
        before = path.read_bytes()
        with pytest.raises(InputError) as caught:
            await place.migrate()
        assert f"entry 1 ({HOME} (2009))" in caught.value.message
        assert words in caught.value.message
        assert place.writes() == 0
        assert path.read_bytes() == before
        fill_in(path, Our="550")
        assert (await place.migrate()).is_complete


async def test_an_imdb_id_is_looked_up_and_needs_a_key(tmp_path: Path) -> None:
    async with moved(tmp_path) as (place, path):
        fill_in(path, Our="https://www.imdb.com/title/tt0088763/")
        film = place.account.titles[-1]
        fill_in(path, Our=str(film.ids.imdb))
        report = await place.migrate()
        assert reasons(report) == {}
        title = f"MV_{film.ids.tmdb}"
        assert title in {key.media for key in report.prepared.compared.desired.watched}
        assert len(place.tmdb.requests(path=f"/3/find/{film.ids.imdb}")) == 1
        # What is known already needs no key.
        place.has_tmdb = False
        assert HOME not in reasons(await place.migrate())
        fill_in(path, Our="tt0137523")
        with pytest.raises(InputError, match=r"set \[tmdb\] api_key"):
            await place.migrate()


async def test_an_id_that_cannot_be_checked_now_waits_for_the_next_run(
    tmp_path: Path,
) -> None:
    async with moved(tmp_path) as (place, path):
        fill_in(path, Our="550")
        place.tmdb.faults = lambda _request, _number: Fault.answer(503)
        async with build(place.settings, clock=FakeClock()) as services:
            report = await run_migrate(services, confirm=_agree)
        assert reasons(report)[HOME] == NO_ANSWER
        assert written(place) == set()
        place.tmdb.faults = None
        report = await place.migrate()
        assert reasons(report) == {}
        assert written(place) <= {"MV_550"}


async def _agree(_report: Report) -> bool:
    return True


async def test_ids_stay_in_force_without_their_file_and_end_when_emptied(
    tmp_path: Path,
) -> None:
    async with moved(tmp_path, has_tmdb=False) as (place, path):
        fill_in(path, Das="387")
        await place.migrate()
        content = path.read_bytes()
        path.unlink()
        assert BOAT not in reasons(await place.migrate())
        # A new file elsewhere gets them too.
        other = tmp_path / "other.csv"
        await unmatched(place.settings, out=other)
        assert "film,Das Boot,1981,387," in other.read_text(encoding="utf-8")
        assert BOAT not in reasons(await place.migrate())
        await unmatched(place.settings, out=path)
        assert b'tmdb = "387"' in path.read_bytes()
        path.write_bytes(content.replace(b'tmdb = "387"', b'tmdb = ""'))
        # What was emptied stays so, although it was in force until now.
        await unmatched(place.settings, out=path)
        assert b"387" not in path.read_bytes()
        assert reasons(await place.migrate())[BOAT] == NO_KEY
        await unmatched(place.settings, out=path)
        assert b"387" not in path.read_bytes()


async def test_what_was_filled_in_elsewhere_and_not_used_yet_comes_along(
    tmp_path: Path,
) -> None:
    async with moved(tmp_path, has_tmdb=False) as (place, path):
        fill_in(path, Das="387")
        other = tmp_path / "other.toml"
        await unmatched(place.settings, out=other)
        path.unlink()
        assert BOAT not in reasons(await place.migrate())


async def test_the_person_s_id_wins_over_the_service_s_own(tmp_path: Path) -> None:
    async with moved(tmp_path) as (place, path):
        film = place.account.find("The Matrix")
        old = f"MV_{film.ids.tmdb}"
        with path.open("a", encoding="utf-8") as file:
            file.write(
                '\n[[title]]\nkind = "film"\ntitle = "the matrix"\nyear = 1999\n'
                "tmdb = 424242\n"
            )
        place.has_tmdb = False
        report = await place.migrate()
        assert written(place) == {"MV_424242"}
        # The entry under the wrong id stays, and is told, until it is taken back.
        assert report.verification is not None
        assert report.verification.is_whole
        assert [key.media for key in report.verification.unexpected] == [old]
        await undo(place.settings, 1)
        standing = {entry.key.media for entry in place.discovr.entries()}
        assert standing == {"MV_424242"}
        assert (await place.migrate()).is_complete
        standing = {entry.key.media for entry in place.discovr.entries()}
        assert "MV_424242" in standing
        assert old not in standing
        assert len(standing) == len(OTHERS) + 3


@pytest.mark.parametrize("way", ["prune", "download"])
async def test_what_stands_under_a_wrong_id_is_named_and_the_advice_takes_it_back(
    tmp_path: Path, way: str
) -> None:
    """By its title, the true reason, and a next step that leads on."""
    account, download = small_account(), tmp_path / "export.zip"
    write_export(account, download)
    files = [download] if way == "download" else []
    path = tmp_path / "ids.toml"
    async with world(account, tmp_path, has_tmdb=False) as place:
        first = await place.migrate(files=files)
        await unmatched(place.settings, out=path)
        film = account.find("The Matrix")
        old = f"MV_{film.ids.tmdb}"
        with path.open("a", encoding="utf-8") as file:
            file.write(
                '\n[[title]]\nkind = "film"\ntitle = "the matrix"\nyear = 1999\n'
                "tmdb = 424242\n"
            )
        report = await place.migrate(files=files)
        # What it was written for is still known once the right one is settled.
        for told in (report, await verify(place.settings, files=files)):
            shown = show(told)
            words = f"an entry of ours under an earlier id of it, {old}"
            assert f"The Matrix (1999): {words}" in shown
            assert "everything is in its place, and there is more: 1 entry" in shown
            document = report_document(told, "verify", 4)
            assert document.verification is not None
            (lacked,) = document.verification.lacked
            assert (lacked.media, lacked.has_other_id) == (old, True)
            assert "The Matrix" in lacked.title
            groups = {g.heading: g for g in build_left(document, {})}
            group = groups["On Discovr, written from here, and for no play on Trakt"]
            assert "The Matrix" in group.items[0].name
        following = end.next_command(told, context(), "verify")
        if way == "prune":
            assert following == "trakt2discovr sync --prune"
            assert old in shown_media(place)
            await sync(place.settings, prune=True)
        else:
            assert following == f"trakt2discovr undo {first.run}"
            await undo(place.settings, first.run)
            assert (await place.migrate(files=files)).is_complete
        assert old not in shown_media(place)
        assert "MV_424242" in shown_media(place)
        checked = (await verify(place.settings, files=files)).verification
        assert checked is not None
        assert checked.is_clean


def shown_media(place: World) -> set[str]:
    return {entry.key.media for entry in place.discovr.entries()}


def show(report: Report) -> str:
    text = io.StringIO()
    console = Console(file=text, width=200)
    end.show_report(console, report, context(), "")
    return text.getvalue()


def context() -> Context:
    return Context(
        config=None, is_sandbox=False, as_json=False, is_verbose=False, is_quiet=False
    )


async def test_an_id_for_a_title_that_is_not_there_is_told(tmp_path: Path) -> None:
    said: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Finished):
            said.append(event.summary)

    async with moved(tmp_path, has_tmdb=False) as (place, path):
        with path.open("a", encoding="utf-8") as file:
            file.write('\n[[title]]\nkind = "film"\ntitle = "Matricks"\ntmdb = 1\n')
        await migrate(place.settings, on_event=listen)
    assert any("Matricks" in summary and "fits no title" in summary for summary in said)


async def test_a_resume_point_goes_under_the_id_that_was_given(tmp_path: Path) -> None:
    account = small_account()
    film = account.find(HOME)
    account.pause(film, 40, utc_now())
    async with world(account, tmp_path, has_tmdb=False) as place:
        await place.migrate()
        path = tmp_path / "ids.toml"
        await unmatched(place.settings, out=path)
        fill_in(path, Our="1234567")
        report = await place.migrate()
    assert report.playback is not None
    assert [resume.key for resume in report.playback.written] == [Key("MV_1234567")]


async def test_sync_takes_new_ids_up_though_nothing_changed_on_trakt(
    tmp_path: Path,
) -> None:
    async with moved(tmp_path, has_tmdb=False) as (place, path):
        await sync(place.settings)
        for given in ({}, {"Das": "387", "Babylon": "68155"}, {}):
            fill_in(path, **given)
            place.trakt.seen.clear()
            place.discovr.seen.clear()
            report = await sync(place.settings)
            assert report.is_complete
            media = {"MV_387", "TV_68155"} if given else set()
            assert written(place) == media
            paths = {seen.path for seen in place.discovr.requests()}
            titles = {p.rpartition("/")[2] for p in paths if "/profile/history/" in p}
            assert titles <= media
            seasons = place.trakt.requests(path="/shows")
            assert len(place.trakt.seen) == 1 + len(seasons)
            assert bool(place.discovr.seen) is bool(given)
        assert (await verify(place.settings)).verification is not None
        assert BOAT not in reasons(await place.plan())


async def test_an_id_that_no_run_has_settled_yet_is_news_to_the_next_one(
    tmp_path: Path,
) -> None:
    async with moved(tmp_path, has_tmdb=False) as (place, path):
        fill_in(path, Das="387")
        await sync(place.settings, confirm=_refuse)
        assert written(place) == set()
        await sync(place.settings)
        assert written(place) == {"MV_387"}


async def test_sync_corrects_a_wrong_id_and_prunes_what_was_under_it(
    tmp_path: Path,
) -> None:
    async with moved(tmp_path, has_tmdb=False) as (place, path):
        with path.open("a", encoding="utf-8") as file:
            file.write('\n[[title]]\nkind = "film"\ntitle = "The Matrix"\n')
            file.write("year = 1999\ntmdb = 604\n")
        await sync(place.settings)
        assert written(place) == {"MV_604"}
        place.discovr.seen.clear()
        await sync(place.settings, prune=True)
        assert written(place) == {"MV_603"}
        standing = {entry.key.media for entry in place.discovr.entries()}
        assert "MV_604" in standing
        assert "MV_603" not in standing
        # Emptied again: the title goes by the id of the service, as before.
        text = path.read_text(encoding="utf-8").replace("tmdb = 604", 'tmdb = ""')
        path.write_text(text, encoding="utf-8")
        await sync(place.settings, prune=True)
        standing = {entry.key.media for entry in place.discovr.entries()}
        assert "MV_603" in standing
        assert "MV_604" not in standing


async def _refuse(_report: Report) -> bool:
    return False


async def test_a_corrected_title_waits_too_where_tmdb_gives_no_answer(
    tmp_path: Path,
) -> None:
    async with moved(tmp_path) as (place, path):
        with path.open("a", encoding="utf-8") as file:
            file.write('\n[[title]]\nkind = "film"\ntitle = "The Matrix"\n')
            file.write("year = 1999\ntmdb = 78\n")
        place.tmdb.faults = lambda _request, _number: Fault.answer(503)
        async with build(place.settings, clock=FakeClock(utc_now())) as services:
            report = await run_sync(services, confirm=_agree, prune=True)
        assert reasons(report)["The Matrix"] == NO_ANSWER
        assert report.balance()[0].is_even
        assert written(place) == set()
        place.tmdb.faults = None
        await sync(place.settings)
        assert written(place) == {"MV_78"}

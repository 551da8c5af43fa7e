"""The seven steps by plain requests: what is shown is what is done."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from datetime import timedelta
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from connectors.errors import InputError
from sync.api import verify
from sync.domain.plays import Key, Kind
from sync.ledger import Ledger
from sync.sandbox.account.sample import sample_account
from sync.sandbox.account.titles import CatalogueTitle
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.faults import Fault
from sync.sandbox.trakt.export import write_export
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.setup.config_file import write_config
from sync.setup.keeping import ways
from sync.setup.questions import ACCOUNT
from sync.web.choice import Choice
from sync.web.job import Kind as Job
from sync.web.steps import STEPS, due, phase, row
from tests.safety.accounts import mixed_account, watched_on
from tests.safety.reading import shown, watched
from tests.terminal_suite.reports import context
from tests.web_suite.people import KEYS, House, Seen, house

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from aiohttp import web

TRAKT = {
    "trakt.client_id": KEYS.trakt_client_id,
    "trakt.client_secret": KEYS.trakt_client_secret,
}
#: All that the mixed account takes: films, and the episodes of its shows.
WRITES = 14


def judge(place: House, but: Collection[Key] = ()) -> None:
    """Hold the profile against the laws: all of it, nothing else, nothing twice."""
    entries = place.discovr.entries()
    read = shown(place.account, entries)
    wanted = watched(place.account).keys() - set(but)
    assert read.surely >= wanted
    assert read.maybe <= wanted
    keys = [entry.key for entry in entries]
    assert len(keys) == len(set(keys))


async def proved(place: House) -> Seen:
    """Agree, and come to the proof."""
    await place.agree()
    seen = await place.settled()
    assert seen.path == "/proof", seen.words
    assert "everything is in its place" in seen.words
    judge(place)
    return seen


async def test_by_a_download_from_the_first_page_to_the_proof(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        assert (await place.get()).path == "/from"
        assert (await place.upload(place.download)).path == "/read"
        seen = await place.settled()
        assert seen.path == "/read"
        assert "22 plays" in (await place.get("/read")).heading
        assert "proved whole" in (await place.get("/read")).words
        assert (await place.sign_in()).path == "/to"
        await place.post("/plan")
        seen = await place.settled()
        assert seen.path == "/plan"
        assert "10 episode + 4 film entries" in seen.words
        assert place.writes() == 0
        seen = await proved(place)
        assert seen.heading == "20 of 22 plays are on Discovr (91 %)"
        assert place.writes() == WRITES
        report = await place.get("/report")
        assert "Show 1" in report.words
        assert '<a href="/proof">Back to trakt2discovr</a>' in report.text
        profile = place.discovr.profiles[0]
        assert f"Discovr profile {profile.name} ({profile.id})" in report.words
        assert "Undo this run" in (await place.get("/after")).words
        found = await verify(place.move.settings, files=[place.download])
        assert found.verification
        assert found.verification.is_clean


@pytest.mark.long
async def test_by_the_account_from_the_first_page_to_the_proof(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        seen = await place.post("/from/account", **TRAKT)
        assert seen.path in ("/from", "/read")
        await place.settled()
        while place.move.job and place.move.job.kind is not Job.READ:
            await place.settled()
        seen = await place.settled()
        assert seen.path == "/read"
        assert "Announced 22" in seen.words
        await place.sign_in()
        before = len(place.trakt.requests(path="/sync/history"))
        await place.post("/plan")
        await place.settled()
        seen = await proved(place)
        # What was read for the page is what the run works with.
        assert len(place.trakt.requests(path="/sync/history")) == before
        assert "Keep in step with systemd" in (await place.get("/after")).words


@pytest.mark.long
async def test_every_step_can_be_loaded_again_and_gone_back_to(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        seen = [await place.get(f"/{step}") for step in STEPS]
        # What is not there yet leads to where it stands.
        assert {page.path for page in seen} == {"/from"}
        await place.to_plan()
        for step in ("from", "read", "to", "plan"):
            first, second = [await place.get(f"/{step}") for _ in range(2)]
            assert first.path == second.path == f"/{step}"
            assert first.text == second.text
        await proved(place)
        for step in STEPS:
            assert (await place.get(f"/{step}")).path == f"/{step}"
        assert place.writes() == WRITES


async def test_a_plan_that_is_old_is_not_agreed_to(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        seen = await place.to_plan()
        old = seen.field("plan")
        await place.post("/plan/leave-out", title=_key(seen, "Show 1"))
        seen = await place.settled()
        refused = await place.post("/plan/answer", plan=old, answer="yes")
        assert "made anew" in refused.words
        assert place.writes() == 0
        assert seen.field("plan") != old


@pytest.mark.long
async def test_a_second_tab_sees_the_same_and_agrees_to_nothing_twice(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as place:
        seen = await place.to_plan()
        other = await place.get("/plan")
        assert other.field("plan") == seen.field("plan")
        await place.agree()
        again = await place.post("/plan/answer", plan=seen.field("plan"), answer="yes")
        assert again.status == 200
        assert (await place.post("/read")).path in ("/read", "/proof", "/watch")
        await place.settled()
        judge(place)
        assert place.writes() == WRITES


@pytest.mark.long
async def test_what_is_refused_is_not_written(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        seen = await place.to_plan()
        seen = await place.post("/plan/answer", plan=seen.field("plan"), answer="no")
        assert seen.path == "/plan"
        assert "Make the plan" in seen.words
        assert place.writes() == 0
        await place.post("/plan")
        await place.settled()
        await proved(place)


async def test_stop_and_go_on(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        await place.to_plan()
        place.discovr.latency_s = 0.02
        await place.agree()
        await place.wrote(3)
        await place.post("/stop")
        seen = await place.settled()
        assert seen.path == "/watch"
        assert "Stopped after" in seen.words
        assert place.writes() < WRITES
        (sent,) = re.findall(rf"Stopped after (\d+) of {WRITES} writes", seen.words)
        ends = f"{sent} arrived, {WRITES - int(sent)} not sent"
        assert ends in seen.words
        said = f"{WRITES} writes: {ends}"
        assert said in (await place.get("/after")).words
        past = await place.get("/after/run", run="1")
        assert said in past.words
        report = await place.get("/report")
        for seen in (past, report):
            assert "not sent yet" in seen.words
            assert "failed" not in seen.words.replace("Writes Failed", "").lower()
            assert "did not arrive" not in seen.words
        assert f"{WRITES}, {WRITES - int(sent)} not sent" in report.words
        await place.post("/again", action="again")
        seen = await place.settled()
        assert seen.path == "/plan"
        await proved(place)
        assert place.writes() == WRITES


@pytest.mark.long
@pytest.mark.parametrize("number", [200, 400])
async def test_a_crowd_at_the_door_does_not_hold_up_what_is_written(
    tmp_path: Path, number: int
) -> None:
    async with house(tmp_path) as place:
        await place.to_plan()
        place.discovr.latency_s = 0.5
        await place.agree()
        await place.wrote(2)
        place.discovr.latency_s = 600  # until the crowd stands there, however long
        keys = place.site.links
        let_in = f"Host: localhost\r\nCookie: {keys.cookie_name}={keys.cookie}\r\n"
        kinds = [
            "",  # says nothing
            "GET / HT",
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            f"GET /watch HTTP/1.1\r\n{let_in}\r\n",
            f"GET /events?phase=x HTTP/1.1\r\n{let_in}\r\n",
            f"GET /events?phase={phase(place.move)} HTTP/1.1\r\n{let_in}\r\n",
            f"POST /stop HTTP/1.1\r\n{let_in}Content-Length: 9\r\n\r\n",
        ]
        address = place.site.address
        crowd = await asyncio.gather(
            *(asyncio.open_connection(*address) for _ in range(number))
        )
        try:
            for (_, writer), sent in zip(crowd, cycle(kinds), strict=False):
                writer.write(sent.encode())
            assert place.writes() < WRITES
            # Who was let in is answered while they stand there, and so is the run.
            assert (await place.get("/watch")).heading == "Carrying it over"
            place.discovr.latency_s = 0.02
            await place.discovr.settle()
            seen = await place.settled()
        finally:
            for _, writer in crowd:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()
        assert seen.path == "/proof"
        assert "everything is in its place" in seen.words
        assert place.writes() == WRITES
        judge(place)


async def test_a_login_lost_in_the_middle_leads_to_signing_in_and_then_on(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as place:
        await place.to_plan()
        place.discovr.faults = lambda _request, _number: (
            Fault.answer(401) if place.writes() >= 5 else None
        )
        await place.agree()
        seen = await place.settled()
        assert seen.path == "/to"
        assert "Sign in to Discovr again" in seen.words
        place.discovr.faults = None
        await place.post("/again", action="discovr")
        while due(place.move) != "plan" or not place.move.job.asks:  # type: ignore[union-attr]
            await place.settled()
        await proved(place)


@pytest.mark.long
@pytest.mark.parametrize("service", ["trakt", "discovr"])
async def test_a_service_that_is_down_is_said_with_a_button(
    tmp_path: Path, service: str
) -> None:
    async with house(tmp_path) as place:

        def is_down(_request: web.Request, _number: int) -> Fault:
            return Fault.answer(503)

        stand_in = getattr(place, service)
        if service == "discovr":
            await place.upload(place.download)
            await place.settled()
            await place.sign_in()
            stand_in.faults = is_down
            await place.post("/plan")
            step = "/plan"
        else:
            await place.post("/from/account", **TRAKT)
            await place.settled()
            stand_in.faults = is_down
            await _until_over(place)
            await place.post("/read")
            step = "/read"
        seen = await place.settled()
        assert seen.path == step
        assert service.title() in seen.words
        # But for the line that is hidden until the program has ended.
        shown_words = seen.words.replace("Start it again: trakt2discovr web", "")
        assert "trakt2discovr " not in shown_words.split("Skip to the content")[1][20:]
        stand_in.faults = None
        await place.post("/again", action="again")
        seen = await place.settled()
        assert "503" not in seen.words


@pytest.mark.long
async def test_the_process_may_be_killed_and_started_again_in_every_step(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as place:
        await place.restart()
        assert (await place.get()).path == "/from"
        await place.upload(place.download)
        await place.restart()  # while it is read
        await place.post("/read")
        await place.settled()
        await place.restart()
        assert (await place.get()).path == "/read"
        await place.post("/read")
        await place.settled()
        await place.post("/to/sign-in", **{"discovr.client_id": KEYS.discovr_client_id})
        await place.restart()  # while somebody signs in
        await place.post("/read")
        await place.settled()
        await place.sign_in()
        await place.restart()
        assert (await place.get("/plan")).path == "/plan"
        await place.post("/plan")
        await place.settled()
        await place.restart()  # while it asks
        await place.post("/plan")
        await place.settled()
        place.discovr.latency_s = 0.02
        await place.agree()
        await place.wrote(3)
        await place.restart()  # while it writes
        place.discovr.latency_s = 0
        seen = await place.get()
        assert seen.path == "/plan"
        assert "broken off" in seen.words
        await place.post("/plan")
        await place.settled()
        await proved(place)
        await place.restart()
        seen = await place.get()
        assert seen.path == "/proof"
        assert seen.heading == "20 of 22 plays are on Discovr (91 %)"


async def test_a_run_is_taken_back_and_nothing_else(tmp_path: Path) -> None:
    own = Key("MV_102")
    async with house(tmp_path) as place:
        place.discovr.person_adds(Key("MV_999"), progress=100, at=watched_on(0))
        await place.to_plan()
        await place.agree()
        await place.settled()
        await place.post("/after/undo", run="1")
        seen = await place.settled()
        assert seen.path == "/after"
        assert f"{WRITES} entries" in seen.words
        assert len(place.discovr.entries()) == WRITES + 1
        await place.post("/after/answer", plan=seen.field("plan"), answer="yes")
        seen = await place.settled()
        assert f"{WRITES} entries taken back" in seen.words
        assert f"{WRITES} arrived, {WRITES} of them taken back since" in seen.words
        assert [e.key for e in place.discovr.entries()] == [Key("MV_999")]
        assert own not in [e.key for e in place.discovr.entries()]
        # And all of it over again.
        await place.post("/plan")
        await place.settled()
        await place.agree()
        await place.settled()
        assert len(place.discovr.entries()) == WRITES + 1


@pytest.mark.long
async def test_the_headline_is_true_after_one_undo_and_another(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        seen = await place.to_plan()
        key = _key(seen, "Film 2")
        await place.post("/plan/leave-out", title=key)
        seen = await place.settled()
        skip = seen.field("skip")
        await place.agree()
        seen = await place.settled()
        assert seen.heading == "19 of 22 plays are on Discovr (86 %)"
        await place.post("/plan/take-in", skip=skip)
        await place.settled()
        await place.agree()
        seen = await place.settled()
        assert seen.heading == "20 of 22 plays are on Discovr (91 %)"
        for run, now, taken in (
            (2, "19 of 22 plays are on Discovr (86 %)", "run 2 was taken back"),
            (1, "0 of 22 plays are on Discovr (0 %)", "runs 2 and 1 were taken back"),
        ):
            await _undone(place, run)
            for path in ("/proof", "/report"):
                seen = await place.get(path)
                assert seen.heading == f"{now}; 20 were on Discovr until {taken}"
                assert f"{taken} since then" in seen.words
                assert f"So it stood until {taken}." in seen.words
            assert not place.move.proof.is_proved  # type: ignore[union-attr]
        assert not place.discovr.entries()
        # Nothing of it stands: there is nothing to take back once more.
        seen = await place.post("/after/undo", run="1")
        assert "nothing to undo" in (await place.settled()).words
        seen = await place.get("/proof")
        assert seen.heading.startswith("0 of 22 plays are on Discovr (0 %); ")
        # What is carried over again is there again, and is taken back for itself.
        await place.post("/plan")
        await place.settled()
        await place.agree()
        seen = await place.settled()
        assert seen.heading == "20 of 22 plays are on Discovr (91 %)"
        await _undone(place, 3)
        seen = await place.get("/proof")
        assert seen.heading.endswith("; 20 were on Discovr until run 3 was taken back")


async def _undone(place: House, run: int) -> None:
    await place.post("/after/undo", run=str(run))
    seen = await place.settled()
    await place.post("/after/answer", plan=seen.field("plan"), answer="yes")
    await place.settled()


async def test_an_undo_that_was_broken_off_is_said_at_the_next_start(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as place:
        await place.to_plan()
        await place.agree()
        await place.settled()
        await place.post("/after/undo", run="1")
        seen = await place.settled()
        place.discovr.faults = lambda request, _number: (
            Fault.answer(401) if request.method == "DELETE" else None
        )
        await place.post("/after/answer", plan=seen.field("plan"), answer="yes")
        await place.settled()
        assert place.move.is_undo_broken_off
        place.discovr.faults = None
        await place.restart()
        seen = await place.get()
        assert seen.path == "/after"
        assert "An undo was broken off" in seen.words
        assert "An undo was broken off" in (await place.get("/proof")).words
        await place.post("/after/undo")
        seen = await place.settled()
        await place.post("/after/answer", plan=seen.field("plan"), answer="yes")
        seen = await place.settled()
        assert not place.discovr.entries()
        assert "broken off" not in seen.words


async def test_a_title_is_left_out_and_taken_in_again(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        seen = await place.to_plan()
        assert "Left out on request" not in seen.words
        seen = await place.post("/plan/leave-out", title=_key(seen, "Show 1"))
        seen = await place.settled()
        assert "Left out on request: 8 plays" in seen.words
        assert "show:tmdb:201" in place.config.read_text(encoding="utf-8")
        await place.post("/plan/take-in", skip=seen.field("skip"))
        seen = await place.settled()
        assert "Left out on request" not in seen.words
        seen = await place.post("/plan/leave-out", title=_key(seen, "Film 2"))
        await place.settled()
        await place.agree()
        await place.settled()
        judge(place, but=[Key("MV_102")])


async def test_an_id_is_given_for_what_did_not_match(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        seen = await place.to_plan()
        assert "Without a known id: 1 title" in seen.words
        title = _key(seen, "Film 9", within="items")
        for name in ("Film 2", "Show 1"):
            # What unfolds below a row has the form too, with script and without.
            for part in ("map", ""):
                key = _key(seen, name)
                page = await place.get("/plan/title", title=key, part=part)
                assert "Is it the wrong title?" in page.words
                assert "/plan/id" in page.forms()
                assert page.field("title") == key
                assert page.field("token") == place.site.links.form
        wrong = await place.post("/plan/id", title=title, id="nonsense")
        assert "Film 9" in wrong.words
        assert "themoviedb.org" in wrong.words
        await place.post(
            "/plan/id", title=title, id="https://www.themoviedb.org/movie/4"
        )
        seen = await place.settled()
        assert "Without a known id" not in seen.words
        # Given anew it counts in the place of the first.
        seen = await place.post("/plan/id", title=title, id="109")
        await place.settled()
        await place.agree()
        await place.settled()
        assert Key("MV_109") in [e.key for e in place.discovr.entries()]
        assert Key("MV_4") not in [e.key for e in place.discovr.entries()]


@pytest.mark.long
async def test_an_id_that_another_title_goes_by_is_said_and_can_be_taken_back(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as place:
        seen = await place.to_plan()
        title = _key(seen, "Film 9", within="items")
        seen = await place.post("/plan/id", title=title, id="movie/102")
        assert "is no number" in seen.words
        for id_ in ("https://www.themoviedb.org/movie/102", "102", "MV_102"):
            seen = await place.post("/plan/id", title=title, id=id_)
            assert seen.path.startswith("/plan/same")
            assert "That number is Film 2" in seen.words
            assert "which your history has too: 1 play of Film 9" in seen.words
            assert not place.move.job.is_over  # type: ignore[union-attr]
        assert "Without a known id: 1 title" in (await place.get("/plan")).words
        await place.post("/plan/id", title=title, id="102", sure="yes")
        seen = await place.settled()
        assert "Without a known id" not in seen.words
        assert "Ids that you gave: 1 title" in seen.words
        # Given once more it is said no more: it goes by that id already.
        await place.post("/plan/id", title=title, id="102")
        seen = await place.settled()
        await place.post("/plan/id-back", title=title)
        seen = await place.settled()
        assert "Without a known id: 1 title" in seen.words
        assert "Ids that you gave" not in seen.words
        await place.agree()
        await place.settled()
        judge(place)


@pytest.mark.long
async def test_a_key_of_tmdb_is_tried_kept_and_saves_writes(tmp_path: Path) -> None:
    async with house(tmp_path, account=sample_account()) as place:
        seen = await place.to_plan()
        assert "A free key would save" in seen.words
        wrong = await place.post("/plan/key", **{"tmdb.api_key": "nonsense"})
        assert "TMDB" in wrong.words
        assert "A free key would save" in wrong.words
        await place.post("/plan/key", **{"tmdb.api_key": KEYS.tmdb_api_key})
        seen = await place.settled()
        assert "A free key" not in seen.words
        assert "season" in seen.words
        assert KEYS.tmdb_api_key not in seen.text
        await proved(place)


async def test_what_is_not_proved_whole_is_not_carried_over_unasked(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as place:
        path = tmp_path / "trakt-export-holes.zip"
        write_export(place.account, path, errors=[{"file": "watched-history-2.json"}])
        await place.upload(path)
        seen = await place.settled()
        assert seen.path == "/read"
        assert "not proved whole" in seen.words
        await place.sign_in()
        await place.post("/plan")
        seen = await place.settled()
        assert seen.path == "/read"
        assert "Go on with what was read" in seen.words
        await place.post("/read/accept")
        await place.settled()
        await place.agree()
        await place.settled()
        judge(place)


@pytest.mark.long
async def test_another_run_holds_the_profile(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        await place.upload(place.download)
        await place.settled()
        await place.sign_in()
        profile = place.discovr.profiles[0].id
        async with (
            await Ledger.open(place.move.settings.state.url) as ledger,
            ledger.profile_lock(
                profile,
                command="sync",
                at=place.move.clock.now(),
                clock=place.move.clock,
            ),
        ):
            await place.post("/plan")
            seen = await place.settled()
            assert "Another run holds the profile" in seen.words
            assert "sync" in seen.words
        await place.post("/again", action="again")
        await place.settled()
        await proved(place)


TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")


@pytest.fixture
def _in_auckland(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Move this computer far from UTC."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_in_auckland")
async def test_titles_are_text_and_times_are_utc_wherever_they_stand(
    tmp_path: Path,
) -> None:
    name = '<script>alert(1)</script> & "quotes" \'n {{ 7 * 7 }}'
    account, _ = mixed_account()
    base = account.titles[0]
    odd = CatalogueTitle(Kind.FILM, name, base.ids.__class__(trakt=77, tmdb=77), 1999)
    lost = CatalogueTitle(Kind.FILM, f"{name} too", base.ids.__class__(trakt=78), 1998)
    account.titles += [odd, lost]
    account.add_play(odd, watched_on(3))
    account.add_play(lost, watched_on(4))
    async with house(tmp_path, account=account) as place:
        seen = await place.to_plan()
        pages = [seen, await place.get("/plan", q="script")]
        pages.append(await place.get("/plan/title", title=_key(seen, name)))
        await place.agree()
        await place.settled()
        pages += [await place.get(p) for p in ("/proof", "/after", "/report")]
        pages.append(await place.get("/after/run", run="1"))
        for page in pages:
            assert page.status == 200
            assert "<script>alert" not in page.text
            assert "49" not in page.heading
            assert "All times are UTC." in page.words
        now = place.move.clock.now()
        hours = [f"{now - timedelta(hours=back):%Y-%m-%d %H}" for back in (1, 0)]
        for page in pages[-4:]:
            times = TIME.findall(page.words)
            told = [one for one in times if one >= hours[0][:10]]
            assert told
            assert {one[:13] for one in told} <= {*hours}


async def test_what_the_plan_warns_of_stands_beside_it(tmp_path: Path) -> None:
    skip = {"HISTORY__SKIP": "No Such Show"}
    async with house(tmp_path, environ=skip) as place:
        seen = await place.to_plan()
        assert "names nothing in the history" in seen.words
        # What the environment says goes before the page, which says so.
        seen = await place.post("/plan/leave-out", title=_key(seen, "Show 1"))
        assert "The environment says which titles are left out" in seen.words


async def test_a_skip_that_names_nothing_is_taken_off_the_list(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        write_config(place.config, {"history": {"skip": ["Sho 1", "film:tmdb:14160"]}})
        place.move.settings = place.move._load()
        seen = await place.to_plan()
        for text in ("Sho 1", "film:tmdb:14160"):
            assert f"{text} is to be left out, but names nothing" in seen.words
        assert "Did you mean Show 1" in seen.words
        assert "[history] skip" not in seen.words
        # The first one has its button first.
        assert seen.field("skip") == "Sho 1"
        await place.post("/plan/take-in", skip="Sho 1")
        seen = await place.settled()
        assert "Sho 1 is" not in seen.words
        assert place.move.settings.history.skip == ("film:tmdb:14160",)


async def test_titles_are_found_by_any_part_of_their_names(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        await place.to_plan()
        for words, found in (("show", 3), ("FILM  1", 1), ("zzz", 0), ("2020", 3)):
            rows = await place.get("/plan/rows", q=words)
            assert f'"{found} of 7 titles"' in rows.text
        assert "0 of 7" in (await place.get("/plan", q="zzz")).words
        rest = await place.get("/plan/rows", what="rest")
        assert "1 of 7" in rest.text


async def test_a_question_gives_way_and_what_works_is_named(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        await place.to_plan()
        assert place.move.job
        assert place.move.job.asks
        seen = await place.upload(place.download)
        assert seen.path == "/read"
        assert "going on already" not in seen.words
        await place.settled()
        place.discovr.latency_s = 0.1
        await place.post("/plan")
        seen = await place.upload(place.download)
        assert "going on already: your history is carried over" in seen.words


async def test_an_error_is_said_once_and_where_it_belongs(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        await place.upload(place.download)
        await place.settled()
        place.move.problem = InputError("That file is none of Trakt's.")
        # Not above the error of a page that is not there.
        lost = await place.get("/nonsense")
        assert lost.status == 404
        assert "none of Trakt's" not in lost.words
        assert "none of Trakt's" in (await place.get("/from")).words
        for path in ("/from", "/read"):
            assert "none of Trakt's" not in (await place.get(path)).words
        # An old form of an undo is about no plan.
        await place.sign_in()
        seen = await place.post("/after/answer", plan="1", answer="yes")
        assert seen.path == "/after"
        assert "What would be taken back was answered" in seen.words
        assert "plan was" not in seen.words


async def test_what_is_ticked_can_be_opened_and_what_is_chosen_is_not_offered(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as place:
        await place.upload(place.download)
        await place.settled()
        seen = await place.sign_in()
        me, kids = (profile.id for profile in place.discovr.profiles)
        offered = re.findall(r'name="profile" value="([^"]+)"', seen.text)
        assert offered == [kids]
        assert me == place.move.profile
        await place.post("/plan")
        await place.settled()
        await place.agree()
        await place.settled()
        await place.restart()
        assert all(step.is_open for step in row(place.move, "proof"))
        seen = await place.get("/watch")
        assert seen.path == "/watch"
        assert "See the proof" in seen.words
        await place.post("/after/undo", run="1")
        assert "about 1 second" in (await place.settled()).words


async def test_no_page_is_led_on_when_the_program_ends(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        seen = await place.to_plan()
        assert 'id="ended"' in seen.text
        assert "Start it again: trakt2discovr web" in seen.words
        place.move.complete = context(profile="Kids").complete
        typed = "Start it again: trakt2discovr --profile Kids web"
        assert typed in (await place.get("/plan")).words
        (at,) = re.findall(r'data-phase="([^"]+)"', seen.text)
        told = await place.get("/events", phase="past", here="plan")
        assert "event: go" in told.text
        url = f"{place.site.address.url}/events"
        query = {"phase": at, "here": "plan"}
        async with place.session.get(url, params=query) as answer:
            await place.move.end()
            # The question is put away, another phase, and soon nobody serves a page.
            assert "event: go" not in await answer.text()


async def test_wrong_keys_are_said_and_can_be_corrected(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        await place.upload(place.download)
        await place.settled()
        wrong = await place.post("/to/sign-in", **{"discovr.client_id": "nonsense"})
        assert wrong.path == "/to"
        assert "Discovr" in wrong.words
        assert not place.config.exists()
        assert (await place.sign_in()).path == "/to"
        assert place.move.has_target
        # A login by other keys takes the place of this one.
        seen = await place.get("/to")
        assert "The profile Me" in seen.words


@pytest.mark.long
async def test_a_code_that_runs_out_is_replaced_on_the_page(tmp_path: Path) -> None:
    async with house(tmp_path, discovr=DiscovrQuirks()) as place:
        await place.upload(place.download)
        await place.settled()
        sign_in = {"discovr.client_id": KEYS.discovr_client_id}
        first = await place.post("/to/sign-in", **sign_in)
        while not place.move.job.code:  # type: ignore[union-attr]
            await place.move.bell.wait(0.05)
        first = await place.get("/to")
        seen = await place.settled()
        assert "data:image/png;base64," in first.text
        assert "ran out" in seen.words
        assert 'data-phase="' in seen.text
        await place.post("/again", action="discovr")
        assert place.move.job.kind is Job.DISCOVR  # type: ignore[union-attr]


@pytest.mark.parametrize("is_rehearsal", [True, False])
async def test_a_rehearsal_says_that_its_codes_and_lines_are_examples(
    tmp_path: Path, *, is_rehearsal: bool
) -> None:
    quirks = DiscovrQuirks(approves_after_polls=1000)
    async with house(tmp_path, discovr=quirks, is_hasty=False) as place:
        place.move.sample = (lambda _path: None) if is_rehearsal else None
        await place.upload(place.download)
        await place.settled()
        await place.post("/to/sign-in", **{"discovr.client_id": KEYS.discovr_client_id})
        while not place.move.job.code:  # type: ignore[union-attr]
            await place.move.bell.wait(0.05)
        seen = await place.get("/to")
        assert ("No phone is needed" in seen.words) is is_rehearsal
        lines = ways(place.move.settings, place.config, is_sandbox=is_rehearsal)
        assert all(("An example" in way.where) is is_rehearsal for way in lines)


@pytest.mark.long
async def test_another_profile_makes_another_plan(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        seen = await place.to_plan()
        kids = next(p.id for p in place.discovr.profiles if p.name == "Kids")
        await place.post("/to/profile", profile=kids)
        old = await place.post("/plan/answer", plan=seen.field("plan"), answer="yes")
        assert "made anew" in old.words
        assert place.writes() == 0
        await place.post("/plan")
        seen = await place.settled()
        assert "profile Kids" in seen.words


async def test_a_download_is_replaced_and_removed(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        await place.upload(place.download)
        await place.settled()
        bad = tmp_path / "no.zip"
        bad.write_bytes(b"PK nothing")
        seen = await place.upload(bad)
        assert seen.path == "/from"
        assert place.move.choice.files
        await place.post("/from/remove")
        assert (await place.get()).path == "/from"
        assert not [p for p in (tmp_path / "uploads").rglob("*") if p.is_file()]


async def test_a_download_that_is_kept_is_shown_beside_the_account(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as place:
        await place.upload(place.download)
        await place.settled()
        await place.move.choose_source(Choice(ACCOUNT))
        seen = await place.get("/from")
        assert "kept on this computer and not read" in seen.words
        assert "/from/remove" in seen.forms()
        seen = await place.post("/from/remove")
        assert seen.path == "/from"
        assert "/from/remove" not in seen.forms()
        assert place.move.choice.is_account
        assert not [p for p in (tmp_path / "uploads").rglob("*") if p.is_file()]


@pytest.mark.long
async def test_nobody_is_carried_over_before_trakt_says_it_has_the_plays(
    tmp_path: Path,
) -> None:
    quirks = TraktQuirks(
        device_interval_s=1,
        approves_after_polls=0,
        minimal_unavailable=500,
    )
    async with house(tmp_path, trakt=quirks) as place:
        await place.post("/from/account", **TRAKT)
        await _until_over(place)
        seen = await place.settled()
        assert seen.path == "/read"
        assert "not proved whole" in seen.words


async def _until_over(place: House) -> None:
    while due(place.move) == "from" or not place.move.job.is_over:  # type: ignore[union-attr]
        await place.settled()


def _key(seen: Seen, name: str, within: str = "") -> str:
    """Return what the forms of the plan call a title."""
    import html  # noqa: PLC0415

    text = seen.text
    if within:
        text = text[text.index(f'class="{within}"') :]
    else:
        text = text[text.index('id="rows"') :]
    escaped = html.escape(name).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
    if within:
        ids = re.findall(r'<li id="([^"]+)">\s*<p><bdi>(.*?)</bdi>', text)
        return next(html.unescape(key) for key, bdi in ids if bdi == escaped)
    rows = re.findall(
        r'<bdi>(.*?)</bdi>.*?name="title" value="([^"]+)"', text, re.DOTALL
    )
    return next(html.unescape(key) for bdi, key in rows if bdi == escaped)


async def test_the_words_of_the_balance_and_of_a_run_are_plain(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        seen = await place.to_plan()
        assert "unmatched : No known id leads to TMDB" in seen.words
        seen = await proved(place)
        assert "unmatched : No known id leads to TMDB" in seen.words
        after = await place.get("/after")
        run = await place.get("/after/run", run="1")
        assert "Run 1: carried over" in after.words
        assert "What it did carried over" in run.words
        for page in (seen, after, run):
            for word in ("migrate", "loaded", "Command"):
                assert word not in page.words.partition("What you watch")[0], word

"""How long the first plan takes, and what it asks for, in virtual time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sync.domain.balance import balance
from sync.domain.desired import tmdb_id
from sync.domain.plays import Ids, Key, Kind, Place
from sync.pipeline.summary import summarize_titles
from sync.sandbox.account.account import Account, Play
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.account.titles import CatalogueTitle, Episode, Season
from sync.sandbox.server.faults import Fault
from sync.sandbox.trakt.export import write_export
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.transform.air_dates import Catalogue
from tests.long import pick
from tests.safety.accounts import mixed_account
from tests.standins import NOON
from tests.virtual import (
    LATENCY_S,
    VirtualWorld,
    calm_ledger,
    open_world,
    refused,
    waits_into,
)

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from aiohttp import web

    from sync.pipeline.prepared import Prepared
    from sync.transform.air_dates import Question


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calm_ledger(monkeypatch)


def key_of(play: Play) -> Key:
    assert play.episode is not None
    media = f"TV_{play.title.ids.tmdb}"
    return Key(media, play.episode.season, play.episode.number)


def shows_asked(place: VirtualWorld) -> Counter[str]:
    """Count how often each show was asked for, by catalogue and path."""
    seen = place.trakt.requests(path="/shows/") + place.tmdb.requests(path="/3/tv/")
    return Counter(request.path for request in seen)


def long_running_account(seasons: int) -> Account:
    """Return an account of one show, seen to its end, an episode a day."""
    first = NOON - timedelta(days=12_000)
    listed = tuple(
        Season(
            number,
            Ids(trakt=number),
            tuple(
                Episode(
                    number,
                    episode,
                    f"Episode {episode}",
                    Ids(trakt=100 * number + episode),
                    first + timedelta(days=200 * number + episode),
                    (first + timedelta(days=200 * number + episode)).date(),
                )
                for episode in range(1, 5)
            ),
        )
        for number in range(1, seasons + 1)
    )
    ids = Ids(trakt=1, slug="long", tmdb=1, imdb="tt0000001")
    title = CatalogueTitle(Kind.SHOW, "Long", ids, 1990, seasons=listed)
    episodes = [episode for season in listed for episode in season.episodes]
    at = NOON - timedelta(days=len(episodes) + 1)
    plays = [
        Play(9_000_000_000 + day, title, at + timedelta(days=day), episode)
        for day, episode in enumerate(episodes)
    ]
    return Account([title], plays)


@pytest.mark.long
@pytest.mark.parametrize("has_tmdb", pick([True], [True], [True, False]))
async def test_the_first_plan_of_30_000_plays_stands_in_seconds(
    tmp_path: Path, *, has_tmdb: bool
) -> None:
    place = open_world(synthetic_account(30_000, 480), tmp_path, has_tmdb=has_tmdb)
    prepared, seconds = await place.prepare()
    assert prepared.plan.saved > 10_000
    assert seconds < 14
    assert set(refused(place)) <= {201}
    assert place.net.most[place.trakt.url] <= 8


@pytest.mark.parametrize("shows", [0, 3, 40])
@pytest.mark.parametrize("limit", [20, 33, 60])
async def test_no_request_waits_while_a_quota_has_room(
    tmp_path: Path, limit: int, shows: int
) -> None:
    account = synthetic_account(2_000, shows)
    place = open_world(
        account, tmp_path, quirks=TraktQuirks(get_limit=limit), has_tmdb=False
    )
    waits: list[float] = []
    await place.prepare(on_event=waits_into(waits))
    asked = len(place.trakt.seen)
    assert set(refused(place)) <= {201}
    assert len([wait for wait in waits if wait > 60]) == (asked > 2 * limit)


async def test_what_needs_no_login_carries_none(tmp_path: Path) -> None:
    place = open_world(synthetic_account(3_000, 40), tmp_path, has_tmdb=False)
    await place.prepare()
    by_login = Counter(
        (one.path.split("/")[1], one.has_login) for one in place.trakt.seen
    )
    assert by_login["shows", False] == 40
    assert by_login["shows", True] == 0
    assert {name for name, has_login in by_login if not has_login} == {"shows"}


@pytest.mark.parametrize("status", [401, 403])
async def test_one_refusal_settles_that_the_login_is_wanted(
    tmp_path: Path, status: Literal[401, 403]
) -> None:
    quirks = TraktQuirks(refuses_public=status)
    account = synthetic_account(3_000, 40)
    place = open_world(account, tmp_path, quirks=quirks, has_tmdb=False)
    prepared, seconds = await place.prepare()
    assert refused(place)[status] == 1
    shows = place.trakt.requests("GET", "/shows/")
    assert Counter(one.has_login for one in shows) == {False: 1, True: 40}
    calm = open_world(account, tmp_path / "calm", has_tmdb=False)
    assert (await calm.prepare())[0].plan == prepared.plan
    assert seconds < 5


@pytest.mark.parametrize("status", [401, 403])
async def test_a_client_id_alone_that_is_refused_costs_one_request(
    tmp_path: Path, status: Literal[401, 403]
) -> None:
    account = synthetic_account(1_000, 20)
    path = tmp_path / "export.zip"
    write_export(account, path)
    quirks = TraktQuirks(refuses_public=status)
    place = open_world(account, tmp_path, quirks=quirks, has_tmdb=False)
    prepared, _ = await place.prepare(files=[path])
    assert len(place.trakt.seen) == 1
    assert prepared.plan.saved == 0


@pytest.mark.parametrize("has_tmdb", [False, True])
async def test_a_download_is_written_as_the_account_is(
    tmp_path: Path, *, has_tmdb: bool
) -> None:
    account = synthetic_account(2_000, 25, seed=7)
    path = tmp_path / "export.zip"
    write_export(account, path)
    by_api = open_world(account, tmp_path / "api", has_tmdb=has_tmdb)
    by_file = open_world(account, tmp_path / "file", has_tmdb=has_tmdb)
    first, _ = await by_api.prepare()
    second, _ = await by_file.prepare(files=[path])
    assert first.plan == second.plan
    assert first.plan.saved
    assert not any(request.has_login for request in by_file.trakt.seen)
    catalogue = by_file.tmdb if has_tmdb else by_file.trakt
    assert len(catalogue.seen) == 25


async def test_with_a_key_trakt_is_asked_about_what_may_grow_alone(
    tmp_path: Path,
) -> None:
    account = synthetic_account(6_000, 60, seed=3)
    running = {5, 17, 41}
    account.titles[:] = [
        replace(title, has_ended=title.trakt not in running)
        if title.kind is Kind.SHOW
        else title
        for title in account.titles
    ]
    place = open_world(account, tmp_path)
    prepared, _ = await place.prepare()
    asked = {int(r.path.split("/")[2]) for r in place.trakt.requests(path="/shows/")}
    late = {tmdb_id(season.media) - 10_000 for season in late_seasons(prepared)}
    may_grow = running | late
    assert asked == may_grow
    assert running <= asked
    assert len(asked) < 30
    # 60 shows of at most 8 seasons each.
    assert len(place.tmdb.seen) == 60
    assert len(place.trakt.seen) <= 5 + 6_000 // 250 + len(asked)


def late_seasons(prepared: Prepared) -> set[Place]:
    """Name the seasons of which an episode aired in the 60 days before their watch."""
    seasons: dict[Place, list[datetime]] = {}
    for key, viewing in prepared.compared.desired.watched.items():
        if key.season:
            seasons.setdefault(key.place, []).append(viewing.latest)
    return {
        place
        for place, airings in prepared.rules.airings.items()
        if len(seasons[place]) > 1
        and max(a.at for a in airings.values() if a)
        > max(seasons[place]) - timedelta(days=60)
    }


async def test_a_show_of_many_seasons_takes_one_call_for_each_20(
    tmp_path: Path,
) -> None:
    account = long_running_account(seasons=45)
    place = open_world(account, tmp_path)
    prepared, _ = await place.prepare()
    assert len(prepared.rules.airings) == 45
    assert len(place.tmdb.seen) == 3


@pytest.mark.parametrize("has_tmdb", [False, True])
async def test_no_show_is_asked_for_that_a_patient_run_would_not_ask_for(
    tmp_path: Path, *, has_tmdb: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = synthetic_account(1_500, 60, seed=11)
    eager = open_world(account, tmp_path / "eager", has_tmdb=has_tmdb)
    patient = open_world(account, tmp_path / "patient", has_tmdb=has_tmdb)
    for place in (eager, patient):
        own = sorted({key_of(p) for p in account.plays if p.episode}, key=str)
        for key in own[::3]:
            place.discovr.person_adds(key, at=NOON)
    first, _ = await eager.prepare()
    monkeypatch.setattr(Catalogue, "ask_ahead", never)
    second, _ = await patient.prepare()
    assert first.plan == second.plan
    assert shows_asked(eager) == shows_asked(patient)
    assert len(eager.trakt.seen) == len(patient.trakt.seen)


async def never(_catalogue: Catalogue, _question: Question) -> None: ...


async def test_air_dates_are_asked_for_before_the_last_page_is_there(
    tmp_path: Path,
) -> None:
    place = open_world(synthetic_account(10_000, 80), tmp_path, has_tmdb=False)
    await place.prepare()
    paths = [request.path for request in place.trakt.seen]
    last_page = max(i for i, path in enumerate(paths) if path == "/sync/history")
    early = [path for path in paths[:last_page] if path.startswith("/shows/")]
    assert len(early) > 20


async def test_a_plan_before_the_migration_pays_for_its_air_dates(
    tmp_path: Path,
) -> None:
    account = synthetic_account(500, 25)
    place = open_world(account, tmp_path, has_tmdb=False)
    planned, _ = await place.prepare()
    asked = len(place.trakt.requests(path="/shows/"))
    assert asked > 20
    report = await place.carry()
    assert report.prepared.plan == planned.plan
    place.profile = "Kids"
    assert (await place.carry()).prepared.plan == planned.plan
    assert len(place.trakt.requests(path="/shows/")) == asked


async def test_a_refusal_of_cloudflare_s_holds_back_both_budgets(
    tmp_path: Path,
) -> None:
    place = open_world(synthetic_account(3_000, 40), tmp_path, has_tmdb=False)
    refused_at: list[datetime] = []

    def faults(request: web.Request, _number: int) -> Fault | None:
        if refused_at or not request.path.startswith("/shows/"):
            return None
        refused_at.append(place.clock.now())
        return Fault.answer(429, retry_after=30, html=True)

    place.trakt.faults = faults
    await place.prepare()
    # What was under way already cannot be called back.
    begun = refused_at[0] + timedelta(seconds=2 * LATENCY_S)
    gap = [
        request
        for request in place.trakt.seen
        if begun < request.at < refused_at[0] + timedelta(seconds=30)
    ]
    assert gap == []
    assert len(place.trakt.requests(path="/shows/")) == 41


async def test_without_a_key_it_says_what_one_would_save(tmp_path: Path) -> None:
    account = synthetic_account(1_000, 20, seed=2)
    path = tmp_path / "export.zip"
    write_export(account, path)
    bare = open_world(account, tmp_path / "bare", has_tmdb=False, has_client_id=False)
    known = open_world(account, tmp_path / "known")
    prepared, _ = await bare.prepare(files=[path])
    best, _ = await known.prepare(files=[path])
    saved = len(prepared.plan.operations) - len(best.plan.operations)
    assert bare.trakt.seen == []
    assert prepared.could_save == pytest.approx(saved, rel=0.15)
    assert best.could_save == 0


@pytest.mark.parametrize("history", [{}, {"only": "films"}, {"skip": ["Film 1"]}])
async def test_a_title_that_takes_no_write_says_why(
    tmp_path: Path, history: dict[str, object]
) -> None:
    # One of its shows was watched in season 0 alone, and one film has no id.
    account, _ = mixed_account()
    place = open_world(account, tmp_path, history=history)
    prepared, _ = await place.prepare()
    _, balances = balance(0, prepared.compared.desired, prepared.plan)
    found = summarize_titles(prepared, balances)
    reasons = [one.reason for one in found if not one.writes.total]
    assert len(reasons) > 1
    assert all(reasons)

"""``doctor`` on the services: each fault is named once, and stops nothing else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest

from connectors.auth.tokens import StoredToken, TokenStore
from sync.checkup.findings import Cause, Verdict
from sync.domain.plays import Key
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.pharen import API_KEY, PharenStandIn
from sync.sandbox.server.faults import Fault
from tests.checkup_suite.patients import (
    KEYS,
    answer_with,
    changed,
    look,
    patient,
    spoil,
    well,
)
from tests.clocks import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worlds import World

PROBES = {
    "Trakt account",
    "Trakt history",
    "Trakt minimal films",
    "Trakt minimal shows",
    "Trakt seasons",
}
AFTER_DISCOVR_LOGIN = {
    "Discovr answers",
    "Discovr profile",
    "Discovr session",
    "Discovr history",
    "Discovr paging",
}


async def test_where_all_is_well_nothing_is_found_and_few_requests_are_spent(
    tmp_path: Path,
) -> None:
    async with patient(tmp_path) as where:
        await where.migrate()
        for service in (where.trakt, where.discovr, where.tmdb):
            service.seen.clear()
        found = await look(well(where))
        writes = [
            (seen.method, seen.path)
            for service in (where.trakt, where.discovr, where.tmdb)
            for seen in service.seen
            if seen.method != "GET"
        ]
        seen = {
            "Trakt": len(where.trakt.seen),
            "Discovr": len(where.discovr.seen),
            "TMDB": len(where.tmdb.seen),
        }
    assert found.complaints == {}
    assert found.unchecked == set()
    assert writes == [("POST", "/auth/session-token")]
    assert found.diagnosis.requests == seen == {"Trakt": 6, "Discovr": 4, "TMDB": 1}
    history = found.one("Discovr history").text
    assert "with an imported label" in history
    assert ", 0 " not in history
    assert "for a whole season" in history


async def test_what_cannot_be_seen_on_empty_accounts_is_not_called_fine(
    tmp_path: Path,
) -> None:
    async with patient(tmp_path, synthetic_account(0)) as where:
        found = await look(well(where))
    assert found.complaints == {}
    assert found.unchecked == {
        "Trakt history",
        "Trakt seasons",
        "Discovr history",
        "Discovr paging",
        "TMDB show and season",
    }


@pytest.mark.parametrize(
    ("quirk", "words", "cause"),
    [
        ("gone_client_id", "does not know the client id", Cause.CONFIG),
        ("cloudflare_block", "Cloudflare", Cause.OTHER),
        ("vip_wall", "VIP", Cause.OTHER),
        ("locked", "locked", Cause.OTHER),
    ],
)
async def test_a_refusal_of_trakt_is_named_and_discovr_is_still_looked_at(
    tmp_path: Path, quirk: str, words: str, cause: Cause
) -> None:
    async with patient(tmp_path, trakt={quirk: True}) as where:
        add_entry(where)
        found = await look(well(where))
    refusal = found.one("Trakt answers")
    assert words in refusal.text
    assert (refusal.verdict, refusal.cause) == (Verdict.PROBLEM, cause)
    assert found.complaints.keys() == {"Trakt answers"}
    assert found.unchecked >= PROBES
    assert found.verdict("Discovr history") is Verdict.OK


def add_entry(where: World) -> None:
    """Let the person have watched something on Discovr already."""
    title = next(t for t in where.account.titles if t.seasons and t.ids.tmdb)
    where.discovr.person_adds(Key(f"TV_{title.ids.tmdb}", 1, 1))


async def test_a_lost_trakt_login_is_told_from_a_missing_one(tmp_path: Path) -> None:
    async with patient(tmp_path) as where:
        lost = await look(changed(where.settings, trakt={"access_token": "stale"}))
        gone = await look(changed(where.settings, trakt={"access_token": None}))
    assert lost.verdict("Trakt login") is Verdict.WARNING  # it cannot renew itself
    assert lost.one("Trakt answers").cause is Cause.LOGIN
    assert gone.one("Trakt login").text == "there is none"
    assert gone.one("Trakt login").cause is Cause.LOGIN
    assert "login trakt" in (gone.one("Trakt login").remedy or "")
    assert gone.unchecked >= PROBES | {"Trakt answers"}


@pytest.mark.parametrize("sign", ["url", "key_file", "made here"])
async def test_a_fleet_needs_no_login_of_the_operators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    none = {"access_token": None, "refresh_token": None}
    async with patient(tmp_path) as where:
        settings = changed(where.settings, trakt=none, discovr={"refresh_token": None})
        assert {"Trakt login", "Discovr login"} <= (
            await look(settings)
        ).complaints.keys()
        if sign == "made here":
            place = tmp_path / "trakt2discovr" / "fleet.key"
            place.parent.mkdir(exist_ok=True)
            place.touch()
        else:
            settings = changed(settings, fleet={sign: "postgresql://fleet@localhost/x"})
        found = await look(settings)
        lost = await look(changed(settings, discovr={"client_id": None}))
    for check, way in (("Trakt", "login trakt"), ("Discovr", "fleet login --shared")):
        login = found.one(f"{check} login")
        assert (login.verdict, login.cause) == (Verdict.WARNING, None)
        assert f"trakt2discovr {way}" in (login.remedy or "")
    assert found.unchecked >= PROBES | AFTER_DISCOVR_LOGIN
    # Nobody can sign in without that, for a fleet or not.
    assert lost.verdict("Discovr login") is Verdict.PROBLEM


async def test_a_login_that_has_run_out_is_renewed_and_that_is_said(
    tmp_path: Path,
) -> None:
    async with patient(tmp_path) as where:
        spent = {"access_token": "stale", "refresh_token": KEYS.trakt_refresh_token}
        settings = changed(where.settings, trakt=spent)
        found = await look(settings)
        stored = TokenStore(settings.state.tokens).load("trakt")
    assert "was renewed" in found.one("Trakt answers").text
    assert stored is not None
    assert "Trakt answers" not in found.complaints


async def test_without_a_client_id_trakt_is_left_alone(tmp_path: Path) -> None:
    async with patient(tmp_path) as where:
        found = await look(changed(where.settings, trakt={"client_id": None}))
        assert where.trakt.seen == []
    assert "--from-file" in found.one("Trakt").text
    assert found.verdict("Trakt") is Verdict.UNCHECKED


def session_token() -> str:
    return "eyJhbGciOiJIUzI1NiJ9.eyJwcm9maWxlSWQiOiJwIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (None, "there is none"),
        (session_token(), "session token"),
        (f"Bearer {KEYS.discovr_refresh_token}", "Bearer"),
    ],
)
async def test_a_discovr_login_of_the_wrong_kind_is_known_without_asking(
    tmp_path: Path, token: str | None, words: str
) -> None:
    async with patient(tmp_path) as where:
        found = await look(changed(where.settings, discovr={"refresh_token": token}))
        assert where.discovr.seen == []
    login = found.one("Discovr login")
    assert words in login.text
    assert (login.verdict, login.cause) == (Verdict.PROBLEM, Cause.LOGIN)
    assert found.unchecked >= AFTER_DISCOVR_LOGIN
    assert token is None or token not in str(found.diagnosis)


@pytest.mark.parametrize(
    ("access", "refresh", "words"),
    [
        ("same-token", "same-token", "are the same"),
        (KEYS.discovr_refresh_token, None, "a token of Discovr"),
        (None, "bearer abc", "Bearer"),
    ],
)
async def test_a_trakt_login_of_the_wrong_kind_is_known_without_asking(
    tmp_path: Path, access: str | None, refresh: str | None, words: str
) -> None:
    async with patient(tmp_path) as where:
        keys = {"access_token": access, "refresh_token": refresh}
        found = await look(changed(where.settings, trakt=keys))
        assert where.trakt.seen == []
    login = found.one("Trakt login")
    assert words in login.text
    assert login.cause is Cause.LOGIN


async def test_a_refresh_token_of_unknown_form_is_tried_and_doubted(
    tmp_path: Path,
) -> None:
    async with patient(tmp_path) as where:
        found = await look(changed(where.settings, discovr={"refresh_token": "odd"}))
    assert "does not look like" in found.one("Discovr login").text
    assert found.one("Discovr answers").cause is Cause.LOGIN


async def test_an_ended_discovr_login_is_known_here_or_told_by_discovr(
    tmp_path: Path,
) -> None:
    async with patient(tmp_path, discovr={"refresh_token_has_expired": True}) as where:
        told = await look(well(where))
        settings = changed(where.settings, discovr={"refresh_token": None})
        store = TokenStore(settings.state.tokens)
        now = datetime.now(UTC)
        token = StoredToken(
            refresh_token=KEYS.discovr_refresh_token,
            obtained_at=now - timedelta(days=91),
            expires_at=now - timedelta(days=1),
        )
        store.save("discovr", token)
        known = await look(settings)
        left = timedelta(days=3, hours=1)
        store.save("discovr", token.model_copy(update={"expires_at": now + left}))
        soon = await look(settings)
    assert told.one("Discovr answers").cause is Cause.LOGIN
    assert "ran out" in known.one("Discovr login").text
    assert known.one("Discovr login").cause is Cause.LOGIN
    assert known.unchecked >= AFTER_DISCOVR_LOGIN
    assert soon.verdict("Discovr login") is Verdict.WARNING
    assert "in 3 days" in soon.one("Discovr login").text


@pytest.mark.parametrize(
    ("profile", "words"),
    [(None, "none of the 2 is chosen"), ("Granny", "no profile 'Granny'")],
)
async def test_a_profile_that_is_not_there_or_not_chosen_is_a_matter_of_the_config(
    tmp_path: Path, profile: str | None, words: str
) -> None:
    async with patient(tmp_path) as where:
        found = await look(changed(where.settings, discovr={"profile": profile}))
    assert words in found.one("Discovr profile").text
    assert found.one("Discovr profile").cause is Cause.CONFIG
    assert "Discovr session" in found.unchecked


async def test_a_session_that_is_over_at_once_is_a_problem(tmp_path: Path) -> None:
    async with patient(tmp_path, discovr={"session_lifetime_s": 20}) as where:
        found = await look(well(where))
    assert "over at once" in found.one("Discovr session").text


async def test_the_other_token_for_the_history_is_survived_and_named(
    tmp_path: Path,
) -> None:
    quirk = {"identity_for_profile": True}
    async with patient(tmp_path, discovr=quirk) as where:
        several = await look(well(where))
    async with patient(tmp_path, discovr=quirk, profiles=["Me"]) as where:
        single = await look(well(where))
    assert "and this account has 2" in several.one("Discovr history").text
    assert several.verdict("Discovr history") is Verdict.PROBLEM
    assert "wants the identity token" in single.one("Discovr history").text
    assert single.verdict("Discovr history") is Verdict.WARNING


@pytest.mark.parametrize(("minutes", "where_to"), [(10, "ahead of"), (-10, "behind")])
async def test_a_clock_that_is_off_is_named_with_how_far(
    tmp_path: Path, minutes: int, where_to: str
) -> None:
    async with patient(tmp_path) as where:
        clock = FakeClock(datetime.now(UTC) + timedelta(minutes=minutes))
        found = await look(well(where), clock=clock)
    skew = found.one("clock")
    assert skew.verdict is Verdict.WARNING
    for service in ("Trakt", "Discovr", "TMDB"):
        assert f"10 minutes {where_to} {service}" in skew.text


async def test_a_clock_that_is_off_by_less_is_fine(tmp_path: Path) -> None:
    async with patient(tmp_path) as where:
        clock = FakeClock(datetime.now(UTC) + timedelta(seconds=100))
        assert (await look(well(where), clock=clock)).verdict("clock") is Verdict.OK


async def test_a_service_that_is_down_stops_no_other(tmp_path: Path) -> None:
    async with patient(tmp_path) as where:
        add_entry(where)
        settings = well(where)
        await where.trakt.stop()
        found = await look(settings)
    down = found.one("Trakt reachable")
    assert "does not accept a connection" in down.text
    assert "(TCP)" in down.text
    assert down.cause is Cause.OTHER
    assert found.unchecked >= PROBES | {"Trakt answers"}
    assert found.complaints.keys() == {"Trakt reachable"}
    assert found.verdict("TMDB show and season") is Verdict.OK


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.answer(503), "status 503"),
        (Fault.answer(500, html=True), "status 500"),
        (Fault.html(), "not JSON"),
        (Fault.cut_before(), "broke"),
        (Fault.answer(429, retry_after=1000), "asks to wait 17 minutes"),
    ],
)
async def test_a_service_that_is_unwell_is_told_from_one_that_is_down(
    tmp_path: Path, fault: Fault, words: str
) -> None:
    async with patient(tmp_path) as where:
        for service in (where.trakt, where.discovr, where.tmdb):
            spoil(service, fault)
        found = await look(well(where), clock=FakeClock(datetime.now(UTC)))
    for check in ("Trakt answers", "Discovr answers", "TMDB show and season"):
        assert words in found.one(check).text
        assert found.one(check).cause is Cause.OTHER
    assert found.verdict("Trakt reachable") is Verdict.OK
    # One more try each, and no storm of them.
    assert sum(found.diagnosis.requests.values()) <= 6


async def test_one_probe_that_fails_stops_no_other(tmp_path: Path) -> None:
    async with patient(tmp_path) as where:
        spoil(where.trakt, Fault.answer(500), "/sync/history")
        found = await look(well(where), clock=FakeClock(datetime.now(UTC)))
    assert found.complaints.keys() == {"Trakt history"}
    assert "Trakt seasons" in found.unchecked
    assert found.verdict("Trakt minimal shows") is Verdict.OK


async def use_up(where: World, requests: int) -> None:
    """Let another program spend requests on the same login."""
    headers = {
        "User-Agent": "another-program/1.0",
        "Content-Type": "application/json",
        "trakt-api-version": "2",
        "trakt-api-key": KEYS.trakt_client_id,
        "Authorization": f"Bearer {KEYS.trakt_access_token}",
    }
    async with aiohttp.ClientSession(headers=headers) as session:

        async def ask() -> None:
            url = f"{where.trakt.url}/sync/last_activities"
            async with session.get(url) as answer:
                await answer.read()

        await asyncio.gather(*(ask() for _ in range(requests)))


@pytest.mark.parametrize(
    ("used", "is_probed", "verdict"),
    [(50, True, Verdict.OK), (54, True, Verdict.WARNING), (56, False, Verdict.WARNING)],
)
async def test_a_rate_limit_near_its_end_is_left_to_those_who_need_it(
    tmp_path: Path, used: int, *, is_probed: bool, verdict: Verdict
) -> None:
    async with patient(tmp_path, trakt={"get_limit": 60}) as where:
        await use_up(where, used)
        found = await look(well(where))
    limits = found.one("Trakt limits")
    assert limits.verdict is verdict
    assert f"{used + 1} of 60 requests in 5 minutes" in limits.text
    assert (found.unchecked >= PROBES) is not is_probed


async def test_a_tmdb_key_that_is_refused_is_a_matter_of_the_config(
    tmp_path: Path,
) -> None:
    async with patient(tmp_path) as where:
        found = await look(changed(where.settings, tmdb={"api_key": "wrong"}))
    assert "does not accept the API key" in found.one("TMDB show and season").text
    assert found.one("TMDB show and season").cause is Cause.CONFIG


async def test_tmdb_is_asked_for_a_season_that_the_person_has_watched(
    tmp_path: Path,
) -> None:
    async with patient(tmp_path) as where:
        add_entry(where)
        await look(well(where))
        await look(changed(where.settings, trakt={"client_id": None}))
        shows = {str(t.ids.tmdb) for t in where.account.titles if t.seasons}
        asked = [seen.path.rpartition("/")[2] for seen in where.tmdb.seen]
        assert [seen.status for seen in where.tmdb.seen] == [200, 200]
        assert set(asked) <= shows


async def test_optional_services_that_are_down_are_named(tmp_path: Path) -> None:
    async with patient(tmp_path) as where, PharenStandIn() as pharen:
        settings = changed(
            well(where), pharen={"api_key": API_KEY, "api_url": pharen.api_url}
        )
        up = await look(settings)
        wrong = await look(changed(settings, pharen={"api_key": "wrong"}))
        await where.tmdb.stop()
        await pharen.stop()
        down = await look(settings)
    assert up.verdict("Pharen Hub answers") is Verdict.OK
    assert up.diagnosis.requests["Pharen Hub"] == 1
    assert wrong.one("Pharen Hub answers").cause is Cause.CONFIG
    assert down.complaints.keys() == {"TMDB reachable", "Pharen Hub reachable"}
    assert down.unchecked >= {"TMDB show and season", "Pharen Hub answers"}


async def test_a_free_account_is_told_what_that_means(tmp_path: Path) -> None:
    async with patient(tmp_path) as where:
        answer_with(where.trakt, "/users/settings", {"user": {"vip": False}})
        found = await look(well(where))
    assert "one community app" in found.one("Trakt account").text
    assert found.complaints == {}


async def test_a_trakt_login_that_ended_for_good_is_known_without_asking(
    tmp_path: Path,
) -> None:
    async with patient(tmp_path) as where:
        settings = changed(where.settings, trakt={"access_token": None})
        now = datetime.now(UTC)
        token = StoredToken(
            access_token=KEYS.trakt_access_token,
            obtained_at=now - timedelta(days=8),
            expires_at=now - timedelta(days=1),
        )
        TokenStore(settings.state.tokens).save("trakt", token)
        found = await look(settings)
        assert where.trakt.seen == []
    assert "cannot renew itself" in found.one("Trakt login").text
    assert found.one("Trakt login").cause is Cause.LOGIN

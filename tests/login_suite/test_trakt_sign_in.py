"""Signing in to Trakt by the book, on a moved clock: each answer of the device flow."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.auth.device import CodeExpiredError
from connectors.errors import AuthError, BlockedError, ConfigError, TransientError
from sync.login import login_trakt
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.faults import Fault
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn
from tests.login_suite.scenes import KEYS, POLL, START, Person, scene, spoil

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.errors import ServiceError

SOON: dict[str, Any] = {"approves_after_polls": 3}


async def test_an_approved_code_becomes_a_stored_login_with_a_name(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, trakt=SOON) as here:
        person = Person()
        document = await login_trakt(here.wiring(), person, here.stop)
        assert document.account == here.trakt.account.user
        assert document.notes == ()
        [code] = person.codes
        assert code.address == f"{here.trakt.url}/activate"
        assert code.lifetime_s == 600
        stored = here.stored("trakt")
        assert stored is not None
        assert stored.expires_at is not None
        assert stored.expires_at - here.clock.now() == timedelta(days=7)
        await here.wiring().trakt().last_activities()
        assert not [seen for seen in here.trakt.seen if seen.status == 401]


async def test_it_polls_at_the_interval_of_the_answer(tmp_path: Path) -> None:
    async with scene(tmp_path, trakt=SOON | {"device_interval_s": 6}) as here:
        await login_trakt(here.wiring(), Person(), here.stop)
        started, *polls = here.trakt.requests("POST", "/oauth/device")
        assert [seen.status for seen in polls] == [400, 400, 400, 200]
        assert here.gaps([started, *polls]) == [6] * 4


@pytest.mark.parametrize("body", [{}, {"html": True}], ids=["json", "html"])
async def test_a_pending_answer_is_never_parsed(
    tmp_path: Path, body: dict[str, Any]
) -> None:
    async with scene(tmp_path, trakt={"approves_after_polls": 0}) as here:
        spoil(here.trakt, POLL, [Fault.answer(400, **body)] * 3)
        person = Person()
        await login_trakt(here.wiring(), person, here.stop)
        assert person.told == []
        assert len(here.trakt.requests(path=POLL)) == 4


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "not know the code"), (409, "used already"), (418, "refused")],
)
async def test_a_final_answer_stops_with_a_sentence_and_stores_nothing(
    tmp_path: Path, status: int, words: str
) -> None:
    async with scene(tmp_path) as here:
        spoil(here.trakt, POLL, [None, Fault.answer(status, html=True)])
        with pytest.raises(AuthError, match=words) as caught:
            await login_trakt(here.wiring(), Person(), here.stop)
        assert "login trakt" in caught.value.remedy
        assert len(here.trakt.requests(path=POLL)) == 2
        assert here.stored("trakt") is None


async def test_a_person_who_refuses_ends_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        person = Person([here.trakt.devices.refuse])
        with pytest.raises(AuthError, match="refused on Trakt's page"):
            await login_trakt(here.wiring(), person, here.stop)
        assert len(person.codes) == 1


async def test_a_code_that_runs_out_is_replaced_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        devices = here.trakt.devices
        person = Person([devices.expire, devices.approve])
        await login_trakt(here.wiring(), person, here.stop)
        assert len({code.user_code for code in person.codes}) == 2
        assert person.told == ["The code ran out."]
        assert here.stored("trakt") is not None

        late = Person([devices.expire, devices.expire, devices.approve])
        with pytest.raises(CodeExpiredError, match="ran out"):
            await login_trakt(here.wiring(), late, here.stop)
        assert len(late.codes) == 2


async def test_a_code_runs_out_by_our_own_clock_too(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        spoil(here.trakt, POLL, [Fault.answer(400)] * 1000)
        with pytest.raises(CodeExpiredError):
            await login_trakt(here.wiring(), Person(), here.stop)
        assert here.clock.monotonic() == pytest.approx(2 * 600, abs=20)
        assert len(here.trakt.requests(path=START)) == 2


async def test_asked_too_often_it_slows_down_for_good(tmp_path: Path) -> None:
    async with scene(tmp_path, trakt={"approves_after_polls": 1}) as here:
        spoil(here.trakt, POLL, [Fault.answer(429), Fault.answer(429)])
        await login_trakt(here.wiring(), Person(), here.stop)
        assert here.gaps(here.trakt.requests(path=POLL)) == [10, 15, 15]


@pytest.mark.parametrize("status", [429, 503])
async def test_it_waits_as_long_as_it_is_asked_to(tmp_path: Path, status: int) -> None:
    async with scene(tmp_path, trakt={"approves_after_polls": 1}) as here:
        spoil(here.trakt, POLL, [Fault.answer(status, retry_after=90)])
        await login_trakt(here.wiring(), Person(), here.stop)
        assert here.gaps(here.trakt.requests(path=POLL)) == [90, 10]


@pytest.mark.parametrize(
    "fault",
    [
        Fault.answer(500),
        Fault.answer(502, html=True),
        Fault.cloudflare(520),
        Fault.cut_before(),
        Fault.html(takes_effect=False),
    ],
    ids=["500", "502", "520", "cut", "html"],
)
async def test_a_passing_fault_is_told_and_the_waiting_goes_on(
    tmp_path: Path, fault: Fault
) -> None:
    async with scene(tmp_path, trakt={"approves_after_polls": 0}) as here:
        spoil(here.trakt, POLL, [fault, fault])
        person = Person()
        await login_trakt(here.wiring(), person, here.stop)
        assert len(person.told) == 2
        assert len(here.trakt.requests(path=POLL)) == 3


async def test_a_lost_approval_is_told_from_a_refusal(tmp_path: Path) -> None:
    async with scene(tmp_path, trakt={"approves_after_polls": 0}) as here:
        spoil(here.trakt, POLL, [Fault.cut_after()])
        with pytest.raises(AuthError, match="the answer to that was lost"):
            await login_trakt(here.wiring(), Person(), here.stop)


@pytest.mark.parametrize("path", [START, POLL])
async def test_a_block_by_cloudflare_stops_it(tmp_path: Path, path: str) -> None:
    async with scene(tmp_path) as here:
        spoil(here.trakt, path, [Fault.cloudflare()])
        with pytest.raises(BlockedError, match="Cloudflare"):
            await login_trakt(here.wiring(), Person(), here.stop)


@pytest.mark.parametrize(
    ("keys", "quirks"),
    [
        ({"client_id": "wrong"}, {}),
        ({}, {"gone_client_id": True}),
        ({"client_secret": "wrong"}, {}),
        ({"client_id": None}, {}),
        ({"client_secret": None}, {}),
    ],
    ids=["id", "removed id", "secret", "no id", "no secret"],
)
async def test_wrong_credentials_of_the_app_are_a_matter_of_the_config(
    tmp_path: Path, keys: dict[str, Any], quirks: dict[str, Any]
) -> None:
    async with scene(tmp_path, trakt=quirks) as here:
        with pytest.raises(ConfigError, match="client") as caught:
            await login_trakt(here.wiring(trakt=keys), Person(), here.stop)
        assert "wrong" not in str(caught.value)


async def test_the_data_host_signs_in_where_the_sign_in_host_has_no_such_route(
    tmp_path: Path,
) -> None:
    empty = TraktStandIn(synthetic_account(1), quirks=TraktQuirks(has_oauth=False))
    async with scene(tmp_path, trakt=SOON) as here, empty:
        wiring = here.wiring(trakt={"auth_url": empty.url})
        await login_trakt(wiring, Person(), here.stop)
        assert len(empty.seen) == 1
        # From then on a 404 is about the code.
        spoil(here.trakt, POLL, [Fault.answer(404)])
        with pytest.raises(AuthError, match="not know the code"):
            await login_trakt(wiring, Person(), here.stop)
        assert len(empty.seen) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Fault.answer(503), TransientError), (Fault.cloudflare(), BlockedError)],
)
async def test_no_other_trouble_leads_to_the_data_host(
    tmp_path: Path, fault: Fault, kind: type[ServiceError]
) -> None:
    async with (
        scene(tmp_path, trakt=SOON) as here,
        TraktStandIn(synthetic_account(1)) as other,
    ):
        spoil(other, START, [fault])
        wiring = here.wiring(trakt={"auth_url": other.url})
        with pytest.raises(kind):
            await login_trakt(wiring, Person(), here.stop)
        assert here.trakt.seen == []


async def test_a_new_login_takes_the_place_of_a_configured_one(tmp_path: Path) -> None:
    lost = {"access_token": "stale", "refresh_token": "spent"}
    async with scene(tmp_path, trakt=SOON) as here:
        wiring = here.wiring(trakt=lost)
        document = await login_trakt(wiring, Person(), here.stop)
        assert "access_token and refresh_token" in document.notes[0]
        await here.wiring(trakt=lost).trakt().last_activities()
        changed = lost | {"refresh_token": "another"}
        with pytest.raises(AuthError):
            await here.wiring(trakt=changed).trakt().last_activities()


async def test_a_login_counts_though_the_account_has_no_name(tmp_path: Path) -> None:
    async with scene(tmp_path, trakt=SOON | {"vip_wall": True}) as here:
        document = await login_trakt(here.wiring(), Person(), here.stop)
        assert document.account is None
        assert "did not name the account" in document.notes[0]
        assert here.stored("trakt") is not None


async def test_a_store_that_cannot_be_used_is_found_out_before_the_sign_in(
    tmp_path: Path,
) -> None:
    (tmp_path / "tokens.json").write_text("no JSON")
    (tmp_path / "tokens.json").chmod(0o600)
    async with scene(tmp_path) as here:
        with pytest.raises(ConfigError, match="token store"):
            await login_trakt(here.wiring(), Person(), here.stop)
        assert here.trakt.seen == []


async def test_a_run_that_renews_meanwhile_does_not_undo_the_new_login(
    tmp_path: Path,
) -> None:
    old = {"access_token": "stale", "refresh_token": KEYS.trakt_refresh_token}
    async with scene(tmp_path, trakt={"approves_after_polls": 0}) as here:
        wiring = here.wiring(trakt=old)
        async with wiring.store.lock("trakt"):
            signing_in = asyncio.create_task(
                login_trakt(here.wiring(trakt=old), Person(), here.stop)
            )
            # A stop that comes now lets the storing end: the code is spent already.
            while not here.stop.is_heeded:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0)
            assert wiring.store.load("trakt") is None
        configured = wiring.trakt().login_mark()
        await signing_in
        assert not here.stop.is_heeded
        assert wiring.trakt().login_mark() not in (configured, None)
        await wiring.trakt().last_activities()
        assert here.trakt.requests(path="/oauth/token") == []

"""Trakt's device flow, rotating tokens and revocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sync.sandbox import TraktQuirks, TraktStandIn, synthetic_account
from tests.standins import KNOWN, Caller, calling_trakt, hand_clock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.clocks import FakeClock
    from tests.standins import Answer

CLIENT = {
    "client_id": KNOWN.trakt_client_id,
    "client_secret": KNOWN.trakt_client_secret,
}


def standin(
    clock: FakeClock | None = None, store: Path | None = None, **quirks: Any
) -> TraktStandIn:
    return TraktStandIn(
        synthetic_account(3),
        quirks=TraktQuirks(**quirks),
        now=(clock or hand_clock()).now,
        store_path=store,
    )


async def begin(call: Caller) -> dict[str, Any]:
    body = {"client_id": KNOWN.trakt_client_id}
    started: dict[str, Any] = (await call("POST", "/oauth/device/code", body)).json
    return started


async def poll(call: Caller, device_code: str) -> Answer:
    return await call("POST", "/oauth/device/token", {"code": device_code, **CLIENT})


async def refresh(call: Caller, token: str) -> Answer:
    body = CLIENT | {
        "refresh_token": token,
        "redirect_uri": "urn:ietf:wg:oauth:2.0:oob",
        "grant_type": "refresh_token",
    }
    return await call("POST", "/oauth/token", body)


async def status_with(call: Caller, access_token: str) -> int:
    call.headers["Authorization"] = f"Bearer {access_token}"
    return (await call.get("/sync/last_activities")).status


async def test_the_device_flow_ends_with_a_token_that_works_until_it_runs_out() -> None:
    clock = hand_clock()
    service = standin(clock, token_expires_in_s=3600)
    async with calling_trakt(service) as call:
        started = await begin(call)
        pending = await poll(call, started["device_code"])
        service.devices.approve(started["user_code"])
        clock.advance(5)
        approved = await poll(call, started["device_code"])
        clock.advance(5)
        again = await poll(call, started["device_code"])
        token = approved.json
        assert await status_with(call, token["access_token"]) == 200
        clock.advance(3600)
        assert await status_with(call, token["access_token"]) == 401
    assert started["verification_url"] == f"{service.url}/activate"
    assert (started["expires_in"], started["interval"]) == (600, 5)
    assert (pending.status, pending.body) == (400, b"")
    assert (approved.status, again.status) == (200, 409)
    assert token["expires_in"] == 3600
    assert token["created_at"] == int(hand_clock().now().timestamp()) + 5
    assert (token["token_type"], token["scope"]) == ("bearer", "public")


@pytest.mark.parametrize(("answer", "status"), [("refuse", 418), ("expire", 410)])
async def test_the_person_can_refuse_or_be_too_late(answer: str, status: int) -> None:
    service = standin()
    async with calling_trakt(service) as call:
        started = await begin(call)
        getattr(service.devices, answer)()
        assert (await poll(call, started["device_code"])).status == status
        with pytest.raises(LookupError):
            service.devices.approve()


async def test_a_code_runs_out_by_itself() -> None:
    clock = hand_clock()
    async with calling_trakt(standin(clock, device_expires_in_s=60)) as call:
        started = await begin(call)
        clock.advance(60)
        assert (await poll(call, started["device_code"])).status == 410


async def test_polling_too_fast_is_slowed_down() -> None:
    clock = hand_clock()
    async with calling_trakt(standin(clock)) as call:
        code = (await begin(call))["device_code"]
        await poll(call, code)
        clock.advance(4.9)
        hasty = await poll(call, code)
        clock.advance(5)
        patient = await poll(call, code)
    assert (hasty.status, hasty.headers["Retry-After"]) == (429, "5")
    assert patient.status == 400


async def test_an_unknown_code_and_an_unknown_client_are_told_apart() -> None:
    async with calling_trakt(standin()) as call:
        assert (await poll(call, "nonsense")).status == 404
        stranger = await call("POST", "/oauth/device/code", {"client_id": "nobody"})
        no_secret = {"code": "x", "client_id": KNOWN.trakt_client_id}
        refused = await call("POST", "/oauth/device/token", no_secret)
    assert stranger.status == 403
    assert (refused.status, refused.json["error"]) == (401, "invalid_client")


async def test_a_removed_client_gets_nowhere() -> None:
    async with calling_trakt(standin(gone_client_id=True)) as call:
        answer = await refresh(call, KNOWN.trakt_refresh_token)
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


async def test_a_person_can_answer_in_the_browser() -> None:
    service = standin()
    async with calling_trakt(service) as call:
        started = await begin(call)
        page = await call.get("/activate", code="<b>")
        form = {"code": started["user_code"], "answer": "approve"}
        browser = {"User-Agent": "Mozilla/5.0"}
        for text in (b"Done", b"No such code"):
            async with call.session.post(
                service.url + "/activate", data=form, headers=browser
            ) as response:
                assert text in await response.read()
        assert (await poll(call, started["device_code"])).status == 200
    assert b"&lt;b&gt;" in page.body


async def test_a_willing_person_needs_no_test_to_say_yes() -> None:
    clock = hand_clock()
    async with calling_trakt(standin(clock, approves_after_polls=2)) as call:
        code = (await begin(call))["device_code"]
        statuses = []
        for _ in range(3):
            statuses.append((await poll(call, code)).status)
            clock.advance(5)
    assert statuses == [400, 400, 200]


async def test_a_refresh_token_works_once() -> None:
    async with calling_trakt(standin()) as call:
        first = await refresh(call, KNOWN.trakt_refresh_token)
        spent = await refresh(call, KNOWN.trakt_refresh_token)
        second = await refresh(call, first.json["refresh_token"])
    assert (first.status, spent.status, second.status) == (200, 400, 200)
    assert spent.json["error"] == "invalid_grant"
    assert len({first.json["access_token"], second.json["access_token"]}) == 2


@pytest.mark.parametrize("status", [400, 401])
async def test_a_refresh_can_be_refused_in_both_ways(status: int) -> None:
    service = standin(refuses_refresh=True, refresh_refusal_status=status)
    async with calling_trakt(service) as call:
        answer = await refresh(call, KNOWN.trakt_refresh_token)
    assert answer.status == status
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


@pytest.mark.parametrize("missing", ["grant_type", "redirect_uri"])
async def test_a_refresh_needs_its_whole_body(missing: str) -> None:
    body = CLIENT | {
        "refresh_token": KNOWN.trakt_refresh_token,
        "redirect_uri": "x",
        "grant_type": "refresh_token",
    }
    async with calling_trakt(standin()) as call:
        answer = await call("POST", "/oauth/token", body | {missing: ""})
        assert (await refresh(call, KNOWN.trakt_refresh_token)).status == 200
    assert answer.status == 400


async def test_a_revoked_token_is_refused() -> None:
    async with calling_trakt(standin()) as call:
        body = CLIENT | {"token": KNOWN.trakt_access_token}
        assert (await call("POST", "/oauth/revoke", body)).status == 200
        assert await status_with(call, KNOWN.trakt_access_token) == 401


async def test_sign_in_can_live_on_another_host() -> None:
    async with calling_trakt(standin(has_oauth=False)) as call:
        answer = await call("POST", "/oauth/device/code", CLIENT)
    assert answer.status == 404


async def test_tokens_outlive_the_process_and_the_given_one_is_always_good(
    tmp_path: Path,
) -> None:
    store = tmp_path / "deep" / "tokens.jsonl"
    async with calling_trakt(standin(store=store)) as call:
        pair = (await refresh(call, KNOWN.trakt_refresh_token)).json
    async with calling_trakt(standin(store=store)) as call:
        assert await status_with(call, pair["access_token"]) == 200
        assert await status_with(call, KNOWN.trakt_access_token) == 200
        assert (await refresh(call, KNOWN.trakt_refresh_token)).status == 400
        renewed = (await refresh(call, pair["refresh_token"])).json
    assert renewed["access_token"] != pair["access_token"]

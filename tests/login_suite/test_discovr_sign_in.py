"""Signing in to Discovr, whichever of its documentations turns out to be right."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.auth.device import CodeExpiredError
from connectors.clock import SystemClock
from connectors.discovr.client import explain
from connectors.discovr.device import DiscovrDevice
from connectors.errors import AuthError, ConfigError, ContractError, ServiceError
from connectors.http.client import HttpClient, RetryPolicy
from sync.login import login_discovr
from sync.sandbox.server.faults import Fault
from sync.sandbox.server.qr import draw_png
from sync.setup.qr import read_qr
from tests.login_suite.scenes import CODES, KEYS, Person, scene, spoil
from tests.loopback import Loopback, Reply, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SOON: dict[str, Any] = {"approves_after_polls": 2}
PICTURE = "data:image/png;base64," + base64.b64encode(draw_png("hi", 200)).decode()
CODE = {
    "deviceCode": "s3cret-device",
    "userCode": "0042",
    "authQRCode": PICTURE,
    "expiresIn": 600_000,
}
APPROVED = {"refreshToken": "rt_s3cret", "publicId": "p", "expiresAt": 1_893_456_000}


@asynccontextmanager
async def meeting(*replies: Reply) -> AsyncIterator[tuple[DiscovrDevice, Loopback]]:
    """Meet a Discovr that gives exactly these answers."""
    async with (
        Loopback(list(replies)) as server,
        HttpClient(
            "Discovr", server.url, retry=RetryPolicy(attempts=1), explain=explain
        ) as http,
    ):
        yield DiscovrDevice(http, client_id="app", clock=SystemClock()), server


@pytest.mark.parametrize("routes", ["both", "post", "get"])
@pytest.mark.parametrize("user_code", ["digits", "letters"])
async def test_an_approved_code_becomes_a_stored_login(
    tmp_path: Path, routes: str, user_code: str
) -> None:
    quirks: dict[str, Any] = {"poll_routes": routes, "user_code": user_code}
    async with scene(tmp_path, **SOON, **quirks) as here:
        person = Person(wanted="Kids")
        document = await login_discovr(here.wiring(), person, here.stop)
        assert document.profile is not None
        assert document.profile.name == "Kids"
        stored = here.stored("discovr")
        assert stored is not None
        assert stored.expires_at == document.expires_at
        until = here.clock.now() + timedelta(days=90)
        assert stored.expires_at == until.replace(microsecond=0)
        [code] = person.codes
        assert code.lifetime_s == 600
        address = f"{here.discovr.url}/activate?code={code.user_code}"
        assert read_qr(code.picture) == address
        answered = [
            seen
            for seen in here.discovr.requests(path=CODES)
            if seen.status not in (404, 405)
        ]
        assert here.gaps(answered) == [5, 5, 5]


async def test_later_runs_know_the_chosen_profile(tmp_path: Path) -> None:
    async with scene(tmp_path, **SOON) as here:
        await login_discovr(here.wiring(), Person(wanted="Kids"), here.stop)
        kids = here.discovr.profiles[1].id
        assert await here.wiring().discovr().open_profile() == kids
        mine = here.wiring(discovr={"profile": "Me"}).discovr()
        assert await mine.open_profile() == here.discovr.profiles[0].id


@pytest.mark.parametrize(
    ("profiles", "given", "preset", "picked", "asked"),
    [
        (("Me",), None, None, "Me", False),
        (("Me", "Kids"), None, None, "Kids", True),
        (("Me", "Kids"), "me", None, "Me", False),
        (("Me", "Kids"), None, "Me", "Me", False),
        (("Me", "Kids"), "Kids", "Me", "Kids", False),
        ((), None, None, None, False),
    ],
    ids=["only one", "asked", "named", "of the config", "named anew", "none"],
)
async def test_the_profile_is_asked_for_only_if_need_be(
    tmp_path: Path,
    profiles: tuple[str, ...],
    given: str | None,
    preset: str | None,
    picked: str | None,
    *,
    asked: bool,
) -> None:
    async with scene(tmp_path, profiles=profiles, **SOON) as here:
        person = Person(wanted="Kids")
        wiring = here.wiring(discovr={"profile": preset})
        document = await login_discovr(wiring, person, here.stop, profile=given)
        assert (document.profile.name if document.profile else None) == picked
        assert len(document.profiles) == len(profiles)
        assert bool(person.asked) is asked
        goes_first = preset is not None and preset != picked
        assert ("goes first" in " ".join(document.notes)) is goes_first


async def test_nobody_to_ask_leaves_the_profile_to_the_config(tmp_path: Path) -> None:
    async with scene(tmp_path, **SOON) as here:
        document = await login_discovr(here.wiring(), Person(), here.stop)
        assert document.profile is None
        assert "[discovr] profile" in document.notes[0]
        with pytest.raises(ConfigError, match="profile is not set"):
            here.wiring().discovr()


async def test_a_wrong_profile_is_named_and_the_login_stays(tmp_path: Path) -> None:
    async with scene(tmp_path, **SOON) as here:
        with pytest.raises(ConfigError, match="no profile 'You'"):
            await login_discovr(here.wiring(), Person(), here.stop, profile="You")
        assert here.stored("discovr") is not None


async def test_a_refused_code_ends_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        person = Person([here.discovr.devices.refuse])
        with pytest.raises(AuthError, match="refused, or it ran out") as caught:
            await login_discovr(here.wiring(), person, here.stop)
        assert "login discovr" in caught.value.remedy
        assert here.stored("discovr") is None


async def test_a_code_that_nobody_approves_is_replaced_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        person = Person()
        with pytest.raises(CodeExpiredError):
            await login_discovr(here.wiring(), person, here.stop)
        assert len(person.codes) == 2
        assert here.clock.monotonic() == pytest.approx(2 * 600, abs=20)


@pytest.mark.parametrize(
    "fault", [Fault.answer(503), Fault.answer(429), Fault.cut_before(), Fault.html()]
)
async def test_a_passing_fault_does_not_end_it(tmp_path: Path, fault: Fault) -> None:
    async with scene(tmp_path, **SOON) as here:
        spoil(here.discovr, f"{CODES}/", [fault])
        person = Person(wanted="Me")
        await login_discovr(here.wiring(), person, here.stop)
        assert len(person.told) == 1


async def test_a_new_login_takes_the_place_of_a_configured_one(tmp_path: Path) -> None:
    lost = {"refresh_token": "rt_lost"}
    async with scene(tmp_path, **SOON) as here:
        wiring = here.wiring(discovr=lost)
        document = await login_discovr(wiring, Person(wanted="Me"), here.stop)
        assert "refresh_token" in document.notes[0]
        await here.wiring(discovr=lost).discovr().open_profile()
        other = here.wiring(discovr={"refresh_token": "x", "profile": "Me"})
        with pytest.raises(AuthError):
            await other.discovr().open_profile()


@pytest.mark.parametrize("name", ["wrong", None])
async def test_a_wrong_client_id_is_a_matter_of_the_config(
    tmp_path: Path, name: str | None
) -> None:
    async with scene(tmp_path) as here:
        wiring = here.wiring(discovr={"client_id": name})
        with pytest.raises(ConfigError, match="client"):
            await login_discovr(wiring, Person(), here.stop)


@pytest.mark.parametrize(
    "pending",
    [
        reply(200, {"status": "pending"}),
        reply(200, {}),
        reply(200, {"status": "authorization_pending", "refreshToken": None}),
        reply(200, {"refreshToken": ""}),
        reply(200, b"null"),
        reply(202, {"status": "pending"}),
        reply(204, b""),
        reply(400, {"error": "authorization_pending"}),
        reply(428, b"<html>"),
    ],
    ids=range(9),
)
async def test_whatever_brings_no_token_and_is_no_refusal_means_wait(
    pending: Reply,
) -> None:
    async with meeting(reply(200, CODE), pending, reply(200, APPROVED)) as (
        flow,
        _,
    ):
        code = await flow.start()
        assert await flow.poll(code) is None
        token = await flow.poll(code)
        assert token is not None
        assert token.refresh_token == "rt_s3cret"
        assert token.expires_at == datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("status", [401, 403, 410])
@pytest.mark.parametrize("body", [b"", b"<html>", {"code": "TOKEN_EXPIRED"}])
async def test_a_refusal_ends_it_in_whatever_words(status: int, body: Any) -> None:
    async with meeting(reply(200, CODE), reply(status, body)) as (flow, _):
        code = await flow.start()
        with pytest.raises(AuthError, match="does not accept the code"):
            await flow.poll(code)


async def test_a_code_that_neither_route_knows_ends_it() -> None:
    async with meeting(reply(200, CODE), reply(404)) as (flow, server):
        code = await flow.start()
        with pytest.raises(AuthError, match="does not accept the code"):
            await flow.poll(code)
        assert [line.split()[0] for line in server.asked] == ["POST", "POST", "GET"]


@pytest.mark.parametrize(
    "change",
    [
        {"userCode": "B7K-29F"},
        {"userCode": 1234},
        {"qrCode": PICTURE, "authQRCode": None},
        {"authQRCode": PICTURE.rpartition(",")[2]},
        {"expiresIn": None},
    ],
    ids="-".join,
)
async def test_every_form_of_the_code_is_accepted(change: dict[str, Any]) -> None:
    body = {k: v for k, v in (CODE | change).items() if v is not None}
    async with meeting(reply(200, body)) as (flow, server):
        code = await flow.start()
        assert code.user_code == str(change.get("userCode", "0042"))
        assert code.lifetime_s == 600
        assert read_qr(code.picture) == "hi"
        assert server.asked == ["POST /auth/device-codes?size=600"]
        assert b'"clientID"' in server.received[0].body


async def test_without_a_picture_there_is_no_way_to_go_on() -> None:
    blank = CODE | {"authQRCode": "data:;base64,?"}
    async with meeting(reply(200, blank)) as (flow, _):
        with pytest.raises(ContractError, match="no picture"):
            await flow.start()


@pytest.mark.parametrize(
    "answer",
    [reply(301, headers={"Location": "http://127.0.0.1:9/x"}), reply(200, [1, "x"])],
    ids=["moved", "list"],
)
async def test_no_message_holds_the_device_code(answer: Reply) -> None:
    async with meeting(reply(200, CODE), answer) as (flow, _):
        code = await flow.start()
        assert "s3cret" not in repr(code)
        if answer.content.startswith(b"HTTP/1.1 200"):
            assert await flow.poll(code) is None
            return
        with pytest.raises(ServiceError) as caught:
            await flow.poll(code)
        assert "s3cret" not in str(caught.value)


async def test_no_log_line_holds_a_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with scene(tmp_path, **SOON, poll_routes="get") as here:
        person = Person(wanted="Me")
        await login_discovr(here.wiring(), person, here.stop)
        stored = here.stored("discovr")
        assert stored is not None
        assert stored.refresh_token is not None
        for secret in (person.codes[0].secret, stored.refresh_token):
            assert secret not in caplog.text
        assert KEYS.discovr_client_id not in caplog.text
        assert "/auth/device-codes/.../token" in caplog.text

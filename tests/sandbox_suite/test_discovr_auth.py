"""Discovr's sign-in, its two kinds of tokens, and its profiles."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sync.sandbox import DiscovrQuirks, DiscovrStandIn
from sync.sandbox.server.qr import SIZE, encode
from tests.standins import KNOWN, NOON, calling, calling_discovr, hand_clock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.clocks import FakeClock
    from tests.standins import Answer, Caller

AVATAR = "https://example.org/a.png"


def standin(clock: FakeClock | None = None, **quirks: Any) -> DiscovrStandIn:
    now = (clock or hand_clock()).now
    return DiscovrStandIn(quirks=DiscovrQuirks(**quirks), now=now)


async def begin(call: Caller, **query: object) -> Answer:
    body = {"clientID": KNOWN.discovr_client_id}
    return await call("POST", "/auth/device-codes", body, **query)


async def poll(call: Caller, code: str, *, older: bool = False) -> Answer:
    if older:
        return await call.get(f"/auth/device-codes/{code}/token")
    return await call("POST", f"/auth/device-codes/{code}/poll")


def as_identity(call: Caller, token: str = KNOWN.discovr_refresh_token) -> None:
    call.headers["Authorization"] = f"Bearer {token}"


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


@pytest.mark.parametrize("older", [False, True])
async def test_the_device_flow_ends_with_a_refresh_token_of_ninety_days(
    older: bool,
) -> None:
    service = standin()
    async with calling(service) as call:
        started = (await begin(call)).json
        pending = await poll(call, started["deviceCode"], older=older)
        service.devices.approve(started["userCode"])
        approved = (await poll(call, started["deviceCode"], older=older)).json
        again = await poll(call, started["deviceCode"], older=older)
        as_identity(call, approved["refreshToken"])
        profiles = await call.get("/profiles")
    assert len(started["userCode"]) == 4
    assert started["userCode"].isdecimal()
    assert started["expiresIn"] == 600_000
    assert pending.json == {"status": "pending"}
    assert approved["refreshToken"].startswith("rt_")
    end = (NOON + timedelta(days=90)).replace(microsecond=0)
    assert approved["expiresAt"] == end.timestamp()
    assert approved["publicId"]
    assert (again.status, profiles.status) == (401, 200)


@pytest.mark.parametrize("answer", ["refuse", "expire"])
async def test_a_refusal_and_an_expiry_look_the_same(answer: str) -> None:
    service = standin()
    async with calling(service) as call:
        code = (await begin(call)).json["deviceCode"]
        getattr(service.devices, answer)()
        assert code_of(await poll(call, code)) == (401, "TOKEN_INVALID")


async def test_a_code_runs_out_after_its_milliseconds() -> None:
    clock = hand_clock()
    async with calling(standin(clock, device_lifetime_ms=5000)) as call:
        code = (await begin(call)).json["deviceCode"]
        clock.advance(5)
        assert (await poll(call, code)).status == 401


@pytest.mark.parametrize(
    ("routes", "newer", "older"),
    [("both", 200, 200), ("post", 200, 404), ("get", 404, 200)],
)
async def test_either_poll_route_can_be_missing(
    routes: str, newer: int, older: int
) -> None:
    async with calling(standin(poll_routes=routes)) as call:
        code = (await begin(call)).json["deviceCode"]
        assert (await poll(call, code)).status == newer
        assert (await poll(call, code, older=True)).status == older


async def test_the_user_code_can_have_letters() -> None:
    async with calling(standin(user_code="letters")) as call:
        user_code = (await begin(call)).json["userCode"]
    assert user_code[3] == "-"
    assert user_code.endswith("F")


@pytest.mark.parametrize(
    ("body", "size"),
    [({}, 300), ({"clientID": "nobody"}, 300), (None, 99), (None, 1001), (None, "big")],
)
async def test_a_malformed_start_is_refused(body: Any, size: object) -> None:
    body = {"clientID": KNOWN.discovr_client_id} if body is None else body
    async with calling(standin()) as call:
        answer = await call("POST", "/auth/device-codes", body, size=size)
    assert code_of(answer) == (400, "VALIDATION_ERROR")


async def test_the_picture_is_a_png_of_the_size_asked_for() -> None:
    async with calling(standin()) as call:
        started = (await begin(call, size=417)).json
        picture = await begin(call, size=100, format="image")
    prefix, _, data = started["authQRCode"].partition(",")
    png = base64.b64decode(data)
    assert prefix == "data:image/png;base64"
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (417, 417)
    length = struct.unpack(">I", png[33:37])[0]
    assert len(zlib.decompress(png[41 : 41 + length])) == 417 * 418
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.body.startswith(b"\x89PNG")


def test_the_qr_code_is_one_that_readers_read() -> None:
    # The digest was taken of a picture that OpenCV's detector had read back.
    modules = encode("http://127.0.0.1:54321/activate?code=1234")
    text = "".join("01"[cell] for row in modules for cell in row)
    assert len(modules) == SIZE
    assert hashlib.sha256(text.encode()).hexdigest().startswith("f4eafbe08b063493")
    with pytest.raises(ValueError, match="too long"):
        encode("x" * 79)


async def test_a_session_is_bound_to_a_profile_and_lives_thirty_minutes() -> None:
    clock = hand_clock()
    service = standin(clock)
    kids = service.profiles[1].id
    async with calling_discovr(service, kids) as call:
        token = call.headers["Authorization"].removeprefix("Bearer ")
        await call("POST", "/profile/history", {"mediaId": "MV_550"})
        clock.advance(30 * 60 - 1)
        alive = await call.get("/profile/history")
        clock.advance(1)
        dead = await call.get("/profile/history")
    claims = token.split(".")[1]
    claims += "=" * (-len(claims) % 4)
    assert f'"profileId": "{kids}"' in base64.urlsafe_b64decode(claims).decode()
    assert [e.key.media for e in service.entries(kids)] == ["MV_550"]
    assert service.entries() == []
    assert alive.status == 200
    assert code_of(dead) == (401, "TOKEN_EXPIRED")


@pytest.mark.parametrize(
    ("path", "token", "code"),
    [
        ("/profiles", "", "TOKEN_INVALID"),
        ("/profiles", "rt_nonsense", "TOKEN_INVALID"),
        ("/profiles", "a.b.c", "WRONG_TOKEN_KIND"),
        ("/profile/history", "", "TOKEN_INVALID"),
        ("/profile/history", "a.b.c", "TOKEN_INVALID"),
        ("/profile/history", KNOWN.discovr_refresh_token, "WRONG_TOKEN_KIND"),
    ],
)
async def test_each_tier_wants_its_own_token(path: str, token: str, code: str) -> None:
    async with calling(standin()) as call:
        as_identity(call, token)
        assert code_of(await call.get(path)) == (401, code)


async def test_lists_can_ride_on_the_identity_token_instead() -> None:
    service = standin(identity_for_profile=True)
    async with calling_discovr(service) as call:
        accepted = await call.get("/profile/history")
        body = {"profileId": service.profiles[0].id}
        token = (await call("POST", "/auth/session-token", body)).json["sessionToken"]
        as_identity(call, token)
        refused = await call.get("/profile/history")
    assert accepted.status == 200
    assert code_of(refused) == (401, "WRONG_TOKEN_KIND")


@pytest.mark.parametrize(
    ("quirks", "status", "code"),
    [
        ({}, 401, "TOKEN_EXPIRED"),
        ({"token_error_status": 403}, 403, "TOKEN_EXPIRED"),
        ({"expiry_code": "SESSION_EXPIRED"}, 401, "SESSION_EXPIRED"),
    ],
)
async def test_an_expired_refresh_token_is_refused(
    quirks: dict[str, Any], status: int, code: str
) -> None:
    async with calling(standin(refresh_token_has_expired=True, **quirks)) as call:
        as_identity(call)
        assert code_of(await call.get("/profiles")) == (status, code)


async def test_more_sessions_than_allowed_end_the_oldest() -> None:
    service = standin(sessions_at_most=1)
    async with calling_discovr(service) as call:
        first = call.headers["Authorization"]
        as_identity(call)
        body = {"profileId": service.profiles[0].id}
        await call("POST", "/auth/session-token", body)
        call.headers["Authorization"] = first
        assert (await call.get("/profile/history")).status == 401


async def test_signing_out_ends_the_login_but_not_its_sessions() -> None:
    service = standin()
    async with calling_discovr(service) as call:
        session = call.headers["Authorization"]
        as_identity(call)
        revoked = await call("DELETE", "/auth/session")
        refused = await call.get("/profiles")
        call.headers["Authorization"] = session
        alive = await call.get("/profile/history")
    assert revoked.json == {"revoked": True}
    assert code_of(refused) == (401, "TOKEN_INVALID")
    assert alive.status == 200


async def test_profiles_are_listed_added_and_changed() -> None:
    async with calling(standin()) as call:
        as_identity(call)
        body = {"name": "Guest", "avatarUrl": AVATAR}
        added = (await call("POST", "/profiles", body)).json
        path = f"/profiles/{added['profileId']}"
        changed = await call("PATCH", path, {"name": "Visitor"})
        names = [p["name"] for p in (await call.get("/profiles")).json["profiles"]]
        one = await call.get(path)
        strange = await call.get("/profiles/prf_nonsense")
    assert names == ["Visitor", "Kids", "Me"]
    assert changed.json == one.json
    assert one.json == {
        "id": added["profileId"],
        "name": "Visitor",
        "avatarUrl": AVATAR,
        "createdAt": "2026-11-10T12:00:00.123Z",
    }
    assert code_of(strange) == (404, "PROFILE_NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/profiles", {"name": "No picture"}),
        ("POST", "/profiles", {"name": "", "avatarUrl": AVATAR}),
        ("PATCH", "/profiles/x", {}),
        ("PATCH", "/profiles/x", {"name": 7}),
        ("POST", "/profiles", "text"),
    ],
)
async def test_malformed_profiles_are_refused(
    method: str, path: str, body: object
) -> None:
    async with calling(standin()) as call:
        as_identity(call)
        assert (await call(method, path, body)).status == 400


async def test_no_session_opens_on_a_profile_of_somebody_else() -> None:
    async with calling(standin()) as call:
        as_identity(call)
        answer = await call("POST", "/auth/session-token", {"profileId": "prf_other"})
    assert code_of(answer) == (404, "PROFILE_NOT_FOUND")


async def test_logins_outlive_the_process_and_so_do_logouts(tmp_path: Path) -> None:
    def service() -> DiscovrStandIn:
        return DiscovrStandIn(store_path=tmp_path / "d.jsonl", now=hand_clock().now)

    first = service()
    async with calling(first) as call:
        code = (await begin(call)).json["deviceCode"]
        first.devices.approve()
        token = (await poll(call, code)).json["refreshToken"]
    async with calling(service()) as call:
        as_identity(call, token)
        assert (await call.get("/profiles")).status == 200
        assert (await call("DELETE", "/auth/session")).status == 200
    async with calling(service()) as call:
        as_identity(call, token)
        assert (await call.get("/profiles")).status == 401
        as_identity(call)
        assert (await call.get("/profiles")).status == 200


async def test_the_identity_tier_needs_a_profile_to_be_selected_once() -> None:
    async with calling(standin(identity_for_profile=True)) as call:
        as_identity(call)
        assert code_of(await call.get("/profile/history")) == (400, "NO_PROFILE")

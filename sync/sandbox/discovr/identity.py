"""Discovr's identity tier: signing in and out, profiles, and opening sessions."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sync.sandbox.server.credentials import Credentials, made_up
from sync.sandbox.server.devices import DeviceCodes, GrantState
from sync.sandbox.server.qr import draw_png
from sync.sandbox.server.server import RefusedError, json_object

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sync.sandbox.discovr.auth import DiscovrAuth
    from sync.sandbox.discovr.lists import Profile, ProfileBook
    from sync.sandbox.discovr.quirks import DiscovrQuirks
    from sync.sandbox.discovr.wire import DiscovrWire


class DiscovrIdentity:
    """The calls that take no token, or a refresh token."""

    def __init__(
        self,
        auth: DiscovrAuth,
        profiles: ProfileBook,
        wire: DiscovrWire,
        quirks: DiscovrQuirks,
        now: Callable[[], datetime],
        url: Callable[[], str],
    ) -> None:
        self._auth = auth
        self._profiles = profiles
        self._wire = wire
        self._quirks = quirks
        self._url = url
        self.devices = DeviceCodes(
            "Discovr",
            now,
            lifetime_s=quirks.device_lifetime_ms / 1000,
            user_code=self._user_code,
            approves_after_polls=quirks.approves_after_polls,
        )

    def routes(self) -> list[web.RouteDef]:
        """Return the calls, and the page on which a person answers."""
        codes = "/auth/device-codes"
        routes = [
            web.post(codes, self._start),
            web.post("/auth/session-token", self._mint),
            web.delete("/auth/session", self._sign_out),
            web.get("/profiles", self._list_profiles),
            web.post("/profiles", self._add_profile),
            web.get("/profiles/{id}", self._get_profile),
            web.patch("/profiles/{id}", self._change_profile),
            *self.devices.routes(),
        ]
        if self._quirks.poll_routes in ("both", "post"):
            routes.append(web.post(f"{codes}/{{code}}/poll", self._poll))
        if self._quirks.poll_routes in ("both", "get"):
            routes.append(web.get(f"{codes}/{{code}}/token", self._poll))
        return routes

    async def _start(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        self._wire.check_fields(body, {"clientID"})
        if body.get("clientID") != Credentials().discovr_client_id:
            raise self._wire.invalid("clientID is unknown.")
        size = request.query.get("size", "300")
        if not size.isdecimal() or not 100 <= int(size) <= 1000:
            raise self._wire.invalid("size has to be a number from 100 to 1000.")
        grant = self.devices.issue()
        address = f"{self._url()}/activate?code={grant.user_code}"
        picture = draw_png(address, int(size))
        if request.query.get("format") == "image":
            return web.Response(body=picture, content_type="image/png")
        return web.json_response(
            {
                "deviceCode": grant.device_code,
                "userCode": grant.user_code,
                "authQRCode": "data:image/png;base64,"
                + base64.b64encode(picture).decode(),
                "expiresIn": self._quirks.device_lifetime_ms,
            }
        )

    async def _poll(self, request: web.Request) -> web.Response:
        grant = self.devices.poll(request.match_info["code"])
        if grant is not None and grant.state is GrantState.PENDING:
            return web.json_response({"status": "pending"})
        if grant is None or grant.state is not GrantState.APPROVED:
            raise RefusedError(401, "TOKEN_INVALID", "The code cannot be used.")
        grant.state = GrantState.SPENT
        token, sign_in = self._auth.sign_in()
        return web.json_response(
            {
                "refreshToken": token,
                "publicId": sign_in.public_id,
                "expiresAt": int(sign_in.expires_at.timestamp()),
            }
        )

    async def _mint(self, request: web.Request) -> web.Response:
        self._auth.identity(request.headers)
        body = await json_object(request)
        self._wire.check_fields(body, {"profileId"})
        profile = self._profiles.find(str(body.get("profileId")))
        token, session = self._auth.mint(profile.id)
        return web.json_response(
            {
                "sessionToken": token,
                "sessionId": session.id,
                "expiresAt": int(session.expires_at.timestamp()),
            }
        )

    async def _sign_out(self, request: web.Request) -> web.Response:
        self._auth.sign_out(request.headers)
        return web.json_response({"revoked": True})

    async def _list_profiles(self, request: web.Request) -> web.Response:
        self._auth.identity(request.headers)
        profiles = [self._written(p) for p in self._profiles.newest_first()]
        return web.json_response({"profiles": profiles})

    async def _get_profile(self, request: web.Request) -> web.Response:
        self._auth.identity(request.headers)
        profile = self._profiles.find(request.match_info["id"])
        return web.json_response(self._written(profile))

    async def _add_profile(self, request: web.Request) -> web.Response:
        self._auth.identity(request.headers)
        texts = self._texts(await json_object(request))
        if len(texts) < 2:
            raise self._wire.invalid("name and avatarUrl are required.")
        profile = self._profiles.add(**texts)
        return web.json_response({"profileId": profile.id})

    async def _change_profile(self, request: web.Request) -> web.Response:
        self._auth.identity(request.headers)
        texts = self._texts(await json_object(request))
        if not texts:
            raise self._wire.invalid("name or avatarUrl is required.")
        profile = self._profiles.change(request.match_info["id"], **texts)
        return web.json_response(self._written(profile))

    def _texts(self, body: dict[str, Any]) -> dict[str, str]:
        self._wire.check_fields(body, {"name", "avatarUrl"})
        names = {"name": "name", "avatarUrl": "avatar_url"}
        texts = {names[key]: body[key] for key in names if key in body}
        if not all(isinstance(text, str) and text for text in texts.values()):
            raise self._wire.invalid("name and avatarUrl have to be texts.")
        return texts

    def _written(self, profile: Profile) -> dict[str, str]:
        return {
            "id": profile.id,
            "name": profile.name,
            "avatarUrl": profile.avatar_url,
            "createdAt": self._wire.time(profile.created_at),
        }

    def _user_code(self, number: int) -> str:
        digits = int(made_up(f"discovr user code {number}", 12), 16)
        if self._quirks.user_code == "digits":
            return f"{digits % 10_000:04d}"
        letters = made_up(f"discovr user code {number}", 3).upper()
        return f"{letters}-{digits % 100:02d}F"

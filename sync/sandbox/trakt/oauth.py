"""Trakt's sign-in: the device flow, rotating refresh tokens, and revocation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sync.sandbox.server.credentials import Credentials, made_up
from sync.sandbox.server.devices import DeviceCodes, GrantState
from sync.sandbox.server.journal import Journal
from sync.sandbox.server.server import RefusedError, json_object

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sync.sandbox.trakt.quirks import TraktQuirks

_POLL_REFUSALS = {
    GrantState.SPENT: 409,
    GrantState.EXPIRED: 410,
    GrantState.REFUSED: 418,
}


class TraktTokens:
    """Which access and refresh tokens are good, also for the next process.

    The access token of the credentials is good for ever unless a quirk says otherwise:
    then a second process gets in with what the first one was given.
    """

    def __init__(
        self,
        quirks: TraktQuirks,
        now: Callable[[], datetime],
        store_path: Path | None = None,
    ) -> None:
        known = Credentials()
        self._quirks = quirks
        self._now = now
        self._journal = Journal(store_path)
        self._issued = 0
        self._refresh = {known.trakt_refresh_token}
        self._access: dict[str, datetime] = {}
        if not quirks.access_token_has_expired:
            end_of_time = datetime.max.replace(tzinfo=UTC)
            self._access[known.trakt_access_token] = end_of_time
        for record in self._journal.read():
            self._replay(record)

    def accepts(self, access_token: str) -> bool:
        """Whether a token is good now."""
        return access_token in self._access and self._now() < self._access[access_token]

    def issue(self) -> dict[str, Any]:
        """Make a new pair, and answer with it."""
        pair = (self._name("access"), self._name("refresh"))
        expires_in = self._quirks.token_expires_in_s
        expires_at = self._now() + timedelta(seconds=expires_in)
        self._keep({"issued": pair, "until": expires_at.isoformat()})
        return {
            "access_token": pair[0],
            "token_type": self._quirks.token_type,
            "expires_in": expires_in,
            "refresh_token": pair[1],
            "scope": "public",
            "created_at": int(self._now().timestamp()),
        }

    def exchange(self, refresh_token: object) -> dict[str, Any]:
        """Spend a refresh token, which works once, on a new pair."""
        if self._quirks.refuses_refresh or refresh_token not in self._refresh:
            raise RefusedError(
                self._quirks.refresh_refusal_status,
                "invalid_grant",
                "The provided authorization grant is invalid, expired or revoked.",
                {"WWW-Authenticate": 'Bearer error="invalid_grant"'}
                if self._quirks.refresh_refusal_status == 401
                else None,
            )
        self._keep({"spent": refresh_token})
        return self.issue()

    def revoke(self, access_token: object) -> None:
        """Withdraw an access token."""
        self._keep({"revoked": access_token})

    def _name(self, kind: str) -> str:
        return made_up(f"trakt {kind} token {self._issued}")

    def _keep(self, record: dict[str, Any]) -> None:
        self._journal.append(record)
        self._replay(record)

    def _replay(self, record: dict[str, Any]) -> None:
        if "issued" in record:
            access, refresh = record["issued"]
            self._access[access] = datetime.fromisoformat(record["until"])
            self._refresh.add(refresh)
            self._issued += 1
        self._refresh.discard(record.get("spent", ""))
        self._access.pop(record.get("revoked", ""), None)


class TraktOauth:
    """The calls of the sign-in host."""

    def __init__(
        self,
        tokens: TraktTokens,
        quirks: TraktQuirks,
        now: Callable[[], datetime],
        url: Callable[[], str],
    ) -> None:
        self._tokens = tokens
        self._quirks = quirks
        self._now = now
        self._url = url
        self.devices = DeviceCodes(
            "Trakt",
            now,
            lifetime_s=quirks.device_expires_in_s,
            user_code=lambda number: made_up(f"trakt user code {number}", 8).upper(),
            approves_after_polls=quirks.approves_after_polls,
        )

    def routes(self) -> list[web.RouteDef]:
        """Return the calls, and the page on which a person answers."""
        return [
            web.post("/oauth/device/code", self._start),
            web.post("/oauth/device/token", self._poll),
            web.post("/oauth/token", self._exchange),
            web.post("/oauth/revoke", self._revoke),
            *self.devices.routes(),
        ]

    async def _start(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        if self._quirks.gone_client_id or not _is_client(body):
            raise RefusedError(403)
        grant = self.devices.issue()
        return web.json_response(
            {
                "device_code": grant.device_code,
                "user_code": grant.user_code,
                "verification_url": f"{self._url()}/activate",
                "expires_in": self._quirks.device_expires_in_s,
                "interval": self._quirks.device_interval_s,
            }
        )

    async def _poll(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        self._check_client(body)
        grant = self.devices.poll(str(body.get("code")))
        if grant is None:
            return web.Response(status=404)
        interval = timedelta(seconds=self._quirks.device_interval_s)
        last, grant.polled_at = grant.polled_at, self._now()
        if last is not None and grant.polled_at - last < interval:
            wait_s = str(self._quirks.device_interval_s)
            return web.Response(status=429, headers={"Retry-After": wait_s})
        if grant.state is GrantState.APPROVED:
            grant.state = GrantState.SPENT
            return web.json_response(self._tokens.issue())
        # Pending included, none of these has a body.
        return web.Response(status=_POLL_REFUSALS.get(grant.state, 400))

    async def _exchange(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        self._check_client(body)
        if body.get("grant_type") != "refresh_token":
            raise RefusedError(400, "unsupported_grant_type")
        if not body.get("redirect_uri"):
            raise RefusedError(400, "invalid_request", "redirect_uri is missing.")
        return web.json_response(self._tokens.exchange(body.get("refresh_token")))

    async def _revoke(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        self._check_client(body)
        self._tokens.revoke(body.get("token"))
        return web.Response()

    def _check_client(self, body: dict[str, Any]) -> None:
        is_secret = body.get("client_secret") == Credentials().trakt_client_secret
        if self._quirks.gone_client_id or not _is_client(body) or not is_secret:
            raise RefusedError(401, "invalid_client", "Client authentication failed.")


def _is_client(body: dict[str, Any]) -> bool:
    return body.get("client_id") == Credentials().trakt_client_id

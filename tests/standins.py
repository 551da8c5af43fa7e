"""Plain aiohttp callers for the stand-ins, and the time at which they play."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp

from sync.sandbox import Credentials
from tests.clocks import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sync.sandbox import DiscovrStandIn, StandIn, TraktStandIn

USER_AGENT = "trakt2discovr-tests/1.0"
NOON = datetime(2026, 11, 10, 12, 0, 0, 123_456, tzinfo=UTC)
KNOWN = Credentials()


def hand_clock() -> FakeClock:
    """Return a clock that stands at noon of an autumn day of 2026."""
    return FakeClock(NOON)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Caller:
    """Calls one stand-in with the same headers each time."""

    service: StandIn
    session: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    async def __call__(
        self, method: str, path: str, body: Any = None, **query: object
    ) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        async with self.session.request(
            method,
            self.service.url + path,
            data=data,
            headers=self.headers,
            params={name: str(value) for name, value in query.items()},
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **query: object) -> Answer:
        return await self("GET", path, **query)


@asynccontextmanager
async def calling(service: StandIn, **headers: str) -> AsyncIterator[Caller]:
    """Start a stand-in and call it."""
    # One connection per request: a client that reuses one resends what was cut.
    connector = aiohttp.TCPConnector(force_close=True)
    async with service, aiohttp.ClientSession(connector=connector) as session:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        yield Caller(service, session, {"User-Agent": USER_AGENT} | named)


@asynccontextmanager
async def calling_trakt(service: TraktStandIn) -> AsyncIterator[Caller]:
    """Start Trakt and call it as the signed-in user."""
    async with calling(
        service,
        Content_Type="application/json",
        trakt_api_version="2",
        trakt_api_key=KNOWN.trakt_client_id,
        Authorization=f"Bearer {KNOWN.trakt_access_token}",
    ) as call:
        yield call


@asynccontextmanager
async def calling_discovr(
    service: DiscovrStandIn, profile: str | None = None
) -> AsyncIterator[Caller]:
    """Start Discovr and call it with a session on a profile, by default the first."""
    async with calling(service, Content_Type="application/json") as call:
        call.headers["Authorization"] = f"Bearer {KNOWN.discovr_refresh_token}"
        chosen = profile or service.profiles[0].id
        answer = await call("POST", "/auth/session-token", {"profileId": chosen})
        if not service.quirks.identity_for_profile:
            call.headers["Authorization"] = f"Bearer {answer.json['sessionToken']}"
        yield call

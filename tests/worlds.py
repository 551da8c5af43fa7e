"""A small world: stand-ins for the services, and the program pointed at them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from connectors.clock import SystemClock
from sync import api
from sync.config import Settings
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.server.server import utc_now
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn
from sync.wiring.bootstrap import build
from tests.clocks import hasty_system_clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from connectors.clock import Clock
    from sync.pipeline.result import Report
    from sync.ports import Extraction
    from sync.sandbox.account.account import Account


@dataclass
class World:
    """The three services and the settings that lead to them."""

    account: Account
    trakt: TraktStandIn
    discovr: DiscovrStandIn
    tmdb: TmdbStandIn
    folder: Path
    history: dict[str, Any] = field(default_factory=dict)
    has_tmdb: bool = True
    has_client_id: bool = True
    #: Whether the login to Trakt can be renewed.
    is_lasting: bool = False
    concurrency: int = 4
    profile: str = "Me"
    #: In place of a file in the folder.
    state_url: str = ""
    clock: Clock = field(default_factory=SystemClock)

    @property
    def settings(self) -> Settings:
        keys = Credentials()
        sections: dict[str, Any] = {
            "trakt": {
                "client_id": keys.trakt_client_id,
                "client_secret": SecretStr(keys.trakt_client_secret),
                "access_token": SecretStr(keys.trakt_access_token),
                "concurrency": self.concurrency,
                "api_url": self.trakt.url,
                "auth_url": self.trakt.url,
            },
            "discovr": {
                "client_id": keys.discovr_client_id,
                "refresh_token": SecretStr(keys.discovr_refresh_token),
                "profile": self.profile,
                "api_url": self.discovr.url,
                "requests_per_second": 1000,
            },
            "history": self.history,
            "state": {
                "url": self.state_url or f"sqlite:///{self.folder / 'state.sqlite3'}",
                "tokens": self.folder / "tokens.json",
            },
        }
        if self.is_lasting:
            refresh_token = SecretStr(keys.trakt_refresh_token)
            sections["trakt"]["refresh_token"] = refresh_token
        if not self.has_client_id:
            del sections["trakt"]["client_id"]
        if self.has_tmdb:
            key = SecretStr(keys.tmdb_api_key)
            sections["tmdb"] = {"api_key": key, "api_url": self.tmdb.api_url}
        return Settings.model_validate(sections)

    async def migrate(self, **options: Any) -> Report:
        return await api.migrate(self.settings, **options)

    async def plan(self, **options: Any) -> Report:
        return await api.plan(self.settings, **options)

    async def extract(self) -> Extraction:
        async with build(self.settings, clock=self.clock) as services:
            return await services.source.extract(lambda _done, _total: None)

    def writes(self) -> int:
        seen = self.discovr.requests(path="/profile/history")
        return sum(request.method != "GET" for request in seen)


@asynccontextmanager
async def world(
    account: Account,
    folder: Path,
    *,
    trakt: TraktQuirks | None = None,
    discovr: DiscovrQuirks | None = None,
    profiles: Sequence[str] = ("Me", "Kids"),
    now: Callable[[], datetime] = utc_now,
    **options: Any,
) -> AsyncIterator[World]:
    async with (
        TraktStandIn(account, quirks=trakt or TraktQuirks(), now=now) as trakt_server,
        DiscovrStandIn(
            catalogue=account.titles,
            quirks=discovr or DiscovrQuirks(),
            profiles=profiles,
            now=now,
        ) as discovr_server,
        TmdbStandIn(account.titles, now=now) as tmdb_server,
    ):
        servers = trakt_server, discovr_server, tmdb_server
        with hasty_system_clock():
            yield World(account, *servers, folder, **options)

"""Somebody at the page: the services as stand-ins, and the steps by plain requests."""

from __future__ import annotations

import asyncio
import html
import re
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import pytest

from sync.config import load_settings
from sync.runtime.values import Address
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt.export import write_export
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn
from sync.web import server
from sync.web.move import Move
from sync.web.server import Site, served
from sync.web.steps import due
from sync.web.views import add_views
from tests.clocks import hasty_system_clock
from tests.safety.accounts import mixed_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sync.sandbox.account.account import Account

KEYS = Credentials()
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.DOTALL)
_LONGEST_S = 20.0


@dataclass
class Seen:
    """A page as it came: where it is, and what it says."""

    status: int
    path: str
    text: str

    @property
    def words(self) -> str:
        """What somebody reads."""
        return " ".join(html.unescape(_TAGS.sub(" ", self.text)).split())

    @property
    def heading(self) -> str:
        found = re.search(r"<h1>(.*?)</h1>", self.text, re.DOTALL)
        return html.unescape(found[1]) if found else ""

    def field(self, name: str) -> str:
        """Return the value of a hidden field."""
        found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', self.text)
        assert found, f"there is no field {name}"
        return html.unescape(found[1])

    def forms(self) -> list[str]:
        return re.findall(r'<form method="post" action="([^"]+)"', self.text)


@dataclass
class House:
    """The services, the folders of one person, and the page while it is served."""

    account: Account
    trakt: TraktStandIn
    discovr: DiscovrStandIn
    tmdb: TmdbStandIn
    folder: Path
    environ: dict[str, str]
    move: Move = field(init=False)
    site: Site = field(init=False)
    session: aiohttp.ClientSession = field(init=False)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def download(self) -> Path:
        path = self.folder / "trakt-export-me.zip"
        return path if path.exists() else write_export(self.account, path)

    async def __aenter__(self) -> Self:
        def load() -> Any:
            is_new = not self.config.exists()
            return load_settings(self.config, self.environ, is_new=is_new)

        self.move = Move(load, self.config, self.folder / "web")
        await self.move.open()
        self.site = await self._open.enter_async_context(
            served(
                self.move,
                partial(add_views, move=self.move),
                door=self.folder / "door.html",
                notice=self.folder / "notice.json",
                address=Address("127.0.0.1", 0),
            )
        )
        links = self.site.links
        self.session = await self._open.enter_async_context(
            aiohttp.ClientSession(
                headers={"Cookie": f"{links.cookie_name}={links.cookie}"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.move.end()
        await self._open.aclose()

    async def restart(self, *, is_killed: bool = True) -> None:
        """End the process, and start another one on the same folders."""
        if is_killed and self.move.job and self.move.job._task:
            # What a killed process had in memory is gone; its job writes nothing more.
            self.move.job._task.cancel()
        await self.__aexit__()
        self._open = AsyncExitStack()
        await self.__aenter__()

    async def get(self, path: str = "/", **query: str) -> Seen:
        url = f"{self.site.address.url}{path}"
        async with self.session.get(url, params=query) as answer:
            return Seen(answer.status, answer.url.path_qs, await answer.text())

    async def post(self, path: str, **fields: str) -> Seen:
        form = {"token": self.site.links.form, **fields}
        return await self._send(path, form)

    async def upload(self, path: Path) -> Seen:
        form = aiohttp.FormData()
        form.add_field("token", self.site.links.form)
        content = await asyncio.to_thread(path.read_bytes)
        form.add_field("file", content, filename=path.name)
        return await self._send("/from/download", form)

    async def _send(self, path: str, data: Any) -> Seen:
        url = self.site.address.url
        headers = {"Origin": url, "Sec-Fetch-Site": "same-origin"}
        async with self.session.post(
            f"{url}{path}", data=data, headers=headers, allow_redirects=False
        ) as answer:
            if answer.status != 303:
                return Seen(answer.status, path, await answer.text())
            there = answer.headers["Location"]
        return await self.get(there)

    async def settled(self) -> Seen:
        """Wait until nothing goes on but a question, and return what is due."""
        async with asyncio.timeout(_LONGEST_S):
            while (job := self.move.job) and not (job.is_over or job.asks):
                if job.code:
                    self._approve()
                await self.move.bell.wait(0.05)
        return await self.get("/")

    def _approve(self) -> None:
        """Say yes on the second screen; the stand-ins are quick to hear it."""

    async def sign_in(self) -> Seen:
        """Sign in to Discovr and choose the first profile."""
        await self.post("/to/sign-in", **{"discovr.client_id": KEYS.discovr_client_id})
        await self.settled()
        return await self.post("/to/profile", profile=self.discovr.profiles[0].id)

    async def to_plan(self) -> Seen:
        """Go by the download as far as the plan."""
        await self.upload(self.download)
        await self.settled()
        await self.sign_in()
        await self.post("/plan")
        return await self.settled()

    async def agree(self) -> Seen:
        """Agree to the plan that is shown."""
        seen = await self.get("/plan")
        return await self.post("/plan/answer", plan=seen.field("plan"), answer="yes")

    async def wrote(self, number: int) -> None:
        """Return once so many writes were sent."""
        async with asyncio.timeout(_LONGEST_S):
            while self.writes() < number:
                await self.move.bell.wait(0.05)

    def writes(self) -> int:
        seen = self.discovr.requests(path="/profile/history")
        return sum(request.method != "GET" for request in seen)


@asynccontextmanager
async def house(
    folder: Path,
    *,
    account: Account | None = None,
    discovr: DiscovrQuirks | None = None,
    trakt: TraktQuirks | None = None,
    environ: dict[str, str] | None = None,
    is_hasty: bool = True,
) -> AsyncIterator[House]:
    """Start the services and the page; nothing is known yet.

    Without ``is_hasty`` a code runs out no sooner than it would.
    """
    found = account or mixed_account()[0]
    willing = trakt or TraktQuirks(device_interval_s=1, approves_after_polls=0)
    async with (
        TraktStandIn(found, quirks=willing) as trakt_server,
        DiscovrStandIn(
            catalogue=found.titles,
            profiles=("Me", "Kids"),
            quirks=discovr or DiscovrQuirks(approves_after_polls=0),
        ) as discovr_server,
        TmdbStandIn(found.titles) as tmdb_server,
    ):
        leads = {
            "TRAKT__API_URL": trakt_server.url,
            "TRAKT__AUTH_URL": trakt_server.url,
            "DISCOVR__API_URL": discovr_server.url,
            "DISCOVR__REQUESTS_PER_SECOND": "1000",
            "TMDB__API_URL": tmdb_server.api_url,
            "STATE__URL": f"sqlite:///{folder / 'state.sqlite3'}",
            "STATE__TOKENS": str(folder / "tokens.json"),
            **(environ or {}),
        }
        variables = {f"TRAKT2DISCOVR_{name}": value for name, value in leads.items()}
        hasty = hasty_system_clock() if is_hasty else nullcontext()
        with hasty, pytest.MonkeyPatch.context() as patch:
            # Nobody reads on at the end of a test.
            patch.setattr(server, "_LAST_ANSWERS_S", 0.01)
            async with House(
                found, trakt_server, discovr_server, tmdb_server, folder, variables
            ) as there:
                yield there


__all__ = ["KEYS", "House", "Seen", "due", "house"]

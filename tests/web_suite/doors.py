"""The page served on loopback for a test, and somebody who knocks at it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from connectors.errors import InputError, TransientError
from sync.config import Settings
from sync.daemon.state import JobState
from sync.web import move as page
from sync.web import server
from sync.web.guard import PARTS, UPLOADS
from sync.web.server import HERE, Site, add_files, served
from sync.web.upload import receive
from sync.web.views import add_views
from tests.clocks import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from sync.runtime.values import Address

TITLE = "<script>alert(1)</script>&\"'"


@dataclass
class Move:
    """Stands for what the page is about: it counts what was asked of it."""

    clock: FakeClock = field(default_factory=FakeClock)
    is_busy: bool = False
    under_way: int = 0
    changed: list[str] = field(default_factory=list)
    ended: int = 0

    def __post_init__(self) -> None:
        self.state = JobState(timedelta(0), self.clock.now())

    async def end(self) -> None:
        self.ended += 1


def plain_views(move: Move, folder: Path) -> Callable[[web.Application], None]:
    """Return one view of each kind that the page has."""

    async def show(_request: web.Request) -> web.Response:
        return web.Response(text="the page", content_type="text/html")

    async def change(request: web.Request) -> web.Response:
        move.changed.append(str((await request.post())["title"]))
        raise web.HTTPSeeOther("/")

    async def take(request: web.Request) -> web.Response:
        upload = await receive(request[PARTS], folder, move.clock)
        move.changed.append(upload.path.name)
        raise web.HTTPSeeOther("/")

    async def fail(request: web.Request) -> web.Response:
        errors: dict[str, Exception] = {
            "input": InputError(f"{TITLE} is none."),
            "down": TransientError("Trakt could not be reached."),
            "bug": RuntimeError(TITLE),
            "missing": web.HTTPNotFound(),
        }
        raise errors[request.match_info["what"]]

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b"data: here\n\n")
        await asyncio.Event().wait()
        return answer

    def add(app: web.Application) -> None:
        app[UPLOADS] = ("/upload",)
        app.router.add_get("/", show)
        app.router.add_post("/change", change)
        app.router.add_post("/upload", take)
        app.router.add_get("/fail/{what}", fail)
        app.router.add_get("/events", stream)
        add_files(app, {"/static/style.css": ("text/css", b"body {}")})

    return add


def page_views(move: Move, folder: Path) -> Callable[[web.Application], None]:
    """Return all that the page has, with nothing known behind it."""
    state = {"url": f"sqlite:///{folder / 'state.sqlite3'}", "tokens": folder / "t"}
    settings = Settings.model_validate({"state": state})
    real = page.Move(lambda: settings, folder / "config.toml", folder / "web")
    return partial(add_views, move=real)


@dataclass
class Door:
    """The page while it is served, and a browser that was let in."""

    site: Site
    app: web.Application
    move: Move
    session: aiohttp.ClientSession
    folder: Path

    @property
    def cookies(self) -> dict[str, str]:
        return {self.site.links.cookie_name: self.site.links.cookie}

    @property
    def origin(self) -> str:
        return self.site.address.url

    async def ask(
        self,
        method: str,
        path: str,
        *,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> aiohttp.ClientResponse:
        """Ask as our page in a browser would, but for what is given."""
        if cookies is None:
            cookies = self.cookies
        if headers is None:
            headers = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        cookie = {"Cookie": "; ".join(f"{n}={v}" for n, v in cookies.items())}
        answer = await self.session.request(
            method,
            f"{self.origin}{path}",
            headers={**headers, **(cookie if cookies else {})},
            allow_redirects=False,
            **options,
        )
        if answer.content_type != "text/event-stream":
            await answer.read()
        return answer

    def form(self, **fields: str) -> dict[str, str]:
        return {"token": self.site.links.form, **fields}

    def upload(
        self,
        content: bytes,
        name: str = "trakt-export-me.zip",
        token: str | None = None,
    ) -> aiohttp.FormData:
        form = aiohttp.FormData()
        form.add_field("token", self.site.links.form if token is None else token)
        form.add_field("file", content, filename=name)
        return form


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    address: Address = HERE,
    has_health: bool = False,
    views: Callable[[Move, Path], Callable[[web.Application], None]] = plain_views,
) -> AsyncIterator[Door]:
    """Serve the page meanwhile."""
    move = Move()
    apps: list[web.Application] = []

    def add(app: web.Application) -> None:
        apps.append(app)
        views(move, folder / "uploads")(app)

    jar = aiohttp.DummyCookieJar()
    async with (
        _in_haste(),
        served(
            move,
            add,
            notice=folder / "notice.json",
            door=folder / "door.html",
            address=address,
            has_health=has_health,
        ) as site,
        aiohttp.ClientSession(cookie_jar=jar) as session,
    ):
        yield Door(site, apps[0], move, session, folder / "uploads")


@asynccontextmanager
async def _in_haste() -> AsyncIterator[None]:
    """Wait for no answer that is still being read at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_LAST_ANSWERS_S", 0.01)
        yield


async def raw(address: Address, *sent: bytes) -> bytes:
    """Send these bytes and return all that comes back."""
    reader, writer = await asyncio.open_connection(*address)
    for piece in sent:
        writer.write(piece)
    await writer.drain()
    try:
        async with asyncio.timeout(30):
            return await reader.read()
    finally:
        writer.close()

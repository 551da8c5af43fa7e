"""A Trakt that is never the bottleneck: the stand-in's answers, kept as bytes.

    python -m bench.page_server PLAYS LATENCY_MS

Each answer is rendered once by the real stand-in and served from memory from then on,
below HTTP as plain as it gets. Bounds on the time are left out of the question: the
account does not change.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

from bench.children import answer, until_stdin_ends
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn

if TYPE_CHECKING:
    from asyncio import Transport

#: Plays a show, about: as in the accounts that people have.
PLAYS_A_SHOW = 100
_KEPT = ("page", "limit", "extended", "specials", "season_numbers")
_HEADERS_LEFT_OUT = {"date", "server", "content-length", "x-ratelimit"}


class Pages:
    """The rendered answers by what was asked."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self._kept: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        #: How many were rendered.
        self.rendered = 0

    async def get(self, target: str) -> tuple[bytes, bytes]:
        """Return head and body; rendered by the stand-in the first time."""
        parts = urlsplit(target)
        asked = parse_qs(parts.query)
        query = urlencode({name: asked[name][0] for name in _KEPT if name in asked})
        key = ("/" + parts.path.lstrip("/"), query)
        if key not in self._kept:
            self._kept[key] = await self._render(*key)
        return self._kept[key]

    async def _render(self, path: str, query: str) -> tuple[bytes, bytes]:
        self.rendered += 1
        async with self._session.get(f"{self._url}{path}?{query}") as found:
            body = await found.read()
            lines = [f"HTTP/1.1 {found.status} {found.reason}"]
            lines += [
                f"{name}: {value}"
                for name, value in found.headers.items()
                if name.lower() not in _HEADERS_LEFT_OUT
            ]
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode(), body


class Connection(asyncio.Protocol):
    """Answers GET and HEAD on one kept-alive connection, one after the other."""

    def __init__(self, pages: Pages, latency_s: float) -> None:
        self._pages = pages
        self._latency_s = latency_s
        self._buffer = b""
        self._line = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take requests off the wire; none of them has a body."""
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            task = asyncio.ensure_future(self._answer(method, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, method: str, target: str) -> None:
        async with self._line:
            if self._latency_s:
                await asyncio.sleep(self._latency_s)
            head, body = await self._pages.get(target)
            if self._transport is not None:
                self._transport.write(head if method == "HEAD" else head + body)


def login() -> dict[str, str]:
    """Return the headers that the stand-in wants."""
    known = Credentials()
    return {
        "User-Agent": "trakt2discovr-bench",
        "Content-Type": "application/json",
        "trakt-api-version": "2",
        "trakt-api-key": known.trakt_client_id,
        "Authorization": f"Bearer {known.trakt_access_token}",
    }


async def serve(plays: int, latency_s: float) -> None:
    """Serve an account of that size until stdin ends; say where on stdout."""
    account = synthetic_account(plays, max(1, plays // PLAYS_A_SHOW))
    quirks = TraktQuirks(get_limit=10_000)
    async with (
        TraktStandIn(account, quirks=quirks) as stand_in,
        aiohttp.ClientSession(headers=login()) as session,
    ):
        pages = Pages(stand_in.url, session)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(pages, latency_s), "127.0.0.1", 0
        )
        host, port = server.sockets[0].getsockname()[:2]
        ids = sum(play.id for play in account.plays)
        answer(url=f"http://{host}:{port}", plays=plays, ids=ids, user=account.user)
        await until_stdin_ends()
        server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))

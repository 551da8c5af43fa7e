"""The server of the page: on this machine alone, for who was given a link."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from connectors.errors import ConfigError
from sync.daemon.server import add_health
from sync.report.page import digests
from sync.runtime import logs
from sync.runtime.values import Address
from sync.runtime.visits import Connections
from sync.web.guard import MOST_BYTES, Guard, headers, policy
from sync.web.idle import Idle
from sync.web.links import ASK, Links, remove_notice, write_notice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from connectors.clock import Clock
    from sync.daemon.state import JobState

HERE = Address("127.0.0.1", 0)
HEALTH = frozenset({"/healthz", "/metrics"})
#: Whoever still reads an answer at the end gets no longer than this.
_LAST_ANSWERS_S = 1.0
#: Browsers come with several connections at once, and so may whoever means harm; more
#: than this would take the descriptors that a run needs.
_MOST_VISITS = 256
#: A connection on which nothing is asked is closed after this.
_KEEP_ALIVE_S = 30.0
#: aiohttp would log what it cannot read, and that may be a link.
_SILENT = logging.getLogger("trakt2discovr.web.aiohttp")
_SILENT.disabled = True


class Move(Protocol):
    """What the page is about; the server asks it for no more than this."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def state(self) -> JobState:
        """What its runs have come to, for /healthz and /metrics."""

    @property
    def is_busy(self) -> bool:
        """Whether something is going on that a person waits for."""

    @property
    def under_way(self) -> int:
        """How many writes are being finished."""

    async def end(self) -> None:
        """Stop what is going on, and return once it is settled."""


@dataclass(frozen=True, slots=True)
class Site:
    """The page while it is served."""

    links: Links
    idle: Idle

    @property
    def address(self) -> Address:
        """Where it listens, with the port in use."""
        return self.links.address


class _Handler(web.RequestHandler):
    """Talks to one connection; also what aiohttp itself refuses carries our headers."""

    __slots__ = ("_content",)

    def __init__(
        self, server: web.Server, *, content: Mapping[str, str], **options: Any
    ) -> None:
        super().__init__(server, **options)
        self._content = content

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Refuse without a word of what came, which may be anything."""
        super().handle_error(request, status, exc, message)
        if exc is not None and status >= 500:
            logs.trace(exc)
        words = "That cannot be read.\n" if status < 500 else "That went wrong.\n"
        answer = web.Response(status=status, text=words, headers=self._content)
        answer.force_close()
        return answer


def add_files(app: web.Application, files: Mapping[str, tuple[str, bytes]]) -> None:
    """Answer these paths, and no others, each with its type and what it holds."""
    for path, (kind, content) in files.items():
        app.router.add_get(path, partial(_answer_file, kind, content))


async def _answer_file(
    kind: str, content: bytes, _request: web.Request
) -> web.Response:
    return web.Response(body=content, content_type=kind, charset="utf-8")


@asynccontextmanager
async def served(
    move: Move,
    add_views: Callable[[web.Application], None],
    *,
    notice: Path,
    door: Path,
    address: Address = HERE,
    has_health: bool = False,
) -> AsyncIterator[Site]:
    """Serve the page meanwhile.

    ``notice`` is the file by which another start finds it, ``door`` one that leads a
    browser in: it is removed once it did. ``has_health``: /healthz and /metrics answer
    too, without a link. Raises ConfigError where nobody can listen, and for an address
    that is not of this machine alone.
    """
    _require_private(address)
    content = headers(policy(*digests()))
    idle = Idle(move.clock, lambda: move.is_busy)
    # The port is known once somebody listens, and nobody is let in before.
    links = Links(address)
    app = web.Application(client_max_size=MOST_BYTES)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_ANSWERS_S)
    make = partial(_Handler, **_handler_options(content))
    connections = Connections(runner, make, _MOST_VISITS)
    guard = Guard(
        links,
        keep=connections.keep,
        touch=idle.touch,
        enter=partial(door.unlink, missing_ok=True),
        is_open=HEALTH if has_health else (),
    )
    app.middlewares.append(guard.middleware())
    app.on_response_prepare.append(_put_on(content))
    app.router.add_post(ASK, _never)
    if has_health:
        add_health(app, move)
    add_views(app)
    await runner.setup()
    site = Site(links, idle)
    try:
        links.address = Address(address.host, await _listen(connections, address))
        write_notice(notice, links)
        yield site
    finally:
        connections.close()
        _tidy(notice, door, links)
        await runner.cleanup()


def _require_private(address: Address) -> None:
    if address.is_private:
        return
    raise ConfigError(
        f"{address.host} can be reached from other machines, and the page is for "
        "this one.",
        remedy="Leave it on 127.0.0.1, and reach it through a tunnel: ssh -L "
        "8765:127.0.0.1:8765 HOST, with trakt2discovr web --port 8765 there.",
    )


def _tidy(notice: Path, door: Path, links: Links) -> None:
    remove_notice(notice, links)
    door.unlink(missing_ok=True)


def _handler_options(content: Mapping[str, str]) -> dict[str, Any]:
    return {
        "loop": asyncio.get_running_loop(),
        "content": content,
        "access_log": None,
        "logger": _SILENT,
        "keepalive_timeout": _KEEP_ALIVE_S,
        # What is packed may be a bomb, and no browser packs what it sends.
        "auto_decompress": False,
    }


def _put_on(content: Mapping[str, str]) -> Callable[..., Awaitable[None]]:
    async def put_on(_request: web.Request, answer: web.StreamResponse) -> None:
        answer.headers.update(content)

    return put_on


async def _never(_request: web.Request) -> web.Response:
    """Stand for a path that the guard itself answers."""
    return web.Response(status=404)


async def _listen(connections: Connections, address: Address) -> int:
    try:
        return await connections.open(address)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
    raise ConfigError(
        f"Nobody can listen on {address.url}: {reason}.",
        remedy="Stop what uses that port, or leave out --port for one that is free.",
    )

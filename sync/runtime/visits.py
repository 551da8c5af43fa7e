"""The connections to a server of our own: few at a time, and each for a moment.

Whoever has shown that it may be here is kept, and stays for as long as it likes; nobody
else can push it out.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from sync.runtime.values import Address

#: An answer takes milliseconds; whoever reads one slowly has time enough.
LONGEST_VISIT_S = 10.0
#: A scraper and some health checks need a handful; beyond this the oldest has to go.
MOST_VISITS = 32


class Connections:
    """Lets visitors in to the server of ``runner``, and out again.

    ``make`` makes what talks to one of them, in place of the server itself. There are
    at most so many, and as many more that are kept.
    """

    def __init__(
        self,
        runner: web.AppRunner,
        make: Callable[[web.Server], asyncio.Protocol] | None = None,
        most: int | None = None,
    ) -> None:
        self._runner = runner
        self._make = make
        self._most = MOST_VISITS if most is None else most
        self._server: asyncio.Server | None = None
        #: In the order of their coming, by what talks to them.
        self._visits: dict[asyncio.BaseProtocol, _Visit] = {}
        self._kept: dict[asyncio.BaseProtocol, _Visit] = {}

    async def open(self, address: Address) -> int:
        """Listen; return the port. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._meet, *address)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def close(self) -> None:
        """Let nobody in any more; who is inside may finish."""
        if self._server is not None:
            self._server.close()

    def enter(self, visit: _Visit) -> None:
        """Note who came; send the oldest away if there are too many."""
        self._visits[visit.inside] = visit
        _make_room(self._visits, self._most)

    def leave(self, visit: _Visit) -> None:
        """Note who went."""
        self._visits.pop(visit.inside, None)
        self._kept.pop(visit.inside, None)

    def keep(self, inside: asyncio.BaseProtocol) -> None:
        """Let a visitor stay, by what talks to it: it may be here."""
        if visit := self._visits.pop(inside, None):
            visit.stay()
            self._kept[inside] = visit
            _make_room(self._kept, self._most)

    def _meet(self) -> asyncio.Protocol:
        # There is one from the runner's setup to its cleanup.
        server = cast("web.Server", self._runner.server)
        return _Visit(self, self._make(server) if self._make else server())


def _make_room(visits: dict[asyncio.BaseProtocol, _Visit], most: int) -> None:
    if len(visits) > most:
        next(iter(visits.values())).end()


class _Visit(asyncio.Protocol):
    """One connection: hands everything on to aiohttp, for a bounded time."""

    def __init__(self, connections: Connections, inside: asyncio.Protocol) -> None:
        self._connections = connections
        self.inside = inside
        self._transport: asyncio.Transport | None = None
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(LONGEST_VISIT_S, self.end)
        self.inside.connection_made(transport)
        self._connections.enter(self)

    def stay(self) -> None:
        """Take the bound off."""
        if self._end is not None:
            self._end.cancel()

    def end(self) -> None:
        """Close the connection, whatever is going on."""
        self._connections.leave(self)
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stay()
        self._connections.leave(self)
        self.inside.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.inside.data_received(data)

    def eof_received(self) -> bool | None:
        return self.inside.eof_received()

    def pause_writing(self) -> None:
        self.inside.pause_writing()

    def resume_writing(self) -> None:
        self.inside.resume_writing()

"""The connections to the job's own server: few at a time, and each for a moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from aiohttp import web

    from sync.runtime.values import Address

#: An answer takes milliseconds; whoever reads one slowly has time enough.
LONGEST_VISIT_S = 10.0
#: A scraper and some health checks need a handful; beyond this the oldest has to go.
MOST_VISITS = 32


class Connections:
    """Lets visitors in to the server of ``runner``, and out again."""

    def __init__(self, runner: web.AppRunner) -> None:
        self._runner = runner
        self._server: asyncio.Server | None = None
        #: In the order of their coming.
        self._visits: dict[_Visit, None] = {}

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
        self._visits[visit] = None
        if len(self._visits) > MOST_VISITS:
            next(iter(self._visits)).end()

    def leave(self, visit: _Visit) -> None:
        """Note who went."""
        self._visits.pop(visit, None)

    def _meet(self) -> asyncio.Protocol:
        # There is one from the runner's setup to its cleanup.
        server = cast("web.Server", self._runner.server)
        return _Visit(self, server())


class _Visit(asyncio.Protocol):
    """One connection: hands everything on to aiohttp, for a bounded time."""

    def __init__(self, connections: Connections, inside: asyncio.Protocol) -> None:
        self._connections = connections
        self._inside = inside
        self._transport: asyncio.Transport | None = None
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(LONGEST_VISIT_S, self.end)
        self._inside.connection_made(transport)
        self._connections.enter(self)

    def end(self) -> None:
        """Close the connection, whatever is going on."""
        self._connections.leave(self)
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        self._connections.leave(self)
        self._inside.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._inside.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inside.eof_received()

    def pause_writing(self) -> None:
        self._inside.pause_writing()

    def resume_writing(self) -> None:
        self._inside.resume_writing()

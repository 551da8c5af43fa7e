"""A server on loopback that answers with exactly the bytes it was given."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes to answer with.

    ``cuts`` closes the connection after them, ``stalls`` leaves it open and silent.
    """

    content: bytes = b""
    cuts: bool = False
    stalls: bool = False


def reply(
    status: int = 200,
    body: Any = b"{}",
    *,
    headers: Mapping[str, str] | None = None,
    length: int | None = None,
    cuts: bool = False,
    stalls: bool = False,
) -> Reply:
    """Build an answer; ``length`` announces more than what is sent."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {
        "Content-Type": "application/json",
        "Content-Length": str(len(content) if length is None else length),
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Odd"
    start = f"HTTP/1.1 {status} {phrase}\r\n{head}\r\n".encode("utf-8", "surrogatepass")
    return Reply(start + content, cuts=cuts, stalls=stalls)


CUT = Reply(cuts=True)
SILENCE = Reply(stalls=True)


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in; the header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Loopback:
    """Gives the replies in their order, the last one for ever.

    With ``made`` each is made of the number of the request and the request instead.
    """

    replies: list[Reply] = field(default_factory=lambda: [reply()])
    received: list[Received] = field(default_factory=list)
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    url: str = ""
    made: Callable[[int, Received], Reply] | None = None
    _server: asyncio.Server | None = None
    _serving: dict[asyncio.Task[None], asyncio.StreamWriter] = field(
        default_factory=dict
    )

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._serving.values():
            writer.close()
        await asyncio.gather(*self._serving)
        await self._server.wait_closed()

    @property
    def asked(self) -> list[str]:
        """What was asked for, as ``METHOD target``."""
        return [f"{request.method} {request.target}" for request in self.received]

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = writer
        while request := await _read(reader):
            self.received.append(request)
            self.is_asked.set()
            if self.made is not None:
                answer = self.made(len(self.received), request)
            else:
                is_last = len(self.replies) == 1
                answer = self.replies[0] if is_last else self.replies.pop(0)
            writer.write(answer.content)
            if answer.cuts:
                break
            if answer.stalls:
                await reader.read()
                break
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    start, *lines = head.strip().split("\r\n")
    method, target, _ = start.split(" ", 2)
    pairs = (line.split(":", 1) for line in lines)
    headers = {name.lower(): value.strip() for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, target, headers, body)

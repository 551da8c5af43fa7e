"""What stands behind an address: a process that is bounded, and ended."""

from __future__ import annotations

import asyncio
import gzip
import sys
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import pytest

from sync.wiring import notify, sender
from sync.wiring.notify import Message, send
from tests.http_suite.test_endless import NOTHING, Endless, bomb, for_ever, sending
from tests.loopback import SILENCE, Loopback, Received, Reply, reply
from tests.secrecy import NOTIFY_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MB = 1_000_000
ONE = [Message("title", "body")]
TWO = [Message("first", "body"), Message("second", "body")]


def to(url: str) -> str:
    return f"{url.replace('http', 'json', 1)}/{NOTIFY_TOKEN}"


GZIP = {"Content-Encoding": "gzip"}
ENDLESS: dict[str, tuple[str, Callable[[], Iterator[bytes]], dict[str, str]]] = {
    "a body": ("200 OK", lambda: for_ever(b"x" * 60_000), {}),
    "a refusal": ("500 Oops", lambda: for_ever(b"x" * 60_000), {}),
    "a redirect": ("302 F", lambda: for_ever(b"x" * 60_000), {"Location": "/y"}),
    "chunks": (
        "200 OK",
        lambda: for_ever(b"ea60\r\n" + b"x" * 60_000 + b"\r\n"),
        {"Transfer-Encoding": "chunked"},
    ),
    "a packed body": ("200 OK", lambda: chain([bomb()], repeat(b"x")), GZIP),
    "members": ("200 OK", lambda: for_ever(gzip.compress(b"y" * 60_000)), GZIP),
    "a header": ("200 OK\r\nX: ", lambda: for_ever(b"x" * 60_000), {}),
    "headers": ("200 OK", lambda: for_ever(b"X: y\r\n" * 10_000), {"A": "B\r\nC: D"}),
}


@pytest.mark.parametrize("kind", ENDLESS)
async def test_an_answer_without_end_is_read_no_further(kind: str) -> None:
    head, pieces, headers = ENDLESS[kind]
    async with sending(Endless(head, pieces(), **headers)) as server:
        (problem,) = await send(to(server.url), ONE)
    assert problem.startswith("the service did not take it")
    assert server.asked >= 1
    assert server.sent < 60 * MB


class Chatty(Endless):
    """A mail server that goes on greeting, which requests has no part in."""

    async def serve(
        self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._head = b""
        reader = asyncio.StreamReader()
        reader.feed_data(b"\r\n\r\n")
        await super().serve(reader, writer)


@pytest.mark.skipif(sys.platform != "linux", reason="nothing else bounds memory")
async def test_what_is_read_without_requests_is_bounded_by_the_system() -> None:
    lines = for_ever((b"220-" + b"x" * 4_000 + b"\r\n") * 15)
    async with sending(Chatty("", lines)) as server:
        port = server.url.rpartition(":")[2]
        url = f"mailto://u:p@localhost:{port}?smtp=127.0.0.1&mode=insecure"
        (problem,) = await send(url, ONE)
    assert problem.startswith("the service did not take it")
    assert MB < server.sent < 400 * MB


@pytest.mark.parametrize("kind", ["silence", "members of zlib"])
async def test_what_takes_too_long_is_ended(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "LONGEST_S", 4.0)
    start, piece = NOTHING["members of gzip"]
    pieces = chain([start], for_ever(piece * 3_000))
    if kind == "silence":
        async with Loopback([SILENCE]) as quiet:
            problems = await send(to(quiet.url), TWO)
            for serving in quiet._serving:
                await serving  # it ends with the connection
    else:
        async with sending(Endless("200 OK", pieces, **GZIP)) as server:
            problems = await send(to(server.url), TWO)
            sent = server.sent
        assert server.sent - sent < MB
    assert problems == ["the service did not answer in time"] * 2


async def test_of_each_message_it_is_said_what_came_of_it() -> None:
    def made(number: int, _request: Received) -> Reply:
        return reply(200 if number == 1 else 500)

    async with Loopback(made=made) as server:
        assert await send(to(server.url), [*TWO, *ONE]) == [
            "",
            *["the service did not take it"] * 2,
        ]
    assert [NOTIFY_TOKEN in target for target in server.asked] == [True] * 3


async def test_where_no_process_can_be_started_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    problems = await send(to("http://127.0.0.1:1"), TWO)
    assert problems == ["the service did not take it (FileNotFoundError)"] * 2


async def test_where_the_process_ends_by_itself_nothing_counts_as_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/true")
    problems = await send(to("http://127.0.0.1:1"), TWO)
    assert problems == ["the service did not take it"] * 2


@pytest.mark.parametrize(
    "fault", [ValueError(NOTIFY_TOKEN), RecursionError(), MemoryError(), SystemExit(3)]
)
def test_what_a_plugin_raises_is_named_and_no_more(
    fault: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plugin_of(_url: str) -> Any:
        raise fault

    monkeypatch.setattr(sender, "plugin_of", plugin_of)
    (problem,) = sender.send_each("json://localhost", [{}, {}])
    assert problem == f"the service did not take it ({type(fault).__name__})"


def test_an_address_that_no_plugin_knows_is_told_so() -> None:
    assert list(sender.send_each("nothing://x", [{}, {}])) == [sender.UNKNOWN] * 2

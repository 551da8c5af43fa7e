"""Answers without end, over the wire: what is read of them, and what is held."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from contextlib import asynccontextmanager
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import (
    ContractError,
    RejectedError,
    ServiceError,
    TransientError,
    UnknownOutcomeError,
)
from connectors.http.client import HttpClient, RetryPolicy
from sync.config import Settings
from sync.daemon.heartbeat import ping
from tests.clocks import FakeClock
from tests.hostile import Hostile, Told
from tests.long import examples
from tests.loopback import Loopback, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

MB = 1_000_000
ONCE = RetryPolicy(attempts=2, wait_initial_s=0.01)


class Endless:
    """A server that never stops sending the pieces it was given."""

    def __init__(self, head: str, pieces: Iterator[bytes] | None, **extra: str) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in extra.items())
        self._head = f"HTTP/1.1 {head}\r\n{lines}\r\n".encode()
        self._pieces = pieces
        self.sent = self.asked = 0
        self.url = ""

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            writer.write(self._head)
            for piece in self._pieces or ():
                writer.write(piece)
                self.sent += len(piece)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def sending(server: Endless) -> AsyncIterator[Endless]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        await asyncio.sleep(0)


def for_ever(piece: bytes) -> Iterator[bytes]:
    while True:
        yield piece


def bomb() -> bytes:
    """Four gigabytes of ``[[[[``, packed into four megabytes."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    piece = packer.compress(b"[" * (4 * MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(b"[" * (4 * MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece + again * 1_000


async def peak_of(work: Awaitable[object]) -> tuple[float, object]:
    """Return the megabytes held at most meanwhile, and the error or the result."""
    tracemalloc.start()
    try:
        result: object = await work
    except ServiceError as error:
        result = error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak / MB, result


def client(url: str, **options: Any) -> HttpClient:
    return HttpClient("Trakt", url, clock=FakeClock(), retry=ONCE, **options)


@pytest.mark.parametrize("packed_as", ["", "gzip", "deflate"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_body_without_end_is_given_up_at_its_cap(
    method: str, packed_as: str
) -> None:
    piece, pieces = b'{"a":[],' * 8_000, iter((b"",))
    extra = {"Content-Encoding": packed_as} if packed_as else {}
    if packed_as:
        packer = zlib.compressobj(wbits=31 if packed_as == "gzip" else 15)
        start = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
        piece = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
        pieces = (start if first else piece for first in _first())
    else:
        pieces = for_ever(piece)
    async with (
        sending(Endless("200 OK", pieces, **extra)) as server,
        client(server.url, most_bytes=2 * MB) as http,
    ):
        peak, error = await peak_of(http.request(method, "/x"))
    kind = ContractError if method == "GET" else UnknownOutcomeError
    assert type(error) is kind
    assert server.asked == 1, "as much again would come of a second request"
    assert server.sent < 30 * MB
    assert peak < 20


def _first() -> Iterator[bool]:
    yield True
    while True:
        yield False


#: The beginning of a gzip file, without and with each of its open-ended fields.
_GZIP = {
    flag: b"\x1f\x8b\x08" + bytes([flag]) + b"\0\0\0\0\0\xff" for flag in (0, 4, 8, 16)
}
_STORED = b"\0\0\0\xff\xff"
#: Four empty blocks of ten bits each.
_FIXED = sum(2 << 10 * n for n in range(4)).to_bytes(5, "little")
#: What unpacks to nothing, for ever: how it begins, and how it goes on.
NOTHING = {
    "stored blocks in gzip": (_GZIP[0], _STORED),
    "fixed blocks in gzip": (_GZIP[0], _FIXED),
    "stored blocks in zlib": (b"\x78\x9c", _STORED),
    "fixed blocks in zlib": (b"\x78\x9c", _FIXED),
    "bare stored blocks": (_STORED, _STORED),
    "members of gzip": (b"", gzip.compress(b"")),
    "members of zlib": (b"", zlib.compress(b"")),
    "long fields": (b"", _GZIP[4] + b"\xff\xff" + b"x" * 65_535 + b"\3" + b"\0" * 9),
    "a name": (_GZIP[8], b"n"),
    "a comment": (_GZIP[16], b"c"),
}


@pytest.mark.parametrize("packed_as", ["gzip", "x-gzip", "deflate"])
@pytest.mark.parametrize("kind", NOTHING)
async def test_a_body_that_unpacks_to_nothing_is_given_up_as_well(
    kind: str, packed_as: str
) -> None:
    start, piece = NOTHING[kind]
    pieces = chain([start], repeat(piece * (1 + 60_000 // len(piece)), 1_000))
    async with (
        sending(Endless("200 OK", pieces, **{"Content-Encoding": packed_as})) as server,
        client(server.url, most_bytes=2 * MB) as http,
    ):
        peak, error = await peak_of(http.request("GET", "/x"))
    assert isinstance(error, ContractError)
    assert server.asked == 1, "as much again would come of a second request"
    assert server.sent < 30 * MB
    assert peak < 10


@pytest.mark.parametrize("size", [0, 16, 200_000])
async def test_a_body_that_was_packed_badly_is_read(size: int) -> None:
    """In members of a few bytes each: longer than it was."""
    text = b'["' + b"0123456789abcdef" * (size // 16) + b'"]'
    content = b"".join(gzip.compress(text[n : n + 16]) for n in range(0, len(text), 16))
    assert len(content) > len(text)
    async with (
        Loopback([reply(body=content, headers={"Content-Encoding": "gzip"})]) as server,
        client(server.url, most_bytes=len(text) + 100) as http,
    ):
        response = await http.request("GET", "/x")
    assert response.body == text


@examples(3, 10, 100)
@given(
    st.sampled_from(["GET", "POST"]),
    st.sampled_from(["200 OK", "206 Some", "302 Found", "404 No", "429 Slow", "503 X"]),
    st.sampled_from(["", "gzip", "deflate", "br", "identity"]),
    st.binary(min_size=1, max_size=64),
)
async def test_whatever_comes_without_end_has_one(
    method: str, status: str, packed_as: str, piece: bytes
) -> None:
    """Packed or not, and whether it is what it says or not."""
    extra = {"Content-Encoding": packed_as} if packed_as else {}
    pieces = for_ever(piece * (20_000 // len(piece)))
    async with (
        sending(Endless(status, pieces, **extra)) as server,
        client(server.url, most_bytes=2 * MB) as http,
    ):
        peak, came = await peak_of(http.request(method, "/x"))
    assert isinstance(came, ServiceError)
    assert server.asked <= ONCE.attempts
    assert server.sent < 30 * MB
    assert peak < 20


async def test_a_bomb_is_not_unpacked() -> None:
    content = bomb()
    assert len(content) > 3 * MB
    head = {"Content-Encoding": "gzip", "Content-Length": str(len(content))}
    async with (
        sending(Endless("200 OK", iter([content]), **head)) as server,
        client(server.url) as http,
    ):
        peak, error = await peak_of(http.request("GET", "/x"))
    assert isinstance(error, ContractError)
    assert peak < 40


async def test_what_is_small_and_unfolds_in_memory_is_refused() -> None:
    body = b"[" + b"{}," * (3 * MB // 3) + b"{}]"
    async with (
        Loopback([reply(body=body)]) as server,
        client(server.url, most_bytes=4 * MB) as http,
    ):
        peak, error = await peak_of(http.request("GET", "/x"))
    assert isinstance(error, ContractError)
    assert peak < 20


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "302 Found"])
async def test_of_a_refusal_only_a_beginning_is_read(status: str) -> None:
    async with (
        sending(Endless(status, for_ever(b"x" * 60_000))) as server,
        client(server.url) as http,
    ):
        peak, error = await peak_of(http.request("GET", "/x"))
    kinds = {"4": RejectedError, "5": TransientError, "3": ContractError}
    assert isinstance(error, kinds[status[0]])
    assert server.sent < 30 * MB
    assert peak < 10


async def test_nothing_of_the_answer_to_a_ping_is_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with sending(Endless("200 OK", for_ever(b"x" * 60_000))) as server:
        settings = Settings.model_validate({"sync": {"heartbeat": server.url}})
        peak, _ = await peak_of(ping(settings, FakeClock(), is_good=True))
    assert server.asked == 1
    assert server.sent < 15 * MB, "what fits between two sockets, and no more"
    assert peak < 5
    assert not caplog.records


#: How a body may be packed: what the answer says, and what it is.
PACKINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("gzip", zlib.compress),
    ("deflate", zlib.compress),
    ("deflate", gzip.compress),
    ("deflate", lambda data: zlib.compress(data)[2:-4]),
    ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
    ("deflate", lambda data: zlib.compress(data[:9]) + zlib.compress(data[9:])),
    ("identity", bytes),
    ("", bytes),
]


@pytest.mark.parametrize(("packed_as", "pack"), PACKINGS)
async def test_every_packing_that_is_asked_for_is_undone(
    packed_as: str, pack: Any
) -> None:
    document = {"title": "A" * 50_000, "n": list(range(1_000))}
    content = pack(json.dumps(document).encode())
    headers = {"Content-Encoding": packed_as} if packed_as else {}
    async with (
        Loopback([reply(body=content, headers=headers)]) as server,
        client(server.url) as http,
    ):
        response = await http.request("GET", "/x")
        await http.request("GET", "/x")
    assert response.json() == document
    assert server.received[0].headers["accept-encoding"] == "gzip, deflate"
    assert server.connections == 1, "a connection is used again"


class Dripping(Hostile):
    """Sends its body in pieces of so many bytes."""

    size = 1

    async def iter_any(self) -> AsyncIterator[bytes]:
        async for body in super().iter_any():
            for start in range(0, len(body), self.size):
                yield body[start : start + self.size]


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("text", [b"{}", b"[1, 2, 3, 4, 5, 6]" + b" " * 9_000])
@pytest.mark.parametrize(("packed_as", "pack"), PACKINGS)
async def test_a_body_is_undone_however_it_is_cut(
    packed_as: str, pack: Callable[[bytes], bytes], text: bytes, size: int
) -> None:
    headers = {"Content-Encoding": packed_as} if packed_as else {}
    content = pack(text)
    for cut in (None, -1, 1):
        told = Told(content[:cut], headers=headers)
        server = Dripping(lambda *_, told=told: told)
        server.size = size
        http = client("http://127.0.0.1", session=server.session)
        asking = http.request("GET", "/x", expect_json=False)
        if cut is None or packed_as in {"", "identity"}:
            assert (await asking).body == text[:cut]
        else:
            with pytest.raises(TransientError, match="broke"):
                await asking


@pytest.mark.parametrize(
    ("packed_as", "content"),
    [
        ("br", b"{}"),
        ("gzip", b"{}"),
        ("gzip", gzip.compress(b'{"a": 1}', mtime=0)[:-9]),
        ("deflate", b"\xff\xff\xff"),
        ("gzip, gzip", b"{}"),
        ("deflate", b"\x78"),
    ],
    ids=["unasked", "no gzip", "cut", "no deflate", "twice", "a byte"],
)
async def test_what_cannot_be_unpacked_counts_as_a_broken_answer(
    packed_as: str, content: bytes
) -> None:
    headers = {"Content-Encoding": packed_as}
    async with (
        Loopback([reply(body=content, headers=headers)]) as server,
        client(server.url) as http,
    ):
        with pytest.raises(TransientError, match="broke"):
            await http.request("GET", "/x")
        with pytest.raises(UnknownOutcomeError):
            await http.request("POST", "/x")

"""What no browser sends, byte by byte: it is refused in words, and taken for no bug."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, cast

import pytest

from connectors.errors import InputError
from sync.runtime.hosts import are_ours
from sync.runtime.values import Address
from sync.web import upload
from sync.web.numbers import read_number
from sync.web.planned import Planned
from tests.clocks import FakeClock
from tests.long import at_every_length, pick
from tests.web_suite.doors import Door, opened, page_views, plain_views, raw
from tests.web_suite.people import house

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import MultipartReader

LOOPBACK = Address("127.0.0.1", 8765)
OURS = ("localhost", "LocalHost", "127.0.0.1", "127.0.0.2", "[::1]")
PORTS = ("", ":", ":1", ":65535")
NO_PORTS = (":x", ":1:2", ":1@evil.example", ":-1", ":123456", ":٣", "@evil.example")
STRANGE = (
    "evil.example",
    "user@localhost",
    "localhost.",
    "127.0.0.1.",
    "127.1",
    "0x7f000001",
    "2130706433",
    "[::1",
    "[::1]evil.example",
    "[::1]@evil.example",
    "[::ffff:127.0.0.1]x",
    "[localhost]x",
    "localhost/x",
    "localhost,evil.example",
    "127.0.0.1.evil.example",
    "::1",
    "",
)
#: What somebody may put where a number, an id or a name is meant.
HOSTILE = (
    "",
    "0",
    "-1",
    "9" * 20,
    "9" * 5000,
    "²",
    "٣",
    "1e9",
    "\0",
    "a\r\nSet-Cookie: x=y",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "'; DROP TABLE t2d_run; --",
    "{{ 7 * 7 }}",
    "\ud800",
    "\u202e\U0001f600",
    "x" * 7000,
)


@pytest.mark.parametrize("name", OURS)
def test_a_host_of_ours_may_have_any_port(name: str) -> None:
    for port in PORTS:
        assert are_ours([f"{name}{port}"], LOOPBACK)
    for port in NO_PORTS:
        assert not are_ours([f"{name}{port}"], LOOPBACK)


@pytest.mark.parametrize("name", STRANGE)
def test_what_only_looks_like_a_host_of_ours_is_none(name: str) -> None:
    for port in (*PORTS, *NO_PORTS):
        assert not are_ours([f"{name}{port}"], LOOPBACK), port


def test_a_number_is_short_and_plain() -> None:
    found = {text: read_number(text) for text in (*HOSTILE, "12", " 1", "1\n")}
    assert {text: n for text, n in found.items() if n is not None} == {"0": 0, "12": 12}


def head(door: Door, start: str, *lines: str, site: str = "same-origin") -> bytes:
    """Return the head of a request of somebody who was let in."""
    keys = door.site.links
    common = (f"Cookie: {keys.cookie_name}={keys.cookie}", "Connection: close")
    told = (f"Sec-Fetch-Site: {site}",) if site else ()
    return "\r\n".join([start, *lines, *common, *told, "", ""]).encode()


async def status(door: Door, *sent: bytes) -> int:
    """Return the status of the answer, which carries what every answer does."""
    answer = await raw(door.site.address, *sent)
    assert b"frame-ancestors 'none'" in answer
    assert b"This is a bug" not in answer
    return int(answer.split()[1])


@pytest.mark.parametrize("views", [plain_views, page_views])
@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/",
        "http://localhost/",
        "https://user:pw@evil.example/from",
        "ftp://localhost",
        "*",
        "localhost:80",
        "evil.example:443",
    ],
)
async def test_only_a_path_is_answered(
    tmp_path: Path, views: object, target: str
) -> None:
    async with opened(tmp_path, views=views) as door:  # type: ignore[arg-type]
        for method in ("GET", "POST", "OPTIONS", "CONNECT", "HEAD"):
            start = f"{method} {target} HTTP/1.1"
            sent = head(door, start, "Host: localhost")
            assert await status(door, sent) in {400, 421}, method


async def test_a_host_is_said_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        for version, hosts in (
            ("1.1", ()),
            ("1.0", ()),
            ("1.1", ("localhost", "localhost")),
            ("1.0", ("localhost", "evil.example")),
        ):
            lines = [f"Host: {host}" for host in hosts]
            assert await status(door, head(door, f"GET / HTTP/{version}", *lines)) in {
                400,
                421,
            }


async def test_a_cookie_that_another_port_has_set_locks_nobody_out(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as door:
        name, value = door.site.links.cookie_name, door.site.links.cookie
        ours, theirs = f"{name}={value}", f"{name}=x"
        odd = ('a="b', "=x", "x", "a={}", "$Version=1", 'a="\\', "a=é", f"{name}")
        for others in (theirs, *odd):
            for cookies in itertools.permutations((ours, others)):
                for line in ("; ".join(cookies), ";".join(cookies)):
                    headers = {"Cookie": line}
                    answer = await door.ask("GET", "/", cookies={}, headers=headers)
                    assert answer.status == 200, line
        for line in (theirs, f"{name}x={value}", f"x{ours}", f"{name}{value}", value):
            headers = {"Cookie": line}
            answer = await door.ask("GET", "/", cookies={}, headers=headers)
            assert answer.status == 403, line


async def test_where_it_comes_from_is_said_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        form = f"token={door.site.links.form}&title=x".encode()
        lines = (
            "Host: localhost",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(form)}",
        )
        for sites in itertools.permutations(("same-origin", "cross-site"), 2):
            told = [f"Sec-Fetch-Site: {site}" for site in sites]
            sent = head(door, "POST /change HTTP/1.1", *lines, *told, site="")
            assert await status(door, sent, form) == 403
        both = ("Origin: http://localhost", "Origin: http://evil.example")
        sent = head(door, "POST /change HTTP/1.1", *lines, *both)
        assert await status(door, sent, form) in {400, 403}
        assert door.move.changed == []


#: Bodies that are none; TOKEN stands for the field that every form of ours begins with.
PARTS = {
    "a part in a part": b"TOKEN--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n"
    b"--y\r\n\r\nq\r\n--y--\r\n--x--\r\n",
    "without a name": b"TOKEN--x\r\n\r\nq\r\n--x--\r\n",
    "a long header": b"TOKEN--x\r\nA: %s\r\n\r\nq\r\n--x--\r\n" % (b"b" * 300_000),
    "many headers": b"TOKEN--x\r\n%s\r\nq\r\n--x--\r\n" % (b"A: b\r\n" * 50_000),
    "many parts": b"TOKEN%s--x--\r\n" % (b"--x\r\n\r\nq\r\n" * 20_000),
    "a long start": b"z" * 300_000,
    "many lines before it": b"z\r\n" * 50_000,
    "no end": b'TOKEN--x\r\nContent-Disposition: form-data; name="file"; '
    b'filename="a.zip"\r\n\r\nPK',
    "a false length": b'TOKEN--x\r\nContent-Disposition: form-data; name="file"; '
    b'filename="a.zip"\r\nContent-Length: 99999\r\n\r\nPK\r\n--x--\r\n',
    "no length": b'TOKEN--x\r\nContent-Disposition: form-data; name="file"; '
    b'filename="a.zip"\r\nContent-Length: -z\r\n\r\nPK\r\n--x--\r\n',
    "packed": b'TOKEN--x\r\nContent-Disposition: form-data; name="file"; '
    b'filename="a.zip"\r\nContent-Encoding: gzip\r\n\r\nPK\r\n--x--\r\n',
    "no header": b"TOKEN--x\r\n\xff\xfe\0\r\n\r\nq\r\n--x--\r\n",
    "no token at all": b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n"
    b"--y\r\n\r\nq\r\n--y--\r\n--x--\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("body", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("is_chunked", [False, True], ids=["sized", "chunked"])
async def test_an_upload_that_is_none_is_no_bug(
    tmp_path: Path, body: bytes, *, is_chunked: bool
) -> None:
    async with opened(tmp_path) as door:
        token = (
            b'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n'
            b"%s\r\n" % door.site.links.form.encode()
        )
        content = body.replace(b"TOKEN", token)
        size, pieces = f"Content-Length: {len(content)}", [content]
        if is_chunked:
            ends = b"%x\r\n%s\r\n" % (len(content), content) if content else b""
            size, pieces = "Transfer-Encoding: chunked", [ends, b"0\r\n\r\n"]
        for path in ("/upload", "/change"):
            sent = head(
                door,
                f"POST {path} HTTP/1.1",
                "Host: localhost",
                "Content-Type: multipart/form-data; boundary=x",
                size,
            )
            assert await status(door, sent, *pieces) in {400, 403, 413, 415}, path
        assert door.move.changed == []
        assert not door.folder.exists() or not [*door.folder.iterdir()]


async def test_an_upload_that_stands_still_before_its_file_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_LONGEST_PAUSE_S", 0.01)

    class Parts:
        async def next(self) -> None:
            await asyncio.Event().wait()

    parts = cast("MultipartReader", Parts())
    with pytest.raises(InputError, match="stood still"):
        await upload.receive(parts, tmp_path / "uploads", FakeClock())


@pytest.mark.parametrize("length", ["-1", "x", "9" * 30, "1, 2"])
async def test_a_length_that_is_none_is_refused(tmp_path: Path, length: str) -> None:
    async with opened(tmp_path) as door:
        form = f"token={door.site.links.form}&title=x".encode()
        kind = "Content-Type: application/x-www-form-urlencoded"
        sent = head(
            door,
            "POST /change HTTP/1.1",
            "Host: localhost",
            kind,
            f"Content-Length: {length}",
        )
        assert await status(door, sent, form) == 400
        assert door.move.changed == []


async def test_a_second_request_in_a_body_is_not_let_in_by_the_first(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as door:
        inner = b"POST /change HTTP/1.1\r\nHost: localhost\r\n\r\n"
        first = f"token={door.site.links.form}&title=x".encode()
        kind = "Content-Type: application/x-www-form-urlencoded"
        for lines in (
            (f"Content-Length: {len(first)}", "Transfer-Encoding: chunked"),
            (f"Content-Length: {len(first)}", f"Content-Length: {len(first) + 9}"),
        ):
            sent = head(door, "POST /change HTTP/1.1", "Host: localhost", kind, *lines)
            assert await status(door, sent, first + inner) == 400
        assert door.move.changed == []


SHOWN = ("/", "/plan", "/plan/rows", "/plan/title", "/plan/same", "/after/run", "/from")
#: Those that begin nothing, whatever they are told.
SENT = ("/plan/answer", "/plan/leave-out", "/plan/id", "/plan/id-back", "/after/answer")
NAMES = ("page", "run", "title", "id", "q", "what", "part", "plan", "skip", "profile")


@at_every_length
async def test_nothing_that_an_address_or_a_form_says_is_a_bug(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        await place.to_plan()
        job = place.move.job
        assert job
        assert isinstance(job.asks, Planned)
        key = next(iter(job.asks.titles))
        for value in pick(HOSTILE[::8], HOSTILE[4::4], HOSTILE):
            text = value.encode(errors="replace").decode()
            for path in SHOWN:
                for query in ({"page": text}, dict.fromkeys(NAMES, text[:500])):
                    if "run" in query:
                        query["run"] = text[:5000]
                    seen = await place.get(path, **query)
                    assert seen.status < 500, (path, value)
            for path in SENT:
                for form in (dict.fromkeys(NAMES, text), {"title": key, "id": text}):
                    if path == "/plan/leave-out" and form["title"] == key:
                        continue
                    seen = await place.post(path, **form)
                    assert "This is a bug" not in seen.words, (path, value)
        for number in ("9" * 20, "9" * 5000, "²"):
            seen = await place.post("/after/undo", run=number)
            assert "There is no such run" in seen.words
        assert place.writes() == 0

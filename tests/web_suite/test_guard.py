"""Who is refused by the page: by every route that it has, whatever the view behind."""

from __future__ import annotations

import asyncio
import html
import io
import json
import logging
import stat
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from connectors.errors import ConfigError
from sync.cli.context import Context
from sync.config import Settings
from sync.runtime import visits
from sync.runtime.values import Address
from sync.web import guard, links, server
from sync.web.links import ask_for_link, write_door, write_notice
from sync.web.move import Move as RealMove
from sync.web.views import add_views
from tests.web_suite.doors import (
    TITLE,
    Door,
    opened,
    page_views,
    plain_views,
    raw,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import aiohttp

    from tests.web_suite.doors import Move

    Views = Callable[[Move, Path], Callable[[web.Application], None]]

FOREIGN = "http://evil.example"
CARRIED = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


#: Views of each kind, and those that the page has.
every_view = pytest.mark.parametrize("views", [plain_views, page_views])


def routes(door: Door) -> Iterator[tuple[str, str]]:
    """Yield the method and a path of every route that the application has."""
    for route in door.app.router.routes():
        info = route.resource.get_info() if route.resource else {}
        path = info.get("path") or info["formatter"].replace("{", "").replace("}", "")
        yield route.method, path


def changing(door: Door) -> list[str]:
    return [p for method, p in routes(door) if method == "POST" and p != "/link"]


def is_guarded(answer: aiohttp.ClientResponse) -> bool:
    policy = answer.headers["Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    own = [rules.pop(name) for name in ("style-src", "script-src")]
    assert all(rule.startswith("'self' 'sha256-") for rule in own)
    assert "unsafe" not in policy
    assert rules == {
        "default-src": "'none'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
    return CARRIED.items() <= dict(answer.headers).items()


@every_view
async def test_every_route_refuses_another_host(tmp_path: Path, views: Views) -> None:
    async with opened(tmp_path, views=views, has_health=True) as door:
        for method, path in routes(door):
            for host in ("evil.example", "127.0.0.1.evil.example", "192.0.2.7", ""):
                answer = await door.ask(
                    method,
                    path,
                    headers={"Host": host, "Origin": f"http://{host}"},
                    data=door.form(title="x") if method == "POST" else None,
                )
                assert answer.status in {400, 421}, (method, path, host)
                assert is_guarded(answer)
        assert not door.move.changed


async def test_names_of_this_machine_are_let_in_by_any_port(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        for host in ("localhost:1", "127.0.0.1:9000", "[::1]:9000", "LOCALHOST"):
            headers = {"Host": host, "Origin": f"http://{host}"}
            assert (await door.ask("GET", "/", headers=headers)).status == 200
            sent = door.form(title=host)
            answer = await door.ask("POST", "/change", headers=headers, data=sent)
            assert answer.status == 303, host


@every_view
async def test_every_route_refuses_who_was_not_let_in(
    tmp_path: Path, views: Views
) -> None:
    async with opened(tmp_path, views=views) as door:
        name = door.site.links.cookie_name
        for method, path in [*routes(door), ("GET", "/nowhere"), ("PUT", "/")]:
            for cookies in ({}, {name: ""}, {name: "x"}, {"other": "y"}):
                sent = door.form(title="x") if method == "POST" else None
                answer = await door.ask(method, path, cookies=cookies, data=sent)
                assert answer.status == 403, (method, path)
                assert is_guarded(answer)
        assert not door.move.changed


async def test_a_link_lets_one_browser_in_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        link = door.site.links.make().removeprefix(door.origin)
        first = await door.ask("GET", link, cookies={}, headers={})
        assert (first.status, first.headers["Location"]) == (303, "/")
        cookie = first.headers["Set-Cookie"]
        name, value = cookie.partition(";")[0].split("=", 1)
        assert name == f"trakt2discovr-{door.site.address.port}"
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert (await door.ask("GET", "/", cookies={name: value})).status == 200
        again = await door.ask("GET", link, cookies={}, headers={})
        assert again.status == 403
        assert "Set-Cookie" not in again.headers
        assert "Press Enter" in await again.text()
        # Whoever is inside is led on, and has used it up as well.
        other = door.site.links.make().removeprefix(door.origin)
        assert (await door.ask("GET", other)).status == 303
        assert (await door.ask("GET", other, cookies={}, headers={})).status == 403


@pytest.mark.parametrize("token", ["", "x", "%00", "é", "a" * 5_000])
async def test_what_is_no_token_is_refused(tmp_path: Path, token: str) -> None:
    async with opened(tmp_path) as door:
        door.site.links.make()
        path = f"/?token={token}"
        answer = await door.ask("GET", path, cookies={}, headers={})
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers


async def test_only_so_many_links_wait(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        links = [door.site.links.make().removeprefix(door.origin) for _ in range(9)]
        found = [await door.ask("GET", x, cookies={}, headers={}) for x in links]
        assert [answer.status for answer in found] == [403, *[303] * 8]


async def test_a_browser_that_a_file_leads_here_goes_on_by_itself(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as door:
        file = tmp_path / "door.html"
        write_door(file, door.site.links.make())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        link = file.read_text().partition('href="')[2].partition('"')[0]
        path = link.removeprefix(door.origin)
        answer = await door.ask(
            "GET", path, cookies={}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert answer.status == 200
        assert "Set-Cookie" in answer.headers
        assert 'content="0; url=/"' in await answer.text()
        assert not file.exists()


@every_view
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": FOREIGN},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1", "Sec-Fetch-Site": "same-site"},
        {"Origin": FOREIGN, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
    ids=json.dumps,
)
async def test_every_change_from_elsewhere_is_refused(
    tmp_path: Path, views: Views, headers: dict[str, str]
) -> None:
    async with opened(tmp_path, views=views) as door:
        for path in changing(door):
            sent = door.form(title="x")
            answer = await door.ask("POST", path, headers=headers, data=sent)
            assert answer.status == 403, path
            assert is_guarded(answer)
        assert not door.move.changed


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "OURS"},
    ],
    ids=json.dumps,
)
async def test_a_change_of_our_own_page_goes_through(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    async with opened(tmp_path) as door:
        given = {n: v.replace("OURS", door.origin) for n, v in headers.items()}
        sent = door.form(title="x")
        answer = await door.ask("POST", "/change", headers=given, data=sent)
        assert answer.status == 303
        assert door.move.changed == ["x"]


async def test_a_page_of_elsewhere_may_lead_here_and_read_nothing(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as door:
        site = {"Sec-Fetch-Site": "same-site"}
        for mode, dest, status in (
            ("no-cors", "script", 403),
            ("no-cors", "image", 403),
            ("cors", "empty", 403),
            ("navigate", "iframe", 403),
            ("navigate", "document", 200),
        ):
            headers = {**site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
            answer = await door.ask("GET", "/", headers=headers)
            assert answer.status == status, (mode, dest)


@every_view
async def test_every_change_asks_for_the_token_of_its_form(
    tmp_path: Path, views: Views
) -> None:
    async with opened(tmp_path, views=views) as door:
        for path in changing(door):
            is_upload = path in door.app[guard.UPLOADS]
            status, of_parts = (415, 403) if is_upload else (403, 415)
            for sent in ({"title": "x"}, {"token": ""}, {"token": "x"}, {"token": "é"}):
                assert (await door.ask("POST", path, data=sent)).status == status, path
            parts = door.upload(b"PK", token="x")  # it is none
            assert (await door.ask("POST", path, data=parts)).status == of_parts, path
            late = door.upload(b"PK")
            late._fields.reverse()  # no browser does
            assert (await door.ask("POST", path, data=late)).status == of_parts, path
            # Nor is the other kind taken with a token.
            good = door.form() if is_upload else door.upload(b"PK")
            assert (await door.ask("POST", path, data=good)).status == 415, path
            for kind in ("application/json", "text/plain", "multipart/form-data"):
                answer = await door.ask(
                    "POST",
                    path,
                    data=json.dumps(door.form()).encode(),
                    headers={"Sec-Fetch-Site": "same-origin", "Content-Type": kind},
                )
                assert answer.status == 415, (path, kind)
        assert not door.move.changed
        assert not door.folder.exists()


@every_view
async def test_what_changes_is_not_to_be_had_by_any_other_method(
    tmp_path: Path,
    views: Views,
) -> None:
    async with opened(tmp_path, views=views) as door:
        for path in changing(door):
            if ("GET", path) not in routes(door):  # else it is the page of the form
                for method in ("GET", "HEAD"):
                    assert (await door.ask(method, path)).status == 405
            for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
                sent = door.form(title="x")
                answer = await door.ask(method, path, data=sent)
                assert answer.status in {403, 405, 415}, method
                assert is_guarded(answer)
        assert not door.move.changed


@pytest.mark.parametrize(
    "path",
    [
        "/static/../pyproject.toml",
        "/static/..%2f..%2fpyproject.toml",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static//etc/passwd",
        "/static/style.css%00.html",
        "/..%5c..%5cnotice.json",
        "/notice.json",
    ],
)
async def test_no_path_leads_to_a_file(tmp_path: Path, path: str) -> None:
    async with opened(tmp_path) as door:
        keys = door.site.links
        cookie = f"Cookie: {keys.cookie_name}={keys.cookie}\r\n"
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}"
        answer = await raw(
            door.site.address, f"{head}Connection: close\r\n\r\n".encode()
        )
        assert answer.split()[1] in {b"404", b"400"}
        assert b"no-store" in answer
        assert keys.secret.encode() not in answer


async def test_what_goes_wrong_is_said_without_markup(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        for what, status, words in (
            ("input", 400, "is none."),
            ("down", 503, "Trakt could not be reached."),
            ("bug", 500, "bug"),
            ("missing", 404, "not found"),
        ):
            answer = await door.ask("GET", f"/fail/{what}")
            text = await answer.text()
            assert answer.status == status
            assert words in text
            assert TITLE not in text
            assert is_guarded(answer)


async def test_the_views_may_have_a_page_for_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:

        async def make(_request: object, status: int, said: str, remedy: str) -> str:
            return f"{status} {said} {remedy}"

        door.app._state[guard.ERROR_PAGE] = make  # it is frozen
        answer = await door.ask("GET", "/fail/down")
        assert (await answer.text()).startswith("503 Trakt could not be reached. ")
        assert is_guarded(answer)
        outside = await door.ask("GET", "/", cookies={})
        assert "Press Enter" in await outside.text()

        async def fail(*_: object) -> str:
            raise KeyError

        door.app._state[guard.ERROR_PAGE] = fail
        answer = await door.ask("GET", "/fail/down")
        assert answer.status == 503
        assert "Trakt could not be reached." in await answer.text()


async def test_what_is_no_request_gets_the_same_headers_and_no_echo(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with opened(tmp_path) as door:
        token = door.site.links.make_token()
        for sent in (f"GET /?token={token} HTTP/9\r\n\r\n", f"{token}\0\r\n\r\n"):
            answer = await raw(door.site.address, sent.encode())
            assert b" 400 " in answer.splitlines()[0]
            for name, value in CARRIED.items():
                assert f"{name}: {value}".encode() in answer
            assert token.encode() not in answer
        await raw(
            door.site.address,
            f"GET /?token={token} HTTP/1.1\r\nHost: localhost\r\n"
            "Connection: close\r\n\r\n".encode(),
        )
    assert token not in caplog.text


async def test_two_hundred_questions_at_once_are_all_answered(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        keys = door.site.links
        sent = (
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Cookie: {keys.cookie_name}={keys.cookie}\r\n\r\n"
        ).encode()
        answers = await asyncio.gather(
            *(raw(door.site.address, sent) for _ in range(200))
        )
        assert all(b" 200 " in answer.splitlines()[0] for answer in answers)


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", b"POST /change HTTP/1.1\r\nHost: localhost\r\n"]
)
async def test_two_hundred_who_were_not_let_in_disturb_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(visits, "LONGEST_VISIT_S", 0.3)
    monkeypatch.setattr(server, "_MOST_VISITS", 150)
    async with opened(tmp_path) as door:
        stream = await door.ask("GET", "/events")
        assert await stream.content.readline() == b"data: here\n"
        crowd = [await asyncio.open_connection(*door.site.address) for _ in range(200)]
        for _, writer in crowd:
            writer.write(sent)
        assert (await door.ask("GET", "/")).status == 200
        for reader, writer in crowd:
            with suppress(ConnectionError):
                async with asyncio.timeout(30):
                    await reader.read()
            writer.close()
        # Who was let in long before them is still there.
        assert await stream.content.readline() == b"\n"
        stream.close()


async def test_the_oldest_of_too_many_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_MOST_VISITS", 20)
    async with opened(tmp_path) as door:
        crowd = [await asyncio.open_connection(*door.site.address) for _ in range(60)]
        for reader, _ in crowd[:40]:
            with suppress(ConnectionError):
                async with asyncio.timeout(30):
                    assert await reader.read() == b""
        assert not any(reader.at_eof() for reader, _ in crowd[40:])
        for _, writer in crowd:
            writer.close()


async def test_a_form_that_takes_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_LONGEST_FORM_S", 0.05)
    async with opened(tmp_path) as door:
        keys = door.site.links
        for path, kind in (
            ("/change", "application/x-www-form-urlencoded"),
            ("/upload", "multipart/form-data; boundary=x"),
        ):
            head = (
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                f"Cookie: {keys.cookie_name}={keys.cookie}\r\n"
                f"Sec-Fetch-Site: same-origin\r\nContent-Type: {kind}\r\n"
                "Content-Length: 99\r\n\r\n--x"
            )
            reader, writer = await asyncio.open_connection(*door.site.address)
            writer.write(head.encode())
            async with asyncio.timeout(30):
                line = await reader.readline()
            assert b" 408 " in line
            writer.close()


async def test_a_form_that_is_too_large_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        for size, status in ((guard.MOST_BYTES, 413), (guard.MOST_BYTES - 100, 303)):
            text = f"token={door.site.links.form}&title={'x' * size}"[: size + 1]
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            headers = {"Sec-Fetch-Site": "same-origin", **kind}
            sent = io.BytesIO(text.encode())
            answer = await door.ask("POST", "/change", data=sent, headers=headers)
            assert answer.status == status
            assert len(door.move.changed) == (status == 303)


async def test_another_start_finds_the_one_that_runs(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        notice = tmp_path / "notice.json"
        assert stat.S_IMODE(notice.stat().st_mode) == 0o600
        link = await ask_for_link(notice)
        assert link
        path = link.removeprefix(door.origin)
        assert (await door.ask("GET", path, cookies={}, headers={})).status == 303
        # A secret of another start gets none, and neither does a page.
        forged = json.loads(notice.read_text()) | {"secret": "x"}
        other = tmp_path / "other.json"
        other.write_text(json.dumps(forged))
        assert await ask_for_link(other) is None
        for headers in ({"Origin": door.origin}, {"Sec-Fetch-Site": "same-origin"}):
            # Not even one that knows the secret.
            proof = links._prove(door.site.links.secret, "ask", "x")
            sent = door.form(challenge="x", proof=proof)
            answer = await door.ask("POST", "/link", headers=headers, data=sent)
            assert answer.status == 403
        assert (await door.ask("GET", "/link", cookies={}, headers={})).status == 403
        for sent in ({}, {"challenge": "x"}, {"challenge": "x", "proof": "y"}):
            answer = await door.ask("POST", "/link", cookies={}, headers={}, data=sent)
            assert answer.status in {403, 415}
            assert "token" not in await answer.text()
    assert not notice.exists()


async def test_what_a_killed_one_left_is_none(tmp_path: Path) -> None:
    file, stale = tmp_path / "notice.json", tmp_path / "stale.json"
    assert await ask_for_link(file) is None
    for junk in ("", "[]", "{}", '{"url": 1, "secret": []}', "\0"):
        stale.write_text(junk)
        assert await ask_for_link(stale) is None
    async with opened(tmp_path) as door:
        keys = door.site.links
        write_notice(stale, keys)
    # Nobody listens there any more; then somebody else does.
    assert await ask_for_link(stale) is None
    async with opened(tmp_path, address=keys.address):
        assert await ask_for_link(stale) is None
        assert await ask_for_link(file)


async def test_who_listens_there_now_and_has_not_the_secret_is_not_believed(
    tmp_path: Path,
) -> None:
    async def answer(_request: web.BaseRequest) -> web.Response:
        said = {"token": "t", "proof": "p"}
        return web.Response(text=f"{json.dumps(said)}\n")

    impostor = web.ServerRunner(web.Server(answer))
    await impostor.setup()
    await web.TCPSite(impostor, "127.0.0.1", 0).start()
    host, port = impostor.addresses[0]
    file = tmp_path / "notice.json"
    write_notice(file, links.Links(Address(host, port)))
    assert await ask_for_link(file) is None
    await impostor.cleanup()


async def test_a_later_start_keeps_its_own_notice(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        async with opened(tmp_path):
            pass
        write_notice(tmp_path / "notice.json", door.site.links)
        assert await ask_for_link(tmp_path / "notice.json")


async def test_it_is_for_this_machine_alone(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "192.0.2.7", "::"):  # noqa: S104  # it is refused
        with pytest.raises(ConfigError, match="other machines") as caught:
            async with opened(tmp_path, address=Address(host, 0)):
                pass
        assert "ssh -L" in caught.value.remedy


async def test_health_and_metrics_answer_where_they_are_asked_for(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, has_health=True) as door:
        for path in ("/healthz", "/metrics"):
            answer = await door.ask("GET", path, cookies={}, headers={})
            assert answer.status == 200
            assert is_guarded(answer)
            assert (await door.ask("POST", path, cookies={})).status == 403
    async with opened(tmp_path) as door:
        assert (await door.ask("GET", "/healthz", cookies={})).status == 403
        assert (await door.ask("GET", "/healthz")).status == 404


async def test_who_is_locked_out_reads_the_command_as_it_was_typed(
    tmp_path: Path,
) -> None:
    state = {"url": f"sqlite:///{tmp_path / 'state.sqlite3'}", "tokens": tmp_path / "t"}
    settings = Settings.model_validate({"state": state})
    context = Context(
        tmp_path / "my config.toml",
        is_sandbox=True,
        as_json=False,
        is_verbose=False,
        is_quiet=False,
        profile="Me",
    )
    move = RealMove(
        lambda: settings,
        tmp_path / "config.toml",
        tmp_path / "web",
        sample=lambda _path: None,
        complete=context.complete,
    )
    async with opened(tmp_path, views=lambda *_: partial(add_views, move=move)) as door:
        elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "http://elsewhere"}
        pages = [
            await door.ask("GET", "/", cookies={}, headers={}),
            await door.ask("POST", "/read", data=door.form(), headers=elsewhere),
        ]
        for page in pages:
            text = html.unescape(await page.text())
            assert "Rehearsal: nothing leaves this computer" in text
            assert f"{context.call('web')}" in text
            assert "trakt2discovr web" not in text

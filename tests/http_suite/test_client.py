"""What the request funnel sends, and what it makes of the answers."""

from __future__ import annotations

import logging
import traceback
from importlib import metadata
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aioresponses import aioresponses
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from connectors.errors import (
    AuthError,
    BlockedError,
    ConfigError,
    ContractError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    ServiceError,
    TransientError,
)
from connectors.http.client import HttpClient, Response, RetryPolicy
from connectors.http.transport import user_agent
from tests.long import examples
from tests.loopback import Loopback, Reply, reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.clocks import FakeClock
    from tests.loopback import Received

ONCE = RetryPolicy(attempts=1)


class Login:
    """A login whose every renewal gives the next number."""

    def __init__(self, renewals: int = 9) -> None:
        self.number = 1
        self.renewals = renewals
        self.rejected: list[Mapping[str, str]] = []

    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer token-{self.number}"}

    async def renew(self, rejected: Mapping[str, str], refusal: AuthError) -> None:
        self.rejected.append(rejected)
        if not self.renewals:
            raise AuthError("Nothing to renew.")
        self.number += 1
        self.renewals -= 1


@pytest.mark.parametrize(("idle_s", "connections"), [(3.5, 1), (4.5, 2)])
async def test_an_idle_connection_is_given_up_before_a_server_closes_it(
    monkeypatch: pytest.MonkeyPatch, idle_s: float, connections: int
) -> None:
    # Node closes it after 5 s: a write that meets the closing has no clear outcome.
    now = [1_000.0]
    monkeypatch.setattr("aiohttp.connector.monotonic", lambda: now[0])
    async with Loopback() as server, HttpClient("Trakt", server.url) as http:
        await http.request("GET", "/first")
        now[0] += idle_s
        await http.request("POST", "/second", json={})
        assert server.connections == connections


async def test_a_request_says_who_asks_for_what() -> None:
    async with (
        Loopback() as server,
        HttpClient(
            "Trakt", f"{server.url}/v3", auth=Login(), headers={"trakt-api-key": "id"}
        ) as client,
    ):
        await client.request("get", "/a b/c?d", params={"page": 2, "extended": None})
    [request] = server.received
    assert f"{request.method} {request.target}" == "GET /v3/a%20b/c%3Fd?page=2"
    assert {
        "user-agent": f"trakt2discovr/{metadata.version('trakt2discovr')}",
        "accept": "application/json",
        "content-type": "application/json",
        "trakt-api-key": "id",
        "authorization": "Bearer token-1",
    }.items() <= request.headers.items()
    assert "cookie" not in request.headers


def test_a_bare_source_tree_says_who_asks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert user_agent.__wrapped__() == "trakt2discovr/0"


async def test_a_body_goes_as_json_and_a_login_only_where_it_is_wanted() -> None:
    async with (
        Loopback([reply(201)]) as server,
        HttpClient("Trakt", server.url, auth=Login()) as client,
    ):
        answer = await client.request(
            "POST", "/oauth/token", json={"code": "ü"}, authorize=False
        )
    [request] = server.received
    assert request.body == b'{"code": "\\u00fc"}'
    assert "authorization" not in request.headers
    assert answer.status == 201


async def test_a_text_goes_as_it_stands() -> None:
    async with Loopback() as server, HttpClient("Trakt", server.url) as http:
        await http.request("POST", "/fail", text="Größe: \ud800")
        (asked,) = server.received
    assert asked.headers["content-type"] == "text/plain; charset=utf-8"
    assert asked.body.decode() == "Größe: ?"


async def test_cookies_are_not_kept() -> None:
    async with (
        Loopback([reply(headers={"Set-Cookie": "a=b"})]) as server,
        # aiohttp keeps no cookies of a host that is a bare number anyway.
        HttpClient("Trakt", server.url.replace("127.0.0.1", "localhost")) as client,
    ):
        await client.request("GET", "/")
        await client.request("GET", "/")
    assert "cookie" not in server.received[1].headers


async def test_it_works_on_a_session_of_the_callers_and_leaves_it_open() -> None:
    with aioresponses() as wire:
        wire.get("https://api.trakt.tv/x?page=1", payload=[1])
        async with aiohttp.ClientSession() as session:
            async with HttpClient(
                "Trakt", "https://api.trakt.tv", session=session
            ) as client:
                answer = await client.request("GET", "x", params={"page": 1})
            assert not session.closed
    assert answer.json() == [1]


async def test_a_session_that_raises_for_status_changes_nothing() -> None:
    async with (
        Loopback([reply(404)]) as server,
        aiohttp.ClientSession(raise_for_status=True) as session,
    ):
        client = HttpClient("Trakt", server.url, session=session)
        with pytest.raises(NotFoundError):
            await client.request("GET", "/x")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RejectedError),
        (401, AuthError),
        (403, BlockedError),
        (404, NotFoundError),
        (405, RejectedError),
        (408, TransientError),
        (409, RejectedError),
        (412, RejectedError),
        (420, RejectedError),
        (422, RejectedError),
        (425, TransientError),
        (429, RateLimitedError),
        (500, TransientError),
        (502, TransientError),
        (503, TransientError),
        (504, TransientError),
        (520, TransientError),
        (524, TransientError),
        (304, ContractError),
        (300, ContractError),
    ],
)
async def test_a_status_is_named_by_what_to_do_next(
    status: int, error: type[ServiceError], clock: FakeClock
) -> None:
    async with (
        Loopback([reply(status, b"")]) as server,
        HttpClient("Trakt", server.url, retry=ONCE, clock=clock) as client,
    ):
        with pytest.raises(ServiceError) as caught:
            await client.request("GET", "/sync/history", params={"page": 3})
    assert type(caught.value) is error
    assert (caught.value.service, caught.value.status) == ("Trakt", status)
    assert "GET /sync/history" in caught.value.message
    assert "page" not in str(caught.value)


async def test_the_service_may_explain_itself_better() -> None:
    def explain(response: Response) -> ServiceError | None:
        return BlockedError("VIP only.") if response.status == 426 else None

    async with (
        Loopback([reply(426), reply(404)]) as server,
        HttpClient("Trakt", server.url, explain=explain) as client,
    ):
        with pytest.raises(BlockedError, match="VIP only"):
            await client.request("GET", "/x")
        with pytest.raises(NotFoundError):
            await client.request("GET", "/x")


async def test_a_label_takes_the_place_of_the_path(
    caplog: pytest.LogCaptureFixture, clock: FakeClock
) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        Loopback([reply(503), reply(404)]) as server,
        HttpClient("Discovr", server.url, clock=clock) as client,
    ):
        with pytest.raises(NotFoundError) as caught:
            await client.request("GET", "/auth/device-codes/s3cret", label="the poll")
    assert "GET the poll" in caught.value.message
    assert "s3cret" not in str(caught.value) + caplog.text
    keys = [record.__dict__.get("key") for record in caplog.records]
    assert keys == ["http.request", "http.retry", "http.request"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refused_login_is_renewed_once_and_the_request_repeated(
    method: str,
) -> None:
    login = Login()
    async with (
        Loopback([reply(401), reply()]) as server,
        HttpClient("Trakt", server.url, auth=login) as client,
    ):
        await client.request(method, "/x")
    assert [request.headers["authorization"] for request in server.received] == [
        "Bearer token-1",
        "Bearer token-2",
    ]
    assert login.rejected == [{"Authorization": "Bearer token-1"}]
    assert client.stats.requests == 2


async def test_a_login_that_stays_refused_is_renewed_only_once() -> None:
    login = Login()
    async with (
        Loopback([reply(401)]) as server,
        HttpClient("Trakt", server.url, auth=login) as client,
    ):
        with pytest.raises(AuthError):
            await client.request("GET", "/x")
    assert (len(server.received), len(login.rejected)) == (2, 1)


async def test_a_request_renews_only_once_whatever_happens_in_between(
    clock: FakeClock,
) -> None:
    login = Login()
    async with (
        Loopback([reply(401), reply(503), reply(401)]) as server,
        HttpClient("Trakt", server.url, auth=login, clock=clock) as client,
    ):
        with pytest.raises(AuthError):
            await client.request("GET", "/x")
    assert (len(server.received), len(login.rejected)) == (3, 1)


async def test_where_nothing_can_be_renewed_that_is_said() -> None:
    async with (
        Loopback([reply(401)]) as server,
        HttpClient("Trakt", server.url, auth=Login(renewals=0)) as client,
    ):
        with pytest.raises(AuthError, match="Nothing to renew"):
            await client.request("GET", "/x")
    assert len(server.received) == 1


async def test_a_refusal_without_a_login_is_final() -> None:
    async with (
        Loopback([reply(401)]) as server,
        HttpClient("Trakt", server.url, auth=Login()) as client,
    ):
        with pytest.raises(AuthError):
            await client.request("POST", "/x", authorize=False)
    assert len(server.received) == 1


async def test_a_read_follows_a_redirect_on_the_same_host() -> None:
    async with (
        Loopback([reply(301, headers={"Location": "/y?z=1"}), reply()]) as server,
        HttpClient("Trakt", server.url, auth=Login()) as client,
    ):
        await client.request("GET", "/x", params={"page": 1})
    assert server.asked == ["GET /x?page=1", "GET /y?z=1"]
    assert server.received[1].headers["authorization"] == "Bearer token-1"


async def test_redirects_in_a_circle_end() -> None:
    async with (
        Loopback([reply(302, headers={"Location": "/x"})]) as server,
        HttpClient("Trakt", server.url) as client,
    ):
        with pytest.raises(ContractError):
            await client.request("GET", "/x")
    assert len(server.received) == 6


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "{other}/x"), ("POST", "{other}/x"), ("POST", "/y")]
)
async def test_no_login_is_taken_to_another_address(method: str, path: str) -> None:
    async with Loopback() as other, Loopback() as server:
        server.replies = [
            reply(307, headers={"Location": path.format(other=other.url)})
        ]
        async with HttpClient(
            "Trakt", server.url, auth=Login(), setting="trakt.auth_url"
        ) as client:
            with pytest.raises(ConfigError, match=r"127\.0\.0\.1") as caught:
                await client.request(method, "/x")
    assert other.received == []
    assert len(server.received) == 1
    assert "trakt.auth_url" in caught.value.remedy


@pytest.mark.parametrize("location", ["http://[", "mailto:a@b", ""])
async def test_a_redirect_to_nowhere_breaks_the_contract(location: str) -> None:
    async with (
        Loopback([reply(302, headers={"Location": location})]) as server,
        HttpClient("Trakt", server.url) as client,
    ):
        with pytest.raises((ContractError, ConfigError)):
            await client.request("GET", "/x")
    assert len(server.received) <= 6


SECRET = "s3cr3t"
#: Of what an address in a redirect is put together; ``{}`` is the server's own place.
SCHEMES = ["", "//", "http://", "https://", "HTTP://", "ftp://", "mailto:", "http:"]
USERS = ["", "u@", f"u:{SECRET}@", f":{SECRET}@", "@", ":@", f"u:{SECRET}@x@"]
PLACES = ["{}", "{}", "{}", "", "elsewhere.test", "127.0.0.1", "[::1", "[::1]", "a b"]
PORTS = ["", "", ":", ":0", ":80", ":65536", ":x", ":-1", ":" + "9" * 5_000]
PATHS = ["", "/y", "/y?z=1#w", "/a b", "/\t", "/\x00", "/\x7f", "/%", "/%zz", "/%00"]
REDIRECTS = [300, 301, 302, 303, 304, 307, 308]


def locations() -> st.SearchStrategy[str]:
    """Draw addresses of which each part may be odd."""
    text = st.text(st.characters(exclude_characters="\r\n"), max_size=9)
    parts = [SCHEMES, USERS, PLACES, PORTS, [*PATHS, "/\xff", "/" + "y" * 9_000]]
    drawn = st.tuples(*(st.sampled_from(part) | text for part in parts))
    return drawn.map("".join)


async def follow(method: str, status: int, location: str) -> tuple[object, str]:
    """Return what came of a request whose answer leads there, and its traceback."""

    def made(number: int, _request: Received) -> Reply:
        if number > 1:
            return reply()
        place = server.url.removeprefix("http://")
        return reply(status, headers={"Location": location.replace("{}", place)})

    async with (
        Loopback(made=made) as server,
        HttpClient("Trakt", server.url, auth=Login(), retry=ONCE) as client,
    ):
        try:
            came: object = await client.request(method, "/x")
        except ServiceError as error:
            return error, "".join(traceback.format_exception(error))
    return came, ""


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("user", USERS)
async def test_no_user_name_in_a_redirect_ends_in_another_error(
    user: str, method: str
) -> None:
    for status in REDIRECTS:
        for scheme in ("//", "http://"):
            location = f"{scheme}{user}{{}}/y"
            came, shown = await follow(method, status, location)
            assert isinstance(came, Response | ServiceError), location
            assert SECRET not in shown + repr(vars(came) if shown else "")


@examples(30, 200, 3_000)
@given(st.sampled_from(["GET", "POST"]), st.sampled_from(REDIRECTS), locations())
async def test_wherever_a_redirect_leads_there_is_an_answer_or_a_service_error(
    method: str, status: int, location: str
) -> None:
    came, shown = await follow(method, status, location)
    assert isinstance(came, Response | ServiceError)
    assert SECRET not in shown


class Watched(BaseModel):
    id: int
    at: dict[str, int]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'[{"id": "s3cret", "at": {}}]', "0.id: int_parsing"),
        (b'[{"id": 1, "at": {"x": "s3cret"}}]', "0.at.x: int_parsing"),
        (b'{"s3cret": 1}', "body: list_type"),
        (b'[{}, {}, {"id": "s3cret"}]', "and 3 more"),
        (b'["s3cret"', "body: json_invalid"),
        (b'[{"id": 1, "at": {"\\u001b[31m s": "x"}}]', "0.at.?: int_parsing"),
    ],
)
def test_a_wrong_shape_is_named_by_its_path_and_never_by_its_value(
    body: bytes, path: str
) -> None:
    answer = Response(200, {}, body, "Trakt", "GET /x")
    with pytest.raises(ContractError) as caught:
        answer.parse(TypeAdapter(list[Watched]))
    assert path in caught.value.message
    assert "GET /x" in caught.value.message
    assert "s3cret" not in repr(caught.value) + str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("value", [{"id": 2**63}, [], 0, None, "ä"])
async def test_json_comes_out_as_it_went_in(value: Any) -> None:
    async with (
        Loopback([reply(200, value)]) as server,
        HttpClient("Trakt", server.url) as client,
    ):
        answer = await client.request("GET", "/x")
    assert answer.json() == value


def test_what_is_not_json_is_said_so() -> None:
    answer = Response(200, {}, b"<html>s3cret", "Trakt", "GET /x")
    with pytest.raises(ContractError) as caught:
        answer.json()
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(answer)


@pytest.mark.parametrize(
    ("method", "status", "body"),
    [("DELETE", 204, b""), ("POST", 200, b""), ("POST", 200, b"ok")],
)
async def test_an_answer_without_json_is_fine_where_none_is_expected(
    method: str, status: int, body: bytes
) -> None:
    async with (
        Loopback([reply(status, body)]) as server,
        HttpClient("Trakt", server.url) as client,
    ):
        answer = await client.request(method, "/x", expect_json=status == 204)
    assert answer.body == body


@pytest.mark.parametrize("value", ["a\nb", "a\r", "\0", "\x1b"])
async def test_a_token_with_a_line_break_is_refused_before_it_is_sent(
    value: str,
) -> None:
    async with (
        Loopback() as server,
        HttpClient("Trakt", server.url, headers={"trakt-api-key": value}) as client,
    ):
        with pytest.raises(ConfigError, match="line break"):
            await client.request("GET", "/x")
    assert server.received == []

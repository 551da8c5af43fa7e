"""Whoever may send no more is heard at the last moment, before every attempt."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from connectors.errors import ServiceError
from connectors.http.client import HttpClient
from connectors.http.pacing import RatePacer
from tests.loopback import Loopback, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.clocks import FakeClock

WRITES = ["POST", "PUT", "PATCH", "DELETE"]


class LostError(ServiceError):
    """What a check may raise."""

    default_remedy = "Wait."


class Check:
    """Raises once so many requests have arrived, or so many calls were made."""

    def __init__(
        self, server: Loopback, *, requests: int = 99, calls: int = 99
    ) -> None:
        self._server = server
        self._requests, self._calls = requests, calls
        self.called = 0

    async def __call__(self) -> None:
        await asyncio.sleep(0)
        is_lost = len(self._server.received) >= self._requests
        if is_lost or self.called >= self._calls:
            raise LostError("It is lost.")
        self.called += 1


@asynccontextmanager
async def client_of(server: Loopback, kind: str) -> AsyncIterator[HttpClient]:
    async with AsyncExitStack() as stack:
        session = None
        if kind == "of the caller":
            session = await stack.enter_async_context(aiohttp.ClientSession())
        client = HttpClient("Discovr", server.url, session=session)
        yield await stack.enter_async_context(client)


@pytest.mark.parametrize("session", ["own", "of the caller"])
@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("body", [None, {}, {"progress": 100}], ids=str)
async def test_nothing_leaves_once_the_check_raises(
    method: str, session: str, body: object
) -> None:
    async with Loopback() as server, client_of(server, session) as client:
        client.check_writes(Check(server, requests=2))
        for _ in range(2):
            await client.request(method, "/x", json=body)
        for _ in range(3):
            with pytest.raises(LostError):
                await client.request(method, "/x", json=body)
        await client.request("GET", "/y")
        assert server.asked == [f"{method} /x"] * 2 + ["GET /y"]
        sent = json.dumps(body).encode() if body is not None else b""
        assert {r.body for r in server.received[:2]} == {sent}


@pytest.mark.parametrize("session", ["own", "of the caller"])
@pytest.mark.parametrize("method", WRITES)
async def test_what_is_lost_between_connection_and_body_does_not_leave(
    method: str, session: str
) -> None:
    async with Loopback() as server, client_of(server, session) as client:
        client.check_writes(Check(server, calls=1))
        for _ in range(2):
            with pytest.raises(LostError):
                await client.request(method, "/x", json={})
        assert server.asked == []


@pytest.mark.parametrize("method", WRITES)
async def test_each_attempt_is_checked(method: str, clock: FakeClock) -> None:
    busy = reply(429, headers={"Retry-After": "40"})
    async with (
        Loopback([busy, reply()]) as server,
        HttpClient("Discovr", server.url, clock=clock) as client,
    ):
        client.check_writes(Check(server, requests=1))
        with pytest.raises(LostError):
            await client.request(method, "/x", json={})
        assert server.asked == [f"{method} /x"]
    assert clock.monotonic() >= 40


async def test_the_check_comes_after_every_wait(clock: FakeClock) -> None:
    checked: list[float] = []

    async def check() -> None:
        checked.append(clock.monotonic())

    async with (
        Loopback() as server,
        HttpClient(
            "Discovr", server.url, clock=clock, pacer=RatePacer(0.1, clock=clock)
        ) as client,
    ):
        client.check_writes(check)
        await asyncio.gather(*(client.request("POST", "/x") for _ in range(4)))
    assert [round(at) for at in checked] == [0, 10, 20, 31]


async def test_the_check_comes_after_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []
    connect = aiohttp.TCPConnector._create_connection

    async def slow(*args: object, **options: object) -> object:
        made = await connect(*args, **options)  # type: ignore[arg-type]
        order.append("connected")
        return made

    async def check() -> None:
        order.append("checked")

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", slow)
    async with Loopback() as server, HttpClient("Discovr", server.url) as client:
        client.check_writes(check)
        await client.request("POST", "/x")
        await client.request("POST", "/x")
    assert order == ["connected", "checked", "checked"]


@pytest.mark.parametrize("session", ["own", "of the caller"])
@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "said", [{}, {"json": {}}, {"json": {"progress": 100}}, {"text": "x"}], ids=str
)
async def test_what_is_lost_while_it_connects_does_not_leave(
    method: str, session: str, said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To connect may take longer than a look at the lock is good for."""
    connect, is_lost = aiohttp.TCPConnector._create_connection, False

    async def slow(*args: object, **options: object) -> object:
        nonlocal is_lost
        made = await connect(*args, **options)  # type: ignore[arg-type]
        is_lost = True
        return made

    async def check() -> None:
        if is_lost:
            raise LostError("It is lost.")

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", slow)
    async with Loopback() as server, client_of(server, session) as client:
        client.check_writes(check)
        with pytest.raises(LostError):
            await client.request(method, "/x", **said)
        await client.request("GET", "/y")
        assert server.asked == ["GET /y"]


@pytest.mark.parametrize("said", [{}, {"json": {}}, {"text": "x"}], ids=str)
@pytest.mark.parametrize("method", WRITES)
async def test_what_is_lost_as_the_headers_are_written_does_not_leave(
    method: str, said: dict[str, Any]
) -> None:
    """The caller's session may do things of its own in between."""
    is_lost = False

    async def lose(*_args: object) -> None:
        nonlocal is_lost
        is_lost = True

    async def check() -> None:
        if is_lost:
            raise LostError("It is lost.")

    traces = aiohttp.TraceConfig()
    traces.on_request_headers_sent.append(lose)
    async with (
        Loopback() as server,
        aiohttp.ClientSession(trace_configs=[traces]) as session,
        HttpClient("Discovr", server.url, session=session) as client,
    ):
        client.check_writes(check)
        with pytest.raises(LostError):
            await client.request(method, "/x", **said)
        assert server.asked == []


@pytest.mark.parametrize("session", ["own", "of the caller"])
@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "said", [{}, {"json": {"a": "\u00e9"}}, {"text": "x"}], ids=str
)
async def test_a_request_that_is_checked_looks_like_any_other(
    method: str, session: str, said: dict[str, Any]
) -> None:
    async def check() -> None: ...

    async with Loopback() as server, client_of(server, session) as client:
        await client.request(method, "/x", **said)
        client.check_writes(check)
        await client.request(method, "/x", **said)
        plain, checked = server.received
        assert plain == checked


async def test_a_session_of_the_callers_stays_as_it_was() -> None:
    async def check() -> None:
        raise LostError("It is lost.")

    async with Loopback() as server, aiohttp.ClientSession() as session:
        async with HttpClient("Discovr", server.url, session=session) as client:
            client.check_writes(check)
            with pytest.raises(LostError):
                await client.request("DELETE", "/x")
        async with session.delete(f"{server.url}/theirs") as answer:
            assert answer.status == 200
        assert server.asked == ["DELETE /theirs"]

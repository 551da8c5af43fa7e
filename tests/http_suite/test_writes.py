"""A write goes again only if it had no effect for sure; nothing goes twice unseen."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from connectors.errors import (
    NotFoundError,
    RejectedError,
    TransientError,
    UnknownOutcomeError,
)
from connectors.http.client import HttpClient, RetryPolicy
from tests.loopback import CUT, SILENCE, Loopback, Reply, reply

if TYPE_CHECKING:
    from tests.clocks import FakeClock

WRITES = ["POST", "PUT", "PATCH", "DELETE"]
HTML = b"<html>Bad gateway</html>"
SHORT = 0.5


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "fault",
    [
        *(reply(status, HTML) for status in (408, 425, 500, 502, 503, 504, 520, 599)),
        reply(500, HTML, headers={"Retry-After": "3"}),
        reply(200, HTML),
        reply(201, b'{"message": "o'),
        reply(200, b"{", length=50, cuts=True),
        reply(200, b"{", length=50, stalls=True),
        Reply(b"nonsense\r\n\r\n", cuts=True),
        CUT,
        SILENCE,
    ],
    ids=lambda fault: repr(fault.content[9:60]) if isinstance(fault, Reply) else None,
)
async def test_an_unclear_write_is_never_repeated(
    method: str, fault: Reply, clock: FakeClock
) -> None:
    limit_s = SHORT if fault.stalls else 30
    async with (
        Loopback([reply(), fault, reply()]) as server,
        HttpClient("Discovr", server.url, clock=clock, timeout_s=limit_s) as client,
    ):
        await client.request("GET", "/warm-up")
        with pytest.raises(UnknownOutcomeError):
            await client.request(method, "/profile/history", json={"progress": 100})
    assert server.asked == ["GET /warm-up", f"{method} /profile/history"]
    assert (client.stats.requests, client.stats.unknown) == (2, 1)
    assert clock.slept == []


@pytest.mark.parametrize("method", ["DELETE", "PUT", "GET"])
async def test_aiohttp_would_send_it_twice_on_its_own(method: str) -> None:
    """Fails on the day when aiohttp no longer does: send_once can go then."""
    async with (
        Loopback([CUT]) as server,
        aiohttp.ClientSession() as session,
    ):
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.request(method, server.url)
    assert len(server.received) == 2


@pytest.mark.parametrize("is_reused", [True, False])
@pytest.mark.parametrize("method", ["DELETE", "GET"])
async def test_with_the_funnel_one_request_is_one_request(
    method: str, *, is_reused: bool, clock: FakeClock
) -> None:
    async with (
        Loopback([reply(), CUT] if is_reused else [CUT]) as server,
        HttpClient(
            "Discovr", server.url, clock=clock, retry=RetryPolicy(attempts=1)
        ) as client,
    ):
        if is_reused:
            await client.request("GET", "/warm-up")
        with pytest.raises((UnknownOutcomeError, TransientError)):
            await client.request(method, "/x")
    assert len(server.received) == client.stats.requests == 1 + is_reused
    assert server.connections == 1


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "refusal",
    [
        reply(429, HTML),
        reply(429, headers={"Retry-After": "5"}),
        reply(503, HTML, headers={"Retry-After": "0"}),
        reply(503, HTML, headers={"Retry-After": "5"}),
    ],
    ids=["429", "429 and a time", "503 and now", "503 and a time"],
)
async def test_a_write_that_was_refused_for_now_goes_again(
    method: str, refusal: Reply, clock: FakeClock
) -> None:
    async with (
        Loopback([refusal, refusal, reply()]) as server,
        HttpClient("Discovr", server.url, clock=clock) as client,
    ):
        await client.request(method, "/x")
    assert len(server.received) == 3
    assert len(clock.slept) == 2


async def test_a_write_to_a_closed_door_goes_again(clock: FakeClock) -> None:
    async with Loopback() as server:
        url = server.url
    policy = RetryPolicy(attempts=3)
    async with HttpClient("Discovr", url, clock=clock, retry=policy) as client:
        with pytest.raises(TransientError, match="could not be reached"):
            await client.request("POST", "/x")
    assert len(clock.slept) == 2


class NoNames(AbstractResolver):
    """Knows no host."""

    async def resolve(
        self, host: str, port: int = 0, family: int = socket.AF_INET
    ) -> list[ResolveResult]:
        raise OSError(None, "no such host")

    async def close(self) -> None:
        """Nothing to close."""


async def test_a_write_to_an_unknown_host_goes_again(clock: FakeClock) -> None:
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=NoNames())
        ) as session,
        HttpClient(
            "Discovr", "https://api.discovr.media", session=session, clock=clock
        ) as client,
    ):
        with pytest.raises(TransientError, match="could not be reached"):
            await client.request("POST", "/x")
    assert client.stats.requests == 6


async def test_a_write_that_could_not_even_connect_in_time_goes_again(
    clock: FakeClock,
) -> None:
    class Slow(NoNames):
        async def resolve(
            self, host: str, port: int = 0, family: int = socket.AF_INET
        ) -> list[ResolveResult]:
            await asyncio.Event().wait()
            return []

    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=Slow())
        ) as session,
        HttpClient(
            "Discovr",
            "https://api.discovr.media",
            session=session,
            clock=clock,
            timeout_s=SHORT,
            retry=RetryPolicy(attempts=2),
        ) as client,
    ):
        with pytest.raises(TransientError, match="could not be reached"):
            await client.request("POST", "/x")
    assert client.stats.requests == 2


async def test_a_repeatable_write_is_retried_like_a_read(clock: FakeClock) -> None:
    async with (
        Loopback([CUT, reply(502), reply(200, HTML), reply()]) as server,
        HttpClient("Discovr", server.url, clock=clock) as client,
    ):
        await client.request("POST", "/auth/session-token", repeatable=True)
    assert len(server.received) == 4


async def test_a_read_can_be_kept_from_being_repeated(clock: FakeClock) -> None:
    async with (
        Loopback([CUT]) as server,
        HttpClient("Discovr", server.url, clock=clock) as client,
    ):
        with pytest.raises(UnknownOutcomeError):
            await client.request("GET", "/poll", repeatable=False)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFoundError), (409, RejectedError)]
)
async def test_a_write_refused_for_good_is_certain(
    status: int, error: type[RejectedError], clock: FakeClock
) -> None:
    async with (
        Loopback([reply(status)]) as server,
        HttpClient("Discovr", server.url, clock=clock) as client,
    ):
        with pytest.raises(error):
            await client.request("POST", "/x")
    assert client.stats.unknown == 0


async def test_the_time_limit_covers_the_whole_body(clock: FakeClock) -> None:
    drip = reply(200, b"[", length=3, stalls=True)
    async with (
        Loopback([drip]) as server,
        HttpClient(
            "Trakt",
            server.url,
            clock=clock,
            timeout_s=SHORT,
            retry=RetryPolicy(attempts=1),
        ) as client,
    ):
        async with asyncio.timeout(5):
            with pytest.raises(TransientError, match="in time"):
                await client.request("GET", "/x")

"""Whoever may send no more is heard at the last moment, before every attempt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from connectors.errors import ServiceError
from connectors.http.client import HttpClient
from connectors.http.pacing import RatePacer
from tests.loopback import Loopback, reply

if TYPE_CHECKING:
    from tests.clocks import FakeClock

WRITES = ["POST", "PUT", "PATCH", "DELETE"]


class LostError(ServiceError):
    """What a check may raise."""

    default_remedy = "Wait."


class Check:
    """Passes so often, then it raises."""

    def __init__(self, passes: int) -> None:
        self.passes = passes
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1
        await asyncio.sleep(0)
        if self.calls > self.passes:
            raise LostError("It is lost.")


@pytest.fixture(params=["own session", "session of the caller"])
async def session(request: pytest.FixtureRequest) -> aiohttp.ClientSession | None:
    return aiohttp.ClientSession() if request.param != "own session" else None


@pytest.mark.parametrize("method", WRITES)
async def test_nothing_leaves_once_the_check_raises(
    method: str, session: aiohttp.ClientSession | None
) -> None:
    check = Check(passes=2)
    async with Loopback() as server:
        client = HttpClient("Discovr", server.url, session=session)
        client.check_writes(check)
        for _ in range(2):
            await client.request(method, "/x", json={})
        for _ in range(3):
            with pytest.raises(LostError):
                await client.request(method, "/x", json={})
        await client.request("GET", "/y")
        await client.close()
        if session:
            await session.close()
        assert server.asked == [f"{method} /x"] * 2 + ["GET /y"]
    assert check.calls == 5


@pytest.mark.parametrize("method", WRITES)
async def test_each_attempt_is_checked(method: str, clock: FakeClock) -> None:
    check = Check(passes=1)
    busy = reply(429, headers={"Retry-After": "40"})
    async with (
        Loopback([busy, reply()]) as server,
        HttpClient("Discovr", server.url, clock=clock) as client,
    ):
        client.check_writes(check)
        with pytest.raises(LostError):
            await client.request(method, "/x", json={})
        assert server.asked == [f"{method} /x"]
    assert check.calls == 2
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

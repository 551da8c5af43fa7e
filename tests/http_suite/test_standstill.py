"""Stopped in the last microseconds before a request leaves: then it does not."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from asyncio import selector_events
from contextlib import nullcontext
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any

import aiohappyeyeballs
import aiohttp
import pytest

from connectors.errors import ServiceError
from connectors.http.client import HttpClient, RetryPolicy
from connectors.standstill import _break_off, heeding_standstills
from sync.cli.context import Context
from sync.cli.runner import run
from tests.forks import fork
from tests.loopback import Loopback
from tests.safety.freezing import wait_until_stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from sync.cli.runner import Output
    from sync.runtime.stop import Stop
    from tests.clocks import FakeClock

#: Whose methods hand a request to the system.
TRANSPORT: Any = vars(selector_events)["_SelectorSocketTransport"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs SIGSTOP")


def live(url: str, method: str, is_heeded: bool, parent: Connection) -> None:
    """Send a write in this process, stopped as it leaves; tell how that ended."""
    heeding = heeding_standstills() if is_heeded else nullcontext()
    with heeding:
        parent.send(asyncio.run(_send(url, method, parent)))


async def _send(url: str, method: str, parent: Connection) -> str:
    async def check() -> None: ...

    def stopped_before(write: Callable[..., Any]) -> Callable[..., Any]:
        def stopped(*args: Any) -> Any:
            parent.send("stopping")
            os.kill(os.getpid(), signal.SIGSTOP)
            return write(*args)

        return stopped

    body = None if method == "DELETE" else {"progress": 100}
    once = RetryPolicy(attempts=1)
    async with HttpClient("Discovr", url, retry=once) as client:
        await client.request("GET", "/before")
        client.check_writes(check)
        for name in ("write", "writelines"):
            write = getattr(TRANSPORT, name)
            setattr(TRANSPORT, name, stopped_before(write))
        try:
            await client.request(method, "/x", json=body)
        except ServiceError as error:
            return type(error).__name__
        return "sent"


@pytest.mark.parametrize("is_heeded", [True, False])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_what_was_about_to_leave_does_not(
    method: str, *, is_heeded: bool
) -> None:
    here, there = Pipe()
    async with Loopback() as server:
        child = fork(live, server.url, method, is_heeded, there)
        try:
            assert await asyncio.to_thread(here.recv) == "stopping"
            wait_until_stopped(child.pid or 0)
            assert server.asked == ["GET /before"]
            os.kill(child.pid or 0, signal.SIGCONT)
            ending = await asyncio.to_thread(here.recv)
        finally:
            child.kill()
            child.join()
        # Without it, it does: else this would show nothing.
        left = [] if is_heeded else [f"{method} /x"]
        assert server.asked == ["GET /before", *left]
        assert ending == ("UnknownOutcomeError" if is_heeded else "sent")


def goes_on(work: Callable[..., Any]) -> Callable[..., Any]:
    """Have the process go on after a standstill before that work, and after it."""

    async def working(*args: Any, **options: Any) -> Any:
        signal.raise_signal(signal.SIGCONT)
        done = await work(*args, **options)
        signal.raise_signal(signal.SIGCONT)
        return done

    return working


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (aiohttp.TCPConnector, "_create_connection"),
        (aiohttp.TCPConnector, "connect"),
        (aiohttp.ClientResponse, "start"),
        (aiohttp.ClientResponse, "read"),
        (aiohappyeyeballs.impl, "_connect_sock"),
        (HttpClient, "_attempt"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
async def test_whoever_does_anything_else_only_goes_on(
    owner: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, goes_on(getattr(owner, name)))
    with heeding_standstills():
        async with Loopback() as server, HttpClient("Discovr", server.url) as client:
            for method in ("GET", "POST", "DELETE"):
                await client.request(method, "/x")
            await client.request("POST", "/x", json={})
        assert server.asked == ["GET /x", "POST /x", "DELETE /x", "POST /x"]


async def test_a_reading_that_is_broken_off_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    write, left = TRANSPORT.write, [1]

    def interrupted(*args: Any) -> Any:
        if left and left.pop():
            signal.raise_signal(signal.SIGCONT)
        return write(*args)

    with heeding_standstills():
        async with (
            Loopback() as server,
            HttpClient("Discovr", server.url, clock=clock) as client,
        ):
            monkeypatch.setattr(TRANSPORT, "write", interrupted)
            await client.request("GET", "/x")
            monkeypatch.undo()
        assert server.asked == ["GET /x"]
    assert not left


def test_every_command_heeds_it() -> None:
    seen: list[object] = []

    async def work(_output: Output, _stop: Stop) -> int:
        seen.append(signal.getsignal(signal.SIGCONT))
        return 0

    before = signal.getsignal(signal.SIGCONT)
    context = Context(
        None, is_sandbox=False, as_json=False, is_verbose=False, is_quiet=True
    )
    assert run(context, work) == 0
    assert seen == [_break_off]
    assert signal.getsignal(signal.SIGCONT) is before


def test_the_handler_of_before_is_back_afterwards() -> None:
    before = signal.getsignal(signal.SIGCONT)
    with heeding_standstills():
        assert signal.getsignal(signal.SIGCONT) is not before
    assert signal.getsignal(signal.SIGCONT) is before


def test_a_thread_goes_on_without() -> None:
    before, seen = signal.getsignal(signal.SIGCONT), list[object]()

    def run() -> None:
        with heeding_standstills():
            seen.append(signal.getsignal(signal.SIGCONT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]

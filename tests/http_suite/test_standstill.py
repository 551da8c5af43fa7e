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

import pytest

from connectors.errors import ServiceError
from connectors.http.client import HttpClient, RetryPolicy
from connectors.standstill import heeding_standstills
from tests.forks import fork
from tests.loopback import Loopback
from tests.safety.freezing import wait_until_stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

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


async def test_between_requests_it_only_goes_on() -> None:
    with heeding_standstills():
        async with Loopback() as server, HttpClient("Discovr", server.url) as client:
            await client.request("POST", "/x", json={})
            os.kill(os.getpid(), signal.SIGCONT)
            await client.request("POST", "/x", json={})
        assert server.asked == ["POST /x"] * 2


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

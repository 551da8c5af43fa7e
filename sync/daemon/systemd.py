"""Tells systemd how the service is, as ``sd_notify`` does; without systemd, nothing.

The libraries for this either swallow what goes wrong with a message, or hand every
child the socket; the protocol is one datagram (``man 3 sd_notify``).
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from connectors.clock import Clock
    from sync.daemon.job import Job


class Notifier:
    """Sends to the socket that systemd named in the environment."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._watchdog_s = _watchdog_s(environ)
        self._is_ready = False

    async def __call__(self, job: Job) -> None:
        """Tell what the job is doing; the first time also that it is ready."""
        state = job.state
        if state.stopped_at:
            self.send("STOPPING=1", "STATUS=Stopped")
            return
        ready = () if self._is_ready else ("READY=1",)
        self._is_ready = True
        status = f"Run {state.turns} is under way"
        if state.due:
            at = state.due.at.astimezone().isoformat(timespec="seconds")
            status = f"Next run at {at}"
        problem = state.problem(job.clock.now())
        self.send(*ready, f"STATUS={status}{f'; {problem}' if problem else ''}")

    def reload(self, job: Job) -> None:
        """Have the job read its configuration anew, and say so before and after."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.send("RELOADING=1", f"MONOTONIC_USEC={now_us}")
        job.reload()
        self.send("READY=1")

    @asynccontextmanager
    async def watched(self, clock: Clock) -> AsyncIterator[None]:
        """Tell the watchdog of systemd, if there is one, that the loop still turns."""
        if not self._watchdog_s:
            yield
            return
        beating = asyncio.create_task(self._beat(clock, self._watchdog_s / 2))
        try:
            yield
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating

    def send(self, *assignments: str) -> None:
        """Send one message. A manager that does not listen is no reason to stop."""
        if not self._address:
            return
        address = self._address
        if address.startswith("@"):  # a name in the abstract namespace of Linux
            address = f"\0{address[1:]}"
        lines = (" ".join(assignment.split()) for assignment in assignments)
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.setblocking(False)  # noqa: FBT003  # positional in the library
            sender.connect(address)
            sender.sendall("\n".join(lines).encode())

    async def _beat(self, clock: Clock, every_s: float) -> None:
        while True:
            self.send("WATCHDOG=1")
            await clock.sleep(every_s)


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """Return within how many seconds systemd wants to hear of this process; 0: none."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    with suppress(ValueError):
        return int(environ.get("WATCHDOG_USEC", "0")) / 1_000_000
    return 0.0

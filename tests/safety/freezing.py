"""A run that stands still at one moment, and goes on after another one has ended."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.clocks import FakeClock
from tests.safety.arena import OPENED_AT, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from aiohttp import web

    from tests.login_suite.programs import Program
    from tests.postgres import PostgresServer


@dataclass
class Moment:
    """Request ``number``, counted from 0 over all services: a hook.

    Calls ``freeze`` at that moment, once. What is under way there has its effect.
    """

    number: int
    phase: Phase
    freeze: Callable[[], None]
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    seen: int = 0

    def __call__(self, _request: web.Request, phase: Phase) -> bool:
        if phase is self.phase:
            if self.seen == self.number:
                self.freeze()
                self.reached.set()
            self.seen += 1
        return False


def stop(program: Program) -> None:
    """Freeze a program, and return once it stands still."""
    program.kill(signal.SIGSTOP)
    wait_until_stopped(program.pid)


def wait_until_stopped(pid: int) -> None:
    """Return once a process stands still."""
    state = Path(f"/proc/{pid}/stat")
    # Its name stands in brackets, and may hold anything.
    while state.read_text("utf-8").rpartition(") ")[2][0] not in "TZ":
        os.sched_yield()


def cut_off(folder: Path, server: PostgresServer | None) -> None:
    """Take the lock from whoever holds it: its file, or its session."""
    if server is not None:
        server.end_sessions()
    for path in folder.glob("*.lock"):
        path.unlink()


class SplitClock(FakeClock):
    """A wall clock that goes on while the machine sleeps, and the steady one stops."""

    asleep_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.asleep_s)


class ThreadedRun:
    """A run in a thread of its own, on a clock of its own, that can be frozen."""

    def __init__(
        self, work: Callable[[FakeClock], Coroutine[Any, Any, object]]
    ) -> None:
        self.clock = SplitClock(OPENED_AT)
        self._work = work
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stands, self._goes = threading.Event(), threading.Event()
        self.ended = asyncio.create_task(asyncio.to_thread(asyncio.run, self._run()))

    def freeze(self) -> None:
        """Let it stand still between two turns of its loop."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stand)
        self._stands.wait()

    def thaw(self, seconds: float, *, was_asleep: bool) -> None:
        """Let it go on so much later."""
        if was_asleep:
            self.clock.asleep_s = seconds
        else:
            self.clock.advance(seconds)
        self._goes.set()

    async def _run(self) -> object:
        self._loop = asyncio.get_running_loop()
        return await self._work(self.clock)

    def _stand(self) -> None:
        self._stands.set()
        self._goes.wait()

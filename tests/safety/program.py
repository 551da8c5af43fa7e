"""The real program as a process of its own, and what kills it."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.login_suite.programs import launch
from tests.safety.arena import Phase

if TYPE_CHECKING:
    from aiohttp import web

    from tests.login_suite.programs import Program
    from tests.safety.arena import Arena

MIGRATE = ("migrate", "--yes")


async def start(
    place: Arena,
    *args: str,
    is_afresh: bool = False,
    most_bytes: int | None = None,
    **environment: str,
) -> Program:
    """Start the program, pointed at the services of an arena."""
    env = {**os.environ, **place.environment(), "PYTHONIOENCODING": "utf-8"}
    return launch(
        *(args or MIGRATE),
        env=env | environment,
        is_afresh=is_afresh,
        most_bytes=most_bytes,
    )


@dataclass
class Ending:
    """How a process ended, and what it said."""

    code: int
    stdout: str
    stderr: str


async def end(process: Program) -> Ending:
    """Wait for it."""
    code = await process.ends()
    process.close()
    return Ending(code, process.stdout, process.screen)


async def run(place: Arena, *args: str, **options: Any) -> Ending:
    """Run it to its end."""
    return await end(await start(place, *args, **options))


@dataclass
class Reaper:
    """Sends a signal to a process at one moment of its requests.

    At request ``number``, counted from 0 over all services: before its effect, or
    after it; then ``turns`` turns of the event loop later, in which the answer goes out
    and others come in. ``moments`` counts the requests seen; those of other methods
    than ``methods``, if given, do not count.
    """

    number: int
    phase: Phase
    turns: int = 0
    signals: tuple[signal.Signals, ...] = (signal.SIGKILL,)
    methods: tuple[str, ...] = ()
    process: Program | None = None
    moments: dict[Phase, int] = field(default_factory=lambda: dict.fromkeys(Phase, 0))

    def __call__(self, request: web.Request, phase: Phase) -> bool:
        if self.methods and request.method not in self.methods:
            return False
        number = self.moments[phase]
        self.moments[phase] += 1
        if (number, phase) != (self.number, self.phase):
            return False
        self._wait(self.turns)
        return phase is Phase.BEFORE and signal.SIGKILL in self.signals

    def _wait(self, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._wait, turns - 1)
        elif self.process is not None and self.process.is_running:
            for number in self.signals:
                self.process.kill(number)

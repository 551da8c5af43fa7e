"""The real program as a process of its own, and what kills it."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.safety.arena import Phase

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from aiohttp import web

    from tests.safety.arena import Arena

_ROOT = Path(__file__).parents[2]
MIGRATE = ("migrate", "--yes")


async def start(
    place: Arena, *args: str, limits: str = "", **environment: str
) -> Process:
    """Start ``python -m sync``, pointed at the services of an arena.

    ``limits`` are those of the shell's ulimit.
    """
    command = [sys.executable, "-m", "sync", *(args or MIGRATE)]
    if limits:
        command = ["sh", "-c", f"ulimit {limits}; exec {shlex.join(command)}"]
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=_ROOT,
        env={**os.environ, **place.environment(), **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@dataclass
class Ending:
    """How a process ended, and what it said."""

    code: int
    stdout: str
    stderr: str


async def end(process: Process) -> Ending:
    """Wait for it."""
    stdout, stderr = await process.communicate()
    code = await process.wait()
    return Ending(code, stdout.decode(), stderr.decode())


async def run(place: Arena, *args: str, limits: str = "", **environment: str) -> Ending:
    """Run it to its end."""
    return await end(await start(place, *args, limits=limits, **environment))


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
    process: Process | None = None
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
        elif self.process is not None and self.process.returncode is None:
            for number in self.signals:
                self.process.send_signal(number)

"""Work in a process of its own, so that nothing else counts in its time and memory."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent


class ChildError(RuntimeError):
    """A measured process ended badly; the message holds the end of what it said."""


async def measure_child(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a process to its end and return the JSON of its last line."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | dict(environment or {}),
    )
    out, errors = await process.communicate()
    if process.returncode:
        said = errors.decode(errors="replace")[-2000:]
        raise ChildError(f"{Path(command[0]).name} {command[1:]} failed: {said}")
    answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    return answer


async def measure_module(module: str, *arguments: object) -> dict[str, Any]:
    """Run a module of the bench with the Python that runs this."""
    return await measure_child(
        [sys.executable, "-m", f"bench.{module}", *map(str, arguments)]
    )


class Server:
    """A process that serves; ``greeting`` is what it said once it could."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.greeting: dict[str, Any] = {}

    async def ask(self) -> dict[str, Any]:
        """Ask for its next answer, such as what was requested since the last one."""
        if self._process.stdin is None:
            raise ChildError("nobody can be asked")
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()
        return await self.read()

    async def read(self) -> dict[str, Any]:
        """Read what it says."""
        line = await self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            raise ChildError("a server has ended without a word")
        said: dict[str, Any] = json.loads(line)
        return said


@asynccontextmanager
async def asking(module: str, *arguments: object) -> AsyncIterator[Server]:
    """Run a module that serves until its stdin ends, and can be asked meanwhile."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"bench.{module}",
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        limit=2**20,
    )
    try:
        server = Server(process)
        server.greeting = await server.read()
        yield server
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


@asynccontextmanager
async def serving(module: str, *arguments: object) -> AsyncIterator[dict[str, Any]]:
    """Run a module that serves until its stdin ends; yield the JSON it greets with."""
    async with asking(module, *arguments) as server:
        yield server.greeting


def answer(**values: object) -> None:
    """Say a result to the process that measures this one."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


async def answer_each(make: Callable[[], dict[str, int]]) -> None:
    """Answer each question of the process that started this one, until it ends."""
    while await asyncio.to_thread(sys.stdin.readline):
        answer(**make())


async def until_stdin_ends() -> None:
    """Wait until the process that started this one wants it to stop."""
    await asyncio.to_thread(sys.stdin.read)

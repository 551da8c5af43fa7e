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
    from collections.abc import AsyncIterator, Mapping, Sequence

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


@asynccontextmanager
async def serving(module: str, *arguments: object) -> AsyncIterator[dict[str, Any]]:
    """Run a module that serves until its stdin ends; yield the JSON it greets with."""
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
        if process.stdout is None:
            raise ChildError(f"{module} has no output")
        greeting = await process.stdout.readline()
        if not greeting:
            raise ChildError(f"{module} did not start")
        yield json.loads(greeting)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


def answer(**values: object) -> None:
    """Say a result to the process that measures this one."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


async def until_stdin_ends() -> None:
    """Wait until the process that started this one wants it to stop."""
    await asyncio.to_thread(sys.stdin.read)

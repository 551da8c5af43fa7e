"""How soon the program is there: whole processes, beside a bare interpreter."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.children import ROOT, ChildError, serving
from bench.measure import Goal, Result, Row, summarise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.measure import Noise
    from bench.sizes import Sizes

#: Plays of the account that is in step already.
PLAYS = 1_000
#: What ``--help`` may take beyond a bare interpreter, in ms.
_GOAL_MS = 150.0
_BARE = "a bare interpreter"
_PROGRAM = ("-m", "sync")
_COMMANDS: dict[str, tuple[str, ...]] = {
    _BARE: ("-c", "pass"),
    "--help": (*_PROGRAM, "--help"),
    "status": (*_PROGRAM, "-q", "status"),
    "sync, nothing new": (*_PROGRAM, "-q", "sync", "--yes"),
}


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Run each command in turn, several times."""
    seconds: dict[str, list[float]] = {name: [] for name in _COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        async with serving("both_servers", PLAYS, folder) as server:
            environment = {"HOME": folder, "TRAKT2DISCOVR_CONFIG": server["config"]}
            await _time((*_PROGRAM, "-q", "migrate", "--yes"), environment)
            for turn in range(sizes.warm_ups + sizes.repeats):
                for name, command in _COMMANDS.items():
                    noise.sample()
                    took_s = await _time(command, environment)
                    if turn >= sizes.warm_ups:
                        seconds[name].append(took_s)
        modules = {
            name: await _count_modules(_COMMANDS[name]) for name in (_BARE, "--help")
        }
    bare = seconds[_BARE]
    rows = [
        summarise(name, [1000 * second for second in took], "ms")
        for name, took in seconds.items()
    ]
    for name, took in seconds.items():
        if name != _BARE:
            beyond = [1000 * (one - base) for one, base in zip(took, bare, strict=True)]
            goal = Goal("most", _GOAL_MS) if name == "--help" else None
            rows.append(summarise(f"{name}: beyond {_BARE}", beyond, "ms", goal=goal))
    more = modules["--help"] - modules[_BARE]
    rows.append(Row(f"--help: modules beyond {_BARE}", more, "modules"))
    about = f"whole processes; an account of {PLAYS:,} plays that is in step"
    return Result("start", about, rows)


async def _time(arguments: Sequence[str], environment: Mapping[str, str]) -> float:
    started = time.perf_counter()
    await _run(arguments, environment)
    return time.perf_counter() - started


async def _count_modules(arguments: Sequence[str]) -> int:
    said = await _run(("-X", "importtime", *arguments), {})
    return sum(line.startswith(b"import time:") for line in said.splitlines())


async def _run(arguments: Sequence[str], environment: Mapping[str, str]) -> bytes:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        env=os.environ | dict(environment),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode:
        said = errors.decode(errors="replace")
        raise ChildError(f"{Path(sys.executable).name} {arguments} failed: {said}")
    return errors

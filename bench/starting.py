"""How soon the program is there: whole processes, beside a bare interpreter."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.children import ROOT, ChildError, serving
from bench.measure import Goal, Result, Row, summarise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.measure import Noise
    from bench.sizes import Sizes

#: Plays of the account that is in step already.
PLAYS = 1_000
#: What each may take beyond a bare interpreter, in ms.
_GOALS_MS = {"--help": 150.0, "status": 500.0, "sync, nothing new": 850.0}
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
    taken: dict[str, list[_Taken]] = {name: [] for name in _COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        async with serving("both_servers", PLAYS, folder) as server:
            environment = {"HOME": folder, "TRAKT2DISCOVR_CONFIG": server["config"]}
            await _time((*_PROGRAM, "-q", "migrate", "--yes"), environment)
            for turn in range(sizes.warm_ups + sizes.repeats):
                for name, command in _COMMANDS.items():
                    noise.sample()
                    took = await _time(command, environment)
                    if turn >= sizes.warm_ups:
                        taken[name].append(took)
            modules = {
                name: await _count_modules(command, environment)
                for name, command in _COMMANDS.items()
            }
    rows = [
        summarise(name, [1000 * one.seconds for one in took], "ms")
        for name, took in taken.items()
    ]
    for name in _GOALS_MS:
        rows += _beyond(name, taken[name], taken[_BARE])
        more = modules[name] - modules[_BARE]
        rows.append(Row(f"{name}: modules beyond {_BARE}", more, "modules"))
    about = f"whole processes; an account of {PLAYS:,} plays that is in step"
    return Result("start", about, rows)


class _Taken(NamedTuple):
    """What a process took: on the wall, and of the processor."""

    seconds: float
    cpu_s: float


def _beyond(name: str, took: list[_Taken], bare: list[_Taken]) -> list[Row]:
    """Say what a command takes beyond the bare interpreter of its turn."""
    turns = list(zip(took, bare, strict=True))
    wall = [1000 * (one.seconds - base.seconds) for one, base in turns]
    cpu = [1000 * (one.cpu_s - base.cpu_s) for one, base in turns]
    goal = Goal("most", _GOALS_MS[name])
    return [
        summarise(f"{name}: beyond {_BARE}", wall, "ms", goal=goal),
        summarise(f"{name}: CPU beyond {_BARE}", cpu, "ms"),
    ]


async def _time(arguments: Sequence[str], environment: Mapping[str, str]) -> _Taken:
    began, began_cpu = time.perf_counter(), _cpu_of_children()
    await _run(arguments, environment)
    return _Taken(time.perf_counter() - began, _cpu_of_children() - began_cpu)


def _cpu_of_children() -> float:
    """Return what the processes that have ended took of the processor."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


async def _count_modules(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> int:
    said = await _run(("-X", "importtime", *arguments), environment)
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

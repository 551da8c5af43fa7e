"""A virtual environment for each rival: two of them install the same package name."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from bench.children import measure_child

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERSION = (
    "import json, sys; from importlib.metadata import version; "
    "print(json.dumps({'version': version(sys.argv[1])}))"
)


def cache() -> Path:
    """Return the folder of the environments: outside of the repository."""
    named = os.environ.get("TRAKT2DISCOVR_BENCH_CACHE")
    return Path(named) if named else user_cache_path("trakt2discovr-bench")


async def install(package: str) -> tuple[Path, str]:
    """Make the environment of a rival unless it is there; return Python and version."""
    folder = cache() / package
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        await _run(sys.executable, "-m", "venv", "--clear", str(folder))
        quiet = ("--quiet", "--disable-pip-version-check")
        await _run(str(python), "-m", "pip", "install", *quiet, package)
        (folder / "ready").touch()
    found = await measure_child([python, "-c", _VERSION, package])
    return python, str(found["version"])


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(_describe(command, errors))


def _describe(command: Sequence[str], errors: bytes) -> str:
    said = errors.decode(errors="replace")[-2000:]
    return f"{' '.join(command)} failed: {said}"

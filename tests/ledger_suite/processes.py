from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def victim(action: str, url: str) -> Iterator[subprocess.Popen[str]]:
    """Start ``victim.py``; at the end it is killed with SIGKILL."""
    command = [sys.executable, "-m", "tests.ledger_suite.victim", action, url]
    with subprocess.Popen(  # noqa: S603  # our own script
        command, cwd=_ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_line(process: subprocess.Popen[str]) -> str:
    """Wait for the next word of a victim."""
    if process.stdout is None:
        raise RuntimeError("It was started without a pipe.")
    return process.stdout.readline().rstrip("\n")

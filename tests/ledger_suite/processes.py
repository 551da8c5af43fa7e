from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from tests.forks import Files, fork
from tests.ledger_suite.victim import live

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Victim:
    """A process under way, and what it says."""

    pid: int
    words: TextIO


@contextlib.contextmanager
def victim(action: str, url: str) -> Iterator[Victim]:
    """Start ``victim.py``; at the end it is killed with SIGKILL."""
    heard, said = os.pipe()
    process = fork(live, action, url, Files([said, said]))
    os.close(said)
    assert process.pid is not None
    with open(heard, encoding="utf-8") as words:  # noqa: PTH123  # a pipe has no path
        try:
            yield Victim(process.pid, words)
        finally:
            process.kill()
            process.join()


def read_line(process: Victim) -> str:
    """Wait for the next word of a victim."""
    return process.words.readline().rstrip("\n")

"""What every contestant says at the end. Standard library only: it runs anywhere."""

from __future__ import annotations

import json
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def race(read: Callable[[], Iterable[int]]) -> None:
    """Time one reading, from the first request to the last play in memory.

    ``read`` returns the 64-bit id of every play that came; by their number and sum it
    is told whether all did.
    """
    started, spent = time.perf_counter(), time.process_time()
    found = read()
    say(found, time.perf_counter() - started, time.process_time() - spent)


def ids_of(plays: Iterable[Mapping[str, int]]) -> list[int]:
    """Return the ids of plays as Trakt writes them."""
    return [play["id"] for play in plays]


def say(found: Iterable[int], seconds: float, cpu_s: float) -> None:
    """Write what was read, and what it took, as the last line of stdout."""
    ids = set(found)
    result = {
        "seconds": seconds,
        "cpu_s": cpu_s,
        "plays": len(ids),
        "ids": sum(ids),
        "peak_mb": peak_mb(),
    }
    sys.stdout.write("\n" + json.dumps(result) + "\n")


def peak_mb() -> float:
    """Return the most memory that this process held.

    Linux tells it apart from that of the process which started this one; elsewhere the
    two are counted together.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

"""Numbers in words, for all who speak to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["count", "duration", "entries", "join", "name_runs", "seasons"]

#: More runs than these are counted.
_MOST_NAMED = 5


def entries(number: int) -> str:
    """Count entries."""
    return count(number, "entry", "entries")


def duration(seconds: float) -> str:
    """Say how long that is, in the two largest units at most."""
    whole = max(0, round(seconds))
    if whole < 1:
        return "a second"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        parts = [count(hours, "hour"), count(minutes, "minute") if minutes else ""]
    elif minutes:
        shown = rest if minutes < 10 else 0
        parts = [count(minutes, "minute"), count(shown, "second") if shown else ""]
    else:
        parts = [count(rest, "second")]
    return " ".join(filter(None, parts))


def seasons(numbers: Iterable[int]) -> str:
    """Name seasons: ``S1-S3, S5``."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"S{run[0]}" if len(run) == 1 else f"S{run[0]}-S{run[-1]}" for run in runs
    )


def join(parts: Sequence[str]) -> str:
    """Enumerate: ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def some(names: Sequence[str], most: int = 5) -> str:
    """Enumerate the first few, and count the rest."""
    more = len(names) - most
    return join([*names[:most], *([f"{more:,} more"] if more > 0 else [])])


def name_runs(runs: Sequence[int]) -> str:
    """Name runs by their numbers, as long as there are few."""
    if len(runs) > _MOST_NAMED:
        return count(len(runs), "run")
    names = join([str(run) for run in runs])
    return f"run {names}" if len(runs) == 1 else f"runs {names}"

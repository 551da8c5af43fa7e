"""Numbers with their noise: a median, how far the repeats spread, and what was hoped.

Nothing here is a test. A shared machine is slow at times, so what is compared is
measured in turns, and ratios are taken within one turn.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Rounds of the fixed work by which the noise of the machine is told.
_ROUNDS = 400_000


@dataclass(frozen=True, slots=True)
class Goal:
    """What a number should be: at least or at most."""

    at: Literal["least", "most"]
    value: float

    def is_met(self, value: float) -> bool:
        """Whether that is good enough."""
        return value >= self.value if self.at == "least" else value <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.at == 'least' else '≤'} {figure(self.value)}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the results: the median of all repeats.

    ``spread`` is half of what lies between the lowest and the highest repeat, as a part
    of the median; None where there was but one, or nothing to repeat.
    """

    what: str
    value: float
    unit: str
    spread: float | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal was met; None where there is none."""
        return None if self.goal is None else self.goal.is_met(self.value)


@dataclass(frozen=True, slots=True)
class Result:
    """All lines of one bench."""

    name: str
    about: str
    rows: Sequence[Row]


@dataclass(slots=True)
class Noise:
    """How steady the machine was: the same fixed work, timed again and again."""

    seconds: list[float] = field(default_factory=list)

    def sample(self) -> None:
        """Do the work once."""
        started = time.perf_counter()
        total = 0
        for number in range(_ROUNDS):
            total += number & 7
        self.seconds.append(time.perf_counter() - started)

    def row(self) -> Row:
        """Say it as a line."""
        cores, load = os.cpu_count() or 1, os.getloadavg()[0]
        note = f"{cores} cores, load {load:.1f} at the end"
        values = [second * 1000 for second in self.seconds]
        return summarise("the same fixed work", values, "ms", note=note)


def summarise(
    what: str,
    values: Sequence[float],
    unit: str,
    *,
    goal: Goal | None = None,
    note: str = "",
) -> Row:
    """Make one line of the repeats of a measurement."""
    middle = median(values)
    spread = None
    if len(values) > 1 and middle:
        spread = (max(values) - min(values)) / 2 / middle
    return Row(what, middle, unit, spread, goal, note)


def ratios(values: Iterable[float], by: Iterable[float]) -> list[float]:
    """Divide what was measured in the same turn."""
    return [one / other for one, other in zip(values, by, strict=True)]


def figure(value: float) -> str:
    """Write a number with three digits that mean something."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"

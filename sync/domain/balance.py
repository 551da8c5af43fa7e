"""The arithmetic of a run: every play read ends in exactly one column."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sync.domain.desired import Desired
    from sync.domain.plan import Plan
    from sync.domain.plays import Key, Title


class Column(StrEnum):
    """What can become of a play. In a plan WRITTEN means that it is to be written."""

    WRITTEN = "written"
    ALREADY_THERE = "already_there"
    COVERED = "covered"
    KEPT = "kept"
    UNSUPPORTED = "unsupported"
    UNMATCHED = "unmatched"
    UNREADABLE = "unreadable"
    FAILED = "failed"


@dataclass(slots=True)
class Balance:
    """Plays by what became of them. ``repeats`` of a key are counted in its column."""

    read: int = 0
    columns: Counter[Column] = field(default_factory=Counter)
    repeats: int = 0

    @property
    def is_even(self) -> bool:
        """Whether the columns add up to what was read."""
        return self.read == self.columns.total()

    def add(self, column: Column, plays: int, repeats: int = 0) -> None:
        """Count plays that came out of the same decision."""
        self.columns[column] += plays
        self.repeats += repeats


def balance(
    read: int,
    desired: Desired,
    plan: Plan,
    quarantined: int = 0,
    failed: Collection[tuple[Key, datetime]] = (),
) -> tuple[Balance, dict[Title, Balance]]:
    """Return the balance of a run, and that of each title.

    ``read`` is counted where the plays came in, independently of the columns; with the
    ``quarantined``, which belong to no title that could be told.
    ``failed`` names the viewings whose write, or whose season default's write, did not
    arrive.
    """
    titles: defaultdict[Title, Balance] = defaultdict(Balance)
    for key, viewing in desired.watched.items():
        part = titles[desired.titles[key.media]]
        older = plan.older.get(key, {})
        fates = {**older, viewing.latest: plan.fates[key]}
        # Plays beyond one a viewing are repeats; they share the fate of the latest.
        spare = viewing.plays - len(fates)
        for minute, fate in fates.items():
            more = spare if minute == viewing.latest else 0
            is_failed = (key, minute) in failed
            part.add(Column.FAILED if is_failed else Column[fate.name], 1 + more, more)
    for column, group in (
        (Column.UNMATCHED, desired.unmatched),
        (Column.UNSUPPORTED, desired.unsupported),
    ):
        for left in group:
            titles[left.title].add(column, left.plays)
    total = Balance(read)
    for part in titles.values():
        part.read = part.columns.total()
        total.columns += part.columns
        total.repeats += part.repeats
    total.add(Column.UNREADABLE, quarantined)
    return total, dict(titles)

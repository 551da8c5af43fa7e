"""What stands in the Discovr profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.domain.plays import to_minute

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sync.domain.plays import Key

#: The lowest episode number that Discovr takes; a default can cover lower ones.
FIRST_EPISODE = 1

#: From here on Discovr counts an entry as completed (``patch-history-item``).
COMPLETED_FROM = 80.0


def minutes_of(entries: Iterable[Entry]) -> set[datetime]:
    """Return the minutes at which these were watched."""
    return {to_minute(entry.updated_at) for entry in entries if entry.updated_at}


def count_viewings(entries: Sequence[Entry]) -> int:
    """Count the viewings of one key, however the service lists repeats.

    It may list each, or one for all with their number, or each with that number.
    """
    return max(len(entries), max((entry.count for entry in entries), default=0))


def by_key(entries: Iterable[Entry]) -> dict[Key, list[Entry]]:
    """Return them by what they are about, each group in the order that they came in."""
    found: dict[Key, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.key, []).append(entry)
    return found


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the service lists it; repeats of a key are entries of their own.

    ``updated_at`` is the viewing time. A service may list repeats merged into one entry
    with ``count`` viewings. Entries carry no id of their own.
    """

    key: Key
    updated_at: datetime | None
    progress: float
    imported: str | None = None
    count: int = 1
    created_at: datetime | None = None

    @property
    def is_completed(self) -> bool:
        """Whether a reading client shows it as watched."""
        return self.progress >= COMPLETED_FROM

    @property
    def is_default(self) -> bool:
        """Whether it stands for a whole season."""
        return self.key.season is not None and self.key.episode is None

"""The reading rule: what a reading client shows as completed in one season.

Discovr: a default covers the episodes with ``air_date`` strictly before its time; an
explicit entry always wins. Whether ``air_date`` is a day or an instant, and in whose
zone, nobody documents; so each air date carries a margin, and what lies within it is
open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.domain.entries import Entry


class Reading(Enum):
    """What can be said of an episode without knowing how ``air_date`` is read."""

    COMPLETED = "completed"
    NOT_COMPLETED = "not completed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Airing:
    """When an episode aired, give or take ``margin``."""

    at: datetime
    margin: timedelta

    @classmethod
    def from_instant(cls, first_aired: datetime) -> Airing:
        """Take a Trakt ``first_aired``; a broadcast's local date can be a day off."""
        return cls(first_aired, timedelta(hours=48))

    @classmethod
    def from_date(cls, air_date: date) -> Airing:
        """Take a TMDB plain date: the very value that Discovr's clients read."""
        midnight = datetime.combine(air_date, time(), UTC)
        return cls(midnight, timedelta(hours=24))

    def is_surely_before(self, moment: datetime) -> bool:
        """Whether a default at ``moment`` covers it however the date is read."""
        return self.at + self.margin < moment

    def is_surely_not_before(self, moment: datetime) -> bool:
        """Whether a default at ``moment`` leaves it out however the date is read."""
        return self.at >= moment + self.margin


_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)

#: Air dates of one season by episode number; None where no date is known.
Airings: TypeAlias = Mapping[int, "Airing | None"]


def current_entry(entries: Iterable[Entry]) -> Entry | None:
    """Return the entry that counts among repeats of one key: the newest.

    Of two with the same time the one with more progress counts.
    """
    return max(
        entries,
        key=lambda e: (e.updated_at or _BEFORE_ALL, e.progress),
        default=None,
    )


def read_season(entries: Iterable[Entry], airings: Airings) -> dict[int, Reading]:
    """Say of each episode, in the catalogue or with an entry, what a client shows.

    ``entries`` are those of one season of one show.
    """
    explicit: dict[int, list[Entry]] = {}
    defaults: list[Entry] = []
    for entry in entries:
        if entry.key.episode is None:
            defaults.append(entry)
        else:
            explicit.setdefault(entry.key.episode, []).append(entry)
    readings = {n: read_default(defaults, airing) for n, airing in airings.items()}
    for number, repeats in explicit.items():
        counts = current_entry(repeats)
        is_completed = counts is not None and counts.is_completed
        readings[number] = Reading.COMPLETED if is_completed else Reading.NOT_COMPLETED
    return readings


def read_default(defaults: Iterable[Entry], airing: Airing | None) -> Reading:
    """Say what the defaults of a season make of an episode without an own entry.

    How a client reads several defaults in one season is not documented, so what they
    say is sure only where all that could cover the episode agree.
    """
    covering = [d for d in defaults if not _is_surely_left_out(d, airing)]
    if not any(d.is_completed for d in covering):
        return Reading.NOT_COMPLETED
    if all(d.is_completed for d in covering) and any(
        _is_surely_covered(d, airing) for d in covering
    ):
        return Reading.COMPLETED
    return Reading.OPEN


def _is_surely_covered(default: Entry, airing: Airing | None) -> bool:
    if airing is None or default.updated_at is None:
        return False
    return airing.is_surely_before(default.updated_at)


def _is_surely_left_out(default: Entry, airing: Airing | None) -> bool:
    if airing is None or default.updated_at is None:
        return False
    return airing.is_surely_not_before(default.updated_at)

"""The reading rule: what a reading client shows as completed in one season.

Discovr: a default covers the episodes with ``air_date`` strictly before its time; an
explicit entry always wins. Whether ``air_date`` is a day or an instant, and in whose
zone, nobody documents; so each air date carries a margin, and what lies within it is
open. What is to be written is not decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.domain.entries import Entry

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_AFTER_ALL = datetime.max.replace(tzinfo=UTC)


class Reading(Enum):
    """What can be said of an episode without knowing how ``air_date`` is read."""

    COMPLETED = "completed"
    NOT_COMPLETED = "not completed"
    OPEN = "open"


#: So long after UTC midnight a day has ended in the last zone on Earth: there a client
#: that compares calendar days covers an episode no sooner.
_DAY_IS_OVER = timedelta(hours=36)


class Airing(NamedTuple):
    """When an episode aired, give or take ``margin``; ``after`` may be a wider one."""

    at: datetime
    margin: timedelta
    after: timedelta | None = None

    @classmethod
    def from_instant(cls, first_aired: datetime) -> Airing:
        """Take a Trakt ``first_aired``; a broadcast's local date can be a day off."""
        return cls(first_aired, timedelta(hours=48))

    @classmethod
    def from_date(cls, air_date: date) -> Airing:
        """Take a TMDB plain date: the very value that Discovr's clients read."""
        midnight = datetime.combine(air_date, time(), UTC)
        return cls(midnight, timedelta(hours=24), _DAY_IS_OVER)

    @property
    def span(self) -> Span:
        """Between which two moments it aired, both included."""
        after = self.margin if self.after is None else self.after
        try:
            return Span(self.at - self.margin, self.at + after)
        except OverflowError:  # catalogues hold placeholders like 9999-12-31
            return Span(
                self.at - min(self.margin, self.at - _BEFORE_ALL),
                self.at + min(after, _AFTER_ALL - self.at),
            )


class Span(NamedTuple):
    """The first and the last moment at which an episode may have aired."""

    earliest: datetime
    latest: datetime

    def is_surely_before(self, moment: datetime) -> bool:
        """Whether a default at ``moment`` covers it however the date is read."""
        return self.latest < moment

    def is_surely_not_before(self, moment: datetime) -> bool:
        """Whether a default at ``moment`` leaves it out however the date is read."""
        return self.earliest >= moment


_ANY_TIME = Span(_BEFORE_ALL, _AFTER_ALL)

#: Air dates of one season by episode number; None where no date is known.
Airings: TypeAlias = Mapping[int, Airing | None]


class SeasonEntries(NamedTuple):
    """The entries of one season, told apart.

    ``own`` has the one that counts of each episode, ``defaults`` those without one.
    """

    own: dict[int, Entry]
    defaults: list[Entry]


def span_of(airing: Airing | None) -> Span:
    """Say when it may have aired; without a date, at any time."""
    return _ANY_TIME if airing is None else airing.span


def current_entry(entries: Iterable[Entry]) -> Entry | None:
    """Return the entry that counts among repeats of one key: the newest.

    Of two with the same time the one with more progress counts.
    """
    return max(
        entries,
        key=lambda e: (e.updated_at or _BEFORE_ALL, e.progress),
        default=None,
    )


def split_season(entries: Iterable[Entry]) -> SeasonEntries:
    """Tell the entries of single episodes from the defaults, and drop repeats."""
    repeats: dict[int, list[Entry]] = {}
    defaults: list[Entry] = []
    for entry in entries:
        if entry.key.episode is None:
            defaults.append(entry)
        else:
            repeats.setdefault(entry.key.episode, []).append(entry)
    own = {n: e for n, same in repeats.items() if (e := current_entry(same))}
    return SeasonEntries(own, defaults)


def read_season(entries: Iterable[Entry], airings: Airings) -> dict[int, Reading]:
    """Say of each episode, in the catalogue or with an entry, what a client shows.

    ``entries`` are those of one season of one show.
    """
    own, defaults = split_season(entries)
    readings = {n: read_default(defaults, airing) for n, airing in airings.items()}
    for number, entry in own.items():
        is_completed = entry.is_completed
        readings[number] = Reading.COMPLETED if is_completed else Reading.NOT_COMPLETED
    return readings


def read_default(defaults: Iterable[Entry], airing: Airing | None) -> Reading:
    """Say what the defaults of a season make of an episode without an own entry.

    How a client reads several defaults in one season is not documented, so what they
    say is sure only where all that could cover the episode agree.
    """
    reaching = [d for d in defaults if may_cover(d, airing)]
    if not any(d.is_completed for d in reaching):
        return Reading.NOT_COMPLETED
    if all(d.is_completed for d in reaching) and any(
        surely_covers(d, airing) for d in reaching
    ):
        return Reading.COMPLETED
    return Reading.OPEN


def surely_covers(default: Entry, airing: Airing | None) -> bool:
    """Whether the default stands for the episode however its date is read."""
    at = default.updated_at
    return at is not None and span_of(airing).is_surely_before(at)


def may_cover(default: Entry, airing: Airing | None) -> bool:
    """Whether some reading of its date lets the default stand for the episode."""
    at = default.updated_at
    return at is None or not span_of(airing).is_surely_not_before(at)

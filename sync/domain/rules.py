"""What steers the planner beside the two sides themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.origin import TRAKT
from sync.domain.plays import to_minute

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sync.domain.plays import Key, Place
    from sync.domain.seasons import Airings


class Mode(StrEnum):
    """How far a season may be collapsed."""

    CLEAN = "clean"
    FEWEST = "fewest"  # also where an unwatched episode then needs a zero of its own
    OFF = "off"


class Conflict(StrEnum):
    """Who is right where Trakt has a play and the profile has less than 80 %."""

    NEWEST = "newest"
    TRAKT = "trakt"
    DISCOVR = "discovr"

    def keeps(self, updated_at: datetime | None, played_at: datetime) -> bool:
        """Whether what stands in the profile outweighs the play.

        Times compare by the minute; in the same minute the play wins.
        """
        if self is Conflict.NEWEST:
            return updated_at is None or to_minute(updated_at) > played_at
        return self is Conflict.DISCOVR


class WhichPlays(StrEnum):
    """Which plays of a film or an episode get an entry of their own."""

    LATEST = "latest"
    ALL = "all"


class Gone(NamedTuple):
    """What we wrote of a key and somebody removed on Discovr since.

    ``minutes`` are those that were written; ``found_at`` is when that was first seen.
    """

    minutes: frozenset[datetime]
    found_at: datetime

    def holds(self, played_at: datetime) -> bool:
        """Whether it outweighs a play: a later one is news."""
        return Conflict.NEWEST.keeps(self.found_at, played_at)


@dataclass(frozen=True, slots=True)
class SeasonRecord:
    """What earlier runs left in a season, which no entry tells: the ledger knows.

    ``zeros`` are ours, so they un-mark nothing that a person marked. ``covers`` were
    watched when a default was written for them, whatever Trakt holds now. ``gone`` were
    written and then removed on Discovr. ``left_out`` were watched and are left out on
    request: no new default may cover them, and what stands for them stays.
    ``has_lost_default``: one that a copy brought back is not to be seen, and gets no
    other in its place.
    """

    zeros: Collection[int] = ()
    covers: Collection[int] = ()
    gone: Collection[int] = ()
    left_out: Collection[int] = ()
    has_lost_default: bool = False


NO_RECORD = SeasonRecord()


@dataclass(frozen=True, slots=True)
class Rules:
    """The choices that a person has, and what the planner knows beside the entries.

    ``disputed`` seasons have no air dates on purpose, and a reason for that.
    ``written`` holds the minutes of the entries that we wrote of a key, the last write
    last, which tells viewings apart that the service lists merged into one; only
    ``has_every_viewing`` looks at it. ``labels`` mark the entries that are ours.
    ``gone`` is what was written and somebody removed on Discovr, which stays so.
    ``obscured`` are the titles of which a record may be that cannot be read.
    """

    mode: Mode = Mode.CLEAN
    conflict: Conflict = Conflict.NEWEST
    airings: Mapping[Place, Airings] = field(default_factory=dict)
    records: Mapping[Place, SeasonRecord] = field(default_factory=dict)
    disputed: Mapping[Place, str] = field(default_factory=dict)
    has_every_viewing: bool = False
    written: Mapping[Key, Sequence[datetime]] = field(default_factory=dict)
    labels: Collection[str] = (TRAKT.label,)
    gone: Mapping[Key, Gone] = field(default_factory=dict)
    obscured: Collection[str] = ()

    def mode_of(self, media: str) -> Mode:
        """Return how far the seasons of a title may be collapsed.

        A zero says "never watched", which nobody can where a record cannot be read.
        """
        is_obscured = self.mode is Mode.FEWEST and media in self.obscured
        return Mode.CLEAN if is_obscured else self.mode

"""The plan as a value: what is to be written, in order, and why."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.plays import to_minute

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sync.domain.plays import Key, Place


class Fate(StrEnum):
    """What can become of a play. In a plan WRITTEN means that it is to be written.

    Each is a line of the balance, a column of the JSON and a square of the report. The
    planner decides between all but the last four.
    """

    WRITTEN = "written"
    ALREADY_THERE = "already_there"
    COVERED = "covered"
    KEPT = "kept"
    UNSUPPORTED = "unsupported"
    UNMATCHED = "unmatched"
    UNREADABLE = "unreadable"
    LEFT_OUT = "left_out"  # on request: neither lost nor gone
    FAILED = "failed"


class Action(StrEnum):
    """The two writes that Discovr offers for an entry."""

    ADD = "add"  # POST: appends always; the only one that carries a time and a label
    SET = "set"  # PATCH: upsert of the progress of one explicit entry


class Cover(NamedTuple):
    """An episode that a season default stands for, and when it was really watched."""

    episode: int
    watched_at: datetime


class Restored(NamedTuple):
    """What a copy of the profile says of an entry, which is written back as it was.

    Without ``at`` the copy has no time, and the service dates the entry.
    """

    progress: float
    label: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One intended write.

    ``watched_at`` is sent with ADD; for SET it is the play behind it. ``covers`` lists
    what a season default stands for. ``id`` is the same in every run that intends the
    same write. What is ``restored`` from a copy is no play: it is the person's.
    """

    action: Action
    key: Key
    watched_at: datetime
    progress: int = 100
    covers: tuple[Cover, ...] = ()
    reason: str = ""
    restored: Restored | None = None

    @property
    def id(self) -> str:
        """Digest of what is written, not of why."""
        parts: tuple[object, ...] = (
            self.action,
            self.key,
            self.watched_at.astimezone(UTC).isoformat(),
            self.progress,
        )
        if self.restored:
            parts = (*parts, "restored", self.restored.progress, self.restored.label)
        return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]

    @property
    def minute(self) -> datetime:
        """The minute by which its entry is known again; plays have no other time."""
        return to_minute(self.watched_at)

    @property
    def says(self) -> float:
        """What its entry says of the progress."""
        return self.restored.progress if self.restored else self.progress

    @property
    def is_default(self) -> bool:
        """Whether it writes a season default."""
        return self.key.season is not None and self.key.episode is None

    @property
    def viewings(self) -> tuple[tuple[Key, datetime], ...]:
        """Every viewing that depends on it: its own, and what a default stands for."""
        covered = ((self.key._replace(episode=n), at) for n, at in self.covers)
        return ((self.key, self.watched_at), *covered)

    @property
    def order(self) -> tuple[datetime, bool, tuple[str, int, int]]:
        """Oldest watch first; a zero goes before the default that it limits."""
        return (self.watched_at, bool(self.progress), self.key.order)


@dataclass(frozen=True, slots=True)
class SeasonNote:
    """What was decided for one season, and why, in words.

    ``season`` is never a film. ``late`` names episodes that our default may cover by
    now and that nobody watched.
    """

    season: Place
    watched: int
    writes: int
    saved: int
    reason: str
    late: tuple[int, ...] = ()

    @property
    def number(self) -> int:
        """The number of the season."""
        return self.season.season or 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The ordered, frozen list of writes, and what becomes of every watched key.

    ``older`` tells what becomes of viewings before the latest, by their minute, where
    every viewing counts; elsewhere the latest stands for them. ``gone`` are the keys
    of which something is kept because what we wrote was removed on Discovr.
    """

    operations: tuple[Operation, ...]
    fates: Mapping[Key, Fate]
    seasons: tuple[SeasonNote, ...] = ()
    older: Mapping[Key, Mapping[datetime, Fate]] = field(default_factory=dict)
    gone: frozenset[Key] = frozenset()

    @property
    def saved(self) -> int:
        """Writes that season defaults save against one entry per episode."""
        return sum(note.saved for note in self.seasons)

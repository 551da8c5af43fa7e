"""The plan as a value: what is to be written, in order, and why."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from sync.domain.plays import Key


class Action(StrEnum):
    """The two writes that Discovr offers for an entry."""

    ADD = "add"  # POST: appends always; the only one that carries a time and a label
    SET = "set"  # PATCH: upsert of the progress of one explicit entry


class Cover(NamedTuple):
    """An episode that a season default stands for, and when it was really watched."""

    episode: int
    watched_at: datetime


@dataclass(frozen=True, slots=True)
class Operation:
    """One intended write.

    ``watched_at`` is sent with ADD; for SET it is the play behind it. ``covers`` lists
    what a season default stands for. ``id`` is the same in every run that intends the
    same write.
    """

    action: Action
    key: Key
    watched_at: datetime
    progress: int = 100
    covers: tuple[Cover, ...] = ()
    reason: str = ""

    @property
    def id(self) -> str:
        """Digest of what is written, not of why."""
        parts = (self.action, self.key, self.watched_at.isoformat(), self.progress)
        return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]

    @property
    def is_default(self) -> bool:
        """Whether it writes a season default."""
        return self.key.season is not None and self.key.episode is None

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every key that depends on it: its own, and what a default stands for."""
        covered = (self.key._replace(episode=c.episode) for c in self.covers)
        return (self.key, *covered)

    @property
    def order(self) -> tuple[datetime, int, tuple[str, int, int]]:
        """Oldest watch first; a zero goes before the default that it limits."""
        return (self.watched_at, 1 if self.progress else 0, self.key.order)

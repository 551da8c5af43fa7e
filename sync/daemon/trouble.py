"""What a person has to be told after a turn, and what was told before.

Pure: the memory goes in and comes out, and time with it. Each trouble is told once to
each address, whatever comes in between, until a run that ends well is told as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sync.daemon.turn import PASSING, Ending

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sync.daemon.turn import Turn

#: What may pass by itself is told once it has lasted so long: a service that is down,
#: another run at work, not everything in its place.
LONG = timedelta(days=1)
WEEK = timedelta(days=7)
_MAY_PASS = PASSING | {Ending.INCOMPLETE}
#: Of these each message is a trouble of its own; of others, the kind of the error is.
_TOLD_APART = {Ending.LOGIN, Ending.CONFIG, Ending.STATE, Ending.BUG}
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, since when; ``key`` tells it from others."""

    key: str
    ending: Ending
    message: str
    remedy: str | None
    since: datetime

    @classmethod
    def of(cls, turn: Turn, since: datetime) -> Trouble:
        """Make it of a turn that did not end well."""
        what = turn.cause
        if turn.ending in _TOLD_APART:
            # Numbers in it may be others each time.
            what = _NUMBER.sub("#", turn.message)
        elif turn.ending in _MAY_PASS:
            what = ""
        key = f"{turn.ending.value} {what}".strip()
        return cls(key, turn.ending, turn.message, turn.remedy, since)


@dataclass(slots=True)
class Week:
    """Counts for the weekly summary, which is due at ``until``."""

    until: datetime
    runs: int = 0
    well: int = 0
    written: int = 0


@dataclass(slots=True)
class Heard:
    """What one address was told: troubles since all was well, and news of two kinds."""

    troubles: list[str] = field(default_factory=list)
    #: How many records that cannot be read were told, of all there ever were.
    unreadable: int = 0
    #: The end of the login that was announced last.
    login_ends_at: datetime | None = None


@dataclass(slots=True)
class Memory:
    """What is known from turn to turn; the ledger keeps it.

    ``trouble`` stands, ``past`` is the last one that stood. ``late`` is when the first
    turn of a row ended in what may pass. ``unreadable`` counts records that could not
    be read when they were news. ``heard`` is by a digest of the address.
    """

    trouble: Trouble | None = None
    past: Trouble | None = None
    late: datetime | None = None
    unreadable: int = 0
    week: Week | None = None
    heard: dict[str, Heard] = field(default_factory=dict)

    def note(self, turn: Turn, *, weekly: bool = False) -> None:
        """Take in how a turn ended."""
        at = turn.finished_at
        if turn.ending is Ending.DONE:
            self.trouble = self.late = None
        elif turn.ending in _MAY_PASS:
            self._note_late(turn)
        else:
            self.late = None
            same = self.trouble and self.trouble.key == Trouble.of(turn, at).key
            since = self.trouble.since if self.trouble and same else at
            self.trouble = Trouble.of(turn, since)
        self.past = self.trouble or self.past
        result = turn.result
        self.unreadable += result.unreported if result else 0
        if not weekly:
            self.week = None
            return
        self.week = self.week or Week(at + WEEK)
        self.week.runs += 1
        self.week.well += turn.ending is Ending.DONE
        self.week.written += turn.written

    def _note_late(self, turn: Turn) -> None:
        at = turn.finished_at
        if turn.ending is Ending.INCOMPLETE and self._is_of_another_kind():
            self.trouble = None  # that one is over, though not all is well
        self.late = min(self.late or at, at)
        if not self._is_of_another_kind() and self.is_late(at):
            self.trouble = Trouble.of(turn, self.late)

    def _is_of_another_kind(self) -> bool:
        return self.trouble is not None and self.trouble.ending not in _MAY_PASS

    def is_late(self, now: datetime) -> bool:
        """Tell whether what may pass has lasted too long."""
        return self.late is not None and now - self.late >= LONG

    def is_week_over(self, now: datetime) -> bool:
        """Tell whether a summary is due."""
        return self.week is not None and now >= self.week.until

    def begin_week(self, now: datetime) -> None:
        """Count anew; the day of the week stays, unless whole weeks went by."""
        if self.week is not None:
            until = self.week.until + WEEK
            self.week = Week(until if until > now else now + WEEK)

    def meet(self, digests: Collection[str]) -> None:
        """Get to know new addresses, before the next turn is noted; forget old ones."""
        if digests:
            self.heard = {
                digest: self.heard.get(digest) or Heard(unreadable=self.unreadable)
                for digest in digests
            }


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that an address has not heard; ``mark`` it once it arrived."""

    kind: str
    value: Trouble | datetime | int | None = None

    def mark(self, heard: Heard) -> None:
        """Note that it was told."""
        match self.kind, self.value:
            case "trouble", Trouble(key=key):
                heard.troubles.append(key)
            case "recovery", _:
                heard.troubles.clear()
            case "unreadable", int(count):
                heard.unreadable = count
            case "login", datetime() as ends_at:
                heard.login_ends_at = ends_at


def due(
    memory: Memory, heard: Heard, now: datetime, login_ends_at: datetime | None
) -> Iterator[Notice]:
    """Yield what is to be told to an address. ``login_ends_at``: it ends soon."""
    trouble = memory.trouble
    if trouble and trouble.key not in heard.troubles:
        yield Notice("trouble", trouble)
    is_well = trouble is None and memory.late is None
    if is_well and heard.troubles:
        yield Notice("recovery", memory.past)
    if memory.unreadable > heard.unreadable:
        yield Notice("unreadable", memory.unreadable)
    if login_ends_at and login_ends_at != heard.login_ends_at:
        yield Notice("login", login_ends_at)
    if memory.is_week_over(now):
        yield Notice("week")

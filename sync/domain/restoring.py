"""Compares a copy of a profile with what stands there: what is missing, and changed.

An entry is known by its key and minute. What is there is never written over; what is
missing comes back as it was.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.entries import (
    COMPLETED_FROM,
    Entry,
    by_key,
    count_viewings,
    minutes_of,
)
from sync.domain.evidence import is_made_by
from sync.domain.plan import Action, Operation, Restored
from sync.domain.plays import UNKNOWN_DATE, to_minute

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sync.domain.plays import Key, Place
    from sync.domain.writes import Row

_MEDIA_ID = re.compile(r"(MV|TV)_[0-9]{1,18}")
#: No season has so many episodes, nor a show so many seasons.
_MOST = 2**31 - 1
_WHY = "missing on Discovr"


class Changed(NamedTuple):
    """An entry of the copy, and what stands in its place."""

    copied: Entry
    now: Entry


class Impossible(NamedTuple):
    """An entry that Discovr would not take back as it was, and why."""

    entry: Entry
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """All entries of a copy, each in one of the four.

    What stood there twice at the same minute is one entry here.
    """

    missing: tuple[Entry, ...] = ()
    changed: tuple[Changed, ...] = ()
    there: tuple[Entry, ...] = ()
    impossible: tuple[Impossible, ...] = ()


def compare_copy(
    copied: Iterable[Entry],
    there: Iterable[Entry],
    rows: Iterable[Row] = (),
    labels: Collection[str] = (),
) -> Comparison:
    """Say of each entry of a copy whether it stands there.

    ``rows`` are what stands of all that was written, by runs and from copies, at least
    of the keys that are not there as they were; ``labels`` mark the entries of ours.
    What we wrote since does not stand in for an entry of the person's.
    """
    before, now = by_key(copied), by_key(there)
    written: defaultdict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        written[row.operation.key].append(row)
    missing: list[Entry] = []
    changed: list[Changed] = []
    standing: list[Entry] = []
    impossible: list[Impossible] = []
    for key in sorted(before, key=lambda key: key.order):
        case = _KeyCase(before[key], now.get(key, []), written[key], labels)
        standing += case.there
        changed += case.changed
        for entry in case.missing:
            if reason := why_impossible(entry):
                impossible.append(Impossible(entry, reason))
            else:
                missing.append(entry)
    return Comparison(
        tuple(missing), tuple(changed), tuple(standing), tuple(impossible)
    )


def why_impossible(entry: Entry) -> str:
    """Say why an entry cannot be brought back as it was; empty if it can."""
    key = entry.key
    numbers = (key.season, key.episode)
    is_film = key.media.startswith("MV_")
    is_numbered = numbers != (None, None)
    reasons = {
        "Discovr takes no entry under this id": not _MEDIA_ID.fullmatch(key.media),
        "a film has neither season nor episode": is_film and is_numbered,
        "Discovr takes nothing of a show without its season": not is_film
        and key.season is None,
        "Discovr takes no season or episode of that number": any(
            number is not None and not 1 <= number <= _MOST for number in numbers
        ),
        "its progress is none that Discovr takes": not 0 <= entry.progress <= 100,
        "it has no time, and would stand for every episode that has aired by now": (
            entry.is_default and entry.updated_at is None
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def to_operations(missing: Iterable[Entry]) -> tuple[Operation, ...]:
    """Return what brings these entries back, oldest first.

    A season default comes after what limits it in its season, whatever their times.
    """
    operations = [_operation(entry) for entry in missing]
    latest: dict[Place, datetime] = {}
    for operation in operations:
        place, at = operation.key.place, operation.watched_at
        latest[place] = max(at, latest.get(place, at))

    def order(
        operation: Operation,
    ) -> tuple[datetime, bool, tuple[datetime, bool, tuple[str, int, int]]]:
        is_default = operation.is_default
        at = latest[operation.key.place] if is_default else operation.watched_at
        return (at, is_default, operation.order)

    return tuple(sorted(operations, key=order))


def to_entry(operation: Operation) -> Entry:
    """Return the entry that an operation brings back."""
    restored = operation.restored or Restored(operation.progress)
    return Entry(operation.key, restored.at, restored.progress, imported=restored.label)


def _operation(entry: Entry) -> Operation:
    at = entry.updated_at
    return Operation(
        Action.ADD,
        entry.key,
        at or UNKNOWN_DATE,
        # Cut, never rounded up: 79.6 is not completed.
        progress=int(entry.progress),
        reason=_WHY,
        restored=Restored(entry.progress, entry.imported, at),
    )


class _KeyCase:
    """The entries of one key: those of the copy, and those that stand there now."""

    def __init__(
        self,
        copied: Sequence[Entry],
        now: Sequence[Entry],
        rows: Sequence[Row],
        labels: Collection[str],
    ) -> None:
        self._now, self._rows, self._labels = now, rows, labels
        self.there: list[Entry] = []
        self.changed: list[Changed] = []
        left = [entry for entry in _told_apart(copied) if not self._find(entry)]
        left = self._find_hidden(left)
        others = self._others(copied)
        # The newest first: that is the one that a change is about.
        left.sort(key=_recency, reverse=True)
        self.changed += map(Changed, left, others)
        self.missing = left[len(others) :][::-1]

    def _find(self, entry: Entry) -> bool:
        """Look for it by its minute; without a time, by its key alone."""
        same = [e for e in self._now if _is_same_time(entry, e)]
        if not same:
            return False
        if any(e.progress == entry.progress for e in same):
            self.there.append(entry)
        else:
            self.changed.append(Changed(entry, same[0]))
        return True

    def _find_hidden(self, left: Sequence[Entry]) -> list[Entry]:
        """Take what may hide behind a merged entry to be there.

        What was written and is not listed hides there first.
        """
        hidden = count_viewings(self._now) - len(self._now)
        if hidden <= 0:
            return list(left)
        listed = minutes_of(self._now)
        added = (r for r in self._rows if r.operation.action is Action.ADD)
        known = {row.operation.minute for row in added} - listed
        unknown = max(0, hidden - len(known))
        lost = []
        for entry in left:
            if _minute(entry) in known:
                self.there.append(entry)
            elif unknown:
                unknown -= 1
                self.there.append(entry)
            else:
                lost.append(entry)
        return lost

    def _others(self, copied: Sequence[Entry]) -> list[Entry]:
        """Return what the person put there since, the newest first."""
        ours = [row for row in self._rows if row.operation.restored is None]
        others = [
            entry
            for entry in self._now
            if not any(_is_same_time(before, entry) for before in copied)
            and not is_made_by(ours, entry, self._labels)
        ]
        return sorted(others, key=_recency, reverse=True)


def _told_apart(entries: Iterable[Entry]) -> list[Entry]:
    """Keep one entry a minute, the one that counts."""
    best: dict[datetime | None, Entry] = {}
    for entry in entries:
        known = best.setdefault(_minute(entry), entry)
        if entry.progress > known.progress:
            best[_minute(entry)] = entry
    return sorted(best.values(), key=_recency)


def _is_same_time(copied: Entry, now: Entry) -> bool:
    return copied.updated_at is None or _minute(copied) == _minute(now)


def _minute(entry: Entry) -> datetime | None:
    return to_minute(entry.updated_at) if entry.updated_at else None


def _recency(entry: Entry) -> tuple[datetime, float]:
    return (entry.updated_at or UNKNOWN_DATE, entry.progress)


def is_low(operation: Operation) -> bool:
    """Whether its entry keeps something from being shown as watched."""
    return operation.says < COMPLETED_FROM


def keeps_its_minute(row: Row) -> bool:
    """Whether its entry is known by its minute: PATCH may move that of a low one."""
    restored = row.operation.restored
    return restored is None or not (restored.at is None or is_low(row.operation))

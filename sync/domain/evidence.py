"""Whose an entry is: told by the ledger, since entries carry no id of their own.

``labels`` are those that this program has put on what it wrote to the profile.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.entries import Entry, count_viewings, minutes_of
from sync.domain.plan import Action, Operation
from sync.domain.plays import to_minute
from sync.domain.seasons import current_entry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sync.domain.plays import Key
    from sync.domain.writes import Row

#: So far the service's clock may be from ours, when it dates what is set.
CLOCKS_APART = timedelta(minutes=2)


def is_removal(row: Row) -> bool:
    """Whether taking it back removes an entry, rather than setting one back."""
    return row.operation.action is Action.ADD or row.before_progress is None


def is_taken_back(row: Row, rows: Iterable[Row], entries: Iterable[Entry]) -> bool:
    """Whether nothing is to be seen any more of what the row wrote.

    ``rows`` are all that wrote anything there, ``entries`` what is there. What somebody
    changed since is not taken back.
    """
    key, action = row.operation.key, row.operation.action
    mine = [entry for entry in entries if entry.key == key]
    current = current_entry(mine)
    if current is None:
        return True
    of_key = [other for other in rows if other.operation.key == key]
    like = [other for other in of_key if other.operation.action is action]
    there = minutes_of(mine)
    if action is Action.ADD:
        # One of another minute may be ours, moved there by a PATCH: the newest is.
        added = {other.operation.minute for other in like}
        moved = count_viewings(mine) - len(added & there)
        return row.operation.minute in sorted(added - there, reverse=True)[moved:]
    # All that is there may have been added since what was set had gone.
    later = {
        other.operation.minute
        for other in of_key
        if other.operation.action is Action.ADD and other.run > row.run
    }
    if count_viewings(mine) <= len(later & there):
        return True
    # Set several times, it may be back at what the latest of them found.
    found = {round(r.before_progress) for r in like if r.before_progress is not None}
    return current.progress in found - {row.operation.progress}


def with_times_found(
    entries: Sequence[Entry], set_back: Iterable[Row]
) -> Sequence[Entry]:
    """Give what was set back the time again at which it was found.

    PATCH may move the time of what it sets. That an entry is at what it was before is
    then our doing and no wish of the person's. ``set_back`` were taken back.
    """
    rows = {row.operation.key: row for row in set_back}  # the latest counts
    if not rows:
        return entries
    alone = Counter(entry.key for entry in entries)
    return [
        replace(entry, updated_at=row.before_at)
        if (row := rows.get(entry.key))
        and alone[entry.key] == 1
        and _is_set_back(entry, row)
        else entry
        for entry in entries
    ]


def _is_set_back(entry: Entry, row: Row) -> bool:
    at, before, undone_at = entry.updated_at, row.before_progress, row.undone_at
    if at is None or before is None or undone_at is None:
        return False
    is_ours = row.intended_at - CLOCKS_APART <= at <= undone_at + CLOCKS_APART
    return is_ours and entry.progress == round(before)


def is_made_by(rows: Iterable[Row], entry: Entry, labels: Collection[str]) -> bool:
    """Whether one of the rows made the entry, rather than found and set it."""
    of_key = [row for row in rows if row.operation.key == entry.key]
    return any(
        is_ours(entry, row, labels)
        if row.operation.action is Action.ADD
        else row.before_progress is None and entry.progress == row.operation.progress
        for row in of_key
    )


def others_beside(
    entries: Sequence[Entry],
    rows: Sequence[Row],
    labels: Collection[str],
    but: Entry | None = None,
) -> bool:
    """Whether a viewing that none of the rows made stands under a key, or hides there.

    ``entries`` are all of that key; ``but`` is not looked at.
    """
    added = {
        row.operation.minute
        for row in rows
        if row.operation.action is Action.ADD and row.operation.key == entries[0].key
    }
    hidden = count_viewings(entries) - len(entries)
    return hidden > len(added - minutes_of(entries)) or any(
        entry.is_completed and entry is not but and not is_made_by(rows, entry, labels)
        for entry in entries
    )


def is_as_set(entry: Entry, row: Row) -> bool:
    """Whether the time of the entry is one that a SET can have left.

    PATCH keeps the time that it finds, or moves it to its own: nobody says which. An
    earlier version did not note what it found: any time before the write may be it.
    """
    if entry.updated_at is None or row.settled_at is None:
        return True
    latest = row.settled_at + CLOCKS_APART
    if row.before_at is None:
        return entry.updated_at <= latest
    is_as_found = to_minute(entry.updated_at) == to_minute(row.before_at)
    return is_as_found or row.intended_at - CLOCKS_APART <= entry.updated_at <= latest


def is_ours(entry: Entry, row: Row, labels: Collection[str]) -> bool:
    """Whether the entry is the one that the row added.

    One that was restored has the label that it had, whatever the ``labels`` are.
    """
    restored = row.operation.restored
    known = labels if restored is None else (restored.label,)
    # PATCH may have dropped the label; the minute and the ledger say whose it is.
    if entry.imported is not None and entry.imported not in known:
        return False
    if restored and restored.at is None:
        return is_dated_by(row, entry.updated_at)
    return (
        entry.updated_at is not None
        and to_minute(entry.updated_at) == row.operation.minute
    )


def added_among(
    entries: Iterable[Entry], rows: Iterable[Row], labels: Collection[str]
) -> list[Entry]:
    """Return the entries of a key that one of the rows added."""
    # By the minute: a key may have hundreds of repeats. None: any minute may be it.
    by_minute: defaultdict[datetime | None, list[Row]] = defaultdict(list)
    for row in rows:
        restored = row.operation.restored
        is_dated = restored is None or restored.at is not None
        if row.operation.action is Action.ADD:
            by_minute[row.operation.minute if is_dated else None].append(row)
    return [
        entry
        for entry in entries
        if any(
            is_ours(entry, row, labels)
            for minute in {None, *minutes_of([entry])}
            for row in by_minute.get(minute, ())
        )
    ]


def is_dated_by(row: Row, at: datetime | None) -> bool:
    """Whether the service can have dated what the row wrote, by its own clock."""
    if at is None:
        return True
    latest = None if row.settled_at is None else row.settled_at + CLOCKS_APART
    return row.intended_at - CLOCKS_APART <= at and (latest is None or at <= latest)


def as_the_persons(entries: Sequence[Entry], restored: Iterable[Row]) -> list[Entry]:
    """Take off the label of what a copy brought back: it marks no entry of ours."""
    rows: defaultdict[Key, list[Row]] = defaultdict(list)
    for row in restored:
        rows[row.operation.key].append(row)
    return [
        replace(entry, imported=None)
        if any(is_ours(entry, row, ()) for row in rows.get(entry.key, ()))
        else entry
        for entry in entries
    ]


def before_these(
    entries: Iterable[Entry], rows: Iterable[Row], labels: Collection[str]
) -> list[Entry]:
    """Return the entries as they stood before the writes of these rows.

    The last run is thought away first. What cannot have come of them, or was changed
    since, is returned as it is.
    """
    by_run: defaultdict[tuple[int, Key], list[Row]] = defaultdict(list)
    for row in rows:
        by_run[row.run, row.operation.key].append(row)
    shelf: defaultdict[Key, list[Entry]] = defaultdict(list)
    for entry in entries:
        shelf[entry.key].append(entry)
    for run, key in sorted(by_run, key=lambda name: name[0], reverse=True):
        shelf[key] = _before_these(shelf[key], by_run[run, key], labels)
    return [entry for of_key in shelf.values() for entry in of_key]


def _before_these(
    entries: Sequence[Entry], rows: Sequence[Row], labels: Collection[str]
) -> list[Entry]:
    added = [row for row in rows if row.operation.action is Action.ADD]
    left = [e for e in entries if not any(_is_as_added(e, r, labels) for r in added)]
    if stood := _stood(rows):
        left = [replace(e, count=min(e.count, stood)) for e in left]
    for row in rows:
        if row.operation.action is Action.SET:
            left = [before for entry in left for before in _before_set(entry, row)]
    return left


def merged_titles(entries: Iterable[Entry], rows: Iterable[Row]) -> set[str]:
    """Name the titles of which no entry tells any more how it stood before the rows.

    Discovr has merged what was added into what stood there.
    """
    stood = {row.operation.key: n for row in rows if (n := _stood([row]))}
    return {
        entry.key.media
        for entry in entries
        if entry.count > stood.get(entry.key, entry.count)
    }


def _is_as_added(entry: Entry, row: Row, labels: Collection[str]) -> bool:
    return entry.progress == row.operation.says and is_ours(entry, row, labels)


def _stood(rows: Iterable[Row]) -> int:
    """Return how many viewings stood there before; noted where every one counts."""
    added = (row for row in rows if row.operation.action is Action.ADD)
    return next((round(row.before_progress or 0) for row in added), 0)


def _before_set(entry: Entry, row: Row) -> list[Entry]:
    found = row.before_progress
    # Low, it says the same whenever it was set.
    is_told = (found is None and not entry.is_completed) or is_as_set(entry, row)
    if entry.progress != row.operation.progress or not is_told:
        return [entry]
    if found is None:
        return []
    # An earlier version did not note the time: one before the write is as found.
    kept = None if is_dated_by(row, entry.updated_at) else entry.updated_at
    return [replace(entry, progress=found, updated_at=row.before_at or kept)]


class Count(NamedTuple):
    """How many viewings of a key stood there, and the minutes known to be of them.

    ``minutes`` is None where any may be: PATCH may move the time of what it sets.
    """

    viewings: int = 0
    minutes: frozenset[datetime] | None = frozenset()

    def after(self, operation: Operation) -> Count:
        """Count again, after a write."""
        if operation.action is Action.SET:
            return Count(max(self.viewings, 1), None)
        known = None if self.minutes is None else self.minutes | {operation.watched_at}
        return Count(self.viewings + 1, known)


def stood_before(row: Row) -> Count:
    """Count what stood under its key when a write was intended, as far as was noted."""
    minutes = {to_minute(row.before_at)} if row.before_at else ()
    return Count(round(row.before_progress or 0), frozenset(minutes))


def unseen_minutes(
    rows: Iterable[Row], entries: Sequence[Entry]
) -> frozenset[datetime]:
    """Return the minutes that were added under one key and are not seen there.

    As many as hide behind a merged entry are taken to be seen, the newest first.
    """
    added = {r.operation.minute for r in rows if r.operation.action is Action.ADD}
    hidden = count_viewings(entries) - len(entries)
    return frozenset(sorted(added - minutes_of(entries), reverse=True)[hidden:])


def is_in_place(
    operation: Operation,
    entries: Sequence[Entry],
    before: Count | None = None,
) -> bool:
    """Whether the entries of a title and season show that the write took effect.

    Of an explicit entry it matters only what it says now, and a season default is known
    by its minute. Where every viewing counts it must be listed by its minute, or one
    more than ``before`` must hide behind what is listed: repeats may be merged. So must
    what is restored, whatever it says; without a time any entry of its key is it.
    """
    mine = [entry for entry in entries if entry.key == operation.key]
    current, restored = current_entry(mine), operation.restored
    if current is None or (restored and restored.at is None):
        return current is not None
    if operation.action is Action.SET:
        return current.progress == operation.progress
    if before is None and not (operation.is_default or restored):
        return current.is_completed
    done = [e for e in mine if restored or e.is_completed]
    if operation.minute in minutes_of(done):
        return True
    if before is None or count_viewings(mine) <= len(mine):
        return False
    # What is listed and was not there before is the person's, and no sign of a write.
    known = minutes_of(mine) if before.minutes is None else before.minutes
    theirs = minutes_of(mine) - known
    return count_viewings(mine) - len(theirs) > before.viewings

"""Whose an entry is: told by the ledger, since entries carry no id of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sync.domain.entries import OUR_LABEL, count_viewings, minutes_of
from sync.domain.plan import Action
from sync.domain.plays import to_minute

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sync.domain.entries import Entry
    from sync.ledger import Row

#: So far the service's clock may be from ours, when it dates what is set.
CLOCKS_APART = timedelta(minutes=2)


def is_removal(row: Row) -> bool:
    """Whether taking it back removes an entry, rather than setting one back."""
    return row.operation.action is Action.ADD or row.before_progress is None


def is_made_by(rows: Iterable[Row], entry: Entry) -> bool:
    """Whether one of the rows made the entry, rather than found and set it."""
    of_key = [row for row in rows if row.operation.key == entry.key]
    return any(
        is_ours(entry, row)
        if row.operation.action is Action.ADD
        else row.before_progress is None and entry.progress == row.operation.progress
        for row in of_key
    )


def others_beside(
    entries: Sequence[Entry], rows: Sequence[Row], but: Entry | None = None
) -> bool:
    """Whether a viewing that none of the rows made stands under a key, or hides there.

    ``entries`` are all of that key; ``but`` is not looked at.
    """
    added = {
        row.operation.watched_at
        for row in rows
        if row.operation.action is Action.ADD and row.operation.key == entries[0].key
    }
    hidden = count_viewings(entries) - len(entries)
    return hidden > len(added - minutes_of(entries)) or any(
        entry.is_completed and entry is not but and not is_made_by(rows, entry)
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


def is_ours(entry: Entry, row: Row) -> bool:
    """Whether the entry is the one that the row added."""
    # PATCH may have dropped the label; the minute and the ledger say whose it is.
    return (
        entry.updated_at is not None
        and to_minute(entry.updated_at) == row.operation.watched_at
        and entry.imported in (OUR_LABEL, None)
    )

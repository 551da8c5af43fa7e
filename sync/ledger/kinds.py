"""Two kinds of what was written: ours, and what a copy of the profile brought back.

The latter is the person's, so that nothing but its own undo may take it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select, update

from sync.domain.entries import Entry, count_viewings
from sync.domain.evidence import is_as_set
from sync.domain.plan import Action
from sync.domain.plays import Key, to_minute
from sync.domain.writes import Outcome, Settled
from sync.ledger import tables
from sync.ledger.plain import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select

    from sync.domain.plan import Operation
    from sync.domain.writes import Row

_columns = tables.operations.c


def is_of_kind(*, is_restored: bool) -> ColumnElement[bool]:
    """Return the condition that rows are of one of the kinds."""
    column = _columns.restored
    return column.is_not(None) if is_restored else column.is_(None)


def standing(statement: Select[Any], profile: str) -> Select[Any]:
    """Return what is applied and not taken back."""
    return statement.where(
        _columns.profile == profile,
        _columns.outcome == Outcome.APPLIED.value,
        _columns.undone_at.is_(None),
    )


def let_go(
    connection: Connection,
    profile: str,
    operations: Sequence[Operation],
    at: datetime,
) -> None:
    """Note as gone what the other kind wrote of the entries that are added now.

    And what an earlier copy had brought back of what one brings back again.
    """
    is_applied = _columns.outcome == Outcome.APPLIED.value
    is_again = and_(is_of_kind(is_restored=True), is_applied)
    for is_restored in (False, True):
        added: defaultdict[Key, list[Operation]] = defaultdict(list)
        for operation in operations:
            is_meant = (operation.restored is not None) is is_restored
            if is_meant and operation.action is Action.ADD:
                added[operation.key].append(operation)
        others = select(tables.operations).where(
            _columns.profile == profile,
            _columns.outcome != Outcome.REJECTED.value,
            _columns.undone_at.is_(None),
            or_(is_of_kind(is_restored=not is_restored), is_again)
            if is_restored
            else is_of_kind(is_restored=True),
        )
        for media in cut(sorted({key.media for key in added})):
            found = connection.execute(others.where(_columns.media.in_(media)))
            rows = ((columns, tables.to_row(columns)) for columns in found.mappings())
            gone = [
                columns["id"]
                for columns, row in rows
                if any(_was_of(row, o) for o in added.get(row.operation.key, ()))
            ]
            _let_go(connection, gone, at)


def _was_of(row: Row, added: Operation) -> bool:
    """Whether a row was about the entry that is added now: made it, or set it."""
    if row.operation.action is Action.ADD:
        return row.operation.minute == added.minute
    if added.restored is None:
        return False  # what we add is no entry of the person's that we have set
    return is_as_set(Entry(added.key, added.restored.at, added.says), row)


def _let_go(connection: Connection, rows: Sequence[int], at: datetime) -> None:
    """Note that what had arrived is gone, and wait no more for what was left open."""
    if not rows:
        return
    mine, is_applied = (
        _columns.id.in_(rows),
        _columns.outcome == Outcome.APPLIED.value,
    )
    change = update(tables.operations)
    outcome, detail = Settled.not_wanted()
    dropped = {"outcome": outcome.value, "detail": detail, "settled_at": at}
    connection.execute(change.where(mine, ~is_applied).values(dropped))
    connection.execute(change.where(mine, is_applied).values(undone_at=at))


def accounts_for(rows: Iterable[Any], entries: Iterable[Entry]) -> bool:
    """Whether standing rows account for every viewing that is listed."""
    listed: defaultdict[Key, list[Entry]] = defaultdict(list)
    for entry in entries:
        listed[entry.key].append(entry)
    left = {key: count_viewings(of_key) for key, of_key in listed.items()}
    minutes: defaultdict[Key, set[datetime]] = defaultdict(set)
    made: set[Key] = set()
    for row in rows:
        key, is_set = _key(row), row.action == Action.SET.value
        # What was found there and set is no entry of ours.
        if key not in left or (is_set and row.before_progress is not None):
            continue
        left[key] -= 1
        minutes[key].add(to_minute(row.watched_at))
        if is_set:  # nobody says what time the entry got
            made.add(key)
    return all(
        left[key] <= 0
        and (
            key in made
            or all(
                e.updated_at is not None and to_minute(e.updated_at) in minutes[key]
                for e in of_key
            )
        )
        for key, of_key in listed.items()
    )


def _key(row: Any) -> Key:
    return Key(row.media, row.season, row.episode)

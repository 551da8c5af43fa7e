"""What stands in one film or season, against what is to be taken back there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.domain.entries import COMPLETED_FROM, count_viewings
from sync.domain.evidence import (
    is_as_set,
    is_made_by,
    is_ours,
    is_removal,
    is_taken_back,
    others_beside,
)
from sync.domain.plan import Action
from sync.domain.seasons import current_entry

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sync.domain.entries import Entry
    from sync.domain.plays import Key
    from sync.domain.writes import Row
    from sync.pipeline.copies import KeptCopy

#: Why a zero stays, or comes back.
HELD_OUT = "a season default would show it as watched then"


@dataclass(slots=True)
class Undone:
    """What came of it, by key; ``gone`` were no longer there.

    ``runs`` are those that were taken back, the latest first, and ``run`` is the first
    of them. ``failed`` are left alone only because Discovr did not do it.
    ``takes_season``: whether a removal of a season default was seen to take the whole
    season; None: nobody knows. With ``is_refused`` somebody said no, and nothing was
    taken back. ``names`` are what the ids in ``left_alone`` stand for.
    """

    run: int
    removed: list[Key] = field(default_factory=list)
    restored: list[Key] = field(default_factory=list)
    gone: list[Key] = field(default_factory=list)
    left_alone: dict[Key, str] = field(default_factory=dict)
    failed: set[Key] = field(default_factory=set)
    takes_season: bool | None = None
    #: The zero that was set to see whether a removal takes it along.
    trial: Key | None = None
    runs: tuple[int, ...] = ()
    kept_copy: KeptCopy | None = None
    is_refused: bool = False
    names: Mapping[str, str] = field(default_factory=dict)


class Standing:
    """The rows of one film or season, with what was seen there last.

    ``others`` are what other writes left there, by the ledger.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        others: Sequence[Row],
        labels: Collection[str],
        result: Undone,
    ) -> None:
        self._others = others
        self._labels = labels
        self._result = result
        self._entries: Sequence[Entry] = ()
        # The default first: where nothing is at risk it shows what a removal takes. Of
        # one key the last write first, as it knows what the person had said last.
        self.rows = sorted(
            rows,
            key=lambda r: (not r.operation.is_default, r.operation.key.order, -r.run),
        )

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int]:
        """Order places: first those that show what a removal takes and risk nothing.

        A season with a default and more of ours, and repeats of one key. Then those of
        the latest run, and of them what takes longest.
        """
        keys = {row.operation.key for row in self.rows}
        has_default = self.rows[0].operation.is_default
        is_telling = has_default and len(keys) > 1
        latest = max(row.run for row in self.rows)
        has_repeats = len(keys) < len(self.rows)
        others = bool(self._others)
        return (others, not is_telling, not has_repeats, -latest, -len(self.rows))

    @property
    def entries(self) -> Sequence[Entry]:
        """What stood here when it was last read."""
        return self._entries

    @property
    def has_default(self) -> bool:
        """Whether a season default is to be taken back here."""
        return self.rows[0].operation.is_default and bool(self._entries)

    @property
    def has_company(self) -> bool:
        """Whether anything stands beside a season default."""
        return any(not entry.is_default for entry in self._entries)

    @property
    def has_strangers(self) -> bool:
        """Whether anything stands here that these rows did not write."""
        return bool(self._strangers(self._entries))

    @property
    def missing(self) -> list[Row]:
        """The rows of which it shows nothing."""
        there = {entry.key for entry in self._entries}
        return [row for row in self.rows if row.operation.key not in there]

    @property
    def is_lacking(self) -> bool:
        """Whether it does not show all that these rows are about."""
        return bool(self.missing)

    @property
    def is_free(self) -> bool:
        """Whether nothing of the person's is at risk here."""
        if not all(map(is_removal, self.rows)):
            return False
        if self.has_default and self._result.takes_season is not False:
            return not self.has_strangers
        return not self._strangers(self._entries, (*self.rows, *self._others))

    def _objection(self, row: Row) -> str | None:
        """Say why an entry must not be touched."""
        operation, mine = row.operation, self._of(row.operation.key)
        current = current_entry(mine)
        if current is None:
            return None
        # Merged, the newest of them stands for all that was added under the key.
        if operation.action is Action.ADD and not any(
            is_ours(entry, other, self._labels)
            for entry in mine
            for other in self._like(row)
        ):
            return "another entry stands there now"
        if current.progress != operation.says:
            return "it was changed on Discovr since"
        if is_removal(row):
            return self._objection_to_removing(row)
        return self._objection_to_setting_back(row, current)

    def _objection_to_removing(self, row: Row) -> str | None:
        if self._is_shared(row):
            return "it shares its key with another entry, which would go too"
        is_low = row.operation.progress < COMPLETED_FROM
        if is_low and any(e.is_default and e.is_completed for e in self._entries):
            return HELD_OUT
        takes_season = self._result.takes_season
        is_alone = not (row.operation.is_default and self._strangers(self._entries))
        if is_alone or takes_season is False:
            return None
        if takes_season:
            return "Discovr would remove the whole season with it"
        return "Discovr may remove the whole season with it: remove it there by hand"

    def _objection_to_setting_back(self, row: Row, current: Entry) -> str | None:
        if not is_as_set(current, row):
            return "it was watched on Discovr since"
        if others_beside(self._of(current.key), self.rows, self._labels, current):
            return "another viewing beside it would not count then"
        return None

    def _gone_between(
        self, before: Sequence[Entry], after: Sequence[Entry]
    ) -> list[Row]:
        """Return the rows of what stood there before: it was not the person.

        Repeats may go one by one, and not all; and a removal that takes too much may
        take what other runs wrote. What was gone before is not among it.
        """
        left = {id(row) for row in self._seen(after)}
        return [row for row in self._seen(before) if id(row) not in left]

    def _seen(self, entries: Sequence[Entry]) -> list[Row]:
        """Return the rows, also of other runs, of which anything stands there."""
        rows: defaultdict[Key, list[Row]] = defaultdict(list)
        for row in (*self.rows, *self._others):
            rows[row.operation.key].append(row)
        shelf = _by_key(entries)
        return [
            row
            for key, of_key in rows.items()
            for row in of_key
            if key in shelf and not is_taken_back(row, of_key, shelf[key])
        ]

    def _is_shared(self, row: Row) -> bool:
        """Whether what stands under its key is more than these rows wrote.

        An entry that was removed and written again has two rows of one minute.
        """
        operation, mine = row.operation, self._of(row.operation.key)
        same = self._like(row)
        if count_viewings(mine) > len({r.operation.minute for r in same}):
            return True
        return operation.action is Action.ADD and not all(
            any(is_ours(entry, other, self._labels) for other in same) for entry in mine
        )

    def _like(self, row: Row) -> list[Row]:
        """Return the rows that did the same to the same key, this one included."""
        key, action = row.operation.key, row.operation.action
        return [
            other
            for other in self.rows
            if other.operation.key == key and other.operation.action is action
        ]

    def _rows_of(self, key: Key) -> int:
        return sum(row.operation.key == key for row in self.rows)

    def _of(self, key: Key) -> list[Entry]:
        return [entry for entry in self._entries if entry.key == key]

    def _strangers(
        self, entries: Sequence[Entry], rows: Sequence[Row] | None = None
    ) -> list[Entry]:
        """Return those that the rows did not make: the person's, also if set.

        And one of ours behind which a viewing hides that the rows did not bring.
        """
        rows, trial = rows or self.rows, self._result.trial
        return [
            entry
            for key, mine in _by_key(entries).items()
            for entry in mine
            if key != trial
            and (
                not is_made_by(rows, entry, self._labels)
                or others_beside(mine, rows, self._labels)
            )
        ]


def _by_key(entries: Sequence[Entry]) -> dict[Key, list[Entry]]:
    by_key: defaultdict[Key, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_key[entry.key].append(entry)
    return by_key

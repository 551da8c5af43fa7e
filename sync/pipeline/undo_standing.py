"""What stands in one film or season, against what is to be taken back there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import groupby, takewhile
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.entries import COMPLETED_FROM, by_key, count_viewings
from sync.domain.evidence import (
    added_among,
    before_these,
    is_as_set,
    is_dated_by,
    is_removal,
    is_taken_back,
    others_beside,
)
from sync.domain.plan import Action
from sync.domain.plays import to_minute
from sync.domain.seasons import current_entry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

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


class Verdict(NamedTuple):
    """Which rows of a key are taken back, and the ``reason`` if others are not.

    ``progress`` is what the entry is set back to; None: it is removed.
    """

    rows: list[Row]
    progress: int | None = None
    reason: str | None = None


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
        self._mine = _rows_by_key(self.rows)

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
        if not all(is_removal(of_key[-1]) for of_key in self._mine.values()):
            return False
        if self.has_default and self._result.takes_season is not False:
            return not self.has_strangers
        return not self._strangers(self._entries, (*self.rows, *self._others))

    def _verdict(self, key: Key) -> Verdict:
        """Judge what becomes of a key: later changes are set back first."""
        rows, back, reason = self._mine[key], list["Row"](), None
        is_shared = bool(self._strangers(self._of(key), rows))
        for row, stood in self._thought_away(key):
            if reason := self._objection(row, stood, is_shared=is_shared):
                break
            back.append(row)
        if reason is None and not is_shared:
            return Verdict(rows)
        # A later one knew better what it goes back to, if somebody changed it between.
        sets = list(takewhile(lambda row: not is_removal(row), rows))
        if not (back and sets):
            return Verdict([], reason=reason)
        lowest = [*zip(back, sets, strict=False)][-1][0]
        progress = round(lowest.before_progress or 0)
        return Verdict(sets, progress, reason if len(sets) < len(rows) else None)

    def _thought_away(self, key: Key) -> Iterator[tuple[Row, list[Entry]]]:
        """Yield the rows of a key, with what stood there before any later run."""
        stood = self._of(key)
        for _, of_run in groupby(self._mine[key], attrgetter("run")):
            rows = [*of_run]
            for row in rows:
                yield row, stood
            stood = before_these(stood, rows, self._labels)

    def _objection(
        self, row: Row, stood: Sequence[Entry], *, is_shared: bool
    ) -> str | None:
        """Say why it cannot be taken back, once the later runs are."""
        operation, seen = row.operation, stood
        if not stood:
            return None
        if operation.action is Action.ADD:
            # Merged, the newest of them stands for all that was added under the key.
            seen = added_among(stood, self._mine[operation.key], self._labels)
        current = current_entry(seen)
        if current is None:
            return "another entry stands there now"
        if current.progress != operation.says:
            return "it was changed on Discovr since"
        if not is_removal(row):
            return self._objection_to_setting_back(row, current, stood)
        if is_shared:
            return "it shares its key with another entry, which would go too"
        return self._objection_to_removing(row)

    def _objection_to_removing(self, row: Row) -> str | None:
        is_low = row.operation.progress < COMPLETED_FROM
        if is_low and any(e.is_default and e.is_completed for e in self._entries):
            return HELD_OUT
        takes_season = self._result.takes_season
        is_alone = not (row.operation.is_default and self.has_strangers)
        if is_alone or takes_season is False:
            return None
        if takes_season:
            return "Discovr would remove the whole season with it"
        return "Discovr may remove the whole season with it: remove it there by hand"

    def _objection_to_setting_back(
        self, row: Row, current: Entry, mine: Sequence[Entry]
    ) -> str | None:
        if not is_as_set(current, row):
            return "it was watched on Discovr since"
        if others_beside(mine, self.rows, self._labels, current):
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
        rows, shelf = _rows_by_key((*self.rows, *self._others)), by_key(entries)
        return [
            row
            for key, of_key in rows.items()
            for row in of_key
            if key in shelf and not is_taken_back(row, of_key, shelf[key])
        ]

    def _of(self, key: Key) -> list[Entry]:
        return [entry for entry in self._entries if entry.key == key]

    def _strangers(
        self, entries: Sequence[Entry], rows: Sequence[Row] | None = None
    ) -> set[Key]:
        """Return the keys under which more stands than the rows made.

        The person's, also if set, or what they changed; and one of ours behind which a
        viewing hides that the rows did not bring.
        """
        rows, trial = rows or self.rows, self._result.trial
        theirs = {entry.key for entry in before_these(entries, rows, self._labels)}
        made = _rows_by_key(rows)
        for key, mine in by_key(entries).items():
            if count_viewings(mine) > _count_made(made.get(key, ()), mine):
                theirs.add(key)
        return theirs - {trial}


def _count_made(rows: Sequence[Row], entries: Sequence[Entry]) -> int:
    """Count how many of the entries of a key the rows can have made.

    What was set counts while something still says so, or where ours was merged into it:
    a viewing of the person's takes the place of a zero.
    """
    adds = [row for row in rows if row.operation.action is Action.ADD]
    sets = [row for row in rows if row.operation.action is Action.SET]
    said = {row.operation.says for row in sets}
    found = [row.before_at for row in adds if row.before_at]
    is_there = any(entry.progress in said for entry in entries)
    is_merged = any(is_dated_by(row, at) for row in sets for at in found)
    is_made = (is_there or is_merged) and any(map(is_removal, sets))
    return _count_added(adds, sets) + is_made


def _count_added(adds: Iterable[Row], sets: Sequence[Row]) -> int:
    """Count how many of the viewings that were added can stand there still.

    A later run that found fewer, or another's as the newest, tells that some had gone.
    """
    minutes: list[datetime] = []
    by_run = attrgetter("run")
    for _, of_run in groupby(sorted(adds, key=by_run), by_run):
        added = [*of_run]
        at, found = added[0].before_at, added[0].before_progress
        if found is not None:
            is_others = (
                at is not None
                and to_minute(at) not in minutes
                and not any(is_dated_by(row, at) for row in sets)
            )
            minutes = minutes[: max(0, round(found) - is_others)]
        minutes = sorted({*minutes, *(row.operation.minute for row in added)})
    return len(minutes)


def _rows_by_key(rows: Iterable[Row]) -> dict[Key, list[Row]]:
    found: defaultdict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.operation.key].append(row)
    return dict(found)

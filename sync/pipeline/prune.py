"""What we wrote and the source has lost: found by the ledger, taken back on request."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from sync.domain.entries import COMPLETED_FROM
from sync.domain.evidence import is_made_by, is_ours, others_beside
from sync.domain.guard import FEWEST_GUARDED, MOST_CHANGED_SHARE
from sync.domain.plan import Action, Operation
from sync.domain.plays import Place, title_key
from sync.domain.seasons import current_entry, may_cover, split_season
from sync.domain.writes import Outcome
from sync.errors import EmptyHistoryError, UnsafeRemovalError
from sync.pipeline.prepared import Removals, Stale

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sync.domain.delta import Delta
    from sync.domain.entries import Entry
    from sync.domain.histories import TitleHistory
    from sync.domain.plays import Key
    from sync.domain.seasons import Airings, SeasonEntries
    from sync.domain.writes import Row
    from sync.ledger import Ledger
    from sync.pipeline.prepared import Prepared, Reading

WHY_ZERO = "no longer on {}, and a season default would cover it"


async def find_stale(
    ledger: Ledger,
    profile: str,
    whole: Reading,
    known: Mapping[str, TitleHistory],
    delta: Delta,
    before: Collection[str],
) -> Stale:
    """Look where plays went, and in the titles of ``before``. Reads the ledger alone.

    A title whose plays are there and cannot be told by key just now is left alone.
    """
    media = whole.desired.media
    went = [*delta.removed, *(edit.before for edit in delta.edited)]
    keys = {title_key(play.title) for play in went}
    keys |= {k for k, h in known.items() if k in media and media[k] != h.media}
    candidates = {known[key].media for key in keys} - {None}
    candidates |= set(before)
    protected = {h.media for k, h in known.items() if media.get(k, "") is None}
    wanted = [m for m in candidates - protected if m is not None]
    if not wanted:
        return Stale()
    found = await ledger.rows(profile, outcome=Outcome.APPLIED, media=wanted)
    rows = tuple(row for row in found if row.undone_at is None)
    latest = {row.operation.key: row.operation.progress for row in rows}
    gone = {
        key
        for row in rows
        for key in _stands_for(row)
        if key not in whole.desired.watched and latest.get(key, 100) >= COMPLETED_FROM
    }
    return Stale(tuple(sorted(gone, key=lambda key: key.order)), rows)


def plan_removals(prepared: Prepared) -> Prepared:
    """Choose how each stale key goes; the entries of its place have to be known."""
    entries: defaultdict[Place, list[Entry]] = defaultdict(list)
    for entry in prepared.existing:
        entries[entry.key.place].append(entry)
    rows: defaultdict[Place, list[Row]] = defaultdict(list)
    for row in prepared.stale.rows:
        rows[row.operation.key.place].append(row)
    removals = [
        _StalePlace(prepared, rows[place], entries[place]).removals()
        for place in sorted({key.place for key in prepared.stale.keys}, key=str)
    ]
    zeros = tuple(zero for r in removals for zero in r.zeros)
    operations = sorted((*prepared.plan.operations, *zeros), key=lambda o: o.order)
    return replace(
        prepared,
        plan=replace(prepared.plan, operations=tuple(operations)),
        removals=Removals(
            tuple(row for r in removals for row in r.rows),
            zeros,
        ),
        is_pruned=True,
    )


def check_removals(prepared: Prepared, *, is_forced: bool) -> None:
    """Refuse to take back what the source may merely not show. Raises a GuardError."""
    removals = prepared.removals
    if not (removals.rows or removals.zeros):
        return
    watched, stale = len(prepared.whole.desired.watched), len(prepared.stale.keys)
    if not prepared.whole.extraction.plays:
        raise EmptyHistoryError(stale, prepared.origin.name)
    is_much = stale > (watched + stale) * MOST_CHANGED_SHARE
    if is_much and stale >= FEWEST_GUARDED and not is_forced:
        raise UnsafeRemovalError(stale, watched + stale, prepared.origin.name)


class _StalePlace:
    """One film or season that holds something stale."""

    def __init__(
        self,
        prepared: Prepared,
        rows: Sequence[Row],
        entries: Sequence[Entry],
    ) -> None:
        self._rows = rows
        self._all = entries
        self._stale = set(prepared.stale.keys)
        self._labels = prepared.rules.labels
        self._why_zero = WHY_ZERO.format(prepared.origin.name)
        self._entries: SeasonEntries = split_season(entries)
        key = rows[0].operation.key
        self._airings: Airings = {}
        self._watched: set[int] = set()
        if key.season is not None:
            self._airings = prepared.rules.airings.get(key.place, {})
            self._watched = {
                k.episode
                for k in prepared.whole.desired.watched
                if k.place == key.place and k.episode is not None
            }

    def removals(self) -> Removals:
        """Say what goes here, and how."""
        own = [
            r
            for r in self._rows
            if r.operation.key in self._stale and r.operation.progress
        ]
        defaults = [r for r in self._rows if r.operation.is_default]
        if not any(self._is_ours(entry) for entry in self._entries.defaults):
            return Removals(tuple(own))
        zeros = [r for r in self._rows if not r.operation.progress]
        leaving = {r.operation.key for r in (*defaults, *zeros, *own)}
        if not (self._is_relied_on() or self._has_others(leaving)):
            return Removals((*defaults, *zeros, *own))
        covered = set(filter(self._is_ours_alone, self._numbers_at_stake()))
        return Removals(
            tuple(r for r in own if r.operation.key.episode not in covered),
            tuple(self._zero(defaults[-1], number) for number in sorted(covered)),
        )

    def _is_relied_on(self) -> bool:
        """Whether a default shows anything that the source still has."""
        own = self._entries.own
        return any(n not in own or not own[n].is_completed for n in self._watched)

    def _has_others(self, leaving: Collection[Key]) -> bool:
        """Whether entries stay here that a removal of the default might take too."""
        return any(
            entry.key not in leaving or not is_made_by(self._rows, entry, self._labels)
            for entry in self._all
            if not entry.is_default
        )

    def _numbers_at_stake(self) -> set[int]:
        """Episodes that go and are not the person's: ours, or with no entry at all."""
        gone = {key for row in self._rows for key in _stands_for(row)} & self._stale
        return {
            key.episode
            for key in gone
            if key.episode is not None and not self._is_the_persons(key)
        }

    def _is_the_persons(self, key: Key) -> bool:
        """Whether the person said anything of it, under our entry too."""
        mine = [entry for entry in self._all if entry.key == key]
        current = current_entry(mine)
        return current is not None and (
            not self._is_ours(current) or others_beside(mine, self._rows, self._labels)
        )

    def _is_ours_alone(self, number: int) -> bool:
        """Whether defaults of ours may cover it, and none of the person's."""
        airing = self._airings.get(number)
        covering = [d for d in self._entries.defaults if may_cover(d, airing)]
        return bool(covering) and all(map(self._is_ours, covering))

    def _is_ours(self, entry: Entry) -> bool:
        return any(
            row.operation.key == entry.key
            and row.operation.action is Action.ADD
            and is_ours(entry, row, self._labels)
            for row in self._rows
        )

    def _zero(self, default: Row, number: int) -> Operation:
        key = default.operation.key._replace(episode=number)
        at = default.operation.watched_at
        return Operation(Action.SET, key, at, progress=0, reason=self._why_zero)


def _stands_for(row: Row) -> list[Key]:
    operation = row.operation
    if operation.is_default:
        return [operation.key._replace(episode=c.episode) for c in operation.covers]
    return [operation.key] if operation.progress >= COMPLETED_FROM else []

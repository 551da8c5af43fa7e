"""What we wrote and the source has lost: found by the ledger, taken back on request."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from sync.domain.entries import COMPLETED_FROM
from sync.domain.evidence import is_made_by, is_ours, others_beside
from sync.domain.guard import Change
from sync.domain.plan import Action, Operation
from sync.domain.seasons import current_entry, may_cover, split_season
from sync.domain.writes import Outcome
from sync.errors import EmptyHistoryError, UnsafeRemovalError
from sync.events import Warned
from sync.ledger.fact_names import LACKED_TITLES
from sync.pipeline.prepared import Lacked, Removals, Stale
from sync.pipeline.unreadable import held_there
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sync.domain.entries import Entry
    from sync.domain.plays import Key, Place
    from sync.domain.seasons import Airings, SeasonEntries
    from sync.domain.writes import Row
    from sync.ledger import Ledger
    from sync.pipeline.holdings import Holding
    from sync.pipeline.prepared import Prepared, Reading
    from sync.pipeline.services import Services
    from sync.pipeline.unreadable import Unreadable

WHY_ZERO = "no longer on {}, and a season default would cover it"


async def find_stale(
    ledger: Ledger,
    profile: str,
    whole: Reading,
    holding: Holding,
    unreadable: Unreadable,
    before: Collection[Key],
) -> Stale:
    """Look for what the source held and lacks now, and for what went ``before``.

    Reads the ledger alone. What another source holds is there, and so is what is left
    out on request. A title whose plays are
    there and cannot be told by key just now is left alone, and so is what a record may
    be about that cannot be read.
    """
    watched = whole.desired.watched
    went = holding.lacks(watched) | {k for k in before if k not in watched}
    went -= holding.others | holding.aside
    if not went:
        return Stale()
    media = whole.desired.media
    protected = {h.media for k, h in holding.known.items() if media.get(k, "") is None}
    found = await ledger.rows(
        profile, outcome=Outcome.APPLIED, media={key.media for key in went}
    )
    rows = tuple(row for row in found if row.undone_at is None)
    ours = _standing(rows) & went
    held = held_there(ours, unreadable.holding(), holding.everything)
    held |= {key for key in ours if key.media in protected}
    gone = sorted(ours - held, key=lambda key: key.order)
    waiting = sorted(held, key=lambda key: key.order)
    titles = {}
    if gone or waiting:
        noted = await ledger.get_fact(profile, LACKED_TITLES) or {}
        lacked = {key.media for key in (*gone, *waiting)}
        titles = _name_lacked(lacked, holding, noted, media)
    return Stale(tuple(gone), rows, tuple(waiting), titles)


def _name_lacked(
    lacked: Collection[str],
    holding: Holding,
    noted: Mapping[str, Sequence[str]],
    now: Mapping[str, str | None],
) -> dict[str, Lacked]:
    """Say what each was written for, by what is kept of it or was ``noted`` before."""
    known = dict(noted) | {
        history.media: (key, history.title.label)
        for key, history in holding.known.items()
        if history.media
    }
    return {
        media: Lacked(key, label, now.get(key) not in (None, media))
        for media in sorted(lacked & known.keys())
        for key, label in [known[media]]
    }


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


async def tell_of_strangers(services: Services, prepared: Prepared) -> None:
    """Warn of what is left alone as of another account, though it may be this one."""
    holding = prepared.holding
    gone = holding.strange - holding.aside if holding else frozenset()
    gone -= prepared.whole.desired.watched.keys()
    if not gone:
        return
    media, origin = {key.media for key in gone}, prepared.origin.name
    rows = await services.ledger.rows(
        prepared.profile, outcome=Outcome.APPLIED, media=media
    )
    left = _standing([row for row in rows if row.undone_at is None]) & gone
    runs = {row.run for row in rows if left.intersection(_stands_for(row))}
    if runs:
        what = count(len(left), "film or episode", "films and episodes")
        undo = ", ".join(f"trakt2discovr undo {run}" for run in sorted(runs))
        services.on_event(
            Warned(
                f"Left alone: {what} that earlier runs wrote and {origin} has no "
                f"longer. Whether they read this account on {origin} or another one "
                f"cannot be told. To take back what they wrote: {undo}"
            )
        )


def check_removals(prepared: Prepared, *, is_forced: bool) -> None:
    """Refuse to take back what the source may merely not show. Raises a GuardError."""
    removals = prepared.removals
    if not (removals.rows or removals.zeros):
        return
    holding = prepared.holding
    there = prepared.whole.desired.watched
    beside = sum(key not in there for key in (holding.aside if holding else ()))
    watched = len(there) + beside + prepared.rest.items
    stale = len(prepared.stale.keys)
    if not (prepared.whole.extraction.plays or prepared.rest.titles):
        raise EmptyHistoryError(stale, prepared.origin.name)
    if Change(stale, watched + stale).is_unsafe and not is_forced:
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
            there = {*prepared.whole.desired.watched.within([key.place])}
            if held := prepared.holding:
                there |= held.others | held.aside
            there |= _standing(rows) - self._stale
            self._watched = {
                k.episode
                for k in there
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


def _standing(rows: Sequence[Row]) -> set[Key]:
    """Return the keys that rows completed and none set back since."""
    latest = {row.operation.key: row.operation.progress for row in rows}
    return {
        key
        for row in rows
        for key in _stands_for(row)
        if latest.get(key, COMPLETED_FROM) >= COMPLETED_FROM
    }


def _stands_for(row: Row) -> list[Key]:
    operation = row.operation
    if operation.is_default:
        return [operation.key._replace(episode=c.episode) for c in operation.covers]
    return [operation.key] if operation.progress >= COMPLETED_FROM else []

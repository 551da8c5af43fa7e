"""What earlier runs left behind that no entry tells: read back from the ledger."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.domain.collapse import SeasonRecord
from sync.domain.plan import Action, SeasonId
from sync.domain.plays import to_minute
from sync.ledger import Outcome
from sync.load import is_in_place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sync.domain.entries import Entry
    from sync.domain.plays import Key
    from sync.ledger import Ledger, Row


@dataclass(slots=True)
class Memory:
    """The ledger's view of a profile, held against what stands there.

    ``arrived`` and ``unclear`` split what earlier runs left open: found in the profile
    now, or still to be looked up before it is sent again. ``known`` has the minutes
    that stand there, by key; it is None where only the latest viewing counts.
    """

    seasons: dict[SeasonId, SeasonRecord]
    written: dict[Key, set[datetime]] = field(default_factory=dict)
    known: dict[Key, set[datetime]] | None = None
    arrived: list[Row] = field(default_factory=list)
    unclear: list[Row] = field(default_factory=list)


async def recall(
    ledger: Ledger, profile: str, existing: Sequence[Entry], *, has_every_viewing: bool
) -> Memory:
    """Read the ledger. Changes nothing."""
    memory = Memory(await _seasons(ledger, profile))
    if has_every_viewing:
        memory.written = await _viewings(ledger, profile)
        memory.known = defaultdict(set, {k: set(m) for k, m in memory.written.items()})
        for entry in existing:
            if entry.updated_at and entry.is_completed:
                memory.known[entry.key].add(to_minute(entry.updated_at))
    shelf: defaultdict[tuple[str, int | None], list[Entry]] = defaultdict(list)
    for entry in existing:
        shelf[entry.key[:2]].append(entry)
    for row in await ledger.unsettled(profile):
        operation = row.operation
        known = None if memory.known is None else memory.known[operation.key]
        if is_in_place(operation, shelf[operation.key[:2]], known):
            memory.arrived.append(row)
            if known is not None:
                known.add(operation.watched_at)
                minutes = memory.written.setdefault(operation.key, set())
                minutes.add(operation.watched_at)
        else:
            memory.unclear.append(row)
    return memory


async def _seasons(ledger: Ledger, profile: str) -> dict[SeasonId, SeasonRecord]:
    """Return our zeros of each season, and what its defaults were written for."""
    zeros: defaultdict[SeasonId, set[int]] = defaultdict(set)
    covers: defaultdict[SeasonId, set[int]] = defaultdict(set)
    for row in await ledger.season_rows(profile):
        key = row.operation.key
        place = SeasonId(key.media, key.season or 0)
        if row.operation.is_default:
            covers[place].update(cover.episode for cover in row.operation.covers)
        elif key.episode is not None:
            zeros[place].add(key.episode)
    return {
        place: SeasonRecord(frozenset(zeros[place]), frozenset(covers[place]))
        for place in zeros.keys() | covers.keys()
    }


async def _viewings(ledger: Ledger, profile: str) -> dict[Key, set[datetime]]:
    """Return the minutes at which we added entries, by key."""
    written: defaultdict[Key, set[datetime]] = defaultdict(set)
    for row in await ledger.rows(profile, outcome=Outcome.APPLIED):
        if row.operation.action is Action.ADD and row.undone_at is None:
            written[row.operation.key].add(row.operation.watched_at)
    return dict(written)

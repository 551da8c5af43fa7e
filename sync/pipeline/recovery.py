"""What earlier runs left behind that no entry tells: read back from the ledger."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.entries import count_viewings, minutes_of
from sync.domain.evidence import Count, is_in_place, stood_before
from sync.domain.origin import TRAKT
from sync.domain.plan import Action
from sync.domain.restoring import keeps_its_minute
from sync.domain.rules import SeasonRecord
from sync.domain.writes import Outcome
from sync.ledger.fact_names import LABELS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from sync.domain.entries import Entry
    from sync.domain.plan import Operation
    from sync.domain.plays import Key, Place
    from sync.domain.writes import Row, Settled
    from sync.ledger import Ledger
    from sync.pipeline.services import Services


@dataclass(slots=True)
class Recovery:
    """The ledger's view of a profile, held against what stands there.

    ``arrived`` and ``unclear`` split what earlier runs left open: found in the profile
    now, or still to be looked up before it is sent again. ``viewings`` counts what
    stands there by key; it is None where only the latest viewing counts.
    """

    seasons: dict[Place, SeasonRecord]
    written: dict[Key, list[datetime]] = field(default_factory=dict)
    viewings: dict[Key, Count] | None = None
    arrived: list[Row] = field(default_factory=list)
    unclear: list[Row] = field(default_factory=list)


async def recall(
    ledger: Ledger,
    profile: str,
    existing: Sequence[Entry],
    *,
    has_every_viewing: bool,
    media: Collection[str] | None = None,
) -> Recovery:
    """Read the ledger. Changes nothing.

    Of what has settled, with ``media`` what is about these titles alone.
    """
    recovery = Recovery({})
    by_place: defaultdict[Place, list[Entry]] = defaultdict(list)
    for entry in existing:
        by_place[entry.key.place].append(entry)
    #: What else arrived of a run, by key.
    since: defaultdict[tuple[int, Key], list[Operation]] = defaultdict(list)
    if has_every_viewing:
        recovery.viewings = count_by_key(existing)
        # What a copy brought back may hide behind an entry as well.
        applied = await ledger.rows(
            profile, outcome=Outcome.APPLIED, media=media, is_restored=None
        )
        for row in applied:
            if row.undone_at is None and keeps_its_minute(row):
                since[row.run, row.operation.key].append(row.operation)
                _note(recovery, row.operation)
    for row in await ledger.unsettled(profile):
        operation, before = row.operation, None
        if has_every_viewing:
            written = recovery.written.get(operation.key, ())
            before = count_before(row, written, since[row.run, operation.key])
        if is_in_place(operation, by_place[operation.key.place], before):
            recovery.arrived.append(row)
            since[row.run, operation.key].append(operation)
            _note(recovery, operation)
        else:
            recovery.unclear.append(row)
    standing = await ledger.season_rows(profile, media)
    recovery.seasons = _seasons([*standing, *recovery.arrived])
    return recovery


async def recall_labels(services: Services, profile: str) -> frozenset[str]:
    """Return the labels of what was written to the profile, and of what will be.

    Where the ledger names none, an earlier version wrote them all.
    """
    known = await services.ledger.get_fact(profile, LABELS) or [TRAKT.label]
    return frozenset({*known, services.origin.label})


class BroughtBack(NamedTuple):
    """What copies brought back and nobody took since: the person's.

    ``rows`` stand there; of them ``arrived`` are found now, of a restore that was
    broken off. ``unclear`` it may have sent: that is looked up before anything is sent
    there.
    """

    rows: tuple[Row, ...] = ()
    arrived: tuple[Row, ...] = ()
    unclear: tuple[Row, ...] = ()


async def recall_restored(
    ledger: Ledger, profile: str, existing: Sequence[Entry]
) -> BroughtBack:
    """Read of the ledger what copies brought back. Changes nothing."""
    rows = await ledger.rows(profile, outcome=Outcome.APPLIED, is_restored=True)
    standing = [row for row in rows if row.undone_at is None]
    pending = await ledger.unsettled(profile, is_restored=True)
    arrived, unclear = await split_restored(ledger, profile, pending, existing)
    return BroughtBack((*standing, *arrived), tuple(arrived), tuple(unclear))


async def standing_rows(
    ledger: Ledger, profile: str, media: Iterable[str]
) -> list[Row]:
    """Return what stands of all that was written of these titles, and how."""
    rows = await ledger.rows(
        profile, outcome=Outcome.APPLIED, media={*media}, is_restored=None
    )
    return [row for row in rows if row.undone_at is None]


async def split_restored(
    ledger: Ledger, profile: str, rows: Sequence[Row], entries: Iterable[Entry]
) -> tuple[list[Row], list[Row]]:
    """Split what a restore left open into what has arrived, and what is not found."""
    if not rows:
        return [], []
    standing = await standing_rows(
        ledger, profile, {r.operation.key.media for r in rows}
    )
    written: defaultdict[Key, list[Row]] = defaultdict(list)
    for row in standing:
        written[row.operation.key].append(row)
    by_place: defaultdict[Place, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_place[entry.key.place].append(entry)
    arrived: list[Row] = []
    unclear: list[Row] = []
    for row in rows:
        operation = row.operation
        others = written[operation.key]
        before = count_before(
            row,
            [other.operation.minute for other in others],
            [other.operation for other in others if other.run == row.run],
        )
        if is_in_place(operation, by_place[operation.key.place], before):
            arrived.append(row)
            others.append(row)
        else:
            unclear.append(row)
    return arrived, unclear


async def keep_labels(
    ledger: Ledger, profile: str, labels: AbstractSet[str], at: datetime
) -> None:
    """Remember them, before an entry carries one that the ledger does not name."""
    known = await ledger.get_fact(profile, LABELS) or [TRAKT.label]
    if not labels <= {*known}:
        await ledger.put_fact(profile, LABELS, sorted(labels), at)


async def close(
    ledger: Ledger, rows: Iterable[Row], settled: Settled, at: datetime
) -> None:
    """Settle what earlier runs left open."""
    by_run: dict[int, list[tuple[str, Outcome, str]]] = {}
    for row in rows:
        by_run.setdefault(row.run, []).append((row.operation.id, *settled))
    for run, outcomes in by_run.items():
        await ledger.settle(run, outcomes, at)


def count_before(
    row: Row, written: Iterable[datetime], since: Iterable[Operation]
) -> Count:
    """Count what stood under a key when the write was intended, and came since."""
    stood = stood_before(row)
    count = stood._replace(minutes=frozenset({*written}) | (stood.minutes or set()))
    for operation in since:
        count = count.after(operation)
    return count


def _note(recovery: Recovery, operation: Operation) -> None:
    if operation.action is Action.SET:
        return
    minutes, at = recovery.written.setdefault(operation.key, []), operation.watched_at
    if at in minutes:  # it had gone, and was written again
        minutes.remove(at)
    minutes.append(at)


def count_by_key(existing: Iterable[Entry]) -> dict[Key, Count]:
    """Count what stands under each key, for looking a write up."""
    # Also what is not completed: a viewing may be merged into an entry of that kind.
    by_key: defaultdict[Key, list[Entry]] = defaultdict(list)
    for entry in existing:
        by_key[entry.key].append(entry)
    return {
        key: Count(count_viewings(entries), frozenset(minutes_of(entries)))
        for key, entries in by_key.items()
    }


def _seasons(rows: Iterable[Row]) -> dict[Place, SeasonRecord]:
    """Return our zeros of each season, and what its defaults were written for."""
    zeros: defaultdict[Place, set[int]] = defaultdict(set)
    covers: defaultdict[Place, set[int]] = defaultdict(set)
    for row in rows:
        key = row.operation.key
        if row.operation.is_default:
            covers[key.place].update(cover.episode for cover in row.operation.covers)
        elif key.episode is not None and not row.operation.progress:
            zeros[key.place].add(key.episode)
    return {
        place: SeasonRecord(frozenset(zeros[place]), frozenset(covers[place]))
        for place in zeros.keys() | covers.keys()
    }

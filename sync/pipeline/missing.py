"""What the ledger has as applied and Discovr does not show: lists can lag or end early.

No list is proof by itself. What the big list lacks is looked up in the list of its
title; what that lacks too, twice with a pause between, somebody removed on Discovr. It
stays so: the finding is noted, and looked at again with each weekly reading. That goes
for what a copy brought back as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.entries import COMPLETED_FROM, minutes_of
from sync.domain.evidence import unseen_minutes
from sync.domain.guard import is_mostly_missing
from sync.domain.plays import to_minute
from sync.domain.restoring import is_low, keeps_its_minute
from sync.domain.rules import Gone, WhichPlays
from sync.domain.watermark import RECONCILE_EVERY, Watermark
from sync.errors import MissingEntriesError
from sync.events import Waiting
from sync.ledger import Outcome
from sync.ledger.fact_names import GONE, WATERMARK, recall_undoing
from sync.pipeline.title_lists import read_titles
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sync.domain.entries import Entry
    from sync.domain.plays import Key, Place
    from sync.ledger import Ledger, Row
    from sync.pipeline.services import Services

#: Before the second look: what was written a moment ago may still be on its way.
PAUSE_S = 5.0
#: So long a finding may be a list that lags, so that no list tells what else is there.
DOUBTED_FOR = timedelta(hours=1)


class Sighting(NamedTuple):
    """When something was first seen to be gone, and when that was last looked at."""

    found_at: datetime
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Missing:
    """What somebody removed on Discovr of what we wrote.

    ``found`` is when each was seen to be gone, by operation id; ``new`` are those that
    this reading found, and ``applied`` counts what the ledger has as applied, by run.
    ``is_whole``: all of the profile was looked at. ``is_fresh``: something was first
    seen to be gone so lately that it may be a list that lags; ``taken`` was taken back
    as lately, and the same list said that it went; ``lately`` are those of the rows
    that were written as lately. ``is_agreed``: a person said that they removed it.
    ``unlisted`` is where nobody can tell, and why: none of that is among the rows.
    """

    rows: tuple[Row, ...] = ()
    found: Mapping[str, Sighting] = field(default_factory=dict)
    new: tuple[Row, ...] = ()
    applied: Counter[int] = field(default_factory=Counter)
    is_whole: bool = True
    is_fresh: bool = False
    taken: tuple[Row, ...] = ()
    is_agreed: bool = False
    lately: tuple[Row, ...] = ()
    unlisted: Mapping[Place, str] = field(default_factory=dict)

    @property
    def keys(self) -> frozenset[Key]:
        """The keys of the entries: what is written there is looked up first."""
        return frozenset(row.operation.key for row in self.rows)

    def tells_of(self, row: Row) -> bool:
        """Whether a row is not there of which nothing was seen."""
        return not self.is_fresh and row.operation.key.place not in self.unlisted

    def gone(self) -> dict[Key, Gone]:
        """Return what is gone by key, what a season default stood for included."""
        minutes: defaultdict[Key, set[datetime]] = defaultdict(set)
        found: dict[Key, datetime] = {}
        for row in self.rows:
            operation = row.operation
            found_at = self.found[operation.id].found_at
            # Nobody knows what a default stood for that a copy brought back.
            restored = operation.restored
            has_covers = operation.is_default and restored is None
            if restored and restored.at and is_low(operation):
                found_at = restored.at  # it un-marked what was watched before it
            for key, at in operation.viewings[has_covers:]:
                minutes[key].add(to_minute(at))
                found[key] = max(found_at, found.get(key, found_at))
        return {key: Gone(frozenset(minutes[key]), found[key]) for key in minutes}


async def look_again(
    services: Services,
    profile: str,
    existing: Sequence[Entry],
    *,
    places: Collection[Place] | None = None,
    suspects: Collection[Place] = (),
    is_after_run: bool = False,
) -> tuple[Sequence[Entry], Missing]:
    """Look up what the ledger has as applied and ``existing`` lacks.

    Return all that stands there, and what does not. With ``places`` only those were
    read, each by its title; ``suspects`` are looked up too, as more may stand there
    than was listed. Costs nothing where nothing is missing. ``is_after_run``: what the
    run left unclear was looked for already.
    """
    search = _Search(services, profile, existing, places, suspects)
    return await search.run(looks_for_pending=not is_after_run)


async def look_up(
    services: Services, entries: Sequence[Entry], places: Collection[Place]
) -> tuple[Sequence[Entry], Mapping[Place, str]]:
    """Return the entries with all that the lists of these titles show beside them.

    And which of these lists cannot be read, and why.
    """
    search = _Search(services, "", entries, None, ())
    await search.read_titles(places)
    return search.entries, search.unlisted


def check_missing(missing: Missing, *, is_forced: bool = False) -> None:
    """Refuse where most of a run is missing: that is a fault rather than a wish."""
    found = Counter(row.run for row in missing.new)
    counts = [(len(missing.new), missing.applied.total())] if missing.new else []
    counts += [(lacking, missing.applied[run]) for run, lacking in found.items()]
    for lacking, applied in counts:
        if is_mostly_missing(lacking, applied) and not is_forced:
            raise MissingEntriesError(lacking, applied)


async def note_missing(
    ledger: Ledger, profile: str, missing: Missing, at: datetime
) -> None:
    """Note what is gone, so that it is paid for once."""
    before = await ledger.get_fact(profile, GONE) or {}
    kept = {} if missing.is_whole else before
    now = {id_: [t.isoformat() for t in s] for id_, s in missing.found.items()}
    if (fact := {**kept, **now}) != before:
        await ledger.put_fact(profile, GONE, fact, at)


class _Search:
    """One search for what is missing."""

    def __init__(
        self,
        services: Services,
        profile: str,
        existing: Sequence[Entry],
        places: Collection[Place] | None,
        suspects: Collection[Place],
    ) -> None:
        self._services, self._ledger = services, services.ledger
        self._profile, self._places = profile, places
        self._suspects = {*suspects}
        self._is_each = services.settings.history.plays is WhichPlays.ALL
        self.entries = list(existing)
        self.unlisted: dict[Place, str] = {}
        self._shelf: defaultdict[Key, list[Entry]] = defaultdict(list)
        for entry in existing:
            self._shelf[entry.key].append(entry)

    async def run(self, *, looks_for_pending: bool) -> tuple[Sequence[Entry], Missing]:
        """Return what stands there, and what is gone."""
        is_whole = self._places is None
        rows = self._lacking(await self._rows())
        pending = await self._pending() if looks_for_pending else []
        if not (rows or pending):
            await self.read_titles(self._suspects)
            return self.entries, Missing(is_whole=is_whole, unlisted=self.unlisted)
        now = self._services.clock.now()
        noted = await self._noted(rows)
        settled = await self._settled(noted, now)
        self._suspects -= {row.operation.key.place for row in rows}
        lost = [row for row in rows if row.operation.id not in settled]
        await self._look_up(lost, pending)
        rows = self._lacking(rows)
        rows = [r for r in rows if r.operation.id in noted or self._can_tell(r)]
        if rows:  # what an undo took that was broken off is nobody's wish
            undoing = await recall_undoing(self._ledger, self._profile)
            rows = [r for r in rows if (r.run, r.operation.id) not in undoing]
        as_before = {*settled, *(r.operation.id for r in rows if not self._can_tell(r))}
        found = {}
        for id_ in (row.operation.id for row in rows):
            before = noted.get(id_)
            found[id_] = (
                before
                if before and id_ in as_before
                else Sighting(before.found_at if before else now, now)
            )
        new = tuple(row for row in rows if row.operation.id not in noted)
        applied = Counter(await self._ledger.count_applied(self._profile))
        is_fresh = any(_is_fresh(s.found_at, now) for s in found.values())
        taken = await self._taken_lately(now) if is_fresh else ()
        missing = Missing(
            tuple(rows),
            found,
            new,
            applied,
            is_whole,
            is_fresh,
            taken,
            lately=tuple(row for row in rows if _is_fresh(_written_at(row), now)),
            unlisted=self.unlisted,
        )
        return self.entries, missing

    async def _pending(self) -> list[Row]:
        ledger, profile = self._ledger, self._profile
        return self._unseen(
            [
                row
                for is_restored in (False, True)
                for row in await ledger.unsettled(profile, is_restored=is_restored)
            ]
        )

    async def _rows(self) -> list[Row]:
        """Read what may be missing: of what was read, and not taken back."""
        ledger, profile = self._ledger, self._profile
        if self._places is None and not self._is_each:
            return await ledger.applied_beside(profile, self._shelf.keys())
        media = None if self._places is None else {place[0] for place in self._places}
        rows = await ledger.rows(
            profile, outcome=Outcome.APPLIED, media=media, is_restored=None
        )
        places = self._places
        return [
            row
            for row in rows
            if row.undone_at is None
            and (places is None or row.operation.key.place in places)
        ]

    def _lacking(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows of which nothing is seen, as far as that matters."""
        by_key: defaultdict[Key, list[Row]] = defaultdict(list)
        for row in rows:
            of_key, operation = by_key[row.operation.key], row.operation
            if operation.progress < COMPLETED_FROM and operation.restored is None:
                of_key.clear()  # a zero took back what was written before it
            else:
                of_key.append(row)
        lacking = []
        for key, of_key in by_key.items():
            entries = self._shelf.get(key, ())
            if not entries:
                lacking += of_key
            elif self._is_each:  # else one is enough, whoever made it
                unseen = unseen_minutes(filter(keeps_its_minute, of_key), entries)
                lacking += [row for row in of_key if row.operation.minute in unseen]
        return lacking

    async def _taken_lately(self, now: datetime) -> tuple[Row, ...]:
        """Return what was taken back lately and stands in no later row either."""
        rows = await self._ledger.rows(
            self._profile, outcome=Outcome.APPLIED, is_restored=None
        )
        stands = {_viewing(row) for row in rows if row.undone_at is None}
        return tuple(
            row
            for row in rows
            if row.undone_at
            and _is_fresh(row.undone_at, now)
            and _viewing(row) not in stands
        )

    async def _noted(self, rows: Iterable[Row]) -> dict[str, Sighting]:
        """Return what was found of these; not what was written again since."""
        fact = await self._ledger.get_fact(self._profile, GONE) or {}
        noted = {
            id_: Sighting(*map(datetime.fromisoformat, times))
            for id_, times in fact.items()
        }
        for row in rows:
            id_ = row.operation.id
            if id_ in noted and noted[id_].found_at < _written_at(row):
                del noted[id_]
        return noted

    async def _settled(
        self, noted: Mapping[str, Sighting], now: datetime
    ) -> Collection[str]:
        """Return the findings that are not looked at again in this reading."""
        fact = await self._ledger.get_fact(self._profile, WATERMARK)
        if self._places is None and fact and Watermark.from_fact(fact).is_due(now):
            return ()
        return {
            id_
            for id_, sighting in noted.items()
            if timedelta() <= now - sighting.checked_at < RECONCILE_EVERY
        }

    def _unseen(self, pending: Iterable[Row]) -> list[Row]:
        """Return the writes of unclear outcome of which nothing is seen either."""
        return [
            row
            for row in pending
            if row.operation.watched_at not in minutes_of(self._of(row))
            and (self._places is None or row.operation.key.place in self._places)
        ]

    def _can_tell(self, row: Row) -> bool:
        return row.operation.key.place not in self.unlisted

    def _of(self, row: Row) -> Sequence[Entry]:
        return self._shelf.get(row.operation.key, ())

    async def _look_up(self, rows: Sequence[Row], pending: Sequence[Row]) -> None:
        """Read the title of each, and once more after a pause where it still lacks it.

        Where only places were read, that was the first look. A title's list that lacks
        what is ours may lack as well what is the person's. The loader looks a last time
        before it sends one of the ``pending`` again.
        """
        clock, on_event = self._services.clock, self._services.on_event
        if self._places is None:
            places = {row.operation.key.place for row in (*rows, *pending)}
            await self.read_titles(places | self._suspects)
            rows, pending = self._lacking(rows), self._unseen(pending)
        rows = [row for row in (*rows, *pending) if self._can_tell(row)]
        if not rows:
            return
        keys = {row.operation.key for row in rows}
        hidden = count(len(keys), "entry of ours", "of our entries")
        on_event(Waiting("Discovr", PAUSE_S, f"it does not show {hidden}"))
        await clock.sleep(PAUSE_S)
        await self.read_titles(
            {row.operation.key.place for row in rows} | self._suspects
        )

    async def read_titles(self, places: Collection[Place]) -> None:
        """Read these films and seasons, each by its own list, while that goes."""
        rest = {*places} - self.unlisted.keys()
        self.unlisted |= await read_titles(self._services, rest, self._merge)

    def _merge(self, _place: Place, seen: Sequence[Entry]) -> None:
        """Add what no list showed before; of what one did the last state counts."""
        by_time: defaultdict[tuple[Key, datetime | None], list[Entry]]
        by_time = defaultdict(list)
        for entry in seen:
            by_time[entry.key, entry.updated_at].append(entry)
        for (key, at), entries in by_time.items():
            known = [e for e in self._shelf[key] if e.updated_at == at]
            if len(entries) < len(known):
                continue
            for entry in known:
                self._shelf[key].remove(entry)
                self.entries.remove(entry)
            self._shelf[key] += entries
            self.entries += entries


def _viewing(row: Row) -> tuple[Key, datetime]:
    return row.operation.key, row.operation.minute


def _written_at(row: Row) -> datetime:
    return row.settled_at or row.intended_at


def _is_fresh(at: datetime, now: datetime) -> bool:
    return timedelta() <= now - at < DOUBTED_FOR

"""Takes back what one run wrote, and nothing else.

What exactly a DELETE removes is undocumented. So everything is read before and after
it, an entry that shares its key with another is left alone, and the first removal that
takes more than was asked for is the last. Until it is known that the removal of a
season default takes it alone, none is tried where anything of the person's stands
beside it. Where there is need to know, it is tried beside a zero that is set for that
in a season that is all ours. What was learnt is kept for a while.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from connectors.errors import RejectedError, UnknownOutcomeError
from sync.domain.entries import FIRST_EPISODE, count_viewings
from sync.domain.evidence import (
    is_as_set,
    is_made_by,
    is_ours,
    is_removal,
    others_beside,
)
from sync.domain.plan import Action
from sync.domain.plays import Key, to_minute
from sync.domain.seasons import current_entry
from sync.domain.writes import Outcome
from sync.errors import GuardError
from sync.events import Advanced, Stage
from sync.ledger.fact_names import REMOVES
from sync.pipeline.missing import PAUSE_S

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sync.domain.entries import Entry
    from sync.domain.plays import Place
    from sync.domain.writes import Row
    from sync.pipeline.services import Services

#: What a removal takes is learnt anew after so long: services change.
LEARNT_FOR = timedelta(days=30)
#: Where a removal has no clear answer it is looked up; so often it is tried in all.
MOST_TRIES = 3


class RemovedTooMuchError(GuardError):
    """A removal took entries that were not asked for."""

    default_remedy = "Add them again on Discovr; undo goes no further."


@dataclass(slots=True)
class Undone:
    """What came of it, by key; ``gone`` were no longer there.

    ``run`` is the one that was taken back, or the first of several. ``failed`` are left
    alone only because Discovr did not do it. ``takes_season``: whether a removal of a
    season default was seen to take the whole season; None: nobody knows.
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


async def rows_to_undo(services: Services, profile: str, run: int | None) -> list[Row]:
    """Return what the run wrote and nobody took back; by default, of the last run."""
    if run is None:
        runs = await services.ledger.runs(profile)
        for candidate in runs:
            if found := await rows_to_undo(services, profile, candidate.id):
                return found
        return []
    rows = await services.ledger.rows(profile, run=run)
    return [r for r in rows if r.outcome is Outcome.APPLIED and r.undone_at is None]


async def undo(
    services: Services, rows: Sequence[Row], labels: Collection[str]
) -> Undone:
    """Take these rows back, title by title. Idempotent; may be stopped and run again.

    Seasons in which nothing but these rows stands come first: there a removal can take
    nothing of the person's, and shows how much it takes. Raises RemovedTooMuchError
    when one takes what it should not.
    """
    result = Undone(rows[0].run)
    await _recall_learnt(services, rows[0].profile, result)
    learnt = result.takes_season
    try:
        await _take_back(services, rows, labels, result)
    finally:
        if result.takes_season is not learnt:
            await _note_learnt(services, rows[0].profile, result)
    return result


async def _recall_learnt(services: Services, profile: str, result: Undone) -> None:
    """Recall what a removal takes."""
    fact = await services.ledger.get_fact(profile, REMOVES)
    if not fact:
        return
    age = services.clock.now() - datetime.fromisoformat(fact["at"])
    if timedelta() <= age < LEARNT_FOR:
        result.takes_season = fact["takes_season"]


async def _note_learnt(services: Services, profile: str, result: Undone) -> None:
    at = services.clock.now()
    fact = {
        "takes_season": result.takes_season,
        "at": at.isoformat(),
        "trial": result.trial,
    }
    await services.ledger.put_fact(profile, REMOVES, fact, at)


async def clear_trial(services: Services, profile: str) -> None:
    """Take away the zero of a trial that was broken off, if there was one."""
    fact = await services.ledger.get_fact(profile, REMOVES)
    if fact and fact["trial"]:
        await _clear_trial(services, Key(*fact["trial"]))
        now = services.clock.now()
        await services.ledger.put_fact(profile, REMOVES, fact | {"trial": None}, now)


async def _clear_trial(services: Services, key: Key) -> None:
    entries = await services.target.read_title(*key.place)
    if [e.progress for e in entries if e.key == key] == [0]:
        with suppress(RejectedError, UnknownOutcomeError):
            await services.target.remove(key)


async def _take_back(
    services: Services, rows: Sequence[Row], labels: Collection[str], result: Undone
) -> None:
    by_place: defaultdict[Place, list[Row]] = defaultdict(list)
    for row in rows:
        by_place[row.operation.key.place].append(row)
    parts = [
        _PlaceUndo(services, place, mine, result, labels)
        for place, mine in by_place.items()
    ]
    for part in parts:
        await part.read()
    # A list can lag: what it lacks is gone only once it was looked for again.
    if lacking := [part for part in parts if part.is_lacking]:
        await services.clock.sleep(PAUSE_S)
        for part in lacking:
            await part.read()
    done = 0
    await _try_out(services, parts, result)
    for part in sorted(parts, key=lambda part: part.risk):
        if not part.is_done:
            await part.take_back()
        done += len(part.rows)
        services.on_event(Advanced(Stage.LOAD, done, len(rows)))


async def _try_out(
    services: Services, parts: Sequence[_PlaceUndo], result: Undone
) -> None:
    """See what the removal of a default takes, where that is needed and not to be seen.

    In a season where nothing but a default of ours stands: a zero is set beside it.
    """
    is_needed = any(part.has_default and part.has_strangers for part in parts)
    own = [part for part in parts if part.has_default and not part.has_strangers]
    is_shown = any(part.has_company for part in own)
    if result.takes_season is not None or is_shown or not (is_needed and own):
        return
    profile, part = own[0].rows[0].profile, own[0]
    key = result.trial = part.rows[0].operation.key._replace(episode=FIRST_EPISODE)
    await _note_learnt(services, profile, result)
    try:
        with suppress(RejectedError, UnknownOutcomeError):
            await services.target.set_progress(key, 0)
        await part.take_back()
    finally:
        await _clear_trial(services, key)
        result.trial = None
        await _note_learnt(services, profile, result)


class _PlaceUndo:
    """The rows of one film or season, with what stands there now."""

    def __init__(
        self,
        services: Services,
        place: Place,
        rows: Sequence[Row],
        result: Undone,
        labels: Collection[str],
    ) -> None:
        self._services = services
        self._place = place
        self._result = result
        self._labels = labels
        self._entries: list[Entry] = []
        self.is_done = False
        # The default first: where nothing is at risk it shows what a removal takes. Of
        # one key the last write first, as it knows what the person had said last.
        self.rows = sorted(
            rows,
            key=lambda r: (not r.operation.is_default, r.operation.key.order, -r.run),
        )

    @property
    def risk(self) -> tuple[bool, int]:
        """Order places by what a removal may take: first where all is ours to take."""
        return (self.has_strangers, -len(self.rows))

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
        """Whether anything of the person's stands here."""
        return bool(self._strangers(self._entries))

    @property
    def is_lacking(self) -> bool:
        """Whether it does not show all that these rows are about."""
        there = {entry.key for entry in self._entries}
        return any(row.operation.key not in there for row in self.rows)

    async def read(self) -> None:
        """Read what stands there now."""
        self._entries = await self._services.target.read_title(*self._place)

    async def take_back(self) -> None:
        """Take back every row, and note those that are."""
        await self.read()
        before = self._entries
        taken: list[Row] = []
        try:
            for row in self.rows:
                taken += [row] if await self._take_back(row) else []
        finally:
            self.is_done = True
            await self._note_undone(taken + await self._gone_since(before))

    async def _note_undone(self, rows: Sequence[Row]) -> None:
        undone: defaultdict[int, set[str]] = defaultdict(set)
        for row in rows:
            undone[row.run].add(row.operation.id)
        ledger, now = self._services.ledger, self._services.clock.now()
        for run, ids in undone.items():
            await ledger.mark_undone(run, ids, now)

    async def _gone_since(self, before: Sequence[Entry]) -> list[Row]:
        """Return the rows of what stood there before: it was not the person.

        Repeats may go one by one, and not all; and a removal that takes too much may
        take what other runs wrote.
        """
        lost = {e.key for e in before} - {e.key for e in self._entries}
        moved = {*self._result.restored}
        minutes = _minutes(before) - _minutes(self._entries)
        gone = [
            row
            for row in self.rows
            if (key := row.operation.key) in lost
            or (key not in moved and (key, row.operation.watched_at) in minutes)
        ]
        if others := lost - {row.operation.key for row in self.rows}:
            rows = await self._services.ledger.rows(
                self.rows[0].profile, outcome=Outcome.APPLIED, media={self._place[0]}
            )
            is_there = (row for row in rows if row.undone_at is None)
            gone += [row for row in is_there if row.operation.key in others]
        return gone

    async def _take_back(self, row: Row) -> bool:
        key = row.operation.key
        if not is_removal(row) and key in self._result.restored:
            return True  # a later write knew better what it goes back to
        if reason := self._objection(row):
            self._result.left_alone[key] = reason
            return False
        if not self._of(key):
            is_done = key in self._result.removed
            (self._result.removed if is_done else self._result.gone).append(key)
            return True
        if not is_removal(row):
            return await self._restore(key, round(row.before_progress or 0))
        return await self._remove(row)

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
        if current.progress != operation.progress:
            return "it was changed on Discovr since"
        if is_removal(row):
            return self._objection_to_removing(row)
        return self._objection_to_setting_back(row, current)

    def _objection_to_removing(self, row: Row) -> str | None:
        if self._is_shared(row):
            return "it shares its key with another entry, which would go too"
        is_zero = row.operation.progress == 0
        if is_zero and any(e.is_default and e.is_completed for e in self._entries):
            return "a season default would show it as watched then"
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

    async def _restore(self, key: Key, progress: int) -> bool:
        for _ in range(MOST_TRIES):
            try:
                await self._services.target.set_progress(key, progress)
            except UnknownOutcomeError:
                await self.read()
                current = current_entry(self._of(key))
                if current is None or current.progress != progress:
                    continue
            self._result.restored.append(key)
            await self.read()
            return True
        return self._fail(key, "Discovr gave no clear answer")

    async def _remove(self, row: Row) -> bool:
        key, before = row.operation.key, self._entries
        # Repeats of a key may go one at a time.
        for _ in range(MOST_TRIES + self._rows_of(key)):
            try:
                await self._services.target.remove(key)
            except UnknownOutcomeError:
                pass
            except RejectedError as error:
                return self._fail(key, error.message)
            await self.read()
            self._check(key, before)
            if not self._of(key):
                self._result.removed.append(key)
                return True
        return self._fail(key, "Discovr did not remove it")

    def _fail(self, key: Key, reason: str) -> bool:
        self._result.left_alone[key] = reason
        self._result.failed.add(key)
        return False

    def _check(self, key: Key, before: Sequence[Entry]) -> None:
        left = {(e.key, e.updated_at) for e in self._entries}
        gone = [e for e in before if (e.key, e.updated_at) not in left]
        lost = [entry for entry in gone if entry.key != key]
        # Only an entry beside it can tell.
        has_company = any(entry.key != key for entry in before)
        if key.season is not None and key.episode is None and gone and has_company:
            self._result.takes_season = bool(lost)
        if strangers := {entry.key for entry in self._strangers(lost)}:
            named = ", ".join(sorted(map(str, strangers)))
            raise RemovedTooMuchError(f"To remove {key} Discovr also removed {named}.")

    def _is_shared(self, row: Row) -> bool:
        """Whether what stands under its key is more than these rows wrote.

        An entry that was removed and written again has two rows of one minute.
        """
        operation, mine = row.operation, self._of(row.operation.key)
        same = self._like(row)
        if count_viewings(mine) > len({r.operation.watched_at for r in same}):
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

    def _strangers(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return those that these rows did not make: the person's, also if set."""
        trial = self._result.trial
        others = [entry for entry in entries if entry.key != trial]
        return [e for e in others if not is_made_by(self.rows, e, self._labels)]


def _minutes(entries: Iterable[Entry]) -> set[tuple[Key, datetime]]:
    return {(e.key, to_minute(e.updated_at)) for e in entries if e.updated_at}

"""Takes back what runs wrote, and nothing else.

What exactly a DELETE removes is undocumented. So everything is read before and after
it, an entry that shares its key with another is left alone, and the first removal that
takes more than was asked for is the last. Films and seasons in which nothing but ours
stands come first, several at a time; those with anything of the person's follow one
after the other.

Until it is known that the removal of a season default takes it alone, none is tried
where anything of the person's stands beside it. Where there is need to know, it is
tried beside a zero that is set for that in a season that is all ours. What was learnt
is kept for a while.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from connectors.errors import ServiceError, UnknownOutcomeError
from sync.domain.entries import FIRST_EPISODE
from sync.domain.guard import is_mostly_missing
from sync.domain.writes import Outcome
from sync.errors import HiddenEntriesError, StoppedError
from sync.events import Advanced, Finished, Stage
from sync.ledger.fact_names import GONE, REMOVES, recall_trial
from sync.load.breaker import is_refusal
from sync.pipeline.missing import PAUSE_S
from sync.pipeline.prepared import AsListed
from sync.pipeline.title_lists import UnlistedError, read_title
from sync.pipeline.undo_intents import UndoIntents
from sync.pipeline.undo_place import (
    MOST_TRIES,
    PlaceUndo,
    RemovedTooMuchError,
    Undoing,
)
from sync.pipeline.undo_standing import Undone
from sync.runtime.concurrency import run_limited
from sync.runtime.stop import Stop
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import (
        Awaitable,
        Callable,
        Collection,
        Iterable,
        Iterator,
        Sequence,
    )

    from sync.domain.plays import Key, Place
    from sync.domain.writes import Row
    from sync.pipeline.copies import KeptCopy
    from sync.pipeline.services import Services

    #: Keeps a copy of what was read.
    Keep = Callable[[AsListed], Awaitable[KeptCopy | None]]

__all__ = [
    "LEARNT_FOR",
    "MOST_TRIES",
    "RemovedTooMuchError",
    "UndoOutline",
    "Undone",
    "clear_trial",
    "outline",
    "rows_to_undo",
    "undo",
]

#: What a removal takes is learnt anew after so long: services change.
LEARNT_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class UndoOutline:
    """What is about to be taken back: the runs, the latest first, and what it costs.

    ``titles`` counts films and shows, ``requests`` what goes to Discovr at most, where
    nothing of the person's stands beside it.
    """

    runs: tuple[int, ...]
    writes: int
    titles: int
    requests: int
    seconds: float


def outline(rows: Collection[Row], per_second: float) -> UndoOutline:
    """Say beforehand what it is about."""
    places = {row.operation.key.place for row in rows}
    requests = len(rows) + 2 * len(places)
    return UndoOutline(
        runs=tuple(sorted({row.run for row in rows}, reverse=True)),
        writes=len(rows),
        titles=len({place.media for place in places}),
        requests=requests,
        seconds=requests / per_second,
    )


async def rows_to_undo(
    services: Services, profile: str, run: int | None, *, is_each: bool = False
) -> list[Row]:
    """Return what the run wrote and nobody took back; by default, of the last run.

    With ``is_each`` it is what all runs wrote.
    """
    if run is None and not is_each:
        run = await services.ledger.last_standing_run(profile)
        if run is None:
            return []
    rows = await services.ledger.rows(profile, run=run, outcome=Outcome.APPLIED)
    return [row for row in rows if row.undone_at is None]


async def undo(
    services: Services,
    rows: Sequence[Row],
    labels: Collection[str],
    run: int | None = None,
    stop: Stop | None = None,
    keep: Keep | None = None,
    *,
    is_forced: bool = False,
) -> Undone:
    """Take these rows back, title by title. Idempotent; may be stopped and run again.

    ``run`` is the one that is meant where nobody named one. Call ``end_undo`` when all
    is noted. Raises RemovedTooMuchError when a removal takes what it should not, and
    HiddenEntriesError, unless forced, where most of it is not shown.
    """
    profile = rows[0].profile
    runs = tuple(sorted({row.run for row in rows}, reverse=True))
    result = Undone(runs[0], runs=runs)
    await _recall_learnt(services, profile, result)
    learnt = result.takes_season
    intents = UndoIntents(services, profile, run)
    undoing = Undoing.of(services, labels, result, intents)
    work = _Undo(services, profile, undoing, stop, keep, is_forced=is_forced)
    try:
        await work.take_back(rows)
    finally:
        if result.takes_season is not learnt:
            await _note_learnt(services, profile, result)
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
    """Take away the zero of a trial that was broken off, if there was one.

    Where the default has gone and the zero is still there, that is what it shows. One
    that cannot be read stays noted.
    """
    fact = await services.ledger.get_fact(profile, REMOVES)
    key = await recall_trial(services.ledger, profile)
    if not (fact and key):
        return
    with suppress(UnlistedError):
        told: dict[str, object] = {"trial": None}
        if await _stands_alone(services, key):
            await services.clock.sleep(PAUSE_S)  # a list can lag
            told |= (
                {"takes_season": False} if await _stands_alone(services, key) else {}
            )
        await _clear_trial(services, key)
        now = services.clock.now()
        await services.ledger.put_fact(profile, REMOVES, fact | told, now)


async def _stands_alone(services: Services, key: Key) -> bool:
    entries = await read_title(services, key.place)
    return [(entry.key, entry.progress) for entry in entries] == [(key, 0)]


async def _clear_trial(services: Services, key: Key) -> None:
    entries = await read_title(services, key.place)
    if [e.progress for e in entries if e.key == key] == [0]:
        with _tried():
            await services.target.remove(key)


@contextmanager
def _tried() -> Iterator[None]:
    """Go on where a trial is refused, or nobody knows what came of it."""
    try:
        yield
    except UnknownOutcomeError:
        pass
    except ServiceError as error:
        if not is_refusal(error):
            raise


class _Undo:
    """One undo, from the first place to the last."""

    def __init__(
        self,
        services: Services,
        profile: str,
        undoing: Undoing,
        stop: Stop | None,
        keep: Keep | None,
        *,
        is_forced: bool,
    ) -> None:
        self._keep = keep
        self._is_forced = is_forced
        self._services = services
        self._profile = profile
        self._undoing = undoing
        self._result = undoing.result
        self._stop = stop or Stop()
        self._done = self._total = 0
        #: A season that is one default, kept back until it is known whether a trial is
        #: needed.
        self._spare: PlaceUndo | None = None

    async def take_back(self, rows: Sequence[Row]) -> None:
        """Take them all back; asked to stop, finish what is under way."""
        self._total = len(rows)
        self._advance(0)
        await self._undoing.intents.begin()
        with self._stop.heeded():
            await self._take_parts(rows)
        if self._stop.is_requested:
            total = count(self._total, "write")
            raise StoppedError(f"Stopped after {self._done:,} of {total} taken back.")
        alone = self._result.left_alone
        taken = sum(row.operation.key not in alone for row in rows)
        summary = f"{taken:,} of {count(self._total, 'write')} taken back"
        self._services.on_event(Finished(Stage.UNDO, summary))

    async def _take_parts(self, rows: Sequence[Row]) -> None:
        parts = sorted(await self._parts(rows), key=lambda part: part.rank)
        rest = await self._take_free(parts, is_last_look=False)
        # A list can lag: what it lacks is gone only once it was looked for again.
        if lacking := [part for part in rest if part.is_lacking]:
            await self._services.clock.sleep(PAUSE_S)
            rest = [part for part in rest if not part.is_lacking]
            await self._check_missing(lacking)
            rest += await self._take_free(lacking, is_last_look=True)
        if self._keep and rest and not self._stop.is_requested:
            entries = [entry for part in rest for entry in part.entries]
            places = tuple(part.rows[0].operation.key.place for part in rest)
            self._result.kept_copy = await self._keep(AsListed(entries, places))
        await self._try_out(rest)
        # Where something is at risk, the first that goes wrong has to be the last.
        for part in rest:
            await self._finish(part)

    async def _check_missing(self, lacking: Collection[PlaceUndo]) -> None:
        """Look again, and refuse where most is missing: a fault rather than a wish."""
        limit = self._services.settings.discovr.concurrency
        await run_limited(limit, PlaceUndo.read, lacking)
        noted = await self._services.ledger.get_fact(self._profile, GONE) or {}
        rows = [row for part in lacking if part.is_listed for row in part.missing]
        missing = sum(row.operation.id not in noted for row in rows)
        if is_mostly_missing(missing, self._total) and not self._is_forced:
            raise HiddenEntriesError(missing, self._total)

    async def _parts(self, rows: Sequence[Row]) -> list[PlaceUndo]:
        by_place: defaultdict[Place, list[Row]] = defaultdict(list)
        for row in rows:
            by_place[row.operation.key.place].append(row)
        others: defaultdict[Place, list[Row]] = defaultdict(list)
        mine = {(row.run, row.operation.id) for row in rows}
        standing = await self._services.ledger.rows(
            self._profile,
            outcome=Outcome.APPLIED,
            media={place.media for place in by_place},
        )
        for row in standing:
            is_other = (row.run, row.operation.id) not in mine
            if is_other and row.undone_at is None:
                others[row.operation.key.place].append(row)
        return [
            PlaceUndo(self._undoing, place, of_place, others[place])
            for place, of_place in by_place.items()
        ]

    async def _take_free(
        self, parts: Iterable[PlaceUndo], *, is_last_look: bool
    ) -> list[PlaceUndo]:
        """Take back where nothing of the person's stands; return what is left.

        Those that may show something new go one by one, the others several at once.
        """
        rest: list[PlaceUndo] = []

        async def take(part: PlaceUndo) -> None:
            if self._stop.is_requested:
                return
            await part.read()
            if not part.is_listed:
                self._advance(len(part.rows))
            elif not part.is_free or (part.is_lacking and not is_last_look):
                rest.append(part)
            elif self._is_spare(part):
                self._spare = part
            else:
                await part.take_back()
                self._advance(len(part.rows))

        others: list[PlaceUndo] = []
        for part in parts:
            if part.is_telling:
                await take(part)
            else:
                others.append(part)
        limit = self._services.settings.discovr.concurrency
        await run_limited(limit, take, others)
        return rest

    def _is_spare(self, part: PlaceUndo) -> bool:
        is_known = self._result.takes_season is not None
        return not (is_known or self._spare or part.has_company) and part.has_default

    async def _try_out(self, rest: Collection[PlaceUndo]) -> None:
        """See what the removal of a default takes, where that is needed and not known.

        In a season where nothing but a default of ours stands: a zero is set beside it.
        """
        spare = self._spare
        if spare is None or self._stop.is_requested:
            return
        is_needed = any(part.has_default and part.has_strangers for part in rest)
        if not is_needed or self._result.takes_season is not None:
            await self._finish(spare)
            return
        key = spare.rows[0].operation.key._replace(episode=FIRST_EPISODE)
        self._result.trial = key
        await _note_learnt(self._services, self._profile, self._result)
        try:
            with _tried():
                await self._services.target.set_progress(key, 0)
            await self._finish(spare)
        finally:
            with suppress(UnlistedError):  # else it stays noted
                await _clear_trial(self._services, key)
                self._result.trial = None
            await _note_learnt(self._services, self._profile, self._result)

    async def _finish(self, part: PlaceUndo) -> None:
        if self._stop.is_requested:
            return
        await part.read()
        await part.take_back()
        self._advance(len(part.rows))

    def _advance(self, rows: int) -> None:
        self._done += rows
        self._services.on_event(Advanced(Stage.UNDO, self._done, self._total))

"""What is being taken back: noted before it leaves, and looked up if nobody ended it.

An undo can die between a removal and the note that it took place. What it meant to take
back and the list of the title lacks is then its own doing, and no wish of the person's.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.domain.evidence import is_taken_back
from sync.domain.writes import Outcome
from sync.events import Waiting
from sync.ledger.fact_names import UNDOING
from sync.pipeline.missing import PAUSE_S
from sync.pipeline.title_lists import read_titles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sync.domain.entries import Entry
    from sync.domain.plays import Place
    from sync.domain.writes import Row
    from sync.pipeline.services import Services

#: What flips between two looks gets so many in all; the last one counts.
_MOST_LOOKS = 3


class UndoIntents:
    """The writes that one undo is about to take back, as the ledger has them.

    ``run`` is the one that was taken for the last: where this undo is broken off, the
    next takes it up, though another run is the last by then.
    """

    def __init__(
        self, services: Services, profile: str, run: int | None = None
    ) -> None:
        self._services = services
        self._profile = profile
        self._run = run
        self._open: set[tuple[int, str]] = set()

    async def begin(self) -> None:
        """Note that an undo is under way."""
        await self.note(())

    async def note(self, rows: Iterable[Row]) -> None:
        """Note these too; return before the first request about them may leave."""
        self._open |= set(map(_id, rows))
        fact = {"run": self._run, "rows": sorted(self._open)}
        now = self._services.clock.now()
        await self._services.ledger.put_fact(self._profile, UNDOING, fact, now)

    def settle(self, rows: Iterable[Row]) -> None:
        """Leave these out of the next note: the ledger knows what came of them."""
        self._open -= set(map(_id, rows))


async def end_undo(services: Services, profile: str) -> None:
    """Forget the intents, once an undo has come to its end."""
    await services.ledger.delete_fact(profile, UNDOING)


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """An undo that did not come to its end: whose turn it was, and what it took."""

    run: int | None = None
    taken: tuple[Row, ...] = field(default=(), repr=False)


async def settle_broken_off(services: Services, profile: str) -> BrokenOff | None:
    """Note as undone what an undo took that was broken off; None if there was none.

    What still stands is applied as before. Call it under the lock, before all else.
    """
    fact = await services.ledger.get_fact(profile, UNDOING)
    if fact is None:
        return None
    rows = await _noted_rows(services, profile, fact["rows"])
    taken = await _find_taken(services, rows)
    await mark_undone(services, taken)
    await services.ledger.delete_fact(profile, UNDOING)
    return BrokenOff(fact["run"], tuple(taken))


async def mark_undone(services: Services, rows: Iterable[Row]) -> None:
    """Note in the ledger that these were taken back."""
    ids: defaultdict[int, set[str]] = defaultdict(set)
    for row in rows:
        ids[row.run].add(row.operation.id)
    now = services.clock.now()
    for run, of_run in ids.items():
        await services.ledger.mark_undone(run, of_run, now)


async def _noted_rows(
    services: Services, profile: str, noted: Sequence[Sequence[object]]
) -> dict[Place, tuple[list[Row], list[Row]]]:
    """Return by place what was noted, and all that stands there by the ledger."""
    ids = {(run, id_) for run, id_ in noted}
    if not ids:
        return {}
    found = await services.ledger.rows(
        profile, outcome=Outcome.APPLIED, is_restored=None
    )
    places: defaultdict[Place, tuple[list[Row], list[Row]]]
    places = defaultdict(lambda: ([], []))
    for row in found:
        if row.undone_at is None:
            noted_there, all_there = places[row.operation.key.place]
            all_there.append(row)
            if _id(row) in ids:
                noted_there.append(row)
    return {place: rows for place, rows in places.items() if rows[0]}


async def _find_taken(
    services: Services, places: dict[Place, tuple[list[Row], list[Row]]]
) -> list[Row]:
    """Return what the list of its title lacks, in two looks with a pause between."""
    if not places:
        return []
    lacking = await _look(services, places)
    for _ in range(_MOST_LOOKS - 1):
        why = "what an undo took that was broken off is looked up"
        services.on_event(Waiting("Discovr", PAUSE_S, why))
        await services.clock.sleep(PAUSE_S)
        before, lacking = lacking, await _look(services, places)
        if lacking == before:
            break
    return [
        row
        for noted, _ in places.values()
        for row in noted
        if _id(row) in lacking & before
    ]


async def _look(
    services: Services, places: dict[Place, tuple[list[Row], list[Row]]]
) -> set[tuple[int, str]]:
    """Look once at each place; return what is not to be seen there.

    What cannot be read counts as there.
    """
    lacking: set[tuple[int, str]] = set()

    def look(place: Place, entries: Sequence[Entry]) -> None:
        noted, everything = places[place]
        lacking.update(
            _id(row) for row in noted if is_taken_back(row, everything, entries)
        )

    await read_titles(services, places, look)
    return lacking


def _id(row: Row) -> tuple[int, str]:
    return (row.run, row.operation.id)

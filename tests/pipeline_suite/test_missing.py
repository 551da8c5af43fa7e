"""What the ledger has as applied and no list shows: looked up, noted, and kept so."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import RejectedError
from sync.domain.plan import Action, Cover, Operation, Restored
from sync.domain.plays import Key, Place
from sync.domain.rules import Gone, WhichPlays
from sync.domain.watermark import Watermark
from sync.domain.writes import Outcome, Row
from sync.events import Waiting
from sync.ledger import Ledger
from sync.ledger.fact_names import GONE, UNDOING, WATERMARK
from sync.pipeline.missing import (
    DOUBTED_FOR,
    Missing,
    Sighting,
    look_again,
    look_up,
    note_missing,
)
from tests.clocks import FakeClock
from tests.factories import at, entry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator, Sequence
    from datetime import datetime

    from sync.domain.entries import Entry
    from sync.events import Event

FILM, OTHER = Key("MV_1"), Key("MV_2")
SEASON, EPISODE = Key("TV_1", 1), Key("TV_1", 1, 2)
NOW = at(100)


def add(key: Key = FILM, day: float = 1, **fields: Any) -> Operation:
    return Operation(Action.ADD, key, at(day), **fields)


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    """Open one for all: each test has profiles of its own in it."""
    opened = asyncio.run(Ledger.open("sqlite://"))
    yield opened
    asyncio.run(opened.close())


@pytest.fixture(autouse=True)
def _shared(ledger: Ledger) -> None:
    _in_use[:] = [ledger]


_in_use: list[Ledger] = []
_numbers = count()


@dataclass
class Profile:
    """A profile of which each title's list shows what it is told, look by look."""

    ledger: Ledger
    plays: WhichPlays = WhichPlays.LATEST
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    looks: dict[Place, list[list[Entry]]] = field(default_factory=dict)
    asked: list[Place] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    name: str = field(default_factory=lambda: f"p{next(_numbers)}")

    async def read_title(self, media: str, season: int | None) -> list[Entry]:
        place = Place(media, season)
        self.asked.append(place)
        if media == "MV_13":
            raise RejectedError("No such title.")
        looks = self.looks.get(place, [[]])
        return looks.pop(0) if len(looks) > 1 else looks[0]

    @property
    def services(self) -> Any:
        return SimpleNamespace(
            settings=SimpleNamespace(
                history=SimpleNamespace(plays=self.plays),
                discovr=SimpleNamespace(concurrency=1),
            ),
            ledger=self.ledger,
            target=self,
            clock=self.clock,
            on_event=self.events.append,
        )

    async def write(
        self, *operations: Operation, outcome: Outcome = Outcome.APPLIED
    ) -> int:
        now = self.clock.now()
        run = await self.ledger.start_run(self.name, "migrate", now)
        await self.ledger.intend(run, operations, now)
        await self.ledger.settle(run, [(o.id, outcome, "") for o in operations], now)
        return run

    async def look(self, *there: Entry, **options: Any) -> Missing:
        self.asked.clear()
        _, missing = await look_again(self.services, self.name, there, **options)
        return missing

    async def note(self, missing: Missing) -> None:
        await note_missing(self.ledger, self.name, missing, self.clock.now())

    def pass_by(self, time: timedelta) -> None:
        self.clock.advance(time.total_seconds())


@asynccontextmanager
async def profile(plays: WhichPlays = WhichPlays.LATEST) -> AsyncIterator[Profile]:
    yield Profile(_in_use[0], plays)


def of(missing: Missing) -> list[Operation]:
    return [row.operation for row in missing.rows]


async def test_what_two_looks_lack_is_gone_and_one_that_shows_it_is_enough() -> None:
    shown = entry(FILM, at(1), imported="trakt")
    cases: list[tuple[list[list[Entry]], bool, int]] = [
        ([[], []], True, 2),
        ([[], [shown]], False, 2),
        ([[shown]], False, 1),
    ]
    for looks, is_gone, number in cases:
        async with profile() as it:
            await it.write(add())
            it.looks[FILM.place] = looks
            missing = await it.look()
            assert of(missing) == ([add()] if is_gone else [])
            assert it.asked == [FILM.place] * number
            assert it.clock.slept == [5.0] * (number - 1)
            waits = [e for e in it.events if isinstance(e, Waiting)]
            assert len(waits) == number - 1
            # Where only places were read, that was the first look.
            it.looks[FILM.place] = looks[-1:]
            missing = await it.look(places={FILM.place})
            assert bool(missing.rows) is is_gone
            assert it.asked == [FILM.place]
            assert not missing.is_whole


async def test_nothing_is_asked_where_nothing_is_missing() -> None:
    async with profile() as it:
        await it.write(add())
        missing = await it.look(entry(FILM, at(9)))
        assert (missing, it.asked) == (Missing(), [])
        missing = await it.look(entry(FILM, at(9)), suspects={OTHER.place})
        assert (missing, it.asked) == (Missing(), [OTHER.place])
        # What is missing elsewhere is no matter of the places that were read.
        missing = await it.look(places={OTHER.place})
        assert (missing, it.asked) == (Missing(is_whole=False), [])


async def test_where_ours_is_hidden_the_persons_is_looked_for_twice_too() -> None:
    theirs = entry(OTHER, at(9), progress=20)
    async with profile() as it:
        await it.write(add())
        it.looks[OTHER.place] = [[], [theirs]]
        looking = look_again(it.services, it.name, [], suspects={OTHER.place})
        entries, missing = await looking
        assert of(missing) == [add()]
        assert [*entries] == [theirs]
        # Where ours shows at once, one look is enough.
        it.looks[FILM.place] = [[entry(FILM, at(1))]]
        it.asked.clear()
        await look_again(it.services, it.name, [], suspects={OTHER.place})
        assert sorted(it.asked) == [FILM.place, OTHER.place]


async def test_what_an_undo_may_have_taken_that_died_is_nobodys_wish() -> None:
    async with profile() as it:
        run = await it.write(add(), add(OTHER))
        fact = {"run": run, "rows": [[run, add().id]]}
        await it.ledger.put_fact(it.name, UNDOING, fact, NOW)
        assert of(await it.look()) == [add(OTHER)]
        fact = {"run": run, "rows": [[run + 1, add().id]]}
        await it.ledger.put_fact(it.name, UNDOING, fact, NOW)
        assert of(await it.look()) == [add(), add(OTHER)]


async def test_a_write_of_unclear_outcome_is_looked_for_but_not_after_its_run() -> None:
    shown = entry(FILM, at(1))
    async with profile() as it:
        await it.write(add(), outcome=Outcome.UNKNOWN)
        assert of(await it.look()) == []
        assert it.asked == [FILM.place] * 2
        await it.look(is_after_run=True)
        assert it.asked == []
        for there in ([shown], [entry(OTHER, at(1)), shown]):
            await it.look(*there)
            assert it.asked == []
        await it.look(places={OTHER.place})
        assert it.asked == []
        await it.look(places={FILM.place})
        assert it.asked == [FILM.place]


async def test_a_finding_is_paid_for_once_a_week() -> None:
    async with profile() as it:
        await it.write(add())
        first = await it.look()
        await it.note(first)
        found_at = first.found[add().id].found_at
        assert (len(first.new), first.is_whole, first.is_fresh) == (1, True, True)
        assert first.found[add().id] == (found_at, found_at)
        it.pass_by(timedelta(days=7) - timedelta(seconds=6))
        again = await it.look()
        assert it.asked == []
        assert (of(again), again.new, again.is_fresh) == ([add()], (), False)
        assert again.found == first.found
        it.pass_by(timedelta(seconds=6))
        later = await it.look()
        assert it.asked == [FILM.place] * 2
        (checked,) = later.found.values()
        assert checked.found_at == found_at
        assert checked.checked_at >= found_at + timedelta(days=7)
        # A clock that was put back tells nothing of when that was.
        await it.note(later)
        it.clock = FakeClock(NOW - timedelta(days=1))
        await it.look()
        assert it.asked == [FILM.place] * 2


@pytest.mark.parametrize(
    ("days", "options", "is_asked"),
    [
        (7, {}, True),
        (6, {}, False),
        (7, {"places": {FILM.place}}, False),
    ],
)
async def test_each_weekly_reading_looks_at_it_again(
    days: int, options: dict[str, Any], *, is_asked: bool
) -> None:
    async with profile() as it:
        await it.write(add())
        await it.note(await it.look())
        read_at = it.clock.now() - timedelta(days=days)
        mark = Watermark(read_at, read_at, read_at, {})
        await it.ledger.put_fact(it.name, WATERMARK, mark.to_fact(), NOW)
        assert of(await it.look(**options)) == [add()]
        assert bool(it.asked) is is_asked


@pytest.mark.parametrize(
    ("since", "is_fresh"),
    [
        (timedelta(), True),
        (DOUBTED_FOR - timedelta(seconds=1), True),
        (DOUBTED_FOR, False),
        (timedelta(seconds=-1), False),
    ],
)
async def test_for_an_hour_it_may_be_a_list_that_lags(
    since: timedelta, *, is_fresh: bool
) -> None:
    async with profile() as it:
        back, again = add(OTHER), add(OTHER, 2)
        it.clock = FakeClock(NOW - timedelta(days=1))
        run = await it.write(add(), back, again)
        it.clock = FakeClock(NOW)
        await it.ledger.mark_undone(run, [back.id, again.id], NOW - since)
        await it.write(again)  # that one stands again
        there = entry(OTHER, at(2))
        times = Sighting(NOW - since, NOW)
        fact = {add().id: [time.isoformat() for time in times]}
        await it.ledger.put_fact(it.name, GONE, fact, NOW)
        missing = await it.look(there)
        assert missing.is_fresh is is_fresh
        taken = [row.operation for row in missing.taken]
        assert taken == ([back] if is_fresh else [])


async def test_a_finding_says_nothing_of_what_was_written_again_since() -> None:
    async with profile() as it:
        await it.write(add())
        first = await it.look()
        await it.note(first)
        it.pass_by(timedelta(days=1))
        assert (await it.look()).lately == ()
        await it.write(add())
        missing = await it.look()
        assert it.asked == [FILM.place] * 2
        assert missing.is_fresh
        assert missing.found[add().id].found_at > first.found[add().id].found_at
        assert {row.operation for row in missing.lately} == {add()}


UNLISTED = Key("MV_13")


@pytest.mark.parametrize("outcome", [Outcome.APPLIED, Outcome.UNKNOWN])
async def test_where_the_list_of_a_title_is_refused_nobody_can_tell(
    outcome: Outcome,
) -> None:
    async with profile() as it:
        await it.write(add(UNLISTED), outcome=outcome)
        await it.write(add())
        missing = await it.look()
        assert of(missing) == [add()]
        assert [*missing.unlisted] == [UNLISTED.place]
        assert "No such title." in missing.unlisted[UNLISTED.place]
        # To ask for it once more would tell no more.
        assert sorted(it.asked) == [FILM.place, FILM.place, UNLISTED.place]
        waits = [e for e in it.events if isinstance(e, Waiting)]
        assert [wait.reason for wait in waits] == ["it does not show 1 entry of ours"]


async def test_what_was_found_before_its_list_was_refused_stays_found() -> None:
    async with profile() as it:
        await it.write(add(UNLISTED))
        times = Sighting(NOW, NOW)
        fact = {add(UNLISTED).id: [time.isoformat() for time in times]}
        await it.ledger.put_fact(it.name, GONE, fact, NOW)
        it.pass_by(timedelta(days=8))
        missing = await it.look()
        assert of(missing) == [add(UNLISTED)]
        assert missing.found == {add(UNLISTED).id: times}
        assert missing.new == ()


async def test_how_much_was_applied_is_told_by_run() -> None:
    async with profile() as it:
        first = await it.write(add(), add(OTHER))
        second = await it.write(add(SEASON))
        missing = await it.look()
        assert missing.applied == {first: 2, second: 1}
        assert len(missing.new) == 3


ZERO = Operation(Action.SET, EPISODE, at(3), progress=0)
FULL = Operation(Action.SET, EPISODE, at(3))
LOW = add(EPISODE, 3, restored=Restored(0, None, at(3)))


@pytest.mark.parametrize(
    ("written", "lacking"),
    [
        ([add(EPISODE, 1)], [add(EPISODE, 1)]),
        ([FULL], [FULL]),
        ([ZERO], []),
        ([add(EPISODE, 1), ZERO], []),  # it took back what was written before
        ([ZERO, add(EPISODE, 5)], [add(EPISODE, 5)]),
        ([add(OTHER), ZERO], [add(OTHER)]),
        ([LOW], [LOW]),  # the person's, whatever it says
    ],
)
async def test_of_a_key_counts_what_was_written_since_its_last_zero(
    written: list[Operation], lacking: list[Operation]
) -> None:
    for plays in (WhichPlays.ALL, WhichPlays.LATEST):
        async with profile(plays) as it:
            for operation in written:
                await it.write(operation)
                it.pass_by(timedelta(minutes=1))
            assert of(await it.look()) == lacking


@pytest.mark.parametrize(
    ("there", "lacking"),
    [
        ([entry(FILM, at(1)), entry(FILM, at(2))], []),
        ([entry(FILM, at(2))], [1]),
        ([entry(FILM, at(2), count=2)], []),
        ([entry(FILM, at(9))], [1, 2]),
    ],
)
async def test_where_every_viewing_counts_each_is_looked_for(
    there: list[Entry], lacking: list[float]
) -> None:
    for plays in WhichPlays:
        async with profile(plays) as it:
            await it.write(add(day=1), add(day=2))
            it.looks[FILM.place] = [there]
            missing = await it.look(*there)
            every = [add(day=day) for day in lacking]
            assert of(missing) == (every if plays is WhichPlays.ALL else [])


async def test_what_a_copy_brought_back_and_patch_may_move_is_there() -> None:
    low = add(day=1, restored=Restored(30, None, at(1)))
    async with profile(WhichPlays.ALL) as it:
        await it.write(low)
        assert of(await it.look(entry(FILM, at(9)))) == []
        assert of(await it.look()) == [low]


async def test_what_was_taken_back_is_not_missing() -> None:
    for plays in WhichPlays:
        for places in (None, {FILM.place}):
            async with profile(plays) as it:
                run = await it.write(add())
                await it.ledger.mark_undone(run, [add().id], NOW)
                assert of(await it.look(places=places)) == []


async def test_a_finding_is_kept_while_only_parts_are_read_and_else_renewed() -> None:
    async with profile() as it:
        await it.write(add(), add(OTHER))
        whole = await it.look()
        await it.note(whole)
        noted = await it.ledger.get_fact(it.name, GONE)
        assert set(noted) == {add().id, add(OTHER).id}
        await it.note(await it.look(places={FILM.place}))
        assert await it.ledger.get_fact(it.name, GONE) == noted
        await it.note(await it.look(entry(OTHER, at(1))))
        assert set(await it.ledger.get_fact(it.name, GONE)) == {add().id}


async def show(
    there: Sequence[Entry], seen: list[Entry], places: Collection[Place] = (FILM.place,)
) -> list[Entry]:
    async with profile() as it:
        it.looks[FILM.place] = [seen]
        entries, unlisted = await look_up(it.services, there, places)
        assert [*unlisted] == [place for place in places if place.media == "MV_13"]
        return sorted(entries, key=str)


@pytest.mark.parametrize(
    ("there", "seen", "all_there"),
    [
        ([], [entry(FILM)], [entry(FILM)]),
        ([entry(FILM)], [], [entry(FILM)]),
        ([entry(FILM)], [entry(FILM)], [entry(FILM)]),
        ([entry(FILM)], [entry(FILM, progress=3)], [entry(FILM, progress=3)]),
        (
            [entry(FILM)],
            [entry(FILM, at(2))],
            [entry(FILM), entry(FILM, at(2))],
        ),
        ([entry(FILM)], [entry(FILM), entry(FILM)], [entry(FILM), entry(FILM)]),
        ([entry(FILM), entry(FILM)], [entry(FILM)], [entry(FILM), entry(FILM)]),
        ([entry(OTHER)], [entry(FILM)], [entry(FILM), entry(OTHER)]),
    ],
)
async def test_lists_add_up_and_the_last_state_counts(
    there: list[Entry], seen: list[Entry], all_there: list[Entry]
) -> None:
    assert await show(there, seen) == sorted(all_there, key=str)


async def test_a_title_that_is_refused_stops_no_other() -> None:
    places = [Place("MV_13"), FILM.place]
    assert await show([], [entry(FILM)], places) == [entry(FILM)]


def found(*rows: tuple[Operation, datetime]) -> dict[Key, Gone]:
    kept = [Row(1, "p", o, Outcome.APPLIED, NOW) for o, _ in rows]
    times = {o.id: Sighting(at, NOW) for o, at in rows}
    missing = Missing(tuple(kept), times)
    assert missing.keys == {o.key for o, _ in rows}
    return missing.gone()


def test_a_default_that_is_gone_takes_what_it_stood_for_along() -> None:
    default = add(SEASON, 5, covers=(Cover(1, at(1)), Cover(2, at(2))))
    assert found((default, NOW)) == {
        SEASON._replace(episode=1): Gone(frozenset({at(1)}), NOW),
        EPISODE: Gone(frozenset({at(2)}), NOW),
    }
    # Nobody knows what one stood for that a copy brought back.
    back = add(SEASON, 5, restored=Restored(100, None, at(5)))
    assert found((back, NOW)) == {SEASON: Gone(frozenset({at(5)}), NOW)}


def test_a_key_is_gone_since_the_last_of_its_findings() -> None:
    rows = (add(day=1), at(50)), (add(day=2), at(60)), (add(day=3), at(55))
    days = frozenset({at(1), at(2), at(3)})
    assert found(*rows) == found(*rows[::-1]) == {FILM: Gone(days, at(60))}


def test_a_low_one_that_a_copy_brought_back_un_marked_what_was_before_it() -> None:
    low, high = Restored(30, None, at(4)), Restored(80, None, at(4))
    for restored, since in ((low, at(4)), (high, NOW), (Restored(30), NOW)):
        back = add(day=4, restored=restored)
        assert found((back, NOW)) == {FILM: Gone(frozenset({at(4)}), since)}

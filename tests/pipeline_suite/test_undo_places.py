"""One film or season is taken back, whatever stands there and however removals work."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from connectors.errors import NotFoundError, RejectedError, UnknownOutcomeError
from sync.domain.plan import Action, Operation
from sync.domain.plays import Key
from sync.domain.writes import Before, Outcome, Row
from sync.ledger import Ledger
from sync.ledger.fact_names import UNDOING
from sync.pipeline.undo_intents import UndoIntents
from sync.pipeline.undo_place import PlaceUndo, RemovedTooMuchError, Undoing
from sync.pipeline.undo_standing import HELD_OUT, Standing, Undone
from tests.clocks import FakeClock
from tests.factories import T0, at, entry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sync.domain.entries import Entry

FILM = Key("MV_1")
SEASON, FIRST, SECOND = (Key("TV_1", 1, n) for n in (None, 1, 2))
ANOTHER, OF_SEASON = "another entry", "may remove the whole season"


def add(key: Key, day: float = 1) -> Operation:
    return Operation(Action.ADD, key, at(day))


def zero(key: Key) -> Operation:
    return Operation(Action.SET, key, at(1), progress=0)


def full(key: Key) -> Operation:
    return Operation(Action.SET, key, at(1))


def ours(key: Key, day: float = 1, **fields: Any) -> Entry:
    return entry(key, at(day), **{"imported": "trakt"} | fields)


@dataclass
class Service:
    """A profile that removes as it is told."""

    entries: list[Entry]
    takes_season: bool = False
    takes_one: bool = False
    #: What comes of the first removals, instead of an answer.
    errors: list[Any] = field(default_factory=list)
    is_deaf: bool = False
    asked: list[tuple[str, Key]] = field(default_factory=list)

    async def read_title(self, media: str, season: int | None) -> list[Entry]:
        return [e for e in self.entries if e.key.place == (media, season)]

    async def remove(self, key: Key) -> None:
        self.asked.append(("remove", key))
        error = self.errors.pop(0) if self.errors else None
        if not self.is_deaf and not isinstance(error, RejectedError):
            self._take(key)
        if error:
            raise error

    def _take(self, key: Key) -> None:
        is_season = self.takes_season and key.season and key.episode is None
        mine = [e for e in self.entries if e.key == key]
        gone = mine[-1:] if self.takes_one else mine
        self.entries = [
            e
            for e in self.entries
            if not any(e is other for other in gone)
            and not (is_season and e.key.place == key.place)
        ]

    async def set_progress(self, key: Key, progress: int) -> None:
        self.asked.append(("set", key))
        if error := self.errors.pop(0) if self.errors else None:
            raise error
        there = [e for e in self.entries if e.key == key] or [entry(key)]
        self.entries = [e for e in self.entries if e.key != key]
        self.entries += [replace(there[-1], progress=float(progress))]


@dataclass
class Scene:
    """Writes of ours in the ledger, and what stands on Discovr by now."""

    ledger: Ledger
    service: Service
    result: Undone = field(default_factory=lambda: Undone(1))
    undoing: Any = None

    async def write(
        self, *operations: Operation, before: dict[Key, Before] | None = None
    ) -> list[Row]:
        run = await self.ledger.start_run("p", "migrate", T0)
        found = {o.id: before[o.key] for o in operations if before and o.key in before}
        await self.ledger.intend(run, operations, at(20), found)
        settled = [(o.id, Outcome.APPLIED, "") for o in operations]
        await self.ledger.settle(run, settled, at(20))
        return await self.ledger.rows("p", run=run)

    async def take_back(
        self, rows: list[Row], others: tuple[Row, ...] = ()
    ) -> PlaceUndo:
        services: Any = SimpleNamespace(
            ledger=self.ledger,
            target=self.service,
            clock=FakeClock(at(30)),
            on_event=lambda _event: None,
            settings=SimpleNamespace(discovr=SimpleNamespace(concurrency=2)),
        )
        intents = UndoIntents(services, "p")
        self.undoing = Undoing.of(services, ("trakt",), self.result, intents)
        part = PlaceUndo(self.undoing, rows[0].operation.key.place, rows, others)
        await part.read()
        await part.take_back()
        return part

    async def undone(self) -> set[tuple[Key, Action]]:
        rows = await self.ledger.rows("p")
        return {(r.operation.key, r.operation.action) for r in rows if r.undone_at}

    def left(self) -> list[Key]:
        return sorted((e.key for e in self.service.entries), key=str)


@asynccontextmanager
async def scene(*there: Entry, **options: Any) -> AsyncIterator[Scene]:
    async with await Ledger.open("sqlite://") as ledger:
        yield Scene(ledger, Service(list(there), **options))


REMOVED = {(FILM, Action.ADD)}


@pytest.mark.parametrize(
    ("there", "left", "reason"),
    [
        ([ours(FILM)], [], None),
        ([entry(FILM, at(1))], [], None),  # PATCH may have dropped the label
        ([ours(FILM, 2)], [FILM], ANOTHER),
        ([ours(FILM, progress=30)], [FILM], "it was changed on Discovr since"),
        ([ours(FILM), entry(FILM, at(9))], [FILM] * 2, "shares its key"),
        ([ours(FILM, count=2)], [FILM], "shares its key"),
        ([], [], None),
    ],
)
@pytest.mark.parametrize("takes_one", [False, True])
async def test_a_film_goes_where_nothing_but_ours_stands_under_its_key(
    there: list[Entry], left: list[Key], reason: str | None, *, takes_one: bool
) -> None:
    async with scene(*there, takes_one=takes_one) as it:
        rows = await it.write(add(FILM))
        await it.take_back(rows)
        assert it.left() == left
        assert await it.undone() == (set() if reason else REMOVED)
        assert [*it.result.left_alone] == ([FILM] if reason else [])
        assert (reason or "") in it.result.left_alone.get(FILM, "")
        assert it.result.failed == set()
        done = it.result.gone if not there else it.result.removed
        assert done == ([] if reason else [FILM])
        assert bool(it.service.asked) is (bool(there) and not reason)


@pytest.mark.parametrize("takes_one", [False, True])
async def test_repeats_of_ours_all_go(*, takes_one: bool) -> None:
    days = (1, 2, 3)
    async with scene(*(ours(FILM, d) for d in days), takes_one=takes_one) as it:
        rows = await it.write(*(add(FILM, day) for day in days))
        await it.take_back(rows)
        assert it.left() == []
        assert len([r for r in await it.ledger.rows("p") if r.undone_at]) == 3
        assert it.undoing.takes_one is takes_one
        assert len(it.service.asked) == (3 if takes_one else 1)


@pytest.mark.parametrize(
    ("error", "is_left", "asked"),
    [
        (UnknownOutcomeError("Cut."), False, 1),
        (NotFoundError("None."), False, 2),  # it is there still: once more
        (RejectedError("Never."), True, 1),
    ],
)
@pytest.mark.parametrize("beside", [[], [entry(SECOND)]], ids=["alone", "beside"])
async def test_a_removal_without_a_good_answer_is_told_by_what_is_left(
    error: Any, asked: int, beside: list[Entry], *, is_left: bool
) -> None:
    async with scene(ours(FIRST), *beside, errors=[error]) as it:
        await it.take_back(await it.write(add(FIRST)))
        assert (FIRST in it.left()) is is_left
        assert len(it.service.asked) == asked
        assert it.result.failed == ({FIRST} if is_left else set())
        assert it.result.left_alone == ({FIRST: "Never."} if is_left else {})
        assert bool(await it.undone()) is not is_left


async def test_what_is_never_removed_is_tried_so_often() -> None:
    async with scene(ours(FILM), is_deaf=True) as it:
        rows = await it.write(add(FILM))
        await it.take_back(rows)
        assert it.result.failed == {FILM}
        assert it.result.left_alone == {FILM: "Discovr did not remove it"}
        assert len(it.service.asked) == 4
        assert await it.undone() == set()


@pytest.mark.parametrize(
    ("progress", "before", "now", "ends_at", "reason"),
    [
        (100, 30.0, 100.0, 30.0, None),
        (100, 29.6, 100.0, 30.0, None),
        (100, 30.0, 50.0, 50.0, "it was changed on Discovr since"),
        (0, 40.0, 0.0, 40.0, None),
    ],
)
async def test_what_was_set_goes_back_to_what_it_was(
    progress: int, before: float, now: float, ends_at: float, reason: str | None
) -> None:
    async with scene(entry(FILM, at(20), progress=now)) as it:
        operation = Operation(Action.SET, FILM, at(1), progress)
        rows = await it.write(operation, before={FILM: Before(before, at(5))})
        await it.take_back(rows)
        assert [e.progress for e in it.service.entries] == [ends_at]
        assert it.result.left_alone == ({FILM: reason} if reason else {})
        assert it.result.restored == ([] if reason else [FILM])
        assert bool(await it.undone()) is (reason is None)


MOVED = at(20)
ZEROED = [entry(FIRST, MOVED, progress=0)]
TO_ZERO = (zero(FIRST), Before(100.0, at(3)))


@pytest.mark.parametrize(
    ("runs", "there", "left", "reason", "asked"),
    [
        # Ours, and a prune set it to zero, where PATCH moves the time or not.
        ([(add(FIRST, 3), None), TO_ZERO], ZEROED, {}, None, ["remove"]),
        (
            [(add(FIRST, 3), None), TO_ZERO],
            [ours(FIRST, 3, progress=0)],
            {},
            None,
            ["remove"],
        ),
        # A zero, and a later run completed it, or added a viewing beside it.
        (
            [(zero(FIRST), None), (full(FIRST), Before(0.0, at(18)))],
            [entry(FIRST, MOVED)],
            {},
            None,
            ["remove"],
        ),
        (
            [(zero(FIRST), None), (add(FIRST, 19), None)],
            [entry(FIRST, at(20), progress=0), ours(FIRST, 19)],
            {},
            None,
            ["remove"],
        ),
        # The person's, set by both.
        (
            [(full(FIRST), Before(30.0, at(1))), (zero(FIRST), Before(100.0, at(1)))],
            ZEROED,
            {30.0},
            None,
            ["set"],
        ),
        # They un-marked it between the two.
        (
            [(full(FIRST), Before(30.0, at(1))), (full(FIRST), Before(50.0, at(15)))],
            [entry(FIRST, MOVED)],
            {50.0},
            None,
            ["set"],
        ),
        (
            [(add(FIRST, 3), None), (full(FIRST), Before(50.0, at(15)))],
            [entry(FIRST, MOVED)],
            {50.0},
            ANOTHER,
            ["set"],
        ),
        # They watched it: a viewing took the place of the zero, and ours was merged
        # into it.
        (
            [(zero(FIRST), None), (add(FIRST, 19), Before(1.0, at(18)))],
            [ours(FIRST, 19, count=2)],
            {100.0},
            "it shares its key",
            [],
        ),
        # It was still the zero into which ours was merged: its time says so.
        (
            [(zero(FIRST), None), (add(FIRST, 19), Before(1.0, at(20)))],
            [ours(FIRST, 19, count=2)],
            {},
            None,
            ["remove"],
        ),
        # So it was, once a later run had completed the zero itself.
        (
            [
                (zero(FIRST), None),
                (full(FIRST), Before(0.0, at(18))),
                (add(FIRST, 19), Before(1.0, at(18))),
            ],
            [ours(FIRST, 19, count=2)],
            {},
            None,
            ["remove"],
        ),
        # An earlier version did not note the time that it found.
        (
            [(add(FIRST, 3), None), (zero(FIRST), Before(100.0))],
            [ours(FIRST, 3, progress=0)],
            {},
            None,
            ["remove"],
        ),
        # The last of them was changed since.
        (
            [(add(FIRST, 3), None), TO_ZERO],
            [entry(FIRST, at(25), progress=40)],
            {40.0},
            "it was changed on Discovr since",
            [],
        ),
    ],
)
async def test_of_several_runs_the_later_change_is_thought_away_first(
    runs: list[tuple[Operation, Before | None]],
    there: list[Entry],
    left: set[float],
    reason: str | None,
    asked: list[str],
) -> None:
    default = ours(SEASON, 18)
    async with scene(*there, default) as it:
        rows = await it.write(add(SEASON, 18))
        for operation, before in runs:
            rows += await it.write(operation, before={FIRST: before} if before else {})
        await it.take_back(rows)
        # Whether it is all ours is judged by what stands there in the end.
        said = {SEASON: OF_SEASON} if left else {}
        said |= {FIRST: reason} if reason else {}
        assert it.result.left_alone.keys() == said.keys()
        for key, why in it.result.left_alone.items():
            assert said[key] in why
        assert {e.progress for e in it.service.entries if e.key == FIRST} == {*left}
        assert [what for what, key in it.service.asked if key == FIRST] == asked


async def test_what_was_watched_since_is_not_set_back() -> None:
    async with scene(entry(FILM, at(29))) as it:
        rows = await it.write(full(FILM), before={FILM: Before(30.0, at(5))})
        await it.take_back(rows)
        said = {FILM: "it was watched on Discovr since"}
        assert (it.service.asked, it.result.left_alone) == ([], said)


async def test_what_was_set_is_not_set_back_beside_another_viewing() -> None:
    there = [entry(FILM, at(20)), entry(FILM, at(3))]
    async with scene(*there) as it:
        rows = await it.write(full(FILM), before={FILM: Before(30.0, at(5))})
        await it.take_back(rows)
        said = {FILM: "another viewing beside it would not count then"}
        assert (it.service.asked, it.result.left_alone) == ([], said)


SET_CUT = [UnknownOutcomeError("Cut.")]


@pytest.mark.parametrize(("cuts", "is_done"), [(0, True), (2, True), (3, False)])
async def test_what_is_set_back_without_an_answer_is_looked_up(
    cuts: int, *, is_done: bool
) -> None:
    async with scene(entry(FILM, at(20)), errors=SET_CUT * cuts) as it:
        rows = await it.write(full(FILM), before={FILM: Before(30.0, at(5))})
        await it.take_back(rows)
        assert len(it.service.asked) == min(cuts + 1, 3)
        assert (it.result.restored == [FILM]) is is_done
        assert (it.result.failed == {FILM}) is not is_done


@pytest.mark.parametrize(
    ("knows", "takes_season", "left", "said"),
    [
        (None, False, [SEASON, SECOND], OF_SEASON),
        (None, True, [SEASON, SECOND], OF_SEASON),
        (True, True, [SEASON, SECOND], "would remove the whole season"),
        (False, False, [SECOND], None),
    ],
)
async def test_a_default_beside_what_is_the_persons_goes_where_it_goes_alone(
    knows: bool | None, *, takes_season: bool, left: list[Key], said: str | None
) -> None:
    there = [ours(SEASON), entry(SECOND, at(3))]
    async with scene(*there, takes_season=takes_season) as it:
        it.result.takes_season = knows
        rows = await it.write(add(SEASON))
        await it.take_back(rows)
        assert it.left() == left
        assert (said or "") in it.result.left_alone.get(SEASON, "")
        assert bool(await it.undone()) is (said is None)


@pytest.mark.parametrize("takes_season", [True, False])
async def test_a_season_that_is_all_ours_goes_and_tells_what_a_removal_takes(
    *, takes_season: bool
) -> None:
    there = [ours(SEASON, 5), ours(FIRST), entry(SECOND, at(20), progress=0)]
    async with scene(*there, takes_season=takes_season) as it:
        rows = await it.write(add(SEASON, 5), add(FIRST), zero(SECOND))
        await it.take_back(rows)
        assert it.left() == []
        assert it.result.takes_season is takes_season
        assert {*it.result.removed} == {SEASON, FIRST, SECOND}
        assert len(await it.undone()) == 3
        removals = 1 if takes_season else 3
        assert len(it.service.asked) == removals
        assert it.service.asked[0] == ("remove", SEASON)


async def test_a_zero_stays_while_a_default_stands_that_it_limits() -> None:
    default = entry(SEASON, at(9))  # the person's
    async with scene(default, entry(SECOND, at(20), progress=0)) as it:
        rows = await it.write(zero(SECOND))
        await it.take_back(rows)
        assert it.result.left_alone == {SECOND: HELD_OUT}
        assert it.left() == [SEASON, SECOND]


async def test_a_removal_that_takes_the_persons_is_said() -> None:
    there = [ours(SEASON), entry(SECOND, at(3))]
    async with scene(*there, takes_season=True) as it:
        it.result.takes_season = False  # so it was learnt
        rows = await it.write(add(SEASON))
        with pytest.raises(RemovedTooMuchError, match="also removed TV_1 S01E02"):
            await it.take_back(rows)
        assert it.result.takes_season is True
        assert await it.undone() == {(SEASON, Action.ADD)}


@pytest.mark.parametrize(
    ("wrote", "there", "takes_season", "undone"),
    [
        # The person had removed it before; what goes is of another run.
        (add(FILM), [ours(FILM, 9)], False, False),
        (full(FILM), [ours(FILM, 9)], False, False),
        (add(FIRST), [ours(FIRST, 9)], False, False),
        (zero(FIRST), [ours(FIRST, 9)], False, False),
        (add(FIRST), [ours(SEASON, 9), ours(FIRST, 9)], True, False),
        # It stood there, also where a PATCH had moved it, and the removal took it.
        (add(FIRST, 2), [ours(SEASON, 9), ours(FIRST, 2)], True, True),
        (add(FIRST, 2), [ours(SEASON, 9), ours(FIRST, 15)], True, True),
        (zero(FIRST), [ours(SEASON, 9), entry(FIRST, at(20), progress=0)], True, True),
    ],
)
async def test_of_another_run_only_what_stood_there_is_taken_back_along(
    wrote: Operation, there: list[Entry], *, takes_season: bool, undone: bool
) -> None:
    async with scene(*there, takes_season=takes_season) as it:
        others = await it.write(wrote)
        rows = await it.write(*(add(e.key, 9) for e in there if e.updated_at == at(9)))
        it.result.takes_season = False  # so it was learnt
        with suppress(RemovedTooMuchError):
            await it.take_back(rows, tuple(others))
        left = {r.run for r in await it.ledger.rows("p") if not r.undone_at}
        assert left == (set() if undone else {others[0].run})
        # Nor would one be that died meanwhile.
        fact = await it.ledger.get_fact("p", UNDOING) or {"rows": []}
        assert (others[0].run in {run for run, _ in fact["rows"]}) is undone


def standing(
    *operations: Operation, run: int = 1, others: int = 0, **result: Any
) -> Standing:
    rows = [Row(run, "p", o, Outcome.APPLIED, T0) for o in operations]
    beside = [Row(9, "p", add(SECOND, 7), Outcome.APPLIED, T0)] * others
    return Standing(rows, beside, ("trakt",), Undone(1, **result))


def test_what_tells_most_and_risks_nothing_goes_first() -> None:
    in_order = [
        standing(add(SEASON), add(FIRST)),
        standing(add(FILM), add(FILM, 2)),
        standing(add(FILM), run=3),
        standing(add(FIRST), add(SECOND), run=2),
        standing(add(SEASON), run=2),
        standing(add(SEASON), add(FIRST), others=1),
    ]
    ranks = [place.rank for place in in_order]
    assert ranks == sorted(ranks)
    assert len({*ranks}) == len(ranks)


def test_the_default_goes_first_and_of_a_key_the_last_write() -> None:
    rows = [
        Row(run, "p", o, Outcome.APPLIED, T0)
        for run, o in [(1, add(FIRST)), (2, full(FIRST)), (1, add(SEASON))]
    ]
    place = Standing(rows[::-1], (), (), Undone(1))
    found = [(row.operation.key, row.run) for row in place.rows]
    assert found == [(SEASON, 1), (FIRST, 2), (FIRST, 1)]


class CountingLabels(tuple[str, ...]):
    """Labels that count how often an entry is asked whose it is."""

    __slots__ = ()
    asked: ClassVar[list[object]] = []

    def __contains__(self, label: object) -> bool:
        self.asked.append(label)
        return super().__contains__(label)


@pytest.mark.parametrize("are_runs", [False, True])
def test_twice_as_many_repeats_of_a_key_are_no_more_than_four_times_the_work(
    *, are_runs: bool
) -> None:
    asked = []
    for number in (20, 40):
        operations = [add(FILM, day) for day in range(1, number + 1)]
        rows = [
            Row(day if are_runs else 1, "p", o, Outcome.APPLIED, at(90))
            for day, o in enumerate(operations, 1)
        ]
        place = Standing(rows, (), labels := CountingLabels(["trakt"]), Undone(1))
        labels.asked.clear()
        place._entries = [ours(FILM, day) for day in range(1, number + 1)]
        assert place._verdict(FILM) == (place.rows, None, None)
        asked.append(len(labels.asked))
    assert asked[1] <= 4 * asked[0] + 40

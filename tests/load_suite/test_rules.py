"""What the loader does with each answer, before a target that is told what to say."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import (
    ContractError,
    RateLimitedError,
    RejectedError,
    ServiceError,
    TransientError,
    UnknownOutcomeError,
)
from sync.domain.entries import Entry
from sync.domain.evidence import Count
from sync.domain.plan import Action, Operation, Restored
from sync.domain.plays import Key
from sync.domain.writes import NOT_SENT, Outcome, Settled, Tally
from sync.events import Advanced, Stage, Waiting
from sync.ledger import Ledger
from sync.load.breaker import MOST_UNCLEAR
from sync.load.loader import (
    GROUP,
    LOOK_UP_WAITS_S,
    MOST_LOST,
    MOST_SENDS,
    Loader,
)
from sync.load.probe import Finding, Unproved, judge
from sync.runtime.stop import Stop
from tests.clocks import FakeClock
from tests.factories import at, entry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from sync.events import Event

SEASON, OTHER_SEASON = Key("TV_1", 1), Key("TV_1", 2)
NO, LOST = RejectedError("No."), UnknownOutcomeError("Cut.")
BLOCK = RateLimitedError("Something blocks this machine.", status=403)


def add(number: int, **fields: Any) -> Operation:
    return Operation(Action.ADD, Key(f"MV_{number}"), at(number), **fields)


def zero(season: Key = SEASON, progress: int = 0) -> Operation:
    key = season._replace(episode=3)
    return Operation(Action.SET, key, at(1), progress=progress)


@dataclass
class Target:
    """Takes each write, unless it was told how to answer this one."""

    answers: dict[Key, list[ServiceError | None]] = field(default_factory=dict)
    reads: dict[str, ServiceError] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    sent: list[tuple[Key, float]] = field(default_factory=list)
    label: str | None = "trakt"
    on_write: Callable[[], None] = lambda: None
    held: dict[Key, asyncio.Event] = field(default_factory=dict)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def open_profile(self) -> str:
        return "p"

    async def read_history(self, _on_page: object) -> list[Entry]:
        return self.entries

    async def remove(self, key: Key) -> None:
        self.entries = [e for e in self.entries if e.key != key]

    async def read_title(self, media: str, season: int | None) -> list[Entry]:
        self.sent.append((Key(media, season), -1))
        if error := self.reads.get(media):
            raise error
        return [e for e in self.entries if e.key.place == (media, season)]

    async def add(self, key: Key, watched_at: datetime) -> None:
        await self.add_entry(Entry(key, watched_at, 100, self.label))

    async def add_entry(self, entry: Entry) -> None:
        self.sent.append((entry.key, entry.progress))
        self.begun.set()
        if entry.key in self.held:
            await self.held[entry.key].wait()
        self.on_write()
        left = self.answers.get(entry.key)
        if left and (error := left.pop(0)):
            raise error
        self.entries.append(entry)

    async def set_progress(self, key: Key, progress: int) -> None:
        await self.add_entry(Entry(key, at(), progress))

    @property
    def writes(self) -> list[Key]:
        return [key for key, progress in self.sent if progress >= 0]


@dataclass
class Bench:
    """A loader's surroundings, and what came of its run."""

    ledger: Ledger
    target: Any = field(default_factory=Target)
    clock: FakeClock = field(default_factory=FakeClock)
    stop: Stop = field(default_factory=Stop)
    events: list[Event] = field(default_factory=list)
    loader: Any = None

    async def load(
        self, operations: Sequence[Operation], *, concurrency: int = 1, **options: Any
    ) -> dict[str, Settled]:
        run = await self.ledger.start_run("p", "migrate", self.clock.now())
        self.loader = Loader(
            self.target,
            self.ledger,
            run,
            clock=self.clock,
            concurrency=concurrency,
            on_event=self.events.append,
            stop=self.stop,
            labels=("trakt", "other"),
        )
        await self.loader.load(operations, **options)
        settled: dict[str, Settled] = self.loader.settled
        return settled

    async def noted(self) -> dict[str, tuple[Outcome, str]]:
        rows = await self.ledger.rows("p", is_restored=None)
        return {row.operation.id: (row.outcome, row.detail) for row in rows}


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    async with await Ledger.open("sqlite://") as ledger:
        yield Bench(ledger)


DEFAULT = Operation(Action.ADD, SEASON, at(5))


@pytest.mark.parametrize(
    ("first", "is_sent"),
    [
        (zero(), False),
        (zero(progress=79), False),
        (zero(progress=80), True),  # it holds nothing off
        (zero(OTHER_SEASON), True),
    ],
)
async def test_a_default_is_not_sent_where_what_limits_it_was_refused(
    first: Operation, *, is_sent: bool
) -> None:
    last = add(9)
    async with bench() as it:
        it.target.answers[first.key] = [NO]
        settled = await it.load([first, DEFAULT, last])
        assert settled[first.id] == (Outcome.REJECTED, "No.")
        told = settled[DEFAULT.id]
        assert told == (Settled(Outcome.APPLIED) if is_sent else told.covers_too_much())
        assert (SEASON in it.target.writes) is is_sent
        assert await it.noted() == settled


async def test_a_zero_that_arrived_holds_no_default_off() -> None:
    async with bench() as it:
        settled = await it.load([zero(), DEFAULT, add(9)])
        assert {s.outcome for s in settled.values()} == {Outcome.APPLIED}


async def test_what_never_arrives_is_sent_so_often_and_looked_up_after_each() -> None:
    async with bench() as it:
        it.target.answers[Key("MV_1")] = [LOST] * 99
        settled = await it.load([add(1)])
        assert settled[add(1).id] == Settled.unclear(MOST_SENDS)
        step = [(Key("MV_1"), 100), (Key("MV_1"), -1), (Key("MV_1"), -1)]
        assert it.target.sent == step * MOST_SENDS
        assert it.clock.slept == [*LOOK_UP_WAITS_S] * MOST_SENDS
        waits = [e for e in it.events if isinstance(e, Waiting)]
        assert {(w.service, w.reason) for w in waits} == {
            ("Discovr", "Cut. It is looked for before it is sent again.")
        }


async def test_what_is_found_after_all_is_in_place_and_not_sent_again() -> None:
    async with bench() as it:
        it.target.answers[Key("MV_1")] = [LOST]
        it.target.entries.append(entry("MV_1", at(1)))
        settled = await it.load([add(1), add(2)])
        assert settled[add(1).id] == Settled.found_in_place()
        assert it.target.writes == [Key("MV_1"), Key("MV_2")]


async def test_so_many_without_an_answer_in_a_row_are_the_last() -> None:
    operations = [add(number) for number in range(1, 9)]
    async with bench() as it:
        for operation in operations:
            it.target.answers[operation.key] = [LOST] * 99
        with pytest.raises(ServiceError, match="8 writes in a row"):
            await it.load(operations)
        assert len(it.target.writes) == MOST_UNCLEAR
        # Of the last one it is said how often that was sent.
        told = it.loader.settled
        assert told == {
            add(1).id: Settled.unclear(MOST_SENDS),
            add(2).id: Settled.unclear(MOST_UNCLEAR - MOST_SENDS),
        }


async def test_an_arrival_begins_the_count_anew() -> None:
    operations = [add(number) for number in range(1, 9)]
    async with bench() as it:
        for operation in operations:
            it.target.answers[operation.key] = [LOST] * 4
        settled = await it.load(operations)
        assert {s.outcome for s in settled.values()} == {Outcome.APPLIED}


@pytest.mark.parametrize("unclear", [True, False])
async def test_what_an_earlier_run_may_have_sent_is_looked_for_alone(
    *, unclear: bool
) -> None:
    async with bench() as it:
        it.target.entries.append(entry("MV_1", at(1)))
        keys = [Key("MV_1")] if unclear else []
        settled = await it.load([add(1), add(2)], unclear=keys)
        assert it.target.writes == [Key("MV_1"), Key("MV_2")][unclear:]
        assert (settled[add(1).id] == Settled.found_in_place()) is unclear


@pytest.mark.parametrize("kind", [RejectedError, ContractError, TransientError])
async def test_a_title_that_cannot_be_read_back_stops_no_other(
    kind: type[ServiceError],
) -> None:
    async with bench() as it:
        it.target.answers[Key("MV_1")] = [LOST]
        it.target.reads["MV_1"] = kind("It is gone.")
        settled = await it.load([add(1), add(2)])
        assert settled[add(1).id] == (Outcome.UNKNOWN, "It is gone.")
        assert settled[add(2).id] == Settled(Outcome.APPLIED)


async def test_a_limit_on_reading_ends_the_run() -> None:
    async with bench() as it:
        it.target.answers[Key("MV_1")] = [LOST]
        it.target.reads["MV_1"] = RateLimitedError("Too many.")
        with pytest.raises(RateLimitedError):
            await it.load([add(1), add(2)])
        assert it.target.writes == [Key("MV_1")]
        assert await it.noted() == {
            add(1).id: (Outcome.PENDING, ""),
            add(2).id: (Outcome.REJECTED, NOT_SENT),
        }
        assert it.loader.tally == Tally(0, 0, 1, 1)
        assert it.loader.outcomes == {add(1).id: Settled.left_open()}


def of_show(number: int) -> Operation:
    return Operation(Action.ADD, SEASON._replace(episode=number), at(number))


async def test_a_title_whose_writes_are_blocked_stops_no_other() -> None:
    """None of it got through, and its other writes are not even sent."""
    blocked = [of_show(number) for number in range(1, 9)]
    async with bench() as it:
        for operation in blocked:
            it.target.answers[operation.key] = [BLOCK]
        settled = await it.load([*blocked, add(9), of_show(10), add(11)])
        assert it.target.writes == [blocked[0].key, Key("MV_9"), Key("MV_11")]
        refused = Settled(Outcome.REJECTED, BLOCK.message)
        arrived = {add(n).id: Settled(Outcome.APPLIED) for n in (9, 11)}
        left = {o.id: refused for o in (*blocked, of_show(10))}
        assert settled == left | arrived


@pytest.mark.parametrize(("titles", "is_over"), [(5, True), (2, True), (1, False)])
@pytest.mark.parametrize("arrives", [True, False])
async def test_blocks_of_title_after_title_end_it_in_their_own_words(
    titles: int, *, arrives: bool, is_over: bool
) -> None:
    blocked = [add(number) for number in range(1, titles + 1)]
    async with bench() as it:
        for operation in blocked:
            it.target.answers[operation.key] = [BLOCK]
        operations = [*([add(50)] if arrives else []), *blocked]
        if is_over and (titles == 5 or not arrives):
            with pytest.raises(RateLimitedError, match="Something blocks"):
                await it.load(operations)
        else:
            await it.load(operations)
        assert it.loader.tally == Tally(arrives, titles, 0, 0)


@pytest.mark.parametrize(("gap", "is_over"), [(False, True), (True, False)])
async def test_look_ups_that_are_lost_in_a_row_end_it(
    *, gap: bool, is_over: bool
) -> None:
    lost = [add(number) for number in range(1, MOST_LOST + 1)]
    operations = [*lost[:-1], *([add(50)] if gap else []), lost[-1], add(99)]
    async with bench() as it:
        for operation in lost:
            it.target.answers[operation.key] = [LOST]
            it.target.reads[operation.key.media] = TransientError("Down.")
        if is_over:
            with pytest.raises(TransientError, match="Down"):
                await it.load(operations)
        else:
            await it.load(operations)
        assert (Key("MV_99") in it.target.writes) is not is_over


async def test_each_outcome_is_told_and_counted() -> None:
    async with bench() as it:
        it.target.answers[Key("MV_2")] = [NO]
        await it.load([add(1), add(2), add(3)])
        assert it.loader.tally == Tally(2, 1, 0, 0)
        told = [e for e in it.events if isinstance(e, Advanced)]
        assert told == [Advanced(Stage.LOAD, n, 3) for n in (1, 2, 3)]


async def test_what_was_asked_to_stop_leaves_no_intent_open() -> None:
    operations = [add(number) for number in range(1, GROUP + 4)]
    async with bench() as it:
        it.target.on_write = it.stop.request
        settled = await it.load(operations)
        assert it.loader.is_stopping
        assert it.target.writes == [Key("MV_1")]
        assert settled == {add(1).id: Settled(Outcome.APPLIED)}
        assert it.loader.tally == Tally(1, 0, 0, GROUP + 2)
        noted = await it.noted()
        assert noted.pop(add(1).id) == (Outcome.APPLIED, "")
        assert {*noted.values()} == {(Outcome.REJECTED, NOT_SENT)}


async def test_intents_go_a_group_ahead_and_outcomes_a_group_at_a_time() -> None:
    operations = [add(number) for number in range(1, 3 * GROUP + 1)]
    seen: list[tuple[str, int, int]] = []

    class Telling(Ledger):
        async def intend(self, run: int, operations: Any, *args: Any) -> None:
            seen.append(("intend", len(operations), len(target.writes)))
            await super().intend(run, operations, *args)

        async def settle(self, run: int, outcomes: Any, at: Any) -> None:
            seen.append(("settle", len(outcomes), len(target.writes)))
            await super().settle(run, outcomes, at)

    async with await Telling.open("sqlite://") as ledger:
        it = Bench(ledger)
        target = it.target
        await it.load(operations)
        applied = await ledger.rows("p", outcome=Outcome.APPLIED)
        assert len(applied) == len(operations)
    assert [size for what, size, _ in seen if what == "intend"] == [GROUP] * 3
    assert [size for what, size, _ in seen if what == "settle"] == [GROUP] * 3
    # Nothing is sent before its intent is durable, and no more than two are ahead.
    began = [writes for what, _, writes in seen if what == "intend"]
    assert began[0] == 0
    assert all(writes <= GROUP * n for n, writes in enumerate(began))
    assert began[2] >= GROUP - 1


@pytest.mark.parametrize(
    ("operations", "sent_beside"),
    [
        ([add(1), add(2), add(3)], {1}),  # the newest ends on top
        ([add(1), Operation(Action.ADD, Key("MV_1"), at(2)), add(3)], set()),
        ([zero(), add(2), DEFAULT, add(4)], {1}),
        ([zero(OTHER_SEASON), DEFAULT, add(4)], {1}),
        ([DEFAULT, zero(), add(4)], {1}),
    ],
)
async def test_a_write_waits_for_those_that_have_to_stand_before_it(
    operations: list[Operation], sent_beside: set[int]
) -> None:
    async with bench() as it:
        first = operations[0].key
        it.target.held[first] = free = asyncio.Event()
        loading = asyncio.create_task(it.load(operations, concurrency=9))
        await it.target.begun.wait()
        for _ in range(50):
            await asyncio.sleep(0)
        beside = it.target.writes[1:]
        free.set()
        await loading
    assert beside == [operations[n].key for n in sorted(sent_beside)]


def back(number: int, *, at_: datetime | None = None, **fields: Any) -> Operation:
    known: dict[str, Any] = {"progress": 30, "label": "x", "at": at_}
    return add(number, restored=Restored(**known | fields))


@pytest.mark.parametrize(
    ("operations", "viewings", "read"),
    [
        ([add(1), add(2)], None, [1]),
        ([zero(), add(2), add(3)], None, [2]),  # a SET tells of no labels and times
        ([add(1), add(2)], {Key("MV_1"): Count(1)}, [1]),  # it is told by its minute
        ([add(1), add(2)], {}, [1]),
        ([back(1), add(2), add(3)], None, [1, 2]),  # without a time it proves none
        ([back(1), back(2), add(3)], None, [1, 3]),
        ([back(1, at_=at(1)), add(2)], None, [1]),
        ([zero()], None, []),
    ],
)
async def test_the_first_is_read_back_and_else_the_next_that_can_tell(
    operations: list[Operation], viewings: dict[Key, Count] | None, read: list[int]
) -> None:
    async with bench() as it:
        await it.load(operations, viewings=viewings, unproved=Unproved())
        reads = [key for key, progress in it.target.sent if progress < 0]
        assert reads == [Key(f"MV_{number}") for number in read]
        assert it.loader.is_probed is bool(read)
        assert len(it.target.writes) == len(operations)


AT_1, AT_9 = at(1), at(9)
MERGED = Count(1, frozenset({AT_9}))


@pytest.mark.parametrize(
    ("operation", "listed", "before", "finding"),
    [
        # Others of its key, each listed by itself.
        (add(1), [entry("MV_1", AT_9)], MERGED, Finding.NOT_LISTED),
        (
            add(1),
            [entry("MV_1", at(5)), entry("MV_1", AT_9)],
            MERGED,
            Finding.TIME_LOST,
        ),
        (
            add(1),
            [entry("MV_1", AT_1), entry("MV_1", AT_9)],
            MERGED,
            Finding.LABEL_LOST,
        ),
        # One for all, which tells the time and the label of the newest.
        (add(1), [entry("MV_1", AT_9, count=2)], MERGED, Finding.HIDDEN),
        (add(1), [entry("MV_1", at(5), count=2)], MERGED, Finding.TIME_LOST),
        (
            add(1),
            [entry("MV_1", AT_1, imported="x", count=2)],
            Count(1, frozenset({at(0)})),
            Finding.HIDDEN,
        ),
        # What a copy brings back without a time.
        (back(1), [], Count(), Finding.NOT_LISTED),
        (back(1), [entry("MV_1", at(5))], Count(), Finding.LABEL_LOST),
        (back(1), [entry("MV_1", at(5), imported="x")], Count(), Finding.PROGRESS_LOST),
        (
            back(1),
            [entry("MV_1", at(5), imported="x", progress=30)],
            Count(),
            Finding.HIDDEN,
        ),
        (back(1), [entry("MV_1", AT_9, count=2)], MERGED, Finding.HIDDEN),
    ],
)
def test_an_entry_beside_others_shows_what_can_be_told_of_it(
    operation: Operation, listed: list[Entry], before: Count, finding: Finding
) -> None:
    assert judge(operation, listed, before, ("trakt",)) is finding


async def test_one_that_was_refused_is_not_read_back() -> None:
    async with bench() as it:
        it.target.answers[Key("MV_1")] = [NO]
        await it.load([add(1), add(2), add(3)], unproved=Unproved())
        reads = [key for key, progress in it.target.sent if progress < 0]
        assert reads == [Key("MV_2")]


@pytest.mark.parametrize(
    ("listed", "operation", "problem"),
    [
        (None, add(1), "does not list it"),
        (entry("MV_1", at(2)), add(1), "did not keep its time"),
        (entry("MV_1", at(1)), add(1), "did not keep its label"),
        (entry("MV_1", at(1), imported="x"), add(1), "did not keep its label"),
        (entry("MV_1", at(1), imported="other"), add(1), ""),
        (entry("MV_1", at(1), imported="trakt"), add(1), ""),
        (entry("MV_1", at(1), imported="x", progress=30.9), back(1, at_=at(1)), ""),
        (
            entry("MV_1", at(1), imported="x", progress=31),
            back(1, at_=at(1)),
            "did not keep its progress",
        ),
        (
            entry("MV_1", at(1), imported="trakt", progress=30),
            back(1, at_=at(1)),
            "did not keep its label",
        ),
        (entry("MV_1", at(1), progress=30), back(1, at_=at(1), label=None), ""),
    ],
)
async def test_the_first_entry_has_to_come_back_as_it_was_sent(
    listed: Entry | None, operation: Operation, problem: str
) -> None:
    async with bench() as it:

        async def show(media: str, _season: int | None) -> list[Entry]:
            it.target.sent.append((Key(media), -1))
            beside = entry("MV_7", at(1), imported="trakt")
            return [beside, listed] if listed else [beside]

        it.target.read_title = show
        if not problem:
            await it.load([operation, add(2)], unproved=Unproved())
            assert it.clock.slept == []
            return
        with pytest.raises(ContractError, match=problem):
            await it.load([operation, add(2)], unproved=Unproved())
        assert it.target.writes == [Key("MV_1")]
        # A list may lag.
        assert it.clock.slept == ([*LOOK_UP_WAITS_S] if listed is None else [])
        assert await it.noted() == {operation.id: (Outcome.APPLIED, "")}


async def test_where_every_viewing_counts_a_lost_one_is_told_by_their_number() -> None:
    """Repeats are listed merged: two of three stand there, and the last was lost."""
    key = Key("MV_1")
    operations = [Operation(Action.ADD, key, at(day)) for day in (1, 2, 3)]
    for there, writes in ((3, 3), (2, 4)):
        async with bench() as it:
            it.target.answers[key] = [None, None, LOST]
            merged = [entry(key, at(2), imported="trakt", count=there)]

            async def show(*_: Any, listed: list[Entry] = merged) -> list[Entry]:
                return listed

            it.target.read_title = show
            settled = await it.load(operations, viewings={})
            assert {s.outcome for s in settled.values()} == {Outcome.APPLIED}
            assert len(it.target.writes) == writes


async def test_a_target_that_takes_nothing_back_refuses_what_is_restored() -> None:
    class Plain:
        async def read_title(self, *_: object) -> list[Entry]:
            return []

    async with bench() as it:
        it.target = Plain()
        settled = await it.load([back(1, at_=at(1))])
        (told,) = settled.values()
        assert told == (Outcome.REJECTED, "The target takes no entry back.")

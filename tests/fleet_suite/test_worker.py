"""Workers: what is due is run, by one of them at a time, and is due again."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sync.fleet.calendar import Kind, State, Verdict
from sync.fleet.dispatch import (
    DISPATCH_EVERY_S,
    DISPATCH_SOON_S,
    MISSES,
    PROBE_EVERY,
    Dispatch,
)
from sync.fleet.profiles import (
    _PICK_ANY,
    _PICK_URGENT,
    LEASE,
    NewProfile,
    Profiles,
)
from sync.fleet.worker import GIVES_WAY_AFTER_S, READS_FOR_S, Worker
from sync.ledger.errors import StateError
from tests.clocks import FakeClock
from tests.fleet_suite.fakes import MemoryQueue, Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from sync.fleet.database import FleetDatabase
    from sync.fleet.profiles import Profile
    from sync.fleet.queue import Job

START = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = timedelta(hours=6)


@pytest.fixture
def profiles(fleet: FleetDatabase) -> Profiles:
    return Profiles(fleet)


async def add(profiles: Profiles, *names: str, source: str = "trakt") -> None:
    await profiles.add([NewProfile(name, source, EVERY) for name in names], START)


async def one(profiles: Profiles, name: str) -> Profile:
    (found,) = await profiles.find([name])
    return found


class StillClock(FakeClock):
    """A clock that nobody but the test moves."""

    async def sleep(self, seconds: float) -> None:
        del seconds
        await asyncio.Event().wait()


def hired(
    profiles: Profiles, script: Script, clock: FakeClock, slots: int = 2
) -> tuple[Worker, MemoryQueue]:
    queue = MemoryQueue()
    worker = Worker(
        profiles, queue, script, slots=slots, clock=clock, uniform=lambda *_: 1.0
    )
    return worker, queue


def unending(
    profiles: Profiles, clock: FakeClock, *verdicts: Verdict
) -> tuple[Worker, Script]:
    """Return a worker whose runs end once the gate is open."""
    script = Script(*verdicts)
    script.gate.clear()
    worker, _ = hired(profiles, script, clock)
    return worker, script


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0)


@asynccontextmanager
async def handling(
    worker: Worker, name: str, profiles: Profiles
) -> AsyncIterator[None]:
    number = (await one(profiles, name)).id
    task = asyncio.create_task(worker.handle(number))
    try:
        yield
    finally:
        await asyncio.wait_for(task, 20)


async def test_a_profile_is_brought_over_and_then_kept_in_step(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    clock, script = FakeClock(START), Script()
    worker, _ = hired(profiles, script, clock)
    assert await worker.dispatch(Kind.FIRST) == 1
    assert await worker.dispatch(Kind.FIRST) == 0
    await worker.handle((await one(profiles, "Me")).id)
    me = await one(profiles, "Me")
    assert (me.kind, me.state, me.failures) == (Kind.KEEP, State.ACTIVE, 0)
    assert me.due_at == START + EVERY
    assert me.last_ok_at == START
    assert (me.queued_at, me.running_since) == (None, None)
    assert await worker.dispatch(Kind.KEEP) == 0
    clock.advance(EVERY.total_seconds())
    assert len(await profiles.pick(Kind.KEEP, 9, clock.now())) == 1


async def test_a_job_of_a_profile_that_is_not_due_any_more_runs_nothing(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    script = Script()
    worker, _ = hired(profiles, script, FakeClock(START))
    number = (await one(profiles, "Me")).id
    await worker.handle(number)
    await worker.handle(number)
    assert script.ran == ["Me"]


async def test_a_lost_login_is_not_tried_again_until_there_is_one(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    clock = FakeClock(START)
    worker, _ = hired(profiles, Script(Verdict.LOGIN), clock)
    number = (await one(profiles, "Me")).id
    await worker.handle(number)
    me = await one(profiles, "Me")
    assert (me.state, me.last_error) == (State.NEEDS_LOGIN, "It did not work.")
    clock.advance(1e6)
    assert await worker.dispatch(Kind.FIRST) == 0
    await profiles.signed_in(number, clock.now())
    assert await worker.dispatch(Kind.FIRST) == 1


async def test_a_job_that_the_queue_lost_is_queued_again(profiles: Profiles) -> None:
    await add(profiles, "Me")
    clock = FakeClock(START)
    worker, _ = hired(profiles, Script(), clock)
    assert await worker.dispatch(Kind.FIRST) == 1
    other, _ = hired(profiles, Script(), clock)  # whose queue knows of nothing
    assert await other.dispatch(Kind.FIRST) == 0
    clock.advance(LEASE.total_seconds() + 1)
    assert await other.dispatch(Kind.FIRST) == 1


async def test_what_the_queue_could_not_take_is_offered_again_soon(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    clock = FakeClock(START)

    class Broken(MemoryQueue):
        async def enqueue(self, jobs: Sequence[Job]) -> list[bool]:
            raise StateError("It is down.")

    broken = Worker(profiles, Broken(), Script(), slots=2, clock=clock)
    with pytest.raises(StateError):
        await broken.dispatch(Kind.FIRST)
    clock.advance(3)
    worker, _ = hired(profiles, Script(), clock)
    assert await worker.dispatch(Kind.FIRST) == 1


async def test_no_more_is_queued_than_twice_the_slots_and_the_longest_due_first(
    profiles: Profiles,
) -> None:
    for number in range(9):
        later = START - timedelta(minutes=number)
        await profiles.add([NewProfile(f"p{number}", "trakt", EVERY)], later)
    clock = FakeClock(START)
    worker, _ = hired(profiles, Script(), clock, slots=2)
    assert await worker.dispatch(Kind.FIRST) == 4
    assert await worker.dispatch(Kind.FIRST) == 0
    queued = [p.profile for p in await profiles.all() if p.queued_at]
    assert queued == ["p5", "p6", "p7", "p8"]
    assert await profiles.waiting(Kind.FIRST, clock.now()) == 4


async def test_what_a_person_wants_now_goes_first(profiles: Profiles) -> None:
    await add(profiles, *(f"p{number}" for number in range(9)))
    await profiles.change(["p8"], "due", START)
    worker, _ = hired(profiles, Script(), FakeClock(START), slots=1)
    assert await worker.dispatch(Kind.FIRST) == 2
    assert (await one(profiles, "p8")).queued_at
    await worker.handle((await one(profiles, "p8")).id)
    assert (await one(profiles, "p8")).priority == 0


async def test_two_workers_never_queue_the_same_profile(profiles: Profiles) -> None:
    await add(profiles, *(f"p{number}" for number in range(40)))
    clock = FakeClock(START)
    crew = [hired(profiles, Script(), clock, slots=4)[0] for _ in range(5)]
    # Each has a queue of its own, so that only the calendar keeps them apart.
    taken = await asyncio.gather(*(worker.dispatch(Kind.FIRST) for worker in crew))
    queued = [p for p in await profiles.all() if p.queued_at]
    assert sum(taken) == len(queued)


@pytest.mark.parametrize("read_s", [0, GIVES_WAY_AFTER_S / 2, READS_FOR_S / 2])
async def test_a_migration_gives_way_once_it_wrote_for_long_and_is_due_again(
    profiles: Profiles, read_s: float
) -> None:
    await add(profiles, "Me")
    clock = FakeClock(START)
    worker, script = unending(profiles, clock, Verdict.GAVE_WAY)
    async with handling(worker, "Me", profiles):
        await until(lambda: clock.now() - START >= timedelta(seconds=read_s))
        await until(lambda: bool(script.stops))
        (stop,) = script.stops
        with stop.heeded():
            began = clock.now()
            await until(lambda: stop.is_requested)
        script.gate.set()
    written_s = (clock.now() - began).total_seconds()
    due_s = max(GIVES_WAY_AFTER_S, read_s)
    assert due_s <= written_s <= due_s + 5
    me = await one(profiles, "Me")
    assert (me.kind, me.failures) == (Kind.FIRST, 0)
    assert me.due_at == clock.now()
    assert worker.tally.endings["gave_way"] == 1


async def test_what_has_written_all_is_not_cut_off_while_it_compares(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    worker, script = unending(profiles, FakeClock(START))
    async with handling(worker, "Me", profiles):
        await until(lambda: bool(script.stops))
        with script.stops[0].heeded():
            pass
        await until(lambda: script.stops[0].is_requested)
        script.gate.set()
    assert (await one(profiles, "Me")).kind is Kind.KEEP


async def test_a_migration_does_not_read_for_ever(profiles: Profiles) -> None:
    await add(profiles, "Me")
    worker, script = unending(profiles, FakeClock(START))
    async with handling(worker, "Me", profiles):
        await until(lambda: bool(script.ran))
    me = await one(profiles, "Me")
    assert (me.kind, me.failures) == (Kind.FIRST, 0)
    assert me.due_at == START + timedelta(seconds=READS_FOR_S)
    assert worker.tally.endings["gave_way"] == 1


@pytest.mark.parametrize("how", ["pause", "remove", "other source", "shared"])
async def test_a_run_of_who_is_paused_removed_or_another_ends(
    profiles: Profiles, how: str
) -> None:
    await add(profiles, "Me", "You")
    clock = StillClock(START)
    worker, script = unending(profiles, clock)
    async with handling(worker, "Me", profiles), handling(worker, "You", profiles):
        await until(lambda: len(script.stops) == 2)
        if how == "other source":
            await add(profiles, "Me", source="trakt:other")
        elif how == "shared":  # so it is in another account on Discovr
            await profiles.add(
                [NewProfile("Me", "trakt", EVERY, is_shared=True)], clock.now()
            )
        else:
            await profiles.change(["Me"], how, clock.now())
        staying = asyncio.create_task(worker.stay())
        await until(lambda: worker.running == 1)
        script.gate.set()
        await until(lambda: worker.running == 0)
        worker.stop()
        await staying
    stops = dict(zip(script.ran, script.stops, strict=False))
    assert [name for name, stop in stops.items() if stop.is_requested] == ["Me"]
    assert (await one(profiles, "You")).kind is Kind.KEEP


async def test_what_begins_while_it_is_asked_who_is_paused_goes_on(
    profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(profiles, "Me", "You")
    worker, script = unending(profiles, StillClock(START))
    you, begun = (await one(profiles, "You")).id, []
    ask = profiles.sources

    async def ask_slowly(numbers: Sequence[int]) -> dict[int, tuple[str, bool]]:
        found = await ask(numbers)
        begun.append(asyncio.create_task(worker.handle(you)))
        await until(lambda: len(script.stops) == 2)
        return found

    monkeypatch.setattr(profiles, "sources", ask_slowly)
    async with handling(worker, "Me", profiles):
        await until(lambda: bool(script.stops))
        staying = asyncio.create_task(worker.stay())
        await until(lambda: worker.tally.looked_at is not None)
        assert not [stop for stop in script.stops if stop.is_requested]
        script.gate.set()
    await asyncio.wait(begun)
    worker.stop()
    await staying


async def test_who_was_paused_once_is_left_to_settle(profiles: Profiles) -> None:
    await add(profiles, "Me")
    clock = FakeClock(START)
    worker, script = unending(profiles, clock)
    async with handling(worker, "Me", profiles):
        await until(lambda: bool(script.stops))
        staying = asyncio.create_task(worker.stay())
        with script.stops[0].heeded():
            await profiles.change(["Me"], "pause", clock.now())
            await until(lambda: script.stops[0].is_requested)
        settled, tally = clock.now(), worker.tally
        await until(lambda: (tally.looked_at or START) > settled + timedelta(seconds=9))
        script.gate.set()
    worker.stop()
    await staying
    assert (await one(profiles, "Me")).kind is Kind.KEEP


async def test_nothing_begins_in_a_worker_that_is_told_to_stop_meanwhile(
    profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(profiles, "Me")
    script = Script()
    worker, _ = hired(profiles, script, FakeClock(START))
    begin = profiles.begin

    async def begin_late(number: int, now: datetime) -> Profile | None:
        found = await begin(number, now)
        worker.stop()
        return found

    monkeypatch.setattr(profiles, "begin", begin_late)
    await worker.handle((await one(profiles, "Me")).id)
    assert script.ran == []
    me = await one(profiles, "Me")
    assert (me.running_since, me.queued_at, me.due_at) == (None, None, START)


async def test_what_settles_its_writes_is_asked_and_not_cut_off(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    script = Script(Verdict.GAVE_WAY)
    script.gate.clear()
    worker, _ = hired(profiles, script, StillClock(START))
    async with handling(worker, "Me", profiles):
        await until(lambda: bool(script.stops))
        with script.stops[0].heeded():
            worker.stop()
            for _ in range(20):
                await asyncio.sleep(0)
            assert worker.running == 1
            script.gate.set()
            await until(lambda: not worker.running)
    assert (await one(profiles, "Me")).due_at is not None


async def test_a_worker_that_stops_gives_back_what_it_has_not_begun(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    clock, script = FakeClock(START), Script()
    worker, _ = hired(profiles, script, clock)
    await worker.dispatch(Kind.FIRST)
    worker.stop()
    await worker.handle((await one(profiles, "Me")).id)
    assert script.ran == []
    clock.advance(3)
    other, _ = hired(profiles, script, clock)
    assert await other.dispatch(Kind.FIRST) == 1


async def test_who_was_frozen_writes_down_nothing_once_another_one_has_begun(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    clock, script = StillClock(START), Script(Verdict.AGAIN)
    script.gate.clear()
    frozen, _ = hired(profiles, script, clock)
    number = (await one(profiles, "Me")).id
    task = asyncio.create_task(frozen.handle(number))
    await until(lambda: bool(script.ran))
    # The engine has heard nothing of it for too long, and gives the job to another.
    later = FakeClock(START + timedelta(seconds=40))
    other, _ = hired(profiles, Script(), later)
    await other.handle(number)
    script.gate.set()
    await asyncio.wait_for(task, 20)
    me = await one(profiles, "Me")
    assert (me.kind, me.failures, me.last_error) == (Kind.KEEP, 0, None)


async def test_a_profile_that_is_paused_in_its_run_stays_paused(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    script = Script()
    script.gate.clear()
    worker, _ = hired(profiles, script, StillClock(START))
    async with handling(worker, "Me", profiles):
        await until(lambda: bool(script.ran))
        await profiles.change(["Me"], "pause", START)
        script.gate.set()
    me = await one(profiles, "Me")
    assert (me.state, me.kind) == (State.PAUSED, Kind.KEEP)
    await profiles.change(["Me"], "resume", START)
    assert (await one(profiles, "Me")).state is State.ACTIVE


async def test_a_profile_that_was_removed_comes_back_when_it_is_added(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me", "You")
    await profiles.change(["Me"], "remove", START)
    assert [p.profile for p in await profiles.all()] == ["You"]
    worker, _ = hired(profiles, Script(), FakeClock(START))
    assert await worker.dispatch(Kind.FIRST) == 1
    await add(profiles, "Me")
    assert (await one(profiles, "Me")).state is State.ACTIVE


async def test_a_source_that_changes_during_a_run_is_carried_over_after_it(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me", source="/a/download.zip")
    script = Script()
    script.gate.clear()
    worker, _ = hired(profiles, script, StillClock(START))
    async with handling(worker, "Me", profiles):
        await until(lambda: bool(script.ran))
        await add(profiles, "Me", source="trakt:sean")
        script.gate.set()
    me = await one(profiles, "Me")
    assert (me.kind, me.due_at, me.last_ok_at) == (Kind.FIRST, START, None)
    assert (me.running_since, me.queued_at, me.worker) == (None, None, None)
    assert await worker.dispatch(Kind.FIRST) == 1


async def test_who_is_wanted_during_a_run_runs_once_more(profiles: Profiles) -> None:
    await add(profiles, "Me")
    await profiles.change(["Me"], "due", START)
    script, wanted_at = Script(), START - timedelta(seconds=5)  # by a clock that lags
    script.gate.clear()
    worker, _ = hired(profiles, script, StillClock(START))
    async with handling(worker, "Me", profiles):
        await until(lambda: bool(script.ran))
        await profiles.change(["Me"], "due", wanted_at)
        script.gate.set()
    me = await one(profiles, "Me")
    assert (me.kind, me.due_at, me.last_ok_at) == (Kind.KEEP, wanted_at, START)
    await worker.handle(me.id)
    me = await one(profiles, "Me")
    assert (me.due_at, me.priority) == (wanted_at + EVERY, 0)


@pytest.mark.parametrize("is_for_all", [False, True])
async def test_who_signs_in_while_a_run_is_refused_waits_for_nothing(
    profiles: Profiles, *, is_for_all: bool
) -> None:
    await profiles.add([NewProfile("Me", "trakt", EVERY, is_shared=is_for_all)], START)
    worker, script = unending(profiles, StillClock(START), Verdict.LOGIN)
    async with handling(worker, "Me", profiles):
        await until(lambda: bool(script.ran))
        me = await one(profiles, "Me")
        if is_for_all:
            await profiles.signed_in_for_all("discovr", START)
        else:
            await profiles.signed_in(me.id, START)
        script.gate.set()
    me = await one(profiles, "Me")
    assert (me.state, me.due_at) == (State.ACTIVE, START)
    await worker.handle(me.id)
    me = await one(profiles, "Me")
    assert (me.kind, me.state, me.failures) == (Kind.KEEP, State.ACTIVE, 0)


async def test_a_run_that_is_refused_for_good_waits_also_if_it_was_wanted_meanwhile(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    worker, script = unending(profiles, StillClock(START), Verdict.LOGIN, Verdict.LOGIN)
    async with handling(worker, "Me", profiles):
        await until(lambda: bool(script.ran))
        await profiles.change(["Me"], "due", START)
        script.gate.set()
    me = await one(profiles, "Me")
    assert me.state is State.ACTIVE
    await worker.handle(me.id)
    assert (await one(profiles, "Me")).state is State.NEEDS_LOGIN


async def test_a_run_by_the_login_of_another_account_says_nothing_of_this_one(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    worker, script = unending(profiles, StillClock(START), Verdict.LOGIN)
    async with handling(worker, "Me", profiles):
        await until(lambda: bool(script.ran))
        await profiles.add([NewProfile("Me", "trakt", EVERY, is_shared=True)], START)
        script.gate.set()
    me = await one(profiles, "Me")
    assert (me.state, me.due_at, me.running_since) == (State.ACTIVE, START, None)


async def test_who_was_frozen_before_a_run_takes_none_from_another_worker(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    number = (await one(profiles, "Me")).id
    later = START + timedelta(seconds=40)
    running = await profiles.begin(number, later)
    assert running is not None
    assert await profiles.begin(number, START) is None
    assert (await one(profiles, "Me")).running_since == later


async def test_what_is_wanted_now_by_a_clock_that_is_ahead_is_due_now(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    ahead = datetime.now(UTC) + timedelta(hours=5)
    await profiles.change(["Me"], "due", ahead)
    me = await one(profiles, "Me")
    assert me.due_at is not None
    assert me.due_at < ahead - timedelta(hours=4)


async def test_another_source_begins_anew_and_the_same_one_changes_no_plan(
    profiles: Profiles,
) -> None:
    await add(profiles, "Me")
    clock = FakeClock(START)
    worker, _ = hired(profiles, Script(), clock)
    await worker.handle((await one(profiles, "Me")).id)
    await profiles.add([NewProfile("Me", "trakt", EVERY / 2, "a note")], START)
    me = await one(profiles, "Me")
    assert (me.kind, me.due_at, me.every) == (Kind.KEEP, START + EVERY, EVERY / 2)
    await add(profiles, "Me", source="/a/download.zip")
    me = await one(profiles, "Me")
    assert (me.kind, me.due_at) == (Kind.FIRST, START)


@pytest.mark.parametrize("kept", [0, 13, 40])
async def test_while_a_service_is_down_the_others_are_spared(
    fleet: FleetDatabase, profiles: Profiles, kept: int
) -> None:
    names = [f"p{number:02}" for number in range(40)]
    await add(profiles, *names)
    keep = "UPDATE fleet_profile SET kind = 'keep' WHERE profile = ANY($1)"
    await fleet.rows(keep, names[:kept])
    clock, script = StillClock(START), Script()
    script.is_down = True
    worker, queue = hired(profiles, script, clock, slots=2)

    async def turn() -> int:
        taken = sum([await worker.dispatch(kind) for kind in Kind])
        for number in [*queue.waiting]:
            queue.forget(number)
            await worker.handle(number)
        clock.advance(1)
        return taken

    while len(script.ran) < MISSES:
        assert await turn() > 0
    tried = len(script.ran)
    taken = [await turn() for _ in range(90)]
    # One now and then, to see whether it is back: each of them another one.
    assert sum(taken) == 3
    assert len(script.ran) == tried + 3
    waiting = [p for p in await profiles.all() if not p.failures]
    assert len(waiting) >= 40 - tried - 3
    script.is_down = False
    clock.advance(PROBE_EVERY.total_seconds())
    assert await turn() == 1
    assert await turn() in {4, 8}  # of each kind that is due


def test_a_clock_that_is_set_back_keeps_nobody_from_looking_whether_it_is_over() -> (
    None
):
    dispatch = Dispatch()
    for _ in range(MISSES):
        dispatch.note(is_down=True)
    assert dispatch.room(2, 0, START) == 1
    dispatch.moved(1, 1)
    assert dispatch.room(2, 0, START + PROBE_EVERY / 2) == 0
    assert dispatch.room(2, 0, START - timedelta(hours=1)) == 1
    assert dispatch.room(2, 0, START + PROBE_EVERY) == 1


async def test_workers_run_all_that_is_due_and_end_when_they_are_told(
    profiles: Profiles,
) -> None:
    names = [f"p{number}" for number in range(20)]
    await add(profiles, *names)
    clock, script, queue = FakeClock(START), Script(), MemoryQueue()
    crew = [Worker(profiles, queue, script, slots=2, clock=clock) for _ in range(2)]
    tasks = [asyncio.create_task(worker.stay()) for worker in crew]
    await until(lambda: len(script.ran) >= 20)
    for worker in crew:
        worker.stop()
    await asyncio.wait_for(asyncio.gather(*tasks), 20)
    assert sorted(script.ran)[:20] == sorted(names)
    counts = {c.kind: c for c in await profiles.count(clock.now())}
    assert counts[Kind.KEEP].well == 20


@pytest.mark.parametrize(
    ("due", "pause_s"), [(1, DISPATCH_EVERY_S), (9, DISPATCH_SOON_S)]
)
async def test_where_more_is_due_than_there_is_room_for_it_looks_again_soon(
    profiles: Profiles, due: int, pause_s: float
) -> None:
    await add(profiles, *(f"p{number}" for number in range(due)))
    clock, script = FakeClock(START), Script()
    worker, _ = hired(profiles, script, clock)
    task = asyncio.create_task(worker.stay())
    await until(lambda: len(script.ran) == due)
    worker.stop()
    await asyncio.wait_for(task, 20)
    looks = [s for s in clock.slept if s in {DISPATCH_EVERY_S, DISPATCH_SOON_S}]
    assert looks[0] == pause_s


@pytest.mark.parametrize("statement", [_PICK_ANY, _PICK_URGENT])
async def test_to_pick_reads_what_is_due_and_nothing_else(
    fleet: FleetDatabase, statement: str
) -> None:
    await fleet.rows(
        "INSERT INTO fleet_profile (profile, source, every, due_at, priority) "
        "SELECT n, 'trakt', '6 h', $1::timestamptz + n * interval '1 s', n % 50 / 49 "
        "FROM generate_series(-500, 9500) AS n",
        START,
    )
    await fleet.rows("ANALYZE fleet_profile")
    terms = (Kind.FIRST.value, START, START - LEASE, 100)
    (row,) = await fleet.rows(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *terms)
    nodes = [*_nodes(json.loads(row[0])[0]["Plan"])]
    kinds = {node["Node Type"] for node in nodes}
    assert kinds == {"ModifyTable", "Limit", "LockRows", "Index Scan", "Tid Scan"}
    (read,) = (n["Actual Rows"] for n in nodes if n["Node Type"] == "Index Scan")
    assert read <= 100


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)

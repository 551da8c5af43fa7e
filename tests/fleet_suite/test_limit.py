"""One limit for all workers, in virtual time and in the database."""

from __future__ import annotations

import asyncio
import random
import re
from bisect import bisect_left
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import pytest
from aioresponses import aioresponses
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fleet_month import Simulation, Slots, Terms
from connectors.http.pacing import AdaptiveRate, RatePacer, RestingError
from sync.fleet.limit import (
    SharedLimit,
    SharedPacer,
    Slice,
    adapt,
    all_limits,
)
from tests.clocks import FakeClock
from tests.http_suite.test_budgets import BASE, Place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sync.fleet.database import FleetDatabase


class Row:
    """The row of a limit as the UPDATE keeps it, in virtual time.

    ``lag_s`` is what an answer of the database takes.
    """

    def __init__(
        self, clock: FakeClock, rate: float, *, lag_s: float = 0.0, burst_s: float = 0.0
    ) -> None:
        self.rate = AdaptiveRate(rate)
        self.epoch = 0
        self.takes = 0
        self._clock = clock
        self._lag_s = lag_s
        self._burst_s = burst_s
        self._next_free = self._paused_until = 0.0

    async def take(self, slots: int) -> Slice:
        await self._clock.sleep(self._lag_s / 2)
        self.takes += 1
        now, step_s = self._clock.monotonic(), 1 / (self.rate.now * RatePacer.SHARE)
        first = max(self._next_free, self._paused_until, now - self._burst_s)
        self._next_free = first + slots * step_s
        is_full = self.rate.now >= self.rate.full
        taken = Slice(first - now, step_s, self.rate.now, self.epoch, is_full)
        await self._clock.sleep(self._lag_s / 2)
        return taken

    async def pause(self, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        self._paused_until = max(self._paused_until, until)

    async def learn(self, good: int, refused_in: int | None) -> None:
        self.epoch = adapt(self.rate, self.epoch, good, refused_in)


class Workers:
    """Callers of several workers that want slots until the time is over."""

    def __init__(self, clock: FakeClock, row: Row, workers: int) -> None:
        self.clock = clock
        self.pacers = [SharedPacer(row, clock=clock) for _ in range(workers)]
        self.sent: list[float] = []

    async def work(self, seconds: float, callers: int, chance: random.Random) -> None:
        end = self.clock.monotonic() + seconds
        lines = [
            self._call(pacer, end, chance)
            for pacer in self.pacers
            for _ in range(callers)
        ]
        await asyncio.gather(*lines)

    async def _call(
        self, pacer: SharedPacer, end: float, chance: random.Random
    ) -> None:
        while self.clock.monotonic() < end:
            await pacer.acquire()
            self.sent.append(self.clock.monotonic())
            await self.clock.sleep(chance.uniform(0.05, 0.3))
            pacer.observe(200, {})

    def most_in_a_second(self) -> int:
        sent = sorted(self.sent)
        return max(
            i - bisect_left(sent, at - 1.0 + 1e-9) + 1 for i, at in enumerate(sent)
        )


@settings(max_examples=8)
@given(
    workers=st.integers(1, 8),
    rate=st.sampled_from([5, 20, 50, 137]),
    lag_s=st.sampled_from([0.0, 0.002, 0.02]),
    seed=st.integers(0, 2**32),
)
def test_no_second_holds_a_tenth_more_and_nine_tenths_are_used(
    workers: int, rate: int, lag_s: float, seed: int
) -> None:
    clock, seconds = FakeClock(), 6.0

    async def work() -> Workers:
        crew = Workers(clock, Row(clock, rate, lag_s=lag_s), workers)
        # Enough of them that there is always somebody who wants a slot.
        callers = 2 + int(rate * 0.5 / workers)
        await crew.work(seconds, callers, random.Random(seed))  # noqa: S311
        return crew

    crew = asyncio.run(work())
    assert crew.most_in_a_second() <= 1.1 * rate
    used = sum(0.5 < at <= seconds for at in crew.sent) / (seconds - 0.5)
    assert used >= 0.9 * rate


@settings(max_examples=8)
@given(
    rate=st.sampled_from([5, 20, 50]),
    frozen_s=st.floats(0.05, 30),
    frozen_at=st.floats(0.3, 2),
)
def test_a_worker_that_was_frozen_makes_nothing_up(
    rate: int, frozen_s: float, frozen_at: float
) -> None:
    clock = FakeClock()

    async def work() -> Workers:
        row = Row(clock, rate)
        crew = Workers(clock, row, 2)
        chance = random.Random(1)  # noqa: S311

        async def freeze() -> None:
            await clock.sleep(frozen_at)
            # All of them: time passes, and nobody does anything meanwhile.
            clock.advance(frozen_s)

        await asyncio.gather(
            crew.work(frozen_at + frozen_s + 2, rate, chance), freeze()
        )
        return crew

    crew = asyncio.run(work())
    assert crew.most_in_a_second() <= 1.1 * rate
    assert not [at for at in crew.sent if frozen_at < at < frozen_at + frozen_s]


async def test_a_refusal_that_one_meets_pauses_and_halves_for_all() -> None:
    clock = FakeClock()
    row = Row(clock, 40)
    one, other = SharedPacer(row, clock=clock), SharedPacer(row, clock=clock)
    for pacer in (one, other):
        for _ in range(3):
            await pacer.acquire()
    one.pause(5)
    one.observe(429, {})
    await one.close()
    assert (row.rate.now, row.epoch) == (20, 1)
    paused_at = clock.monotonic()
    for _ in range(6):  # slots of a slice that was taken before may be left
        await other.acquire()
    assert clock.monotonic() - paused_at >= 5
    # What was sent at the rate before says nothing on the new one.
    other.observe(429, {})
    one.observe(429, {})
    await asyncio.gather(one.close(), other.close())
    assert row.epoch == 1


async def test_a_rest_that_nobody_waits_for_is_kept_by_all_and_holds_nobody() -> None:
    clock = FakeClock()
    row = Row(clock, 40)
    one, other = SharedPacer(row, clock=clock), SharedPacer(row, clock=clock)
    for pacer in (one, other):
        await pacer.acquire()
    waiting = [asyncio.create_task(other.acquire()) for _ in range(20)]
    await asyncio.sleep(0)
    one.pause(3_600)
    await one.close()
    told = await asyncio.gather(*waiting, return_exceptions=True)
    # Slots of a slice that was taken before may be left.
    refused = [each for each in told if each]
    assert len(refused) > 10
    for pacer in (one, other):
        for _ in range(3):
            with pytest.raises(RestingError) as rest:
                await pacer.acquire()
            assert rest.value.seconds == pytest.approx(3_600, abs=5)
    assert clock.monotonic() < 5
    clock.advance(3_001)
    await other.acquire()
    assert clock.monotonic() == pytest.approx(3_600, abs=5)


async def test_good_answers_of_all_workers_bring_the_rate_back() -> None:
    clock = FakeClock()
    row = Row(clock, 20)
    row.epoch = adapt(row.rate, 0, 0, 0)
    assert row.rate.now == 10
    crew = Workers(clock, row, 3)
    await crew.work(10, 8, random.Random(1))  # noqa: S311
    assert 19 < row.rate.now <= 20


async def test_slots_are_taken_in_slices_of_a_tenth_of_a_second() -> None:
    clock = FakeClock()
    row = Row(clock, 200)
    crew = Workers(clock, row, 2)
    await crew.work(5, 60, random.Random(1))  # noqa: S311
    assert row.takes <= 5 * 10 * 1.5


async def test_a_caller_that_is_cancelled_leaves_the_line() -> None:
    clock = FakeClock()
    pacer = SharedPacer(Row(clock, 5), clock=clock)
    await pacer.acquire()
    gone = asyncio.create_task(pacer.acquire())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait({gone})
    await pacer.acquire()
    assert clock.monotonic() < 0.5


async def test_the_row_of_the_database_hands_out_each_slot_once(
    fleet: FleetDatabase,
) -> None:
    limit = SharedLimit(fleet, "discovr")
    await limit.set(1_000.0)
    slices = await asyncio.gather(*(limit.take(5) for _ in range(20)))
    waits = sorted(s.wait_s for s in slices)
    step_s = slices[0].step_s
    assert step_s == pytest.approx(1 / 980)
    # 100 slots in a row, so the last slice begins 95 slots after the first, unless
    # the database was slower than they are.
    assert waits[-1] <= 95 * step_s
    assert all(s.is_full and s.rate == 1_000 for s in slices)


async def test_a_burst_lets_a_quiet_limit_catch_up(fleet: FleetDatabase) -> None:
    limit = SharedLimit(fleet, "public")
    await limit.set(1.0, burst_s=60.0)
    first = await limit.take(10)
    assert first.wait_s == pytest.approx(-60, abs=1)
    later = await limit.take(60)
    assert later.wait_s == pytest.approx(-60 + 10 / 0.98, abs=1)
    assert (await limit.take(1)).wait_s > 9


async def test_the_row_pauses_and_halves_once_for_all(fleet: FleetDatabase) -> None:
    limit = SharedLimit(fleet, "discovr")
    await limit.set(40.0)
    seen = (await limit.take(1)).epoch
    await asyncio.gather(*(limit.learn(0, seen) for _ in range(5)))
    await limit.pause(30)
    (state,) = await all_limits(fleet)
    assert state.rate == 20
    assert state.paused_s == pytest.approx(30, abs=2)
    after = await limit.take(1)
    assert (after.epoch, after.is_full) == (seen + 1, False)
    assert after.wait_s == pytest.approx(30, abs=2)
    await limit.set(40.0)  # another worker starts
    assert (await all_limits(fleet))[0].rate == 20
    await limit.set(10.0)  # and one with other settings
    assert (await all_limits(fleet))[0].rate == 10


async def test_the_row_climbs_by_the_rules_of_the_pacer(fleet: FleetDatabase) -> None:
    limit = SharedLimit(fleet, "discovr")
    await limit.set(40.0)
    rate = AdaptiveRate(40)
    epoch = adapt(rate, (await limit.take(1)).epoch, 0, (await limit.take(1)).epoch)
    await limit.learn(0, epoch - 1)
    await limit.learn(30, None)
    adapt(rate, epoch, 30, None)
    (state,) = await all_limits(fleet)
    assert state.rate == pytest.approx(rate.now)
    assert str(state.paused_s) == "0.0"


class Freezing:
    """A worker's database; the worker is frozen once, after it has looked."""

    def __init__(self, database: FleetDatabase) -> None:
        self._database = database
        self.is_frozen, self.woken = asyncio.Event(), asyncio.Event()

    async def rows(self, statement: str, *values: Any) -> list[Any]:
        found = await self._database.rows(statement, *values)
        if not self.is_frozen.is_set():
            self.is_frozen.set()
            await self.woken.wait()
        return found


async def test_a_worker_that_is_frozen_while_it_learns_holds_nobody_up(
    fleet: FleetDatabase,
) -> None:
    limit = SharedLimit(fleet, "discovr")
    await limit.set(40.0)
    await limit.learn(0, 0)
    before = await limit.take(1)
    freezing = Freezing(fleet)
    other = SharedLimit(cast("FleetDatabase", freezing), "discovr")
    learning = asyncio.create_task(other.learn(3, None))
    await freezing.is_frozen.wait()
    async with asyncio.timeout(5):
        await limit.learn(4, None)
        await limit.take(1)
    freezing.woken.set()
    await learning
    rate = AdaptiveRate(40)
    assert adapt(rate, 0, 0, 0) == before.epoch
    adapt(rate, 1, 7, None)  # nothing that either learned is lost
    assert (await limit.take(1)).rate == pytest.approx(rate.now)


class Then:
    """The fleet's database at a time that is told, in seconds.

    What its statements call ``clock_timestamp`` is looked for in a schema of the test.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.now = 0.0

    @classmethod
    @asynccontextmanager
    async def of(cls, fleet: FleetDatabase) -> AsyncIterator[Then]:
        async with fleet.pool.acquire() as connection:
            await connection.execute(
                "CREATE SCHEMA IF NOT EXISTS told;"
                "CREATE OR REPLACE FUNCTION told.clock_timestamp() RETURNS timestamptz "
                "LANGUAGE sql VOLATILE AS $$ SELECT timestamptz '2050-01-01' "
                "+ make_interval(secs => current_setting('told.now')::float8) $$;"
                "SET search_path TO told, pg_catalog, public"
            )
            yield cls(connection)

    async def rows(self, statement: str, *values: Any) -> list[Any]:
        told = "SELECT set_config('told.now', $1, false)"
        await self._connection.fetch(told, str(self.now))
        found: list[Any] = await self._connection.fetch(statement, *values)
        return found


async def test_the_stand_in_hands_out_the_slots_of_the_row(
    fleet: FleetDatabase,
) -> None:
    chance, clock = random.Random(1), FakeClock()  # noqa: S311
    row = Row(clock, 20, burst_s=3)
    clock.advance(60)  # nobody took one for long
    async with Then.of(fleet) as then:
        limit = SharedLimit(cast("FleetDatabase", then), "discovr")
        await limit.set(20, burst_s=3)
        for _ in range(200):
            clock.advance(chance.expovariate(1))
            then.now = clock.monotonic()
            slots, pause_s = chance.randrange(1, 60), chance.uniform(0, 4)
            here, there = await row.take(slots), await limit.take(slots)
            assert asdict(there) == pytest.approx(asdict(here), abs=1e-3)
            for each in (row, limit):
                await each.learn(slots, here.epoch if slots < 5 else None)
                if slots > 50:
                    await each.pause(pause_s)


async def test_a_simulated_fleet_takes_the_slots_of_the_row(
    fleet: FleetDatabase,
) -> None:
    taken: list[tuple[float, int, float]] = []

    class Noted(Slots):
        def take(self, at: float, slots: int) -> float:
            taken.append((at, slots, super().take(at, slots)))
            return taken[-1][-1]

    # What is caught up after an outage waits for slots, at other times nobody does.
    terms = Terms(1_000, 4, 1, 0.2, 1.5, slower=1.1, down=(20_000, 50_000))
    simulation = Simulation(terms)
    simulation.slots = Noted(terms.per_second / terms.slower)
    simulation.run()
    waits = [first - at for at, _, first in taken]
    assert min(waits) == 0
    assert max(waits) > 60
    async with Then.of(fleet) as then:
        limit = SharedLimit(cast("FleetDatabase", then), "discovr")
        await limit.set(terms.per_second / terms.slower)
        for at, slots, first in taken:
            then.now = at
            found = await limit.take(slots)
            assert at + found.wait_s == pytest.approx(first, abs=0.01)
            assert found.step_s == pytest.approx(simulation.slots.step_s)


async def test_a_clock_of_the_database_that_is_set_back_stops_nobody_for_long(
    fleet: FleetDatabase,
) -> None:
    async with Then.of(fleet) as then:
        limit = SharedLimit(cast("FleetDatabase", then), "discovr")
        await limit.set(5)
        then.now = 9_000
        await limit.take(3)
        then.now = 1_000
        assert (await limit.take(1)).wait_s < 15 * 60 + 1
        await limit.pause(3_600)
        assert (await limit.take(1)).wait_s == pytest.approx(3_600, abs=1)


async def test_what_has_no_room_goes_by_the_quota_of_its_user() -> None:
    clock = FakeClock()
    pacer = SharedPacer(Row(clock, 0.5), clock=clock)
    place = Place(clock, public=pacer)
    place.client.open_overflow()
    with aioresponses() as web:
        url = re.compile(rf"{BASE}/shows/")
        web.get(url, body="[]", repeat=True)
        asking = [place.client.seasons(number) for number in range(1, 41)]
        await asyncio.wait_for(asyncio.gather(*asking), 20)
    await place.close()
    assert 1 < pacer.requests < 20
    assert clock.monotonic() < 10


async def test_who_may_choose_is_sent_elsewhere_while_the_line_is_slow() -> None:
    clock = FakeClock()
    pacer = SharedPacer(Row(clock, 0.5, burst_s=10), clock=clock)
    # Whoever was let in and never comes leaves nothing behind.
    assert [pacer.reserve() for _ in range(3)] == [0, 0, 0]
    while clock.monotonic() == 0:  # the burst is there for all at once
        waiting = asyncio.create_task(pacer.acquire())
        await asyncio.sleep(0)
        await waiting
    waiting = asyncio.create_task(pacer.acquire())
    await asyncio.sleep(0)
    assert pacer.reserve() > 1
    await waiting
    assert pacer.reserve() == 0
    pacer.pause(30)
    assert pacer.reserve() == pytest.approx(30)
    await pacer.close()

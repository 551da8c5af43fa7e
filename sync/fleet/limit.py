"""One limit for all workers: a row that says when the next slot is free.

A worker takes slots in slices of about a tenth of a second, with one UPDATE. A slot
that has passed is given up, never made up for: a worker that was frozen wakes to none.
How the rate follows what a service refuses is the rule of ``AdaptiveRate``, for all
workers together.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from connectors.clock import SystemClock
from connectors.errors import ServiceError
from connectors.http.pacing import (
    TOLD_FROM_S,
    AdaptiveRate,
    RatePacer,
    check_pause,
    is_good,
    is_refusal,
)
from connectors.http.retry import LONGEST_PAUSE_S
from sync.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connectors.clock import Clock
    from sync.fleet.database import FleetDatabase

#: The name of the limit that all requests to Discovr share.
DISCOVR_LIMIT = "discovr"
#: Slots are taken for about so long at a time.
SLICE_S = 0.1
#: How much more than the rate any second may hold, with what lateness adds.
_OVER = 1.08
#: The longest that a slot may be used late.
_LATEST_S = 0.08
#: Whoever needs longer for a slice was frozen meanwhile.
_FROZEN_S = 0.5
#: The database is asked again after this where it could not say.
_AGAIN_S = 1.0

_ADD = """
INSERT INTO fleet_limit (name, per_second, burst_s, rate, refused, margin)
VALUES ($1, $2, $3, $2, $2, $4)
ON CONFLICT (name) DO UPDATE SET per_second = excluded.per_second,
burst_s = excluded.burst_s, rate = excluded.rate, refused = excluded.refused,
margin = excluded.margin, epoch = fleet_limit.epoch + 1
WHERE fleet_limit.per_second <> excluded.per_second
OR fleet_limit.burst_s <> excluded.burst_s
"""
#: A slot of the past is nobody's any more, but for what the burst lets one catch up.
#: Nor is one far ahead, which no number of workers can have taken: the clock of the
#: database was set back.
_TAKE = """
UPDATE fleet_limit SET next_free = greatest(paused_until,
least(next_free, clock_timestamp() + interval '15 minutes'),
clock_timestamp() - make_interval(secs => burst_s))
+ make_interval(secs => $2 / (rate * $3))
WHERE name = $1
RETURNING extract(epoch FROM next_free - clock_timestamp())::float8
- $2 / (rate * $3) AS wait_s, 1 / (rate * $3) AS step_s, rate, per_second, epoch
"""
_PAUSE = """
UPDATE fleet_limit
SET paused_until = greatest(paused_until, clock_timestamp() + make_interval(secs => $2))
WHERE name = $1
"""
_LOOK = "SELECT * FROM fleet_limit WHERE name = $1"
#: What was looked at must still stand: a lock on it would be kept by who is frozen.
_LEARN = """
UPDATE fleet_limit SET rate = $2, refused = $3, margin = $4, epoch = $5
WHERE name = $1 AND (rate, refused, margin, epoch) = ($6, $7, $8, $9)
RETURNING epoch
"""
_ALL = """
SELECT name, per_second, rate, burst_s,
greatest(0, extract(epoch FROM greatest(paused_until, clock_timestamp())
- clock_timestamp()))::float8 AS paused_s
FROM fleet_limit ORDER BY name
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """Slots in a row: the first in ``wait_s`` seconds, each ``step_s`` after the last.

    ``epoch`` counts the refusals that the rate has heeded; ``is_full`` says that it is
    as high as it may be.
    """

    wait_s: float
    step_s: float
    rate: float
    epoch: int
    is_full: bool


@dataclass(frozen=True, slots=True)
class LimitState:
    """A limit as it stands."""

    name: str
    per_second: float
    rate: float
    burst_s: float
    paused_s: float


class Limit(Protocol):
    """A limit that many share."""

    async def take(self, slots: int) -> Slice:
        """Take so many slots, the next that are free."""

    async def pause(self, seconds: float) -> None:
        """Hand out no slot before that time is over."""

    async def learn(self, good: int, refused_in: int | None) -> None:
        """Take in good answers, and a refusal in that epoch unless it was heeded."""


class SharedLimit:
    """A row of ``fleet_limit``."""

    def __init__(self, database: FleetDatabase, name: str) -> None:
        self.name = name
        self._database = database

    async def set(self, per_second: float, *, burst_s: float = 0.0) -> None:
        """Make the row, or change it; what it has learned stays if nothing differs."""
        await self._database.rows(
            _ADD, self.name, per_second, burst_s, AdaptiveRate.MARGIN
        )

    async def take(self, slots: int) -> Slice:
        """Take so many slots, the next that are free."""
        rows = await self._database.rows(
            _TAKE, self.name, float(slots), RatePacer.SHARE
        )
        (row,) = rows
        return Slice(
            wait_s=row["wait_s"],
            step_s=row["step_s"],
            rate=row["rate"],
            epoch=row["epoch"],
            is_full=row["rate"] >= row["per_second"],
        )

    async def pause(self, seconds: float) -> None:
        """Hand out no slot before that time is over."""
        await self._database.rows(_PAUSE, self.name, seconds)

    async def learn(self, good: int, refused_in: int | None) -> None:
        """Take in good answers, and a refusal in that epoch unless it was heeded."""
        while rows := await self._database.rows(_LOOK, self.name):
            (row,) = rows
            rate = AdaptiveRate(
                row["per_second"],
                now=row["rate"],
                refused=row["refused"],
                margin=row["margin"],
            )
            before = (rate.now, rate.refused, rate.margin, row["epoch"])
            epoch = adapt(rate, row["epoch"], good, refused_in)
            after = (rate.now, rate.refused, rate.margin, epoch)
            if after == before or await self._database.rows(
                _LEARN, self.name, *after, *before
            ):
                return


def adapt(rate: AdaptiveRate, epoch: int, good: int, refused_in: int | None) -> int:
    """Change a rate by what was answered, and return its epoch from then on."""
    for _ in range(good):
        rate.climb()
    if refused_in == epoch:
        rate.refuse()
        return epoch + 1
    return epoch


async def all_limits(database: FleetDatabase) -> list[LimitState]:
    """Return every limit as it stands."""
    return [LimitState(**dict(row)) for row in await database.rows(_ALL)]


def grace_s(rate: float) -> float:
    """Return how late a slot may be used so that no second holds too many."""
    spare = (_OVER - 1 / rate) / RatePacer.SHARE - 1
    return min(max(spare, RatePacer.CATCH_UP_S), _LATEST_S)


class SharedPacer:
    """A pacer (``connectors.http.pacing``) for all callers of one worker.

    First come, first served: the head of the line waits for its slot, and meanwhile
    the next slice is taken. What a service refuses is told to all workers.
    """

    def __init__(
        self,
        limit: Limit,
        *,
        clock: Clock | None = None,
        on_wait: Callable[[float, str], None] | None = None,
    ) -> None:
        self._limit = limit
        self._clock = clock or SystemClock()
        self._on_wait = on_wait
        self._line = asyncio.Lock()
        self._slots: deque[float] = deque()
        self._waiting = 0
        self._paused_until = 0.0
        self._in_flight = 0
        #: Answers still to come to what was sent before the last refusal was heeded.
        self._stale = 0
        self._slice: Slice | None = None
        self._good = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._taking: asyncio.Task[None] | None = None
        #: Requests, and refusals among them: for the metrics.
        self.requests = self.refusals = 0

    async def acquire(self) -> None:
        """Wait for a slot: first come, first served.

        Raises RestingError while a pause has more than ``LONGEST_PAUSE_S`` left,
        whichever worker was asked for it.
        """
        self._waiting += 1
        try:
            async with self._line:
                await self._next()
                self._in_flight += 1
        finally:
            self._waiting -= 1

    def reserve(self) -> float:
        """Return 0 where the line is empty or fast, else about how long it is.

        Whoever has another quota to choose goes there meanwhile. Nothing is held: a
        place in the line is taken by ``acquire`` alone.
        """
        rest_s = max(0.0, self._paused_until - self._clock.monotonic())
        last = self._slice
        is_fast = not self._waiting or (last is not None and last.wait_s <= 0)
        if is_fast and not rest_s:
            return 0.0
        return rest_s + self._waiting * (last.step_s if last else 1.0)

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from what came of a slot: once per slot, status 0 if no answer came."""
        del headers
        self.requests += 1
        self._in_flight = max(0, self._in_flight - 1)
        is_stale = self._stale > 0
        self._stale = max(0, self._stale - 1)
        if is_refusal(status):
            self.refusals += 1
            if not is_stale and self._slice:
                self._stale = self._in_flight
                self._tell(self._limit.learn(self._spend(), self._slice.epoch))
        elif is_good(status) and self._slice and not self._slice.is_full:
            self._good += 1

    def pause(self, seconds: float) -> None:
        """Hand out no slot before that time is over, to any worker."""
        seconds = max(0.0, seconds)
        until = self._clock.monotonic() + seconds
        self._paused_until = max(self._paused_until, until)
        self._slots.clear()
        self._tell(self._limit.pause(seconds))

    async def close(self) -> None:
        """Wait until all that is to be told has been told."""
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _next(self) -> None:
        """Wait until a slot is there, and use it up."""
        while True:
            now = self._clock.monotonic()
            wait_s = self._paused_until - now
            check_pause(wait_s)
            if wait_s > 0:
                self._say(wait_s, "the service asked for a pause")
                await self._clock.sleep(wait_s)
                continue
            grace = grace_s(self._slice.rate) if self._slice else 0.0
            while self._slots and self._slots[0] < now - grace:
                self._slots.popleft()
            if not self._slots:
                await self._take()
                continue
            if self._slots[0] > now:
                self._take_ahead()
                self._say(self._slots[0] - now, "")
                await self._clock.sleep(self._slots[0] - now)
                continue
            self._slots.popleft()
            return

    def _take_ahead(self) -> None:
        """Have the next slice there before this one is used up."""
        if self._taking is None and self._waiting > len(self._slots):
            within = self._slice and len(self._slots) * self._slice.step_s <= SLICE_S
            if within:
                self._taking = asyncio.create_task(self._fetch())

    async def _take(self) -> None:
        if self._taking is None:
            self._taking = asyncio.create_task(self._fetch())
        await asyncio.shield(self._taking)

    async def _fetch(self) -> None:
        wanted = max(1, self._waiting - len(self._slots))
        rate = self._slice.rate if self._slice else 1.0
        slots = min(wanted, max(1, math.ceil(rate * SLICE_S)))
        try:
            if good := self._spend():
                await self._limit.learn(good, None)
            asked_at = self._clock.monotonic()
            taken = await self._limit.take(slots)
        except ServiceError as error:
            logs.tell("fleet.limitless", f"No slot can be taken: {error.message}")
            await self._clock.sleep(_AGAIN_S)
            return
        finally:
            self._taking = None
        if self._slice and taken.epoch != self._slice.epoch:
            self._stale = max(self._stale, self._in_flight)
        self._slice = taken
        now = self._clock.monotonic()
        if now - asked_at > _FROZEN_S:
            return  # they have passed, and nobody knows by how much
        if taken.wait_s > LONGEST_PAUSE_S:
            self._paused_until = max(self._paused_until, now + taken.wait_s)
            return
        for number in range(slots):
            at = now + max(0.0, taken.wait_s + number * taken.step_s)
            self._slots.append(at)

    def _spend(self) -> int:
        good, self._good = self._good, 0
        return good

    def _tell(self, telling: object) -> None:
        async def tell() -> None:
            try:
                await telling  # type: ignore[misc]  # a coroutine of the limit
            except ServiceError as error:
                logs.tell("fleet.untold", f"The others were not told: {error.message}")

        task = asyncio.create_task(tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _say(self, seconds: float, reason: str) -> None:
        if self._on_wait and reason and seconds >= TOLD_FROM_S:
            self._on_wait(seconds, reason)

"""A month of a million profiles, in virtual time.

When each is due, how many a worker moves into the queue, and how an outage is met are
the program's own code; a test has the row of the limit hand out the very same slots.
A run that finds nothing new costs what was measured, with room; what news costs, and
how much of it there is, is assumed. The workers are one with all their slots.

A part of the profiles on the same part of everything (``--whole`` takes them all) shows
no less than what the whole would: a fleet of a tenth has the same load on each slot,
but each slot that is taken is ten times as much of what there is, so whoever waits
waits longer, and a chance crowd is a larger part of the usual.
"""

from __future__ import annotations

import heapq
import math
import random
from array import array
from collections import Counter, defaultdict, deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING

from bench.measure import Goal, Result, Row
from connectors.http.pacing import RatePacer
from sync.fleet.calendar import Kind, Standing, Verdict, settle
from sync.fleet.dispatch import DISPATCH_SOON_S, Dispatch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.measure import Noise
    from bench.sizes import Sizes

_START = datetime(2026, 1, 1, tzinfo=UTC)
_DAY_S = 86_400.0
EVERY = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds, seconds of a processor, and requests to each service."""

    wall_s: float
    cpu_s: float
    trakt: int
    discovr: int


#: A run that finds nothing new (three times what ``bench.fleet`` measures of the run
#: alone, for the queue and for machines that are busy with more), and what it takes
#: more for each time that somebody has watched something.
IDLE = Cost(0.063, 0.032, 1, 0)
NEWS = Cost(1.1, 0.22, 1, 5)
#: Half of the people watch something on a day.
NEWS_A_DAY = 0.5
#: The profile itself is looked at so often, and the login to Trakt is renewed: a
#: request each.
_LOOKED_AT_S, _RENEWED_S = _DAY_S, 7 * _DAY_S
#: Whoever waits for longer is late.
_LATE_S = 60.0
#: The fewest runs that are compared with the usual: fewer make a crowd by chance.
_COMPARED = 5_000
#: What fails while a service is down takes so long.
_FAILED_S = 10.0


@dataclass(frozen=True, slots=True)
class Terms:
    """A fleet. ``down`` is when an outage of everything begins and ends, in seconds."""

    profiles: int
    slots: float
    processors: float
    per_second: float
    days: float
    news_a_day: float = NEWS_A_DAY
    slower: float = 1.0
    down: tuple[float, float] = (0.0, 0.0)

    def part(self, of: float) -> Terms:
        """Return the same for so small a part of the fleet."""
        return replace(
            self,
            profiles=max(1, round(self.profiles * of)),
            slots=self.slots * of,
            processors=self.processors * of,
            per_second=self.per_second * of,
        )

    @property
    def usual(self) -> float:
        """Runs in a minute, by the plan."""
        return self.profiles * 60 / EVERY.total_seconds()


@dataclass(slots=True)
class Month:
    """What came of it. ``late``: the longest that anybody waited who began that day."""

    terms: Terms
    trakt: int = 0
    discovr: int = 0
    cpu_s: float = 0.0
    late: dict[int, float] = field(default_factory=dict)
    began: Counter[int] = field(default_factory=Counter)
    good: array[int] = field(default_factory=lambda: array("l"))
    #: When each profile had its first good run after the outage, and when the last one
    #: began that was late by more than a minute.
    back: dict[int, float] = field(default_factory=dict)
    late_at: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.terms.days * _DAY_S

    def latest(self, first: float, last: float) -> float:
        """Return the longest that anybody waited in these days."""
        return max(
            (s for day, s in self.late.items() if first <= day < last), default=0.0
        )

    def crowd(self, first: float, last: float) -> float:
        """Return the most runs of a minute between these seconds, as a multiple.

        A small part is looked at for as many minutes as the runs take to be compared.
        """
        over = max(1, round(_COMPARED / self.terms.usual))
        counts: Counter[int] = Counter()
        for minute, runs in self.began.items():
            if first <= minute * 60 < last:
                counts[minute // over] += runs
        return max(counts.values(), default=0) / (self.terms.usual * over)


class _Due:
    """Who is due when, by the second: one heap of a million would take twice as long.

    Only what is due by the second that is looked at stands in a heap.
    """

    def __init__(self) -> None:
        self._second = 0
        self._near: list[tuple[float, int]] = []
        self._far: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)

    def push(self, at: float, number: int) -> None:
        """Note when somebody is due."""
        if at < self._second:
            heapq.heappush(self._near, (at, number))
        else:
            self._far[int(at)].append((at, number))

    def first_at(self) -> float:
        """Return when the first of all is due."""
        while not self._near:
            if not self._far:
                return math.inf
            self._near = self._far.pop(self._second, self._near)
            self._second += 1
            heapq.heapify(self._near)
        return self._near[0][0]

    def pop(self) -> tuple[float, int]:
        """Take whoever ``first_at`` spoke of."""
        return heapq.heappop(self._near)


class Slots:
    """The limit that all share: the UPDATE of its row, without a database."""

    def __init__(self, per_second: float) -> None:
        self.step_s = 1 / (per_second * RatePacer.SHARE)
        self._next_free = 0.0

    def take(self, at: float, slots: int) -> float:
        """Take so many slots, and return when the first of them is there."""
        first = max(self._next_free, at)
        self._next_free = first + slots * self.step_s
        return first


class Simulation:
    """A fleet that is run from second to second."""

    def __init__(self, terms: Terms, seed: int = 1) -> None:
        self._terms = terms
        self.slots = Slots(terms.per_second / terms.slower)
        self._chance = random.Random(seed)  # noqa: S311
        self._month = Month(terms, good=array("l", [0]) * terms.profiles)
        every_s = EVERY.total_seconds()
        starts = [self._chance.uniform(0, every_s) for _ in range(terms.profiles)]
        self._due = _Due()
        for number, at in enumerate(starts):
            self._due.push(at, number)
        self._free = [0.0] * max(1, round(terms.slots))
        self._dispatch = Dispatch()
        self._queue: deque[tuple[float, int, float]] = deque()
        self._failures: Counter[int] = Counter()
        # As long ago as they would be in a fleet that has run for long.
        self._ran = array("d", (at - every_s for at in starts))
        self._looked = array("d", (self._ago(_LOOKED_AT_S) for _ in starts))
        self._renewed = array("d", (self._ago(_RENEWED_S) for _ in starts))
        self._next_cpu = 0.0

    def run(self) -> Month:
        """Run it to its end."""
        at = 0.0
        while at < self._month.seconds:
            at += self._dispatch.pause_s()
            self._work(at)
            at += int(max(0.0, self._idle_until() - at))
            if self._due.first_at() <= at:
                self._look(at)
                self._work(at + DISPATCH_SOON_S)
        return self._month

    def _idle_until(self) -> float:
        """Return until when nothing can begin."""
        return max(self._free[0], 0.0 if self._queue else self._due.first_at())

    def _look(self, now: float) -> None:
        """Move what is due into the queue."""
        due, queue = self._due, self._queue
        free = sum(at <= now for at in self._free)
        room = self._dispatch.room(free, len(queue), _START + timedelta(seconds=now))
        moved = 0
        while moved < room and due.first_at() <= now:
            queue.append((*due.pop(), now))
            moved += 1
        if room:
            self._dispatch.moved(moved, room)

    def _work(self, now: float) -> None:
        """Begin what waits and gets a slot until now."""
        queue, free = self._queue, self._free
        while queue and free[0] < now:
            at, number, queued_at = queue.popleft()
            began = max(queued_at, heapq.heappop(free))
            self._count(at, began)
            heapq.heappush(free, self._begin(number, at, began))

    def _count(self, at: float, began: float) -> None:
        month, day = self._month, int(began // _DAY_S)
        month.late[day] = max(month.late.get(day, 0.0), began - at)
        month.began[int(began // 60)] += 1
        if began - at > _LATE_S:
            month.late_at = began

    def _begin(self, number: int, at: float, began: float) -> float:
        """Run one profile, and return when it ended."""
        first, last = self._terms.down
        is_down = first <= began < last
        self._dispatch.note(is_down=is_down)
        ended = began + _FAILED_S if is_down else self._carry(number, began)
        then = settle(
            Standing(
                Kind.KEEP,
                EVERY,
                _START + timedelta(seconds=at),
                failures=self._failures[number],
            ),
            Verdict.AGAIN if is_down else Verdict.DONE,
            _START + timedelta(seconds=ended),
            self._chance.uniform,
        )
        if is_down:
            self._failures[number] = then.failures
        elif self._failures:
            del self._failures[number]
        if then.due_at:
            self._due.push((then.due_at - _START).total_seconds(), number)
        return ended

    def _carry(self, number: int, began: float) -> float:
        terms, month = self._terms, self._month
        news = self._news(began - self._ran[number])
        trakt, discovr = IDLE.trakt + news * NEWS.trakt, news * NEWS.discovr
        if began - self._looked[number] >= _LOOKED_AT_S:
            self._looked[number] = began
            discovr += 1
        if began - self._renewed[number] >= _RENEWED_S:
            self._renewed[number] = began
            trakt += 1
        cpu_s = IDLE.cpu_s + news * NEWS.cpu_s
        self._next_cpu = max(self._next_cpu, began) + cpu_s / terms.processors
        ended = began + (IDLE.wall_s + news * NEWS.wall_s) * terms.slower
        ended = max(ended, self._next_cpu)
        if discovr:
            first = self.slots.take(began, discovr)
            ended = max(ended, first + discovr * self.slots.step_s)
        month.trakt += trakt
        month.discovr += discovr
        month.cpu_s += cpu_s
        month.good[number] += 1
        self._ran[number] = began
        if 0 < terms.down[1] <= began:
            month.back.setdefault(number, ended)
        return ended

    def _news(self, seconds: float) -> int:
        """Draw how often somebody watched something in that time."""
        left, found = self._terms.news_a_day * seconds / _DAY_S, 0
        while left > 0 and (left := left + math.log(1 - self._chance.random())) > 0:
            found += 1
        return found

    def _ago(self, seconds: float) -> float:
        return -self._chance.uniform(0, seconds)


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Simulate a month, an idle week, a slower Discovr, and a day's outage."""
    noise.sample()
    of = sizes.fleet_simulated / sizes.fleet_profiles
    millions = sizes.fleet_profiles / 1_000_000
    days, week = sizes.fleet_days, min(7.0, sizes.fleet_days)
    whole = Terms(
        sizes.fleet_profiles, 40 * millions, 4 * millions, 65 * millions, week
    )
    part, down = whole.part(of), (_DAY_S, 2 * _DAY_S)
    idle = replace(part, news_a_day=0.0)
    quiet, slower, unwatched, outage, herd = _simulate(
        replace(part, days=days),
        replace(part, slower=1.1),
        idle,
        replace(part, down=down),
        replace(idle, down=down),
    )
    rows = [
        *_quiet(quiet, of),
        Row("the same, if Discovr is a tenth slower", slower.latest(0, week), "s"),
        *_idle(unwatched, of),
        *_outage(outage),
        *_herd(herd),
    ]
    noise.sample()
    about = (
        f"{days:g} days of {sizes.fleet_profiles:,} profiles, every 6 h, simulated "
        f"with {sizes.fleet_simulated:,}: {whole.slots:g} slots, {whole.processors:g} "
        f"processors, and {whole.per_second:g} requests a second to Discovr"
    )
    return Result("month", about, rows)


def _simulate(*fleets: Terms) -> Iterable[Month]:
    """Run each of them to its end, as many at once as there are processors."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        return [*pool.map(_run, fleets)]


def _run(terms: Terms) -> Month:
    return Simulation(terms).run()


def _quiet(month: Month, of: float) -> list[Row]:
    planned = month.seconds / EVERY.total_seconds()
    runs = sum(month.good) / planned / month.terms.profiles
    return [
        Row(
            "nobody waits longer than",
            month.latest(0, month.terms.days),
            "s",
            goal=Goal("most", 60),
        ),
        # Each that begins half a minute late and is planned from there would lack more.
        Row("runs, as a part of the plan", runs, "", goal=Goal("least", 0.998)),
        # An interval is drawn anew each time; of a million one is that unlucky.
        Row(
            "whoever has fewest lacks",
            planned - min(month.good),
            "runs",
            goal=Goal("most", 4),
        ),
        Row("processors", month.cpu_s / month.seconds / of, ""),
        Row("requests to Discovr", month.discovr / month.seconds / of, "a second"),
        Row("requests to Trakt", month.trakt / month.seconds / of, "a second"),
    ]


def _idle(month: Month, of: float) -> list[Row]:
    sent = (month.trakt + month.discovr) / month.seconds / of
    cpu = month.cpu_s / month.seconds / of
    return [
        Row("if nobody watches anything: processors", cpu, "", goal=Goal("most", 2)),
        Row("requests to all services", sent, "a second", goal=Goal("most", 65)),
    ]


def _outage(month: Month) -> list[Row]:
    """Say how a day without a service is caught up."""
    _, ended = month.terms.down
    waits = sorted(at - ended for at in month.back.values()) or [0.0]
    half, last, over = waits[len(waits) // 2], waits[-1], month.late_at - ended
    back = len(month.back) / month.terms.profiles
    return [
        Row("after a day's outage, so many ran again", back, "", goal=Goal("least", 1)),
        Row("half are in step in", half / 3600, "h"),
        Row("all are in step in", last / 3600, "h", goal=Goal("most", 24)),
        Row("nobody is late any more after", over / 3600, "h"),
    ]


def _herd(month: Month) -> list[Row]:
    """Say how many run at once then, where little has to be done."""
    _, ended = month.terms.down
    caught_up = month.late_at + _LATE_S
    return [
        Row(
            "after it, if nobody watched anything: most runs in a minute",
            month.crowd(ended, caught_up),
            "x usual",
            goal=Goal("most", 3),
        ),
        Row(
            "and once all are in step",
            month.crowd(caught_up, month.seconds),
            "x usual",
            goal=Goal("most", 1.3),
        ),
    ]

"""What has to be in place before what, and what counts as a row of lost look-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.errors import ServiceError
from sync.domain.evidence import Count
from sync.domain.plan import Action, Operation
from sync.domain.plays import Key
from sync.domain.writes import Outcome
from sync.load.breaker import MOST_REFUSED, Breaker
from sync.load.loader import MOST_LOST
from sync.sandbox.server.faults import Fault
from tests.factories import at
from tests.load_suite.test_load import add, bench

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web


def slow_first(request: web.Request, delayed: list[Fault]) -> Fault | None:
    is_write = request.method == "POST" and request.path == "/profile/history"
    return delayed.pop() if is_write and delayed else None


async def test_the_newest_ends_on_top_even_if_those_before_it_are_slow(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as place:
        delayed = [Fault.cut_before()]
        place.fail(lambda request: slow_first(request, delayed))
        await place.load([add(1), add(2), add(3)])
        assert place.keys()[-1] == Key("MV_3")
        assert set(place.keys()) == {Key("MV_1"), Key("MV_2"), Key("MV_3")}


async def test_viewings_of_one_key_arrive_oldest_first(tmp_path: Path) -> None:
    key = Key("MV_1")
    operations = [Operation(Action.ADD, key, at(day)) for day in (1, 2, 3)]
    async with bench(tmp_path) as place:
        delayed = [Fault.cut_before()]
        place.fail(lambda request: slow_first(request, delayed))
        await place.load([*operations, add(9)], viewings={key: Count()})
        times = [e.updated_at for e in place.world.discovr.entries() if e.key == key]
    assert times == [at(1), at(2), at(3)]


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_only_look_ups_that_are_lost_in_a_row_stop_a_run(
    tmp_path: Path, concurrency: int
) -> None:
    """One title in two can neither be written for sure nor read: more than enough."""
    count = 2 * MOST_LOST + 2

    def plan(request: web.Request) -> Fault | None:
        number = sum(
            (r.method, r.path) == ("POST", "/profile/history")
            for r in place.world.discovr.seen
        )
        if request.path == "/profile/history":
            return Fault.cut_before() if number % 2 else None
        return Fault.answer(422) if request.method == "GET" else None

    async with bench(tmp_path) as place:
        await place.target.open_profile()
        place.fail(plan)
        operations = [add(number) for number in range(1, count + 1)]
        loader = await place.load(operations, concurrency=concurrency)
        outcomes = [s.outcome for s in loader.settled.values()]
    assert len(outcomes) == count
    assert outcomes.count(Outcome.UNKNOWN) >= MOST_LOST


async def test_so_many_lost_look_ups_in_a_row_do_stop_it(tmp_path: Path) -> None:
    def plan(request: web.Request) -> Fault | None:
        if request.path == "/profile/history":
            return Fault.cut_before()
        return Fault.answer(422) if request.method == "GET" else None

    async with bench(tmp_path) as place:
        await place.target.open_profile()
        place.fail(plan)
        operations = [add(number) for number in range(1, 3 * MOST_LOST)]
        with pytest.raises(ServiceError):
            await place.load(operations, concurrency=1)
        sent = place.world.discovr.requests("POST", "/profile/history")
    assert len(sent) == MOST_LOST


def test_a_breaker_counts_in_a_row() -> None:
    refusal, breaker = ServiceError("No.", status=402), Breaker()
    for _ in range(3):
        for _ in range(MOST_REFUSED - 1):
            assert breaker.refused(add(1), refusal) is None
        breaker.arrived()
    for _ in range(MOST_REFUSED - 1):
        assert breaker.refused(add(1), refusal) is None
    assert breaker.refused(add(1), refusal) is not None

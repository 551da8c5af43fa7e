from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import AuthError, ContractError, TransientError
from sync.domain.plan import Action, Operation
from sync.domain.plays import Key
from sync.domain.writes import NOT_SENT
from sync.ledger import Ledger, Outcome, StateError
from sync.load.loader import GROUP, Loader
from sync.load.probe import Unproved
from sync.runtime.stop import Stop
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.faults import Fault
from sync.wiring.clients import Clients
from tests.clocks import FakeClock
from tests.factories import at
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from aiohttp import web

    from sync.load.discovr import DiscovrTarget


@dataclass
class Bench:
    """A loader's surroundings: a real client, a stand-in and a ledger in memory."""

    world: World
    target: DiscovrTarget
    ledger: Ledger
    clock: FakeClock
    stop: Stop = field(default_factory=Stop)

    async def load(
        self, operations: Sequence[Operation], *, concurrency: int = 4, **options: Any
    ) -> Loader:
        run = await self.ledger.start_run("p", "migrate", self.clock.now())
        loader = Loader(
            self.target,
            self.ledger,
            run,
            clock=self.clock,
            concurrency=concurrency,
            on_event=lambda _event: None,
            stop=self.stop,
        )
        await loader.load(operations, **options)
        return loader

    def keys(self) -> list[Key]:
        return [entry.key for entry in self.world.discovr.entries()]

    def fail(self, plan: Callable[[web.Request], Fault | None]) -> None:
        self.world.discovr.faults = lambda request, _number: plan(request)


@asynccontextmanager
async def bench(folder: Path, **quirks: Any) -> AsyncIterator[Bench]:
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(
            world(synthetic_account(0), folder, discovr=DiscovrQuirks(**quirks))
        )
        target = Clients(place.settings, stack, clock=clock).discovr()
        ledger = await stack.enter_async_context(await Ledger.open("sqlite://"))
        yield Bench(place, target, ledger, clock)


def add(number: int) -> Operation:
    return Operation(Action.ADD, Key(f"MV_{number}"), at(number))


def once(fault: Fault, method: str = "POST") -> Callable[[web.Request], Fault | None]:
    """Let the first write to the history go wrong."""
    left = [fault]

    def plan(request: web.Request) -> Fault | None:
        is_meant = request.method == method and "/profile/history" in request.path
        return left.pop() if is_meant and left else None

    return plan


async def test_entries_arrive_oldest_first_over_several_groups(tmp_path: Path) -> None:
    operations = [add(number) for number in range(1, GROUP * 2 + 4)]
    async with bench(tmp_path) as place:
        loader = await place.load(operations)
        assert place.keys()[-1] == operations[-1].key
        assert set(place.keys()) == {o.key for o in operations}
        rows = await place.ledger.rows("p", outcome=Outcome.APPLIED)
        assert len(rows) == len(loader.settled) == len(operations)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.cut_before(),
        Fault.cut_after(),
        Fault.garbled(),
        Fault.short_body(),
        Fault.answer(500),
        Fault.answer(502),
        Fault.html(),
    ],
    ids=lambda fault: fault.kind.value,
)
async def test_a_write_of_unclear_outcome_ends_up_there_exactly_once(
    tmp_path: Path, fault: Fault
) -> None:
    async with bench(tmp_path) as place:
        place.fail(once(fault))
        await place.load([add(1), add(2)])
        assert sorted(place.keys()) == [Key("MV_1"), Key("MV_2")]


async def test_a_write_is_looked_up_twice_before_it_is_sent_again(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as place:
        place.fail(once(Fault.cut_before()))
        await place.load([add(1)])
        seen = [
            (request.method, request.path)
            for request in place.world.discovr.requests(path="/profile/history")
        ]
    look_up = ("GET", "/profile/history/MV_1")
    write = ("POST", "/profile/history")
    assert [step for step in seen if step in (look_up, write)] == [
        write,
        look_up,
        look_up,
        write,
    ]


async def test_what_an_earlier_run_may_have_written_is_looked_up_first(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as place:
        place.world.discovr.person_adds(Key("MV_1"), at=at(1), imported="trakt")
        loader = await place.load([add(1)], unclear=[Key("MV_1")])
        assert place.keys() == [Key("MV_1")]
        assert loader.settled[add(1).id].outcome is Outcome.APPLIED


async def test_one_refused_entry_does_not_stop_the_others(tmp_path: Path) -> None:
    async with bench(tmp_path) as place:
        place.fail(once(Fault.answer(422)))
        loader = await place.load([add(1), add(2), add(3)], concurrency=1)
        assert place.keys() == [Key("MV_2"), Key("MV_3")]
        assert loader.settled[add(1).id].outcome is Outcome.REJECTED


@pytest.mark.parametrize("times", [2, 99])
async def test_a_block_of_the_whole_service_is_no_refusal_of_a_title(
    tmp_path: Path, times: int
) -> None:
    """It is tried again as an outage is, and where it lasts all goes on later."""
    operations = [add(number) for number in range(1, 9)]
    async with bench(tmp_path) as place:
        left = [Fault.cloudflare()] * times
        place.fail(lambda _request: left.pop() if left else None)
        if times == 99:
            with pytest.raises(TransientError, match="Cloudflare in front of Discovr"):
                await place.load(operations)
            assert place.keys() == []
            rows = await place.ledger.rows("p", outcome=Outcome.REJECTED)
            others = {row.detail for row in rows} - {NOT_SENT}
            assert all("Cloudflare in front" in detail for detail in others)
            left.clear()
        loader = await place.load(operations)
        assert {s.outcome for s in loader.settled.values()} == {Outcome.APPLIED}
        assert sorted(place.keys()) == [o.key for o in operations]


async def test_a_zero_is_in_place_before_the_default_that_it_limits(
    tmp_path: Path,
) -> None:
    operations = [
        Operation(Action.SET, Key("TV_1", 1, 3), at(5), progress=0),
        Operation(Action.ADD, Key("TV_1", 1), at(5)),
        add(6),  # the last waits for all; the default must wait by itself
    ]
    async with bench(tmp_path) as place:
        place.fail(once(Fault.cut_before(), "PATCH"))
        await place.load(operations)
        assert place.keys() == [Key("TV_1", 1, 3), Key("TV_1", 1), Key("MV_6")]


@pytest.mark.parametrize(
    ("quirk", "problem"),
    [("ignores_time", "did not keep its time"), ("drops_label", "keep its label")],
)
async def test_the_first_entry_is_read_back_before_a_second_is_sent(
    tmp_path: Path, quirk: str, problem: str
) -> None:
    async with bench(tmp_path, **{quirk: True}) as place:
        with pytest.raises(ContractError, match=problem):
            await place.load([add(1), add(2), add(3)], unproved=Unproved())
        assert place.keys() == [Key("MV_1")]


async def test_a_service_that_behaves_passes_the_probe(tmp_path: Path) -> None:
    async with bench(tmp_path) as place:
        await place.load([add(1), add(2)], unproved=Unproved())
        assert place.keys() == [Key("MV_1"), Key("MV_2")]
        reads = place.world.discovr.requests("GET", "/profile/history/MV_1")
        assert len(reads) == 1


async def test_a_lost_login_stops_the_run_and_leaves_the_intent_pending(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as place:
        await place.target.open_profile()
        place.fail(
            lambda request: Fault.answer(401) if request.method == "POST" else None
        )
        with pytest.raises(AuthError):
            await place.load([add(1), add(2), add(3)])
        assert place.keys() == []
        pending = await place.ledger.unsettled("p")
        assert {row.operation.key for row in pending} >= {Key("MV_1")}


async def test_a_service_that_is_down_stops_the_run(tmp_path: Path) -> None:
    async with bench(tmp_path) as place:
        await place.target.open_profile()
        place.fail(
            lambda request: (
                Fault.answer(429, retry_after=5) if request.method == "POST" else None
            )
        )
        with pytest.raises(TransientError):
            await place.load([add(1), add(2)])
        assert place.keys() == []


async def test_a_request_to_stop_settles_what_is_under_way(tmp_path: Path) -> None:
    async with bench(tmp_path) as place:
        sent = []

        def plan(request: web.Request) -> None:
            if request.method == "POST" and request.path == "/profile/history":
                sent.append(request)
                if len(sent) == 3:
                    place.stop.request()

        place.fail(plan)
        loader = await place.load([add(number) for number in range(1, 60)])
        assert 3 <= len(loader.settled) < 10
        assert len(place.keys()) == len(loader.settled)


class FullLedger(Ledger):
    """A ledger whose disk is full from the second group on."""

    async def intend(
        self, run: int, operations: Any, at: Any, before: Any = None
    ) -> None:
        if operations[0].key == add(GROUP + 1).key:
            raise StateError("The disk is full.")
        await super().intend(run, operations, at, before)


async def test_a_ledger_that_fails_stops_the_run_with_its_own_error(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as place, await FullLedger.open("sqlite://") as full:
        place.ledger = full
        with pytest.raises(StateError, match="disk is full"):
            await place.load([add(number) for number in range(1, GROUP * 2)])
        assert len(set(place.keys())) == len(place.keys()) <= GROUP

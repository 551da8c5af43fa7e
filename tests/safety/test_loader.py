"""Single rules of the loader, each the smallest case of a bug that was there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sync.domain.evidence import Count, is_in_place
from sync.domain.origin import TRAKT
from sync.domain.plan import Action, Operation
from sync.domain.plays import Key
from sync.ledger import Before, Ledger, Outcome, StateError
from sync.ledger.fact_names import PROBED
from sync.load.loader import GROUP
from sync.load.probe import Unproved
from sync.pipeline.recovery import recall
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.faults import Fault
from tests.factories import at, entry
from tests.load_suite.test_load import add, bench, once
from tests.safety.accounts import film, mixed_account, watched_on
from tests.safety.arena import Phase, Viewing, arena
from tests.safety.killing import migrate_until

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

ZERO = Operation(Action.SET, Key("TV_1", 1, 3), at(5), progress=0)
DEFAULT = Operation(Action.ADD, Key("TV_1", 1), at(5))


@pytest.mark.parametrize("fault", [Fault.cut_before(), Fault.answer(422)])
async def test_a_default_is_not_sent_without_the_zero_that_limits_it(
    tmp_path: Path, fault: Fault
) -> None:
    async with bench(tmp_path) as place:
        place.fail(lambda request: fault if request.method == "PATCH" else None)
        loader = await place.load([ZERO, DEFAULT, add(1)])
        assert place.keys() == [Key("MV_1")]
        assert loader.settled[DEFAULT.id].outcome is Outcome.REJECTED


async def test_the_probe_is_of_the_first_entry_that_arrives(tmp_path: Path) -> None:
    async with bench(tmp_path) as place:
        refused = [Fault.answer(422)]
        place.fail(
            lambda request: (
                refused.pop()
                if refused
                and request.path == "/profile/history"
                and request.method == "POST"
                else None
            )
        )
        loader = await place.load([add(1), add(2), add(3)], unproved=Unproved())
        assert loader.is_probed
        assert place.world.discovr.requests("GET", "/profile/history/MV_2")
        assert place.keys() == [Key("MV_2"), Key("MV_3")]


async def test_a_stop_before_the_probe_is_no_bug(tmp_path: Path) -> None:
    async with bench(tmp_path) as place:
        place.stop.request()
        loader = await place.load([add(1), add(2)], unproved=Unproved())
        assert (loader.settled, loader.is_probed) == ({}, False)


async def test_a_ledger_that_fails_meanwhile_is_named_as_what_it_is(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as place:
        work: list[asyncio.Task[None]] = []

        def fill_disk(request: web.Request) -> None:
            if request.method == "POST" and request.path == "/profile/history":
                work.append(asyncio.create_task(place.ledger._in_thread(refuse)))

        def refuse() -> None:
            with place.ledger._database._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA query_only = ON")

        place.fail(fill_disk)
        with pytest.raises(StateError):
            await place.load([add(number) for number in range(1, GROUP * 3)])


async def test_a_run_without_an_entry_of_its_own_probed_nothing(tmp_path: Path) -> None:
    account, own = mixed_account(0)
    title = film(2)
    account.titles.append(title)
    account.add_play(title, watched_on(5))
    async with arena(account, tmp_path, own=own) as place:
        place.discovr.person_adds(Key("MV_102"), progress=10, at=watched_on(0))
        report = await place.migrate()
        assert report.is_complete
        async with await Ledger.open(place.settings.state.url) as ledger:
            assert await ledger.get_fact(report.prepared.profile, PROBED) is None


@pytest.mark.parametrize(
    ("counts", "is_there"),
    [((1,), False), ((2,), True), ((2, 2), False), ((3, 3), True)],
)
def test_a_viewing_hides_only_behind_a_count_beyond_what_stood_there(
    counts: tuple[int, ...], is_there: bool
) -> None:
    listed = [
        entry(Key("MV_1"), at(day), imported=TRAKT.label, count=count)
        for day, count in enumerate(counts, 10)
    ]
    older = Operation(Action.ADD, Key("MV_1"), at(1))
    minutes = frozenset(at(day) for day in range(10, 10 + len(counts)))
    assert is_in_place(older, listed, Count(len(counts), minutes)) is is_there
    assert not is_in_place(older, listed, Count(len(counts)))


@pytest.mark.parametrize("moves_time", [False, True])
async def test_a_lost_write_is_found_behind_an_entry_that_was_set_before_it(
    tmp_path: Path, *, moves_time: bool
) -> None:
    key = Key("MV_1")
    found, older = Count(1, frozenset({at(50)})), Operation(Action.ADD, key, at(3))
    operations = [Operation(Action.SET, key, at(5)), older]
    stood = dict.fromkeys((o.id for o in operations), Before(1, at(50)))
    async with bench(tmp_path, repeats="merged", patch_moves_time=moves_time) as place:
        place.world.discovr.person_adds(key, progress=0, at=at(50))
        place.fail(once(Fault.cut_after()))
        loader = await place.load(operations, viewings={key: found}, before=stood)
        assert {s.outcome for s in loader.settled.values()} == {Outcome.APPLIED}
        assert [e.count for e in place.world.discovr.entries()] == [2]
        # The same, looked at by a later run.
        unknown = [(older.id, Outcome.UNKNOWN, "cut")]
        await place.ledger.settle(1, unknown, place.clock.now())
        entries = await place.target.read_title("MV_1", None)
        memory = await recall(place.ledger, "p", entries, has_every_viewing=True)
        assert [row.operation for row in memory.arrived] == [older]


@pytest.mark.parametrize("repeats", ["listed", "merged", "counted"])
async def test_right_after_a_run_every_viewing_counts_as_there(
    tmp_path: Path, repeats: str
) -> None:
    account, own = mixed_account()
    quirks = DiscovrQuirks(repeats=repeats)  # type: ignore[arg-type]  # one of them
    history = {"collapse": "off", "plays": "all"}
    async with arena(
        account, tmp_path, own=own, discovr=quirks, history=history
    ) as place:
        assert (await place.migrate()).is_complete
        assert await place.operations() == ()


async def test_a_write_still_on_its_way_when_the_program_died_is_not_repeated(
    tmp_path: Path,
) -> None:
    account, own = mixed_account()
    last = Viewing(Key("MV_101"), watched_on(22))
    landed: list[Viewing] = []

    def is_last_write(request: web.Request, _phase: Phase) -> bool:
        is_write = (request.method, request.path) == ("POST", "/profile/history")
        return is_write and len(place.discovr.appended) == len(expected) - 1

    def arrive(request: web.Request, phase: Phase) -> bool:
        """Let it take effect just before somebody looks for it."""
        is_look_up = request.path == f"/profile/history/{last.key.media}"
        if is_look_up and phase is Phase.BEFORE and not landed:
            landed.append(last)
            place.discovr.person_adds(last.key, at=last.minute, imported=TRAKT.label)
        return False

    async with arena(account, tmp_path / "calm", own=own) as place:
        await place.migrate()
        expected = place.discovr.appended
        assert expected[-1] == last
    async with arena(account, tmp_path, own=own) as place:
        assert await migrate_until(place, is_last_write)
        place.tell(arrive)
        await place.migrate()
        assert [*place.discovr.appended, *landed] == expected

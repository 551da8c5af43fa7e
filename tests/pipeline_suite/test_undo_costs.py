"""What an undo costs: two readings for each film and season, and the removals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from connectors.errors import ConfigError
from sync import undo
from sync.domain.plays import Key
from sync.errors import StoppedError
from sync.ledger import Ledger
from sync.runtime.stop import Stop
from sync.sandbox.account.account import Account
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks, Repeated, Without
from sync.sandbox.server.faults import Fault
from tests.factories import at
from tests.long import choose, examples, pick
from tests.safety.accounts import film, show, watched_on
from tests.safety.arena import Arena, arena

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from sync.pipeline.result import Report
    from sync.pipeline.undo import UndoOutline

QUIRKS = [
    DiscovrQuirks(delete_without_episode=without, delete_repeats=repeats)
    for without in get_args(Without)
    if without != "refused"
    for repeats in get_args(Repeated)
]


def readings(quirks: DiscovrQuirks) -> str:
    return f"{quirks.delete_without_episode}-{quirks.delete_repeats}"


def small_account() -> Account:
    """Two seasons for a default and single ones, and films with repeats."""
    account = Account([film(1), film(2), show(1, 4), show(2, 6, 3)])
    for number in range(1, 5):
        account.add_play(account.find("Show 1"), watched_on(1), season=1, number=number)
    for number in (1, 2, 3, 5, 6):
        account.add_play(account.find("Show 2"), watched_on(2), season=1, number=number)
    account.add_play(account.find("Show 2"), watched_on(3), season=2, number=1)
    for day in (4, 5, 6):
        account.add_play(account.find("Film 1"), watched_on(day))
    account.add_play(account.find("Film 2"), watched_on(7))
    return account


def most(*reports: Report) -> int:
    """Return the most that an undo of these may cost."""
    operations = [o for r in reports for o in r.prepared.plan.operations]
    return len(operations) + 2 * len({o.key.place for o in operations}) + 5


async def cost(place: Arena, run: int | None = None, **options: Any) -> int:
    """Undo, and count the requests."""
    place.discovr.seen.clear()
    undone = await place.undo(run, **options)
    assert undone.left_alone == {}
    assert undone.gone == []
    return len(place.discovr.seen)


@given(
    plays=st.integers(1, pick(20, 40, 80)),
    shows=st.integers(0, 6),
    seed=st.integers(0, 10**6),
    collapse=st.sampled_from(["clean", "fewest", "off"]),
    each=st.sampled_from(["latest", "all"]),
    quirks=st.sampled_from(QUIRKS),
)
@examples(
    *(2, 10, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_it_costs_two_readings_a_place_and_the_removals(
    tmp_path_factory: pytest.TempPathFactory,
    plays: int,
    shows: int,
    seed: int,
    collapse: str,
    each: str,
    quirks: DiscovrQuirks,
) -> None:
    account = synthetic_account(plays, shows, seed=seed)
    folder = tmp_path_factory.mktemp("world")
    history = {"collapse": collapse, "plays": each}
    async with arena(account, folder, discovr=quirks, history=history) as place:
        report = await place.migrate()
        assert await cost(place) <= most(report)
        assert place.discovr.entries() == []


async def test_a_later_run_beside_an_earlier_one_costs_no_more(tmp_path: Path) -> None:
    account = small_account()
    async with arena(account, tmp_path, history={"collapse": "off"}) as place:
        await place.migrate()
        before = place.marks()
        title = account.find("Show 2")
        for number in (2, 3):
            account.add_play(title, watched_on(9), season=2, number=number)
        account.add_play(title, watched_on(9), season=1, number=4)
        report = await place.migrate()
        assert await cost(place, report.run) <= most(report)
        assert place.marks() == before


async def test_all_runs_go_in_one_go_and_cost_no_more(tmp_path: Path) -> None:
    account, asked = small_account(), list["UndoOutline"]()

    async def agree(outline: UndoOutline) -> bool:
        asked.append(outline)
        return True

    async with arena(account, tmp_path) as place:
        reports = [await place.migrate()]
        title = account.find("Show 2")
        account.add_play(title, watched_on(9), season=2, number=2)
        reports.append(await place.migrate())
        runs = [report.run or 0 for report in reports]
        assert await cost(place, is_each=True, ask=agree) <= most(*reports)
        assert place.discovr.entries() == []
        (outline,) = asked
        assert list(outline.runs) == sorted(runs, reverse=True)
        assert outline.titles == 4
        assert outline.requests <= most(*reports)
        with pytest.raises(ConfigError, match="nothing to undo"):
            await place.undo(is_each=True)
        assert (await place.migrate()).is_complete


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("without", ["default", "season"])
@pytest.mark.parametrize("plays", ["latest", "all"])
async def test_all_runs_go_where_a_later_one_watched_what_an_earlier_kept_out(
    tmp_path: Path, without: Without, plays: str, *, moves: bool
) -> None:
    """A zero and a viewing of ours stand under one key, or one has become the other."""
    account, title = Account([show(2, 6)]), "Show 2"
    for number in (1, 2, 3, 5, 6):
        account.add_play(account.find(title), watched_on(2), season=1, number=number)
    quirks = DiscovrQuirks(delete_without_episode=without, patch_moves_time=moves)
    history = {"collapse": "fewest", "plays": plays}
    async with arena(account, tmp_path, discovr=quirks, history=history) as place:
        reports = [await place.migrate()]
        watched_at = place.clock.now()
        account.add_play(account.find(title), watched_at, season=1, number=4)
        place.clock.advance(3600)
        reports.append(await place.migrate())
        assert await cost(place, is_each=True) <= most(*reports)
        assert place.discovr.entries() == []
        assert (await place.migrate()).is_complete


async def test_the_last_run_is_found_behind_any_number_that_left_nothing(
    tmp_path: Path,
) -> None:
    account = Account([film(1)])
    account.add_play(account.titles[0], watched_on(1))
    async with arena(account, tmp_path) as place:
        first = await place.migrate()
        async with await Ledger.open(place.settings.state.url) as ledger:
            (profile,) = await ledger.profiles()
            for _ in range(21):
                await ledger.start_run(profile, "migrate", place.clock.now())
        undone = await place.undo()
        assert undone.run == first.run


async def test_whoever_says_no_changes_nothing(tmp_path: Path) -> None:
    async def refuse(_outline: UndoOutline) -> bool:
        return False

    async with arena(small_account(), tmp_path) as place:
        await place.migrate()
        before, writes = place.marks(), place.writes()
        await place.undo(ask=refuse)
        assert (place.marks(), place.writes()) == (before, writes)


async def test_one_run_and_all_of_them_contradict_each_other(tmp_path: Path) -> None:
    async with arena(small_account(), tmp_path) as place:
        with pytest.raises(ConfigError, match="all of them"):
            await undo(place.settings, 1, all_runs=True)


async def test_what_is_not_removed_though_it_was_answered_is_seen_and_tried_again(
    tmp_path: Path,
) -> None:
    """Each removal is answered with 200; every second one takes nothing."""
    async with arena(small_account(), tmp_path) as place:
        await place.migrate()
        number = 0

        def ignore(request: web.Request, _number: int) -> Fault | None:
            nonlocal number
            number += request.method == "DELETE"
            is_lost = request.method == "DELETE" and number % 2
            return Fault.answer(200) if is_lost else None

        place.discovr.faults = ignore
        undone = await place.undo()
        assert undone.left_alone == {}
        assert place.discovr.entries() == []


async def test_a_zero_comes_back_where_the_default_that_it_limits_stays(
    tmp_path: Path,
) -> None:
    """Once it was seen that a default goes alone; then one does not go at all."""
    account = Account([show(2, 6), show(3, 6)])
    for title in account.titles:
        for number in (1, 2, 3, 5, 6):
            account.add_play(title, watched_on(2), season=1, number=number)
    stays = Key("TV_203", 1)
    async with arena(account, tmp_path, history={"collapse": "fewest"}) as place:
        await place.migrate()

        def ignore(request: web.Request, _number: int) -> Fault | None:
            is_it = (
                request.path.endswith(stays.media) and "episode" not in request.query
            )
            is_lost = request.method == "DELETE" and is_it
            return Fault.answer(200) if is_lost else None

        place.discovr.faults = ignore
        undone = await place.undo()
        there = {e.key: e.progress for e in place.discovr.entries()}
        assert there == {stays: 100, stays._replace(episode=4): 0}
        assert undone.left_alone.keys() == there.keys()


@pytest.mark.parametrize("collapse", choose(["off"], *[["clean", "fewest"]] * 2))
@pytest.mark.parametrize("quirks", QUIRKS, ids=readings)
async def test_beside_something_of_the_person_s_each_removal_is_watched(
    tmp_path: Path, quirks: DiscovrQuirks, collapse: str
) -> None:
    account, theirs = small_account(), Key("TV_202", 1, 77)
    own = [(theirs, 100.0, at(5))]
    history = {"collapse": collapse}
    async with arena(
        account, tmp_path, own=own, discovr=replace(quirks), history=history
    ) as place:
        await place.migrate()
        place.discovr.seen.clear()
        await place.undo()
        calls = [s.method for s in place.discovr.seen if s.path.endswith("/TV_202")]
        assert theirs in {entry.key for entry in place.discovr.entries()}
        seasons = {e.key.season for e in place.discovr.entries()}
        assert seasons == {1}
        text = "".join(method[0] for method in calls)
        # Season 2 is ours alone, and costs its two readings.
        assert "DD" not in text


@pytest.mark.parametrize("quirks", QUIRKS, ids=readings)
async def test_a_viewing_of_the_person_s_that_hides_behind_ours_stays(
    tmp_path: Path, quirks: DiscovrQuirks
) -> None:
    """Discovr lists both as one, at our minute."""
    account, key = Account([show(1, 4)]), Key("TV_201", 1, 2)
    for number in range(1, 5):
        account.add_play(account.titles[0], watched_on(1), season=1, number=number)
    account.add_play(account.titles[0], watched_on(3), season=1, number=2)
    merged = replace(quirks, repeats="merged")
    own, history = [(key, 100.0, watched_on(-1))], {"plays": "all"}
    async with arena(
        account, tmp_path, own=own, discovr=merged, history=history
    ) as place:
        await place.migrate()
        assert [e.count for e in place.discovr.entries() if e.key == key] != [1]
        await place.undo()
        assert key in {entry.key for entry in place.discovr.entries()}


async def test_a_viewing_of_the_person_s_that_took_the_place_of_a_zero_stays(
    tmp_path: Path,
) -> None:
    """Then ours was merged into it: two are listed, as if the zero were one of them."""
    account, key = Account([show(2, 6)]), Key("TV_202", 1, 4)
    for number in (1, 2, 3, 5, 6):
        account.add_play(account.titles[0], watched_on(2), season=1, number=number)
    merged = DiscovrQuirks(repeats="merged")
    history = {"collapse": "fewest", "plays": "all"}
    async with arena(account, tmp_path, discovr=merged, history=history) as place:
        await place.migrate()
        place.clock.advance(86_400)
        place.discovr.person_sets(key, 100)
        place.clock.advance(86_400)
        account.add_play(account.titles[0], place.clock.now(), season=1, number=4)
        place.clock.advance(86_400)
        await place.migrate()
        assert [e.count for e in place.discovr.entries() if e.key == key] == [2]
        undone = await place.undo(is_each=True)
        assert key in undone.left_alone
        assert key in {entry.key for entry in place.discovr.entries()}


async def test_asked_to_stop_it_finishes_what_is_under_way(tmp_path: Path) -> None:
    stop = Stop()

    def ask_to_stop(request: web.Request, _number: int) -> None:
        if request.method == "DELETE":
            stop.request()

    async with arena(small_account(), tmp_path) as place:
        await place.migrate()
        place.discovr.faults = ask_to_stop
        with pytest.raises(StoppedError, match=r"[1-9] of \d+ writes taken back"):
            await place.undo(stop=stop)
        place.discovr.faults = None
        first = {entry.key for entry in place.discovr.entries()}
        assert first
        undone = await place.undo()
        assert {*undone.removed} == first
        assert place.discovr.entries() == []

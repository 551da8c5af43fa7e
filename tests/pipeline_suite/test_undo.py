"""``undo`` removes what one run added, and nothing else."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest

from connectors.errors import AuthError, ConfigError
from sync import undo
from sync.domain.plan import Action
from sync.domain.plays import Key, to_minute
from sync.ledger import Ledger
from sync.ledger.fact_names import REMOVES
from sync.load.breaker import MOST_REFUSED, MOST_UNCLEAR, RefusingServiceError
from sync.load.loader import LOOK_UP_WAITS_S
from sync.pipeline import run as pipeline
from sync.pipeline.undo import LEARNT_FOR, MOST_TRIES, RemovedTooMuchError
from sync.sandbox.account.account import Account
from sync.sandbox.account.sample import sample_account
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks, Repeated, Without
from sync.sandbox.server.faults import Fault
from sync.sandbox.server.server import utc_now
from sync.wiring.bootstrap import build
from tests.clocks import FakeClock
from tests.factories import at
from tests.safety.accounts import film, show
from tests.safety.arena import Phase, arena
from tests.safety.killing import run_until
from tests.worlds import World, world

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from sync.pipeline.result import Report


def standing(place: World) -> Counter[tuple[Any, ...]]:
    return Counter(
        (e.key, e.updated_at, e.progress, e.imported) for e in place.discovr.entries()
    )


def own_entries(place: World) -> None:
    """Give the person entries in the same titles as the account, and in others."""
    shows = [t for t in place.account.titles if t.kind == "show"]
    number = shows[0].ids.tmdb
    place.discovr.person_adds(Key("MV_424242"), at=at(1))
    place.discovr.person_adds(Key(f"TV_{number}", 1, 77), at=at(2))
    played = next(p for p in place.account.plays if p.episode is None)
    half = Key(f"MV_{played.title.ids.tmdb}")
    place.discovr.person_adds(half, progress=30, at=at(-9000))


@pytest.mark.parametrize("collapse", ["clean", "fewest", "off"])
async def test_after_undo_the_profile_is_what_it_was(
    tmp_path: Path, collapse: str
) -> None:
    account = synthetic_account(150, 3, seed=4)
    async with world(account, tmp_path, history={"collapse": collapse}) as place:
        own_entries(place)
        before = standing(place)
        await place.migrate()
        assert standing(place) != before
        undone = await undo(place.settings)
        assert standing(place) == before
        assert undone.left_alone == {}
        with pytest.raises(ConfigError, match="nothing to undo") as caught:
            await undo(place.settings)
        assert "every run of this profile is taken back" in caught.value.message


async def test_a_later_run_can_be_undone_without_the_earlier_one(
    tmp_path: Path,
) -> None:
    account = synthetic_account(60, 2, seed=4)
    async with world(account, tmp_path) as place:
        first = await place.migrate()
        after_first = standing(place)
        film = next(t for t in account.titles if t.kind == "film")
        for play in account.plays_of(film):
            account.remove_play(play.id)
        other = synthetic_account(90, 2, seed=4).titles[-1]
        account.titles.append(other)
        account.add_play(other, at(900))
        second = await place.migrate()
        assert second.run is not None
        assert first.run is not None
        await undo(place.settings, second.run)
        assert standing(place) == after_first
        await undo(place.settings, first.run)
        assert standing(place) == Counter()


@pytest.mark.parametrize(
    "fault", [*map(Fault.answer, (400, 403, 409, 451)), Fault.cloudflare()]
)
@pytest.mark.parametrize("is_free", [True, False])
async def test_what_is_refused_of_one_title_stops_no_other(
    tmp_path: Path, fault: Fault, *, is_free: bool
) -> None:
    """Nor does what stands before the service and blocks it, once and again."""
    account = synthetic_account(60, 2, seed=4)
    async with arena(account, tmp_path, history={"collapse": "off"}) as place:
        if not is_free:
            own_entries(place)
        before = standing(place)
        await place.migrate()
        written = [e.key for e in place.discovr.entries() if e.imported]
        stubborn = written[len(written) // 2].media

        def refuse(request: web.Request, _: int) -> Fault | None:
            is_it = request.method == "DELETE" and request.path.endswith(stubborn)
            return fault if is_it else None

        place.discovr.faults = refuse
        undone = await place.undo()
        assert {key.media for key in undone.left_alone} == {stubborn}
        assert {key.media for key, *_ in standing(place) - before} == {stubborn}
        place.discovr.faults = None
        assert (await place.undo()).left_alone == {}
        assert standing(place) == before


@pytest.mark.parametrize("status", [400, 403])
async def test_what_may_not_be_set_back_stops_no_other(
    tmp_path: Path, status: int
) -> None:
    account = synthetic_account(60, 2, seed=4)
    async with world(account, tmp_path, history={"collapse": "off"}) as place:
        own_entries(place)
        before = standing(place)
        await place.migrate()
        faults = {"PATCH": Fault.answer(status)}
        place.discovr.faults = lambda request, _: faults.get(request.method)
        undone = await undo(place.settings)
        assert len(undone.left_alone) == 1
        place.discovr.faults = None
        assert (await undo(place.settings)).left_alone == {}
        assert standing(place) == before


async def test_an_undo_that_may_remove_nothing_ends_soon_and_goes_on_later(
    tmp_path: Path,
) -> None:
    account = synthetic_account(300, 3, seed=4)
    async with world(account, tmp_path, history={"collapse": "off"}) as place:
        await place.migrate()
        written = place.writes()
        faults = {"DELETE": Fault.answer(403)}
        place.discovr.faults = lambda request, _: faults.get(request.method)
        place.discovr.seen.clear()
        with pytest.raises(AuthError, match="does not allow this login to write"):
            await undo(place.settings)
        # Those of some titles, of which each tells but once.
        assert MOST_REFUSED <= len(place.discovr.requests("DELETE")) < written / 3
        place.discovr.faults = None
        assert (await undo(place.settings)).left_alone == {}
        assert standing(place) == Counter()


@pytest.mark.parametrize("fault", [Fault.answer(500), Fault.cut_before()])
@pytest.mark.parametrize("is_free", [True, False])
@pytest.mark.parametrize("which", ["", " 1", " --all"])
async def test_an_undo_of_a_service_that_is_down_waits_gives_up_and_goes_on_later(
    tmp_path: Path, fault: Fault, which: str, *, is_free: bool
) -> None:
    account = synthetic_account(60, 2, seed=4)
    options = {"is_each": True} if "all" in which else {}
    run = 1 if "1" in which else None
    async with arena(account, tmp_path, history={"collapse": "off"}) as place:
        if not is_free:
            own_entries(place)
        before = standing(place)
        await place.migrate()
        written, removed = place.writes(), 0

        def go_down(request: web.Request, _: int) -> Fault | None:
            nonlocal removed
            removed += request.method == "DELETE"
            return fault if request.method != "GET" and removed > 5 else None

        place.discovr.faults = go_down
        place.clock.slept.clear()
        with pytest.raises(RefusingServiceError, match="no clear answer") as caught:
            await place.undo(run, **options)
        assert caught.value.remedy.endswith(f"stopped: trakt2discovr undo{which}")
        assert {*LOOK_UP_WAITS_S} <= {*place.clock.slept}
        # It ends soon, and keeps what it did.
        assert 5 + MOST_UNCLEAR <= removed < written
        assert len(standing(place) - before) == written - 5
        place.discovr.faults = None
        undone = await place.undo(run, **options)
        assert undone.left_alone == {}
        assert standing(place) == before


async def test_what_the_person_changed_since_is_left_alone(tmp_path: Path) -> None:
    account = synthetic_account(30, 1, seed=4)
    async with world(account, tmp_path, history={"collapse": "off"}) as place:
        report = await place.migrate()
        adds = [o for o in report.prepared.plan.operations if o.action is Action.ADD]
        changed, doubled = adds[0].key, adds[1].key
        place.discovr.person_sets(changed, 10)
        place.discovr.person_adds(doubled)
        undone = await undo(place.settings)
        left = {entry.key for entry in place.discovr.entries()}
    assert set(undone.left_alone) == {changed, doubled}
    assert left == {changed, doubled}


async def test_what_the_person_completed_beside_it_is_not_held_down(
    tmp_path: Path,
) -> None:
    account = synthetic_account(30, 1, seed=4)
    film = next(p.title for p in account.plays if p.episode is None)
    key = Key(f"MV_{film.ids.tmdb}")
    async with world(account, tmp_path) as place:
        place.discovr.person_adds(key, progress=30, at=at(-9000))
        await place.migrate()
        # Older than the entry that was set: at 30 again, that one would count.
        place.discovr.person_adds(key, at=at(-9500))
        undone = await undo(place.settings)
        there = [e.progress for e in place.discovr.entries() if e.key == key]
    assert set(undone.left_alone) == {key}
    assert there == [100, 100]


@pytest.mark.parametrize("moves_time", [False, True])
@pytest.mark.parametrize("repeats", ["listed", "merged"])
@pytest.mark.parametrize("day", [-9500, -8000, 5000])
async def test_what_the_person_watched_again_is_not_set_back(
    tmp_path: Path, repeats: Any, day: int, *, moves_time: bool
) -> None:
    account = synthetic_account(30, 1, seed=4)
    film = next(p.title for p in account.plays if p.episode is None)
    key = Key(f"MV_{film.ids.tmdb}")
    quirks = DiscovrQuirks(patch_moves_time=moves_time, repeats=repeats)
    for again in ("person_sets", "person_adds"):
        async with world(account, tmp_path / again, discovr=quirks) as place:
            place.discovr.person_adds(key, progress=30, at=at(-9000))
            await place.migrate()
            getattr(place.discovr, again)(key, progress=100, at=at(day))
            undone = await undo(place.settings)
            there = {e.progress for e in place.discovr.entries() if e.key == key}
        assert set(undone.left_alone) == {key}
        assert there == {100}


@pytest.mark.parametrize("progress", [30, 100])
async def test_a_season_is_not_removed_with_what_the_person_has_under_the_same_key(
    tmp_path: Path, progress: int
) -> None:
    title = show(1, 4)
    account, key = Account([title]), Key("TV_201", 1, 2)
    for number in range(1, 5):
        account.add_play(title, at(20, minutes=number), season=1, number=number)
    account.add_play(title, at(30), season=1, number=2)
    quirks = DiscovrQuirks(delete_without_episode="season")
    history = {"plays": "all"}
    async with world(account, tmp_path, discovr=quirks, history=history) as place:
        await place.migrate()
        place.discovr.person_adds(key, progress=progress, at=at(25))
        undone = await undo(place.settings)
        theirs = [e for e in place.discovr.entries() if e.updated_at == at(25)]
    assert len(theirs) == 1
    assert "Discovr may remove the whole season" in undone.left_alone[Key("TV_201", 1)]


async def test_what_was_set_back_is_not_missed_by_the_next_removal(
    tmp_path: Path,
) -> None:
    title = show(1, 4)
    account = Account([title])
    for number in range(1, 4):
        account.add_play(title, at(20, minutes=number), season=1, number=number)
    quirks = DiscovrQuirks(patch_moves_time=True)
    history = {"collapse": "off"}
    async with world(account, tmp_path, discovr=quirks, history=history) as place:
        place.discovr.person_adds(Key("TV_201", 1, 1), progress=30, at=at(1))
        await place.migrate()
        undone = await undo(place.settings)
        there = [(e.key.episode, e.progress) for e in place.discovr.entries()]
    assert undone.left_alone == {}
    assert there == [(1, 30)]


async def test_a_removal_that_takes_more_is_the_last(tmp_path: Path) -> None:
    account = synthetic_account(40, 1, seed=4)
    quirks = DiscovrQuirks(delete_without_episode="season")
    async with world(account, tmp_path, discovr=quirks) as place:
        report = await place.migrate()
        defaults = [o.key for o in report.prepared.plan.operations if o.is_default]
        assert defaults
        for key in defaults:
            place.discovr.person_adds(key._replace(episode=88))
        for film in [o.key for o in report.prepared.plan.operations]:
            if film.season is None:
                place.discovr.person_removes(film)
        # As it was learnt while Discovr still took a default alone.
        await note(place, takes_season=False)
        with pytest.raises(RemovedTooMuchError, match="E88"):
            await undo(place.settings)
        theirs = [e for e in place.discovr.entries() if e.key.episode == 88]
        assert len(theirs) == len(defaults) - 1
        # That it takes more is learnt from it, too.
        undone = await undo(place.settings)
        left = [e for e in place.discovr.entries() if e.key.episode == 88]
        assert left == theirs
        assert "the whole season" in next(iter(undone.left_alone.values()))


async def note(place: World, *, takes_season: bool) -> None:
    fact = {"takes_season": takes_season, "at": utc_now().isoformat(), "trial": None}
    async with await Ledger.open(place.settings.state.url) as ledger:
        (profile,) = await ledger.profiles()
        await ledger.put_fact(profile, REMOVES, fact, utc_now())


READINGS = [
    DiscovrQuirks(delete_without_episode=without, delete_repeats=repeats)
    for without in get_args(Without)
    for repeats in get_args(Repeated)
]


@pytest.mark.parametrize("quirks", READINGS, ids=str)
@pytest.mark.parametrize("plays", ["latest", "all"])
async def test_no_reading_of_delete_takes_what_is_the_person_s(
    tmp_path: Path, quirks: DiscovrQuirks, plays: Any
) -> None:
    """Seasons that are one default, alone or with something of the person's beside."""
    titles = [show(number, 4) for number in range(1, 5)]
    account, theirs = Account(titles), []
    for day, title in enumerate(titles):
        for number in range(1, 5):
            account.add_play(title, at(20 + day), season=1, number=number)
    history = {"plays": plays}
    async with world(account, tmp_path, discovr=quirks, history=history) as place:
        await place.migrate()
        for number, progress in ((203, 100), (204, 10)):
            key = Key(f"TV_{number}", 1, 77)
            place.discovr.person_adds(key, progress=progress, at=at(5))
            theirs.append(key)
        undone = await undo(place.settings)
        there = [entry.key for entry in place.discovr.entries()]
        assert {key for key in there if key.episode} == {*theirs}
        ours = {key for key in there if not key.episode}
        assert ours == undone.left_alone.keys()
        match quirks.delete_without_episode:
            case "default":
                assert ours == set()
            case "season":
                assert ours == {Key("TV_203", 1), Key("TV_204", 1)}
            case "refused":
                assert len(ours) == 4


@pytest.mark.parametrize("without", get_args(Without))
async def test_what_was_learnt_of_removals_holds_for_a_month(
    tmp_path: Path, without: Any
) -> None:
    account, clock = Account([show(1, 4), show(2, 4)]), FakeClock(utc_now())
    quirks = DiscovrQuirks(delete_without_episode=without)
    for day, title in enumerate(account.titles):
        for number in range(1, 5):
            account.add_play(title, at(20 + day), season=1, number=number)

    async def undo_again(place: World) -> int:
        place.discovr.seen.clear()
        async with build(place.settings, clock=clock) as services:
            await pipeline.undo(services, None)
        trials = place.discovr.requests("PATCH", "/profile/history")
        async with build(place.settings, clock=clock) as services:
            await pipeline.migrate(services, confirm=agree, is_forced=True)
        return len(trials)

    async with world(account, tmp_path, discovr=quirks, now=clock.now) as place:
        await place.migrate()
        place.discovr.person_adds(Key("TV_201", 1, 77), at=at(5))
        assert await undo_again(place) == 1
        assert await undo_again(place) == (without == "refused")
        clock.advance(LEARNT_FOR.total_seconds() + 1)
        # Where a season would go whole, that of the person is left alone by now, and
        # the last run is about the other: there is no need to know.
        assert await undo_again(place) == (without != "season")


async def test_a_trial_that_was_broken_off_leaves_nothing(tmp_path: Path) -> None:
    account = Account([show(1, 4), show(2, 4)])
    for day, title in enumerate(account.titles):
        for number in range(1, 5):
            account.add_play(title, at(20 + day), season=1, number=number)
    async with world(account, tmp_path) as place:
        await place.migrate()
        before = standing(place)
        place.discovr.person_adds(Key("TV_201", 1, 77), at=at(5))
        place.discovr.faults = lambda request, _number: (
            Fault.answer(401) if request.method == "DELETE" else None
        )
        with pytest.raises(AuthError):
            await undo(place.settings)
        assert Key("TV_202", 1, 1) in {e.key for e in place.discovr.entries()}
        place.discovr.faults = None
        await place.migrate()
        place.discovr.person_removes(Key("TV_201", 1, 77))
        assert standing(place) == before


@pytest.mark.parametrize("is_unlisted_at", ["once it is set", "later"])
async def test_the_zero_of_a_trial_stays_known_while_its_list_is_refused(
    tmp_path: Path, is_unlisted_at: str
) -> None:
    account = Account([show(1, 4), show(2, 4)])
    for day, title in enumerate(account.titles):
        for number in range(1, 5):
            account.add_play(title, at(20 + day), season=1, number=number)
    trial, theirs = Key("TV_202", 1, 1), Key("TV_201", 1, 77)
    is_set = False

    def plan(request: web.Request, _number: int) -> Fault | None:
        nonlocal is_set
        is_trial = request.path.endswith(trial.media)
        is_set |= request.method == "PATCH" and is_trial
        if is_unlisted_at == "later":
            return Fault.answer(401) if request.method == "DELETE" else None
        is_look = request.method == "GET" and is_trial
        return Fault.answer(410) if is_set and is_look else None

    async with world(account, tmp_path) as place:
        await place.migrate()
        before = standing(place)
        place.discovr.person_adds(theirs, at=at(5))
        place.discovr.faults = plan
        with suppress(AuthError):
            undone = await undo(place.settings)
            assert "list" in undone.left_alone[trial._replace(episode=None)]
        assert is_set
        assert trial in {e.key for e in place.discovr.entries()}
        place.discovr.faults = lambda request, _number: (
            Fault.answer(410) if request.path.endswith(trial.media) else None
        )
        await place.migrate()
        place.discovr.faults = None
        await place.migrate()
        place.discovr.person_removes(theirs)
        assert standing(place) == before


async def agree(_report: Report) -> bool:
    return True


@pytest.mark.parametrize("readings", [1, 2])
async def test_what_a_list_does_not_show_is_not_taken_for_gone(
    tmp_path: Path, readings: int
) -> None:
    account = synthetic_account(30, 1, seed=4)
    async with world(account, tmp_path) as place:
        await place.migrate()
        titles = len({e.key[:2] for e in place.discovr.entries()})
        place.discovr.visibility.title.ends_after = 0
        place.discovr.visibility.title.readings = titles if readings == 1 else 1
        undone = await undo(place.settings)
        assert undone.gone == []
        assert place.discovr.entries() == []


async def test_where_only_ours_stands_a_removal_shows_what_it_takes(
    tmp_path: Path,
) -> None:
    account = sample_account()
    quirks = DiscovrQuirks(delete_without_episode="season")
    async with world(account, tmp_path, discovr=quirks) as place:
        report = await place.migrate()
        operations = report.prepared.plan.operations
        defaults = [o.key for o in operations if o.is_default]
        mixed = [
            key
            for key in defaults
            if any(o.key.place == key.place and not o.is_default for o in operations)
        ]
        assert mixed
        stranger = next(key for key in defaults if key not in mixed)
        theirs = stranger._replace(episode=88)
        place.discovr.person_adds(theirs)
        undone = await undo(place.settings)
        left = [entry.key for entry in place.discovr.entries()]
    assert theirs in left
    assert undone.left_alone[stranger].startswith("Discovr would remove the whole")


async def test_an_unclear_removal_is_looked_up(tmp_path: Path) -> None:
    account = synthetic_account(30, 1, seed=4)
    async with world(account, tmp_path) as place:
        await place.migrate()
        faults = [Fault.cut_after(), Fault.cut_before(), Fault.answer(502)]

        def plan(request: web.Request, _number: int) -> Fault | None:
            return faults.pop() if request.method == "DELETE" and faults else None

        place.discovr.faults = plan
        undone = await undo(place.settings)
        assert faults == []
        assert undone.left_alone == {}
        assert place.discovr.entries() == []


@pytest.mark.parametrize("is_killed", [False, True])
async def test_an_undo_of_a_later_run_keeps_what_the_person_had_removed(
    tmp_path: Path, *, is_killed: bool
) -> None:
    """The later one wrote another viewing of the same film."""
    title = film(1)
    account, history = Account([title]), {"plays": "all"}
    account.add_play(title, at(1))
    async with arena(account, tmp_path, history=history) as place:
        await place.migrate()
        place.discovr.person_removes(Key("MV_101"))
        assert (await place.migrate(is_forced=True)).balance()[0].gone == 1
        again = place.clock.now() + timedelta(days=1)
        account.add_play(title, again)
        place.clock.advance(timedelta(days=2).total_seconds())
        assert (await place.migrate()).is_complete

        def is_removed(request: web.Request, phase: Phase) -> bool:
            return request.method == "DELETE" and phase is Phase.DONE

        if is_killed:
            assert await run_until(place, place.undo(), is_removed)
        else:
            assert (await place.undo()).left_alone == {}
        assert place.discovr.entries() == []
        report = await place.migrate()
        assert report.balance()[0].gone == 1
        assert [e.updated_at for e in place.discovr.entries()] == [to_minute(again)]


@pytest.mark.parametrize("is_pruned", [False, True])
@pytest.mark.parametrize("marks_first", [False, True])
@pytest.mark.parametrize("day", [1, 5])
async def test_what_stands_in_place_of_ours_that_was_removed_is_the_person_s(
    tmp_path: Path, day: int, *, marks_first: bool, is_pruned: bool
) -> None:
    """Listed merged with a later one of ours it is one of two, as ours would be."""
    title, other = film(1), film(2)
    account, key, history = Account([title, other]), Key("MV_101"), {"plays": "all"}
    account.add_play(title, at(3))
    account.add_play(other, at(3))
    merged = DiscovrQuirks(repeats="merged")
    async with arena(account, tmp_path, discovr=merged, history=history) as place:
        await place.migrate()
        place.discovr.person_removes(key)
        if marks_first:
            place.discovr.person_adds(key, at=at(day))
        await place.migrate()
        account.add_play(title, place.clock.now() + timedelta(days=1))
        place.clock.advance(timedelta(days=2).total_seconds())
        await place.migrate()
        if not marks_first:
            place.discovr.person_adds(key, at=at(day))
        if is_pruned:
            for play in [p for p in account.plays if p.title is title]:
                account.remove_play(play.id)
            undone = (await place.sync(prune=True)).undone
        else:
            undone = await place.undo(is_each=True)
        there = [entry.count for entry in place.discovr.entries() if entry.key == key]
    assert undone
    assert set(undone.left_alone) == {key}
    assert there == [2]


async def test_what_was_undone_can_be_migrated_again(tmp_path: Path) -> None:
    account = synthetic_account(60, 2, seed=4)
    async with world(account, tmp_path) as place:
        await place.migrate()
        before = {(e.key, e.updated_at) for e in place.discovr.entries()}
        await undo(place.settings)
        assert (await place.migrate()).is_complete
        assert {(e.key, e.updated_at) for e in place.discovr.entries()} == before


async def test_what_the_person_changes_while_it_works_is_left_alone(
    tmp_path: Path,
) -> None:
    account = synthetic_account(30, 1, seed=4)
    async with world(account, tmp_path, history={"collapse": "off"}) as place:
        await place.migrate()
        films = {e.key for e in place.discovr.entries() if e.key.season is None}
        changed: list[Key] = []

        def change_another(request: web.Request, _number: int) -> None:
            media = request.path.rpartition("/")[2]
            if request.method == "DELETE" and media.startswith("MV") and not changed:
                changed.append(max(films - {Key(media)}))
                place.discovr.person_sets(changed[0], 10)

        place.discovr.faults = change_another
        undone = await undo(place.settings)
        assert list(undone.left_alone) == changed
        left = [(e.key, e.progress) for e in place.discovr.entries()]
        assert left == [(changed[0], 10)]


@pytest.mark.parametrize("count", [1, 3, 6])
async def test_repeats_that_go_one_at_a_time_go_all(tmp_path: Path, count: int) -> None:
    title = synthetic_account(1, 0, seed=4).titles[0]
    account = Account([title])
    for day in range(count):
        account.add_play(title, at(day))
    quirks = DiscovrQuirks(delete_repeats="newest")
    history = {"plays": "all"}
    async with world(account, tmp_path, discovr=quirks, history=history) as place:
        await place.migrate()
        assert len(place.discovr.entries()) == count
        faults = [Fault.cut_before()] * (MOST_TRIES - 1)
        place.discovr.faults = lambda request, _number: (
            faults.pop() if request.method == "DELETE" and faults else None
        )
        undone = await undo(place.settings)
        assert undone.left_alone == {}
        assert place.discovr.entries() == []


async def test_a_removal_without_an_answer_is_tried_so_often_and_no_more(
    tmp_path: Path,
) -> None:
    title = synthetic_account(1, 0, seed=4).titles[0]
    account = Account([title])
    account.add_play(title, at(1))
    async with world(account, tmp_path) as place:
        await place.migrate()
        place.discovr.faults = lambda request, _number: (
            Fault.cut_before() if request.method == "DELETE" else None
        )
        undone = await undo(place.settings)
        assert list(undone.left_alone.values()) == ["Discovr did not remove it"]
        tries = place.discovr.requests("DELETE", "/profile/history")
        assert len(tries) == MOST_TRIES + 1

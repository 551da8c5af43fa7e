"""``undo`` removes what one run added, and nothing else."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import ConfigError
from sync import undo
from sync.domain.plan import Action
from sync.domain.plays import Key
from sync.pipeline.undo import RemovedTooMuchError
from sync.sandbox.account.account import Account
from sync.sandbox.account.sample import sample_account
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.faults import Fault
from tests.factories import at
from tests.safety.accounts import show
from tests.worlds import World, world

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web


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
        with pytest.raises(ConfigError, match="nothing to undo"):
            await undo(place.settings)


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
        with pytest.raises(RemovedTooMuchError, match="E02"):
            await undo(place.settings)


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
        with pytest.raises(RemovedTooMuchError, match="E88"):
            await undo(place.settings)
        theirs = [e for e in place.discovr.entries() if e.key.episode == 88]
        assert len(theirs) == len(defaults) - 1


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


async def test_what_was_undone_can_be_migrated_again(tmp_path: Path) -> None:
    account = synthetic_account(60, 2, seed=4)
    async with world(account, tmp_path) as place:
        await place.migrate()
        before = {(e.key, e.updated_at) for e in place.discovr.entries()}
        await undo(place.settings)
        assert (await place.migrate()).is_complete
        assert {(e.key, e.updated_at) for e in place.discovr.entries()} == before

"""What went from Trakt: always reported, taken back on request, and only if ours."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.plays import Key
from sync.errors import EmptyHistoryError, UnsafeRemovalError
from sync.ledger.fact_names import MOVE
from sync.pipeline import run as pipeline
from sync.pipeline.documents import report_document
from sync.sandbox.account.account import Account
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.faults import Fault
from sync.sandbox.server.server import utc_now
from sync.wiring.bootstrap import build
from tests.clocks import FakeClock
from tests.long import choose
from tests.pipeline_suite.test_sync import NOW, Life, agree, life
from tests.safety.accounts import film, show, watched_on
from tests.worlds import world

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

FILM_2, FILM_1 = Key("MV_102"), Key("MV_101")


def remove(
    account: Account, name: str, season: int | None = None, number: int | None = None
) -> None:
    for play in account.plays_of(account.find(name), season, number):
        account.remove_play(play.id)


async def noted(it: Life, name: str) -> Any:
    async with build(it.place.settings, clock=it.clock, is_dry=True) as services:
        profile = await services.target.open_profile()
        return await services.ledger.get_fact(profile, name)


def progress(it: Life) -> dict[Key, float | None]:
    return {e.key: e.progress for e in it.place.discovr.entries()}


async def test_without_prune_it_is_reported_and_stays(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        before = it.entries()
        remove(it.account, "Film 1")
        report = await it.sync()
        assert report.prepared.stale.keys == (FILM_1,)
        assert it.entries() == before
        assert it.discovr == []
        assert (await it.sync()).prepared.is_unchanged


async def test_what_it_took_back_is_told_and_is_no_difference(tmp_path: Path) -> None:
    """Also where both sides were read whole, before it was taken back."""
    async with life(tmp_path) as it:
        remove(it.account, "Film 1")
        it.clock.advance(8 * 86_400)
        report = await it.sync(prune=True)
        document = report_document(report, "sync", 0)
    assert report.verification
    assert report.verification.is_clean
    assert document.undone
    assert (document.undone.removed, document.undone.gone) == (1, 0)
    assert FILM_1 not in progress(it)


@pytest.mark.parametrize("quirks", list(DiscovrQuirks.combinations())[::7])
async def test_what_we_wrote_goes_and_nothing_else(
    tmp_path: Path, quirks: DiscovrQuirks
) -> None:
    async with life(tmp_path, discovr=quirks) as it:
        before = progress(it)
        remove(it.account, "Film 1")
        remove(it.account, "Show 2", 2, 3)
        report = await it.sync(prune=True)
        assert report.is_complete
        assert report.undone
        assert not report.undone.left_alone
        gone = {FILM_1, Key("TV_202", 2, 3)}
        assert progress(it) == {k: p for k, p in before.items() if k not in gone}
        assert (await it.sync(prune=True)).prepared.is_unchanged


async def test_it_can_be_pruned_later_too(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        remove(it.account, "Film 1")
        await it.sync()
        assert (await it.sync(prune=True)).undone
        assert FILM_1 not in progress(it)
        assert it.trakt == ["/sync/last_activities"]


async def test_an_episode_under_a_default_gets_a_zero(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        assert Key("TV_201", 1) in progress(it)
        remove(it.account, "Show 1", 1, 2)
        assert (await it.sync(prune=True)).is_complete
        assert progress(it)[Key("TV_201", 1, 2)] == 0
        assert Key("TV_201", 1, 2) not in it.completed()
        assert not it.missing()
        # Watched again, the zero is ours to lift.
        it.account.add_play(it.account.find("Show 1"), NOW, season=1, number=2)
        assert (await it.sync(prune=True)).is_complete
        assert Key("TV_201", 1, 2) in it.completed()


async def test_a_default_goes_when_nothing_of_its_season_is_left(
    tmp_path: Path,
) -> None:
    async with life(tmp_path, history={"collapse": "fewest"}) as it:
        remove(it.account, "Show 1", 1, 2)
        await it.sync(prune=True)
        remove(it.account, "Show 1")
        assert (await it.sync(prune=True, is_forced=True)).is_complete
        assert not [key for key in progress(it) if key.media == "TV_201"]


async def test_what_the_person_completed_goes_back_to_where_it_was(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        assert progress(it)[FILM_2] == 100
        remove(it.account, "Film 2")
        await it.sync(prune=True)
        assert progress(it)[FILM_2] == 30


@pytest.mark.parametrize("moves_time", [False, True])
async def test_what_was_set_twice_goes_back_to_what_the_person_said_last(
    tmp_path: Path, *, moves_time: bool
) -> None:
    quirks = DiscovrQuirks(patch_moves_time=moves_time)
    async with life(tmp_path, discovr=quirks) as it:
        it.place.discovr.person_sets(FILM_2, 40, at=watched_on(0))
        it.account.add_play(it.account.find("Film 2"), NOW)
        await it.sync()
        assert progress(it)[FILM_2] == 100
        remove(it.account, "Film 2")
        report = await it.sync(prune=True)
        assert progress(it)[FILM_2] == 40
        assert report.undone
        assert report.undone.left_alone == {}
        assert (await it.sync(prune=True)).prepared.is_unchanged


@pytest.mark.parametrize("repeats", ["listed", "merged", "counted"])
async def test_an_older_mark_of_the_persons_is_not_held_off_by_a_zero(
    tmp_path: Path, repeats: Any
) -> None:
    key, quirks = Key("TV_202", 1, 1), DiscovrQuirks(repeats=repeats)
    history = {"collapse": "fewest", "plays": "all"}
    async with life(tmp_path, discovr=quirks, history=history) as it:
        assert Key("TV_202", 1) in progress(it)
        it.account.add_play(it.account.find("Show 2"), NOW, season=1, number=1)
        await it.sync()
        remove(it.account, "Show 2", 1, 1)
        report = await it.sync(prune=True)
        assert key in it.completed()
        assert report.undone
        assert set(report.undone.left_alone) == {key}


async def test_a_default_stays_beside_what_the_person_has_under_our_key(
    tmp_path: Path,
) -> None:
    key, quirks = Key("TV_201", 1, 2), DiscovrQuirks(delete_without_episode="season")
    async with life(tmp_path, discovr=quirks, history={"plays": "all"}) as it:
        it.account.add_play(it.account.find("Show 1"), NOW, season=1, number=2)
        await it.sync()
        it.place.discovr.person_adds(key, at=watched_on(0))
        remove(it.account, "Show 1")
        await it.sync(prune=True, is_forced=True)
        theirs = [e for e in it.place.discovr.entries() if e.key == key]
        assert watched_on(0) in {e.updated_at for e in theirs}
        assert key in it.completed()


async def test_what_the_person_did_since_is_left_alone(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        it.place.discovr.person_sets(FILM_1, 100, at=NOW)
        remove(it.account, "Film 1")
        report = await it.sync(prune=True)
        assert report.undone
        assert list(report.undone.left_alone) == [FILM_1]
        assert progress(it)[FILM_1] == 100
        assert (await it.sync(prune=True)).prepared.is_unchanged


async def test_a_further_viewing_keeps_its_entry(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        first, *_ = it.account.plays_of(it.account.find("Film 1"))
        it.account.remove_play(first.id)
        report = await it.sync(prune=True)
        assert report.prepared.stale.keys == ()
        assert FILM_1 in progress(it)


async def test_an_empty_history_never_deletes_anything(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        before = it.entries()
        for play in it.account.plays:
            it.account.remove_play(play.id)
        carried = await noted(it, MOVE)
        with pytest.raises(EmptyHistoryError):
            await it.sync(prune=True, is_forced=True)
        assert it.entries() == before
        # What a guard refuses tells nothing of what was carried over.
        assert carried is not None
        assert await noted(it, MOVE) == carried


async def test_a_much_smaller_history_deletes_only_when_forced(tmp_path: Path) -> None:
    account = synthetic_account(plays=300, shows=6)
    async with world(account, tmp_path) as place:
        it = Life(place)
        await it.sync()
        before = it.entries()
        for play in account.plays[:150]:
            account.remove_play(play.id)
        with pytest.raises(UnsafeRemovalError) as caught:
            await it.sync(prune=True)
        assert "--force" in caught.value.remedy
        assert it.entries() == before
        assert (await it.sync(prune=True, is_forced=True)).is_complete
        assert not it.missing()


async def test_nothing_goes_while_a_title_cannot_be_told(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        # A title that lost its id on Trakt is still there.
        title = it.account.find("Film 1")
        object.__setattr__(title, "unlisted", frozenset({"tmdb", "tvdb"}))
        it.account.add_play(title, watched_on(400))
        report = await it.sync(prune=True)
        assert report.prepared.stale.keys == ()
        assert FILM_1 in progress(it)


async def test_what_the_person_s_own_default_covers_stays(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        it.place.discovr.person_adds(Key("TV_201", 1), at=NOW)
        remove(it.account, "Show 1", 1, 2)
        before = it.completed()
        await it.sync(prune=True)
        assert it.completed() == before


async def test_a_default_that_took_the_place_of_ours_is_the_person_s(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        it.place.discovr.person_removes(Key("TV_201", 1))
        it.place.discovr.person_adds(Key("TV_201", 1), at=NOW)
        remove(it.account, "Show 1", 1, 2)
        before = it.completed()
        await it.sync(prune=True)
        assert it.completed() == before


async def test_an_entry_that_took_the_place_of_ours_gets_no_zero(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        show = it.account.find("Show 2")
        for number in (1, 2):
            at = NOW + timedelta(minutes=number)
            it.account.add_play(show, at, season=2, number=number)
        await it.sync()
        assert {Key("TV_202", 2), Key("TV_202", 2, 3)} <= progress(it).keys()
        it.place.discovr.person_sets(Key("TV_202", 2, 3), 100, at=NOW)
        remove(it.account, "Show 2", 2, 3)
        before = it.completed()
        await it.sync(prune=True)
        assert it.completed() == before


async def test_a_default_stays_where_its_removal_might_take_more(
    tmp_path: Path,
) -> None:
    quirks = DiscovrQuirks(delete_without_episode="season")
    async with life(tmp_path, discovr=quirks) as it:
        it.place.discovr.person_sets(Key("TV_201", 1, 1), 100, at=NOW)
        for number in (2, 3, 4):
            remove(it.account, "Show 1", 1, number)
        assert (await it.sync(prune=True)).is_complete
        shown = {key for key in it.completed() if key.media == "TV_201"}
        assert shown == {Key("TV_201", 1, 1)}


async def test_what_was_written_twice_leaves_the_person_s_repeat(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        it.place.discovr.person_removes(FILM_1)
        it.place.history["conflict"] = "trakt"
        it.clock.advance(timedelta(days=8).total_seconds())
        await it.sync()
        assert FILM_1 in progress(it)
        it.place.discovr.person_adds(FILM_1, at=NOW)
        remove(it.account, "Film 1")
        report = await it.sync(prune=True)
        assert report.undone
        assert FILM_1 in report.undone.left_alone
        assert FILM_1 in progress(it)


async def test_what_discovr_did_not_remove_is_tried_again(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        remove(it.account, "Film 1")
        it.place.discovr.faults = lambda request, _number: (
            Fault.answer(409) if request.method == "DELETE" else None
        )
        assert not (await it.sync(prune=True)).is_complete
        it.place.discovr.faults = None
        assert (await it.sync(prune=True)).is_complete
        assert FILM_1 not in progress(it)


async def test_what_leaves_nothing_to_take_back_is_done_with(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        it.place.discovr.person_removes(Key("TV_201", 1))
        remove(it.account, "Show 1", 1, 2)
        await it.sync(prune=True)
        assert (await it.sync(prune=True)).prepared.is_unchanged


async def test_a_renumbered_episode_moves(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        play = it.account.add_play(it.account.find("Show 2"), NOW, season=2, number=1)
        await it.sync()
        it.account.renumber_play(play.id, 2)
        await it.sync(prune=True)
        assert Key("TV_202", 2, 2) in it.completed()
        assert Key("TV_202", 2, 1) not in progress(it)


async def test_what_went_is_still_known_after_an_undo(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        it.account.add_play(it.account.find("Show 2"), NOW, season=2, number=1)
        await it.sync()
        remove(it.account, "Film 1")
        await it.sync()
        async with build(it.place.settings, clock=it.clock) as services:
            await pipeline.undo(services, None)
        await it.sync(prune=True)
        assert FILM_1 not in progress(it)


async def test_nothing_goes_in_a_whole_reading_that_cannot_tell_a_title(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        title = it.account.find("Film 1")
        object.__setattr__(title, "unlisted", frozenset({"tmdb", "tvdb"}))
        it.clock.advance(timedelta(days=7).total_seconds())
        report = await it.sync(prune=True)
        assert report.prepared.since is None
        unmatched = {
            left.title.name for left in report.prepared.compared.desired.unmatched
        }
        assert "Film 1" in unmatched
        assert report.prepared.stale.keys == ()
        assert FILM_1 in progress(it)


async def test_a_zero_of_ours_is_not_taken_for_stale_again(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        remove(it.account, "Show 1", 1, 2)
        await it.sync(prune=True)
        remove(it.account, "Show 1", 1, 3)
        report = await it.sync(prune=True)
        assert report.prepared.stale.keys == (Key("TV_201", 1, 3),)


async def test_our_zero_under_the_person_s_own_default_stays(tmp_path: Path) -> None:
    """Their default, in place of ours, would show what nobody watched."""
    title, default = show(7, 4), Key("TV_207", 1)
    account = Account([title])
    for number in range(1, 4):
        account.add_play(title, watched_on(1, number), season=1, number=number)
    history = {"collapse": "fewest"}
    async with world(account, tmp_path, history=history, now=utc_now) as place:
        await place.migrate()
        zero = default._replace(episode=4)
        assert {e.key for e in place.discovr.entries()} == {default, zero}
        place.discovr.person_removes(default)
        place.discovr.person_adds(default)
        for play in list(account.plays):
            account.remove_play(play.id)
        other = film(9)
        account.titles.append(other)
        account.add_play(other, watched_on(2))
        async with build(place.settings) as services:
            report = await pipeline.sync(
                services, confirm=agree, prune=True, is_forced=True
            )
        assert report.prepared.removals.rows == ()
        there = {e.key: e.progress for e in place.discovr.entries()}
        assert there[zero] == 0
        assert there[default] == 100


def tell_the_time(monkeypatch: pytest.MonkeyPatch, at: datetime | None) -> None:
    """Have Trakt's answers say that it is then; None: what they say."""
    if at is None:
        monkeypatch.undo()
    else:
        monkeypatch.setattr("connectors.trakt.client.http_date", lambda _text: at)


async def check_in_step(it: Life) -> None:
    """Whether a sync takes back what went, and the one after that finds all settled."""
    remove(it.account, "Film 1")
    assert FILM_1 in progress(it)
    assert (await it.sync(prune=True)).undone
    assert FILM_1 not in progress(it)
    assert (await it.sync(prune=True)).prepared.is_unchanged
    assert it.trakt == ["/sync/last_activities"]


@pytest.mark.parametrize("days", choose([1_500, -400], [2, -2], [30, 60_000, -9_000]))
@pytest.mark.parametrize("weekly", [False, True])
async def test_a_clock_of_trakt_that_was_wrong_once_takes_nothing_from_later_runs(
    days: int, *, weekly: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with life(tmp_path) as it:
        if weekly:
            it.clock.advance(8 * 86_400)
        tell_the_time(monkeypatch, it.clock.now() + timedelta(days=days))
        remove(it.account, "Film 2")
        assert (await it.sync(prune=True)).undone
        tell_the_time(monkeypatch, None)
        await check_in_step(it)


@pytest.mark.parametrize("days", choose([1_500], [2, 30], [400, 60_000]))
async def test_a_time_ahead_that_an_earlier_run_noted_is_passed_over(
    days: int, tmp_path: Path
) -> None:
    async with life(tmp_path) as it:
        at = it.clock.now() + timedelta(days=days)
        with closing(sqlite3.connect(tmp_path / "state.sqlite3")) as state, state:
            text = f"{at:%Y-%m-%d %H:%M:%S.%f}"
            noted = state.execute("UPDATE t2d_source SET read_at = ?", (text,))
            assert noted.rowcount == 1
        await check_in_step(it)


@pytest.mark.parametrize("days", [2, 400])
async def test_what_was_read_while_this_clock_was_ahead_holds_off_nothing_later(
    days: int, tmp_path: Path
) -> None:
    async with life(tmp_path) as it:
        ahead = FakeClock(it.clock.now() + timedelta(days=days))
        right, it.clock = it.clock, ahead
        it.account.add_play(it.account.find("Film 2"), right.now())
        await it.sync()
        it.clock = right
        await it.sync()
        await check_in_step(it)

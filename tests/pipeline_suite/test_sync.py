"""Staying in step: what changed is carried over, in as few requests as can be."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import TransientError
from sync.domain.plan import Fate
from sync.domain.plays import Key
from sync.pipeline import run as pipeline
from sync.pipeline.checkpoint import recall_checkpoint
from sync.ports import Receipt
from sync.sandbox.account.sample import own_entries, sample_account
from sync.sandbox.server.faults import Fault
from sync.sandbox.server.server import utc_now
from sync.wiring.bootstrap import build
from tests.clocks import FakeClock
from tests.safety.accounts import mixed_account, watched_on
from tests.safety.reading import shown, watched
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from aiohttp import web

    from sync.pipeline.result import Report
    from sync.sandbox.account.account import Account

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)


async def agree(_report: Report) -> bool:
    return True


@dataclass
class Life:
    """A person with both accounts, and the program that runs now and then."""

    place: World
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))

    @property
    def account(self) -> Account:
        return self.place.account

    async def sync(self, **options: Any) -> Report:
        self.place.trakt.seen.clear()
        self.place.discovr.seen.clear()
        self.clock.advance(3600)
        async with build(self.place.settings, clock=self.clock) as services:
            return await pipeline.sync(services, confirm=agree, **options)

    @property
    def trakt(self) -> list[str]:
        return [request.path for request in self.place.trakt.seen]

    @property
    def discovr(self) -> list[str]:
        return [f"{r.method} {r.path}" for r in self.place.discovr.seen]

    def completed(self) -> set[Key]:
        return set(shown(self.account, self.place.discovr.entries()).surely)

    def missing(self) -> set[Key]:
        entries = self.place.discovr.entries()
        kept = {e.key for e in entries if (e.progress or 0) < 80}
        return set(watched(self.account)) - self.completed() - kept

    def entries(self) -> list[tuple[Key, float | None]]:
        return sorted(
            ((e.key, e.progress) for e in self.place.discovr.entries()), key=str
        )


@asynccontextmanager
async def life(folder: Path, **options: Any) -> AsyncIterator[Life]:
    account, own = mixed_account()
    clock = FakeClock(NOW)
    async with world(account, folder, now=clock.now, **options) as place:
        for mark in own:
            place.discovr.person_adds(mark.key, progress=mark.progress, at=mark.at)
        it = Life(place, clock)
        first = await it.sync()
        assert first.is_complete
        assert first.prepared.since is None
        yield it


async def test_nothing_new_costs_one_request_to_trakt_and_none_to_discovr(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        for _ in range(3):
            report = await it.sync()
            assert report.prepared.is_unchanged
            receipt = report.prepared.whole.extraction.receipt
            assert receipt == Receipt("Trakt", 0, requests=1)
            assert report.is_complete
            assert it.trakt == ["/sync/last_activities"]
            assert it.discovr == []


async def test_after_a_migration_too(tmp_path: Path) -> None:
    account, _ = mixed_account()
    async with world(account, tmp_path) as place:
        assert (await place.migrate()).is_complete
        it = Life(place, FakeClock(utc_now()))
        assert (await it.sync()).prepared.is_unchanged
        assert len(it.trakt) == 1


async def test_one_new_episode_stays_within_the_table(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        it.account.add_play(it.account.find("Show 2"), NOW, season=2, number=1)
        report = await it.sync()
        assert report.is_complete
        assert Key("TV_202", 2, 1) in it.completed()
        # The stamps, a page, a minimal list, and the show in the catalogue.
        assert len(it.trakt) <= 4
        # One sign-in, one season read back, one write.
        assert it.discovr == [
            "POST /auth/session-token",
            "GET /profile/history/TV_202",
            "POST /profile/history",
        ]
        assert report.balance()[0].is_even
        assert (await it.sync()).prepared.is_unchanged


async def test_what_is_covered_already_needs_no_write(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        it.account.add_play(
            it.account.find("Show 1"), watched_on(25), season=1, number=2
        )
        before = it.entries()
        assert (await it.sync()).is_complete
        assert it.entries() == before
        assert not [r for r in it.discovr if r.startswith("POST /profile")]


def back_dated(account: Account) -> None:
    account.add_play(account.find("Show 2"), watched_on(-500), season=2, number=2)


def undated(account: Account) -> None:
    account.add_play(account.find("Show 2"), None, season=1, number=4)


def a_new_film(account: Account) -> None:
    account.add_play(account.find("Film 2"), NOW)
    account.add_play(account.find("Film 4"), watched_on(-1000))


def a_whole_season(account: Account) -> None:
    for number in (1, 2, 3):
        account.add_play(
            account.find("Show 2"),
            NOW + timedelta(minutes=number),
            season=2,
            number=number,
        )


def edited(account: Account) -> None:
    play = account.plays_of(account.find("Show 2"), 1, 6)[0]
    account.move_play(play.id, watched_on(-2))


@pytest.mark.parametrize(
    "change", [back_dated, undated, a_new_film, a_whole_season, edited]
)
@pytest.mark.parametrize("plays", ["latest", "all"])
async def test_each_kind_of_change_arrives_once(
    tmp_path: Path, change: Any, plays: str
) -> None:
    async with life(tmp_path, history={"plays": plays}) as it:
        change(it.account)
        assert (await it.sync()).is_complete
        assert not it.missing()
        assert (await it.sync()).prepared.is_unchanged
        plan = await it.place.plan()
        assert plan.prepared.plan.operations == ()


async def test_the_whole_sample_account_can_be_kept_in_step(tmp_path: Path) -> None:
    account = sample_account()
    async with world(account, tmp_path) as place:
        for own in own_entries(account):
            place.discovr.person_adds(own.key, progress=own.progress, at=own.at)
        it = Life(place)
        assert (await it.sync()).is_complete
        assert (await it.sync()).prepared.is_unchanged
        play = account.plays[100]
        account.remove_play(play.id)
        report = await it.sync()
        assert report.is_complete
        assert report.prepared.whole.extraction.read == len(account.plays)
        async with build(place.settings, clock=it.clock) as services:
            kept = await services.ledger.histories(report.prepared.profile)
        ids = {play.id for history in kept for play in history.plays}
        assert ids == {play.id for play in account.plays}


async def test_a_run_that_did_not_settle_is_looked_at_again(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        back_dated(it.account)

        async def refuse(_report: Report) -> bool:
            return False

        async with build(it.place.settings, clock=it.clock) as services:
            report = await pipeline.sync(services, confirm=refuse)
        assert report.run is None
        report = await it.sync()
        assert report.run
        assert not it.missing()


async def test_other_settings_lead_to_a_whole_comparison(tmp_path: Path) -> None:
    async with life(tmp_path, history={"collapse": "off"}) as it:
        it.place.history = {"collapse": "clean", "plays": "all"}
        report = await it.sync()
        assert report.prepared.since is None
        assert (await it.sync()).prepared.is_unchanged


async def test_resume_points_that_are_wanted_from_now_on_arrive(
    tmp_path: Path,
) -> None:
    async with life(tmp_path, history={"playback": False}) as it:
        it.account.pause(it.account.find("Film 4"), 40, NOW)
        back_dated(it.account)
        await it.sync()
        it.place.history = {"playback": True}
        await it.sync()
        assert it.place.discovr.playback()


async def test_what_was_never_sent_and_is_not_wanted_now_is_forgotten(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        play = it.account.add_play(it.account.find("Show 2"), NOW, season=2, number=1)
        it.place.discovr.faults = lambda request, _number: (
            Fault.answer(503) if writes(request) else None
        )
        assert not (await it.sync()).is_complete
        it.place.discovr.faults = None
        it.account.remove_play(play.id)
        assert (await it.sync()).is_complete
        assert (await it.sync()).prepared.is_unchanged


async def test_what_arrived_after_all_is_found_though_it_is_not_wanted_now(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        play = it.account.add_play(it.account.find("Show 2"), NOW, season=2, number=1)
        sent: list[str] = []

        def lose(request: web.Request, _number: int) -> Fault | None:
            if writes(request):
                sent.append(request.path)
            return Fault.answer(503, takes_effect=True) if sent else None

        it.place.discovr.faults = lose
        assert not (await it.sync()).is_complete
        it.place.discovr.faults = None
        it.account.remove_play(play.id)
        report = await it.sync()
        assert [r.operation.key for r in report.prepared.recovery.arrived] == [
            Key("TV_202", 2, 1)
        ]
        assert (await it.sync()).prepared.is_unchanged


def writes(request: web.Request) -> bool:
    return request.method == "POST" and request.path == "/profile/history"


async def test_once_a_week_both_sides_are_read_whole(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        gone = it.place.discovr.entries()[-1].key
        it.place.discovr.person_removes(gone)
        assert (await it.sync()).prepared.is_unchanged
        it.clock.advance(timedelta(days=7).total_seconds())
        report = await it.sync()
        assert report.prepared.since is None
        assert it.missing() == {gone}
        assert report.balance()[0].gone
        assert (await it.sync()).prepared.is_unchanged


async def test_a_profile_that_was_made_anew_is_filled_anew(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        it.place.discovr.person_replaces_profile("Me")
        back_dated(it.account)
        report = await it.sync()
        assert report.prepared.since is None
        fresh = it.place.discovr.profiles[-1].id
        assert len(it.place.discovr.entries(fresh)) == len(report.settled)


async def test_after_undo_everything_is_compared_again(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        async with build(it.place.settings, clock=it.clock) as services:
            await pipeline.undo(services, None)
            assert await recall_checkpoint(services.settings, services.ledger) is None
        assert (await it.sync()).prepared.since is None
        assert not it.missing()


class InBetween(FakeClock):
    """Does something when it is next asked: what another process does meanwhile."""

    act: Callable[[], None] | None = None

    def now(self) -> datetime:
        act, self.act = self.act, None
        if act:
            act()
        return super().now()


async def test_what_another_run_undoes_before_the_lock_is_taken_counts(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        clock = InBetween(it.clock.now())

        def forget() -> None:
            with closing(sqlite3.connect(tmp_path / "state.sqlite3")) as state, state:
                state.execute("DELETE FROM t2d_fact WHERE name = 'watermark'")

        async with build(it.place.settings, clock=clock) as services:
            clock.act = forget
            report = await pipeline.sync(services, confirm=agree)
        assert report.prepared.since is None


async def test_what_discovr_refuses_for_good_holds_nothing_else_up(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        back_dated(it.account)
        it.place.discovr.faults = refuse_writes
        report = await it.sync()
        assert not report.is_complete
        assert it.missing() == {Key("TV_202", 2, 2)}
        # It is not asked about again at every turn, and is tried again in a week.
        assert (await it.sync()).prepared.is_unchanged
        async with build(it.place.settings, clock=it.clock) as services:
            standing = await recall_checkpoint(services.settings, services.ledger)
            assert standing
            known = await services.ledger.histories(standing.profile)
        (show,) = (h for h in known if h.media == "TV_202")
        assert show.fates[Key("TV_202", 2, 2)] is Fate.FAILED
        it.place.discovr.faults = None
        it.clock.advance(timedelta(days=7).total_seconds())
        assert (await it.sync()).is_complete
        assert not it.missing()


async def test_what_had_no_clear_answer_is_asked_about_again(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        back_dated(it.account)
        it.place.discovr.faults = lose_writes
        with suppress(TransientError):
            await it.sync()
        it.place.discovr.faults = None
        report = await it.sync()
        assert not report.prepared.is_unchanged
        assert report.is_complete
        assert not it.missing()


def refuse_writes(request: web.Request, _number: int) -> Fault | None:
    is_write = (request.method, request.path) == ("POST", "/profile/history")
    return Fault.answer(422) if is_write else None


def lose_writes(request: web.Request, _number: int) -> Fault | None:
    is_write = (request.method, request.path) == ("POST", "/profile/history")
    return Fault.answer(500) if is_write else None

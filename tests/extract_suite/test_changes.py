"""What changed on Trakt is found, and proved, in few requests."""

from __future__ import annotations

from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.trakt.client import PAGE_LIMIT
from sync.domain.delta import diff
from sync.domain.plays import Kind, title_key
from sync.domain.watermark import Watermark
from sync.extract.changes import LOOK_BACK
from sync.extract.trakt import TraktSource
from sync.sandbox.server.faults import Fault
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.wiring.bootstrap import build
from tests.clocks import FakeClock
from tests.safety.accounts import mixed_account, watched_on
from tests.strangers_suite.unread import (
    about_nothing,
    with_nothing_left,
    without_a_date,
    without_id_or_date,
)
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from aiohttp import web

    from sync.ports import Extraction
    from sync.sandbox.account.account import Account

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)


@dataclass
class Reader:
    """A Trakt source that has read everything once."""

    place: World
    source: TraktSource
    known: Extraction

    async def changes(self) -> Extraction:
        stamps = await self.source.stamps()
        kinds = {play.title.kind for play in self.known.plays}
        mark = Watermark(NOW, NOW, NOW, self.known.stamps or {}, kinds)
        moved = mark.moved(stamps)
        if not moved:
            return self.known
        return await self.source.extract_changes(
            self.known, stamps, moved, lambda _done, _total: None
        )

    def requests(self) -> list[str]:
        return [f"{r.path}{r.query}" for r in self.place.trakt.requests()]


@asynccontextmanager
async def reader(folder: Path, **options: Any) -> AsyncIterator[Reader]:
    account, _ = mixed_account(copies=2)
    clock = FakeClock(NOW)
    async with (
        world(account, folder, now=clock.now, **options) as place,
        build(place.settings, clock=clock) as services,
    ):
        source = services.source
        assert isinstance(source, TraktSource)
        known = await source.extract(lambda _done, _total: None)
        assert known.receipt.is_whole
        place.trakt.seen.clear()
        yield Reader(place, source, known)


def truth(account: Account) -> set[tuple[int, datetime]]:
    return {(p.id, p.watched_at.replace(second=0)) for p in account.plays}


def found(extraction: Extraction) -> set[tuple[int | None, datetime]]:
    return {(p.id, p.watched_at) for p in extraction.plays}


async def test_nothing_new_costs_one_request(tmp_path: Path) -> None:
    async with reader(tmp_path) as it:
        assert await it.changes() is it.known
        assert len(it.requests()) == 1


def watch_an_episode(account: Account) -> None:
    account.add_play(account.find("Show 2"), NOW, season=1, number=4)


def watch_a_new_show(account: Account) -> None:
    account.add_play(account.find("Show 12"), NOW, season=2, number=1)


def watch_a_film(account: Account) -> None:
    account.add_play(account.find("Film 4"), NOW + timedelta(hours=1))


def back_date_an_episode(account: Account) -> None:
    account.add_play(account.find("Show 2"), watched_on(-900), season=2, number=1)


def add_an_undated_film(account: Account) -> None:
    account.add_play(account.find("Film 2"), None)


def remove_a_play(account: Account) -> None:
    play = account.plays_of(account.find("Show 2"), 1, 5)[0]
    account.remove_play(play.id)


def remove_all_of_a_film(account: Account) -> None:
    for play in account.plays_of(account.find("Film 1")):
        account.remove_play(play.id)


def edit_a_date(account: Account) -> None:
    play = account.plays_of(account.find("Show 1"), 1, 3)[0]
    account.move_play(play.id, watched_on(-3))


def edit_a_date_under_a_new_id(account: Account) -> None:
    play = account.plays_of(account.find("Film 3"))[0]
    account.move_play(play.id, NOW, keeps_id=False)


def swap_two_of_one_episode(account: Account) -> None:
    # As many plays as before: only their times tell.
    remove_a_play(account)
    account.add_play(account.find("Show 2"), watched_on(-77), season=1, number=5)


CHANGES = [
    (watch_an_episode, 3),
    (watch_a_new_show, 3),
    (watch_a_film, 3),
    (back_date_an_episode, 4),
    (add_an_undated_film, 4),
    (remove_a_play, 4),
    (remove_all_of_a_film, 4),
    (edit_a_date, 4),
    (edit_a_date_under_a_new_id, 4),
    (swap_two_of_one_episode, 4),
]


@pytest.mark.parametrize(
    ("change", "requests"), CHANGES, ids=lambda value: getattr(value, "__name__", value)
)
async def test_each_change_is_found_in_few_requests(
    tmp_path: Path, change: Callable[[Account], None], requests: int
) -> None:
    async with reader(tmp_path) as it:
        change(it.place.account)
        now = await it.changes()
        assert now.receipt.is_whole
        assert found(now) == truth(it.place.account)
        assert len(it.requests()) == now.receipt.requests + 1 == requests


async def test_only_the_list_of_what_moved_is_read(tmp_path: Path) -> None:
    async with reader(tmp_path) as it:
        watch_a_film(it.place.account)
        await it.changes()
        assert not [r for r in it.requests() if "watched/shows" in r]


@pytest.mark.parametrize("how", [about_nothing, without_id_or_date, with_nothing_left])
@pytest.mark.parametrize(
    ("odd", "change"),
    [("Film 3", back_date_an_episode), ("Show 2", add_an_undated_film)],
)
async def test_a_record_that_cannot_be_read_hides_no_play_of_the_other_kind(
    tmp_path: Path, odd: str, change: Callable[[Account], None], how: Any
) -> None:
    """Not even one of which nobody can tell what it is."""
    async with reader(tmp_path) as it:
        account = it.place.account
        play = account.plays_of(account.find(odd))[0]
        it.place.trakt.quirks.odd[play.id] = how
        it.known = await it.source.extract(lambda _done, _total: None)
        it.place.trakt.seen.clear()
        change(account)
        now = await it.changes()
        # The stamps, a page, at most two lists, and the titles that differ.
        assert len(it.requests()) <= 6
        assert found(now) == truth(account) - {(play.id, play.watched_at)}
        assert len(now.quarantined) == 1


async def test_many_back_dated_titles_lead_to_a_whole_walk(tmp_path: Path) -> None:
    async with reader(tmp_path) as it:
        account = it.place.account
        for name in ("Film 1", "Film 2", "Film 3", "Film 4", "Film 11"):
            account.add_play(account.find(name), watched_on(-800))
        now = await it.changes()
        assert found(now) == truth(account)
        assert now.receipt.announced == len(account.plays)
        pages = [r for r in it.requests() if r.startswith("/sync/history")]
        assert len(it.requests()) <= 5 + len(pages)


async def look_first(it: Reader, *titles: str) -> None:
    """Have the source find these titles even, so that no plays of them are known."""
    source, plays = it.source, it.known.plays
    by_title = defaultdict(list)
    for play in plays:
        by_title[title_key(play.title)].append(play)
    fingerprints = {key: source.fingerprint(by_title[key]) or "" for key in titles}
    await source.stamps()
    even = await source.find_even(
        fingerprints, NOW, {*Kind}, lambda _done, _total: None
    )
    assert {*even} == {*titles}
    aside = sum(len(by_title[key]) for key in titles)
    fewer = [play for play in plays if title_key(play.title) not in titles]
    it.known = replace(it.known, plays=fewer, beside=aside)


async def test_plays_of_even_titles_count_for_how_many_are_read_by_themselves(
    tmp_path: Path,
) -> None:
    async with reader(tmp_path) as it:
        account = it.place.account
        for number in range(5 * PAGE_LIMIT):
            account.add_play(account.find("Film 4"), watched_on(-number))
        it.known = await it.source.extract(lambda _done, _total: None)
        for name in ("Film 1", "Film 2", "Film 3", "Film 11", "Film 12"):
            account.add_play(account.find(name), watched_on(-800))
        it.place.trakt.seen.clear()
        await look_first(it, "film:4")
        stamps, known = it.known.stamps or {}, it.known
        now = await it.source.extract_changes(
            known, stamps, {*Kind}, lambda _done, _total: None
        )
        titles = [r for r in it.requests() if r.startswith("/sync/history/movies/")]
        assert len(titles) == 5
        assert now.beside == known.beside == 5 * PAGE_LIMIT + 1
        assert now.receipt.plays == len(account.plays)


@pytest.mark.parametrize("even", [(), ("film:4", "show:1")])
async def test_what_was_begun_for_a_run_that_ended_is_not_gone_on_with(
    tmp_path: Path, even: tuple[str, ...]
) -> None:
    async with reader(tmp_path) as it:
        whole = it.known
        await look_first(it, *even)
        # It ended here, and the next one knows all plays.
        it.known = whole
        watch_a_film(it.place.account)
        it.place.trakt.seen.clear()
        assert found(await it.changes()) == truth(it.place.account)
        # What was asked for the run before proves nothing: all would be read.
        assert not [r for r in it.requests() if "end_at" in r]


async def test_with_a_record_that_cannot_be_read_no_title_is_even(
    tmp_path: Path,
) -> None:
    async with reader(tmp_path) as it:
        account, source = it.place.account, it.source
        play = account.add_play(account.find("Film 3"), NOW - timedelta(hours=1))
        it.place.trakt.quirks.odd[play.id] = without_a_date
        plays = [p for p in it.known.plays if title_key(p.title) == "show:1"]
        fingerprints = {"show:1": source.fingerprint(plays) or ""}
        await source.stamps()
        even = await source.find_even(
            fingerprints, NOW, {*Kind}, lambda _done, _total: None
        )
        assert not even


async def test_a_title_that_trakt_has_no_longer_leads_to_a_whole_walk(
    tmp_path: Path,
) -> None:
    async with reader(tmp_path) as it:
        remove_all_of_a_film(it.place.account)
        it.place.trakt.faults = lambda request, _number: (
            Fault.answer(404) if "/history/movies/" in request.path else None
        )
        now = await it.changes()
        assert now.receipt.is_whole
        assert found(now) == truth(it.place.account)


async def test_a_title_that_changes_while_it_is_read_leads_to_a_whole_walk(
    tmp_path: Path,
) -> None:
    async with reader(tmp_path) as it:
        account = it.place.account
        back_date_an_episode(account)
        late = [partial(add_an_undated_film, account), partial(edit_a_date, account)]
        late.append(partial(back_date_an_episode, account))

        def meanwhile(request: web.Request, _number: int) -> None:
            while late and request.path.startswith("/sync/history/shows/"):
                late.pop()()

        it.place.trakt.faults = meanwhile
        now = await it.changes()
        assert now.receipt.is_whole
        assert now.receipt.announced == len(account.plays)
        assert found(now) == truth(account)


async def test_without_minimal_lists_everything_is_read_and_stays_unproved(
    tmp_path: Path,
) -> None:
    async with reader(tmp_path) as it:
        it.place.trakt.quirks = TraktQuirks(minimal_unavailable=404)
        watch_a_film(it.place.account)
        now = await it.changes()
        assert not now.receipt.is_whole


@pytest.mark.parametrize(
    "quirks", [TraktQuirks(activities="null"), TraktQuirks(activities="sparse")]
)
async def test_missing_stamps_never_say_that_nothing_changed(
    tmp_path: Path, quirks: TraktQuirks
) -> None:
    async with reader(tmp_path, trakt=quirks) as it:
        watch_a_film(it.place.account)
        assert found(await it.changes()) == truth(it.place.account)


async def test_a_title_s_new_ids_reach_its_older_plays(tmp_path: Path) -> None:
    async with reader(tmp_path) as it:
        account = it.place.account
        it.known = with_other_ids(it.known)
        watch_an_episode(account)
        now = await it.changes()
        ids = {p.title.ids.tmdb for p in now.plays if p.title.name == "Show 2"}
        assert ids == {202}


def with_other_ids(known: Extraction) -> Extraction:
    plays = [
        p._replace(title=replace(p.title, ids=replace(p.title.ids, tmdb=9)))
        if p.title.name == "Show 2"
        else p
        for p in known.plays
    ]
    return replace(known, plays=plays)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    changes=st.lists(
        st.sampled_from([change for change, _ in CHANGES]), max_size=5, unique=True
    )
)
async def test_any_mix_of_changes_is_found(
    tmp_path: Path, changes: list[Callable[[Account], None]]
) -> None:
    async with reader(tmp_path) as it:
        before = truth(it.place.account)
        for change in changes:
            if change is remove_a_play and swap_two_of_one_episode in changes:
                continue
            change(it.place.account)
        now = await it.changes()
        assert found(now) == truth(it.place.account)
        delta = diff(it.known.plays, now.plays)
        came, gone = truth(it.place.account) - before, before - truth(it.place.account)
        assert {(p.id, p.watched_at) for p in delta.current} == came
        assert len(delta.removed) + len(delta.edited) == len(gone)
        assert Kind.FILM in {p.title.kind for p in now.plays}


async def test_a_stamp_at_the_end_of_time_leads_to_a_whole_walk(tmp_path: Path) -> None:
    """In a zone before UTC it is no time at all; the lists then prove nothing."""

    late = datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))
    async with reader(tmp_path) as it:
        watch_a_film(it.place.account)
        client = it.source._client
        answers = [{1: [late]}]
        read = client.minimal_films

        async def spoilt_once() -> Any:
            return answers.pop() if answers else await read()

        client.minimal_films = spoilt_once  # type: ignore[method-assign]
        extraction = await it.changes()
        assert found(extraction) == truth(it.place.account)
        walks = [request for request in it.requests() if "/sync/history" in request]
        assert len(walks) > 1


@pytest.mark.parametrize("days", [6.9, 7.1])
async def test_what_is_handed_in_late_is_sought_for_a_week(
    tmp_path: Path, days: float
) -> None:
    """By the window alone: older ones are found by the lists, title by title."""
    async with reader(tmp_path) as it:
        title = it.place.account.find("Film 1")
        it.place.account.add_play(title, NOW - timedelta(days=days))
        assert found(await it.changes()) == truth(it.place.account)
        by_title = [r for r in it.requests() if "/sync/history/movies/" in r]
        assert bool(by_title) is (days > LOOK_BACK.days)
    assert timedelta(days=7) == LOOK_BACK

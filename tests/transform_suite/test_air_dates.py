"""Air dates: asked for where they pay, kept by age, compared where there are two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from connectors.errors import NotFoundError, TransientError
from sync.domain.plays import Place
from sync.domain.seasons import Airing
from sync.ledger import Ledger
from sync.transform.air_dates import (
    ABSENT,
    CONCURRENCY,
    MOST_FAULTS,
    Catalogue,
    Question,
    _rounds,
    seasons_that_can_pay,
)
from sync.transform.listings import ShowDates
from tests.factories import show

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from connectors.errors import ServiceError
    from sync.domain.plays import Title
    from sync.transform.listings import Dates
    from tests.clocks import FakeClock

MEDIA = "TV_501"
PLACE = Place(MEDIA, 1)
TITLES = {MEDIA: show(1)}
LONG_AGO = datetime(2020, 6, 1, tzinfo=UTC)
OLD, SOON = "2020-01-01", "2026-02-01"


class Shelf:
    """A catalogue on paper, which counts how often it is asked."""

    def __init__(
        self, name: str, dates: Dates | None, *, has_ended: bool = False
    ) -> None:
        self.name = name
        self.answer = dates or {}
        self.error: ServiceError | None = (
            TransientError("It is down.") if dates is None else None
        )
        self.has_ended = has_ended
        self.asked = 0
        self.is_overflow_open = False

    def show_id(self, media: str, title: Title) -> int | None:
        return int(media.removeprefix("TV_"))

    async def dates(self, show: int, seasons: Collection[int]) -> ShowDates:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return ShowDates(self.answer, self.has_ended)

    def airing(self, text: str) -> Airing:
        return Airing.from_instant(datetime.fromisoformat(text).replace(tzinfo=UTC))

    def open_overflow(self) -> None:
        self.is_overflow_open = True


def question(*seasons: int, since: datetime = LONG_AGO) -> Question:
    places = {Place(MEDIA, number): since for number in seasons}
    return Question({MEDIA: {*seasons}}, TITLES, places)


def nobody(_done: int, _total: int) -> None: ...


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    async with await Ledger.open("sqlite://") as opened:
        yield opened


async def look_up(
    ledger: Ledger, clock: FakeClock, *shelves: Shelf, since: datetime = LONG_AGO
) -> tuple[dict[int, Airing | None], dict[Place, str]]:
    catalogue = Catalogue(shelves, ledger, clock)
    answer = await catalogue.look_up(question(1, since=since), nobody)
    return dict(answer.airings.get(PLACE, {})), answer.disputed


async def test_an_answer_is_kept_long_for_what_has_ended(
    ledger: Ledger, clock: FakeClock
) -> None:
    shelf = Shelf("tmdb", {1: {1: OLD, 2: OLD}})
    first, _ = await look_up(ledger, clock, shelf)
    clock.advance(timedelta(days=29).total_seconds())
    again, _ = await look_up(ledger, clock, shelf)
    assert first == again
    assert set(first) == {1, 2}
    assert shelf.asked == 1
    clock.advance(timedelta(days=2).total_seconds())
    await look_up(ledger, clock, shelf)
    assert shelf.asked == 2


@pytest.mark.parametrize("late", [SOON, None])
async def test_an_answer_is_kept_for_a_day_for_what_is_running(
    ledger: Ledger, clock: FakeClock, late: str | None
) -> None:
    shelf = Shelf("tmdb", {1: {1: OLD, 2: late}})
    await look_up(ledger, clock, shelf)
    clock.advance(timedelta(hours=23).total_seconds())
    await look_up(ledger, clock, shelf)
    assert shelf.asked == 1
    clock.advance(timedelta(hours=2).total_seconds())
    await look_up(ledger, clock, shelf)
    assert shelf.asked == 2


async def test_an_answer_older_than_the_last_watch_is_asked_again(
    ledger: Ledger, clock: FakeClock
) -> None:
    shelf = Shelf("tmdb", {1: {1: OLD}})
    await look_up(ledger, clock, shelf)
    clock.advance(timedelta(days=10).total_seconds())
    await look_up(ledger, clock, shelf, since=clock.now() - timedelta(days=2))
    assert shelf.asked == 2


async def test_a_season_without_episodes_is_kept_for_a_day(
    ledger: Ledger, clock: FakeClock
) -> None:
    shelf = Shelf("tmdb", {2: {1: OLD}})
    await look_up(ledger, clock, shelf)
    clock.advance(timedelta(days=2).total_seconds())
    await look_up(ledger, clock, shelf)
    assert shelf.asked == 2


async def test_a_show_that_is_refused_is_asked_for_once(
    ledger: Ledger, clock: FakeClock
) -> None:
    shelf = Shelf("tmdb", None)
    catalogue = Catalogue([shelf], ledger, clock)
    for _ in range(2):
        await catalogue.look_up(question(1), nobody)
    assert shelf.asked == 1


async def test_a_show_that_a_catalogue_does_not_have_is_asked_of_no_other(
    ledger: Ledger, clock: FakeClock
) -> None:
    first, second = Shelf("tmdb", {}), Shelf("trakt", {1: {1: OLD}})
    first.error = NotFoundError("No such show.")
    catalogue = Catalogue([first, second], ledger, clock)
    for _ in range(2):
        answer = await catalogue.look_up(question(1), nobody)
        assert answer.airings == {}
    assert (first.asked, second.asked) == (1, 0)


async def test_a_season_that_was_told_stays_so_though_the_show_is_not_found_later(
    ledger: Ledger, clock: FakeClock
) -> None:
    shelf = Shelf("tmdb", {1: {1: OLD}})
    catalogue = Catalogue([shelf], ledger, clock)
    since = clock.now() + timedelta(days=1)
    await catalogue.look_up(question(1, since=since), nobody)
    shelf.error = NotFoundError("No such show.")
    for _ in range(3):
        answer = await catalogue.look_up(question(1, 2, since=since), nobody)
        assert answer.airings.keys() == {PLACE}


def test_without_a_listing_there_is_no_catalogue(
    ledger: Ledger, clock: FakeClock
) -> None:
    assert Catalogue([], ledger, clock).is_empty
    assert not Catalogue([Shelf("tmdb", {})], ledger, clock).is_empty


async def test_what_was_known_counts_as_done_from_the_start(
    ledger: Ledger, clock: FakeClock
) -> None:
    shelf = Shelf("tmdb", {1: {1: OLD, 2: OLD}})
    await Catalogue([shelf], ledger, clock).look_up(question(1), nobody)
    three = {f"TV_{number}": {1} for number in (501, 502, 503)}
    titles = {media: show(number) for number, media in enumerate(three, 1)}
    since = {Place(media, 1): LONG_AGO for media in three}
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    catalogue = Catalogue([shelf], ledger, clock)
    await catalogue.look_up(Question(three, titles, since), tell)
    assert told == [(2, 3), (3, 3)]
    assert shelf.asked == 3


def test_titles_that_share_an_id_are_asked_for_one_a_round() -> None:
    class ByTitle(Shelf):
        def show_id(self, media: str, title: Title) -> int | None:
            return title.ids.trakt

    sharing = {"TV_1": [show(n) for n in (1, 2, 3)], "TV_2": [show(4), show(5)]}
    titles = {media: of_media[0] for media, of_media in sharing.items()}
    asked = Question({"TV_1": {1}, "TV_2": {1}}, titles, {})
    rounds = list(_rounds(ByTitle("trakt", {}), asked, sharing))
    assert [{m: t.ids.trakt for m, t in one.items()} for one in rounds] == [
        {"TV_1": 3, "TV_2": 5},
        {"TV_1": 2},
    ]


async def test_one_process_asks_once(ledger: Ledger, clock: FakeClock) -> None:
    shelf = Shelf("tmdb", {1: {1: OLD}})
    catalogue = Catalogue([shelf], ledger, clock)
    await catalogue.ask_ahead(question(1, 7, since=clock.now()))
    for _ in range(2):
        await catalogue.look_up(question(1, 7, since=clock.now()), nobody)
    assert shelf.asked == 1


async def test_a_season_that_was_not_asked_for_ahead_is_asked_for_in_the_end(
    ledger: Ledger, clock: FakeClock
) -> None:
    shelf = Shelf("tmdb", {1: {1: OLD}})
    catalogue = Catalogue([shelf], ledger, clock)
    await catalogue.ask_ahead(question(1))
    shelf.answer = {2: {1: OLD}}
    answer = await catalogue.look_up(question(1, 2), nobody)
    assert shelf.asked == 2
    assert answer.airings.keys() == {PLACE, Place(MEDIA, 2)}
    again = await Catalogue([shelf], ledger, clock).look_up(question(1, 2), nobody)
    assert again == answer
    assert shelf.asked == 2


async def test_a_running_season_does_not_make_the_others_of_its_show_old(
    ledger: Ledger, clock: FakeClock
) -> None:
    shelf = Shelf("tmdb", {1: {1: OLD}, 2: {1: SOON}})
    await look_up(ledger, clock, shelf)
    clock.advance(timedelta(days=29).total_seconds())
    await look_up(ledger, clock, shelf)
    assert shelf.asked == 1


async def test_a_catalogue_that_is_down_is_not_asked_about_every_show(
    ledger: Ledger, clock: FakeClock
) -> None:
    shelf = Shelf("tmdb", None)
    media = [f"TV_{number}" for number in range(1, 60)]
    everything = Question(
        {one: {1} for one in media}, dict.fromkeys(media, show(1)), {}
    )
    catalogue = Catalogue([shelf], ledger, clock)
    await catalogue.look_up(everything, nobody)
    assert MOST_FAULTS <= shelf.asked < MOST_FAULTS + CONCURRENCY


@pytest.mark.parametrize(
    "other", [{1: {1: OLD}}, {1: {1: OLD, 2: OLD, 3: OLD}}, {2: {1: OLD}}, {}]
)
async def test_a_season_that_two_catalogues_number_differently_is_disputed(
    ledger: Ledger, clock: FakeClock, other: Dates
) -> None:
    shelves = Shelf("tmdb", {1: {1: OLD, 2: OLD}}), Shelf("trakt", other)
    airings, disputed = await look_up(ledger, clock, *shelves)
    assert airings == {}
    assert "disagree" in disputed[PLACE]


async def test_what_a_show_that_ended_has_is_not_asked_for_twice(
    ledger: Ledger, clock: FakeClock
) -> None:
    first = Shelf("tmdb", {1: {1: OLD, 2: None}}, has_ended=True)
    second = Shelf("trakt", {1: {1: OLD, 2: OLD, 3: OLD}})
    for _ in range(2):
        airings, disputed = await look_up(ledger, clock, first, second)
        assert airings == {1: first.airing(OLD), 2: None}
        assert (disputed, second.asked) == ({}, 0)


@pytest.mark.parametrize(("days", "asked"), [(59, 1), (61, 0), (-30, 1)])
async def test_a_season_that_was_watched_as_it_aired_is_asked_for_twice(
    ledger: Ledger, clock: FakeClock, days: int, asked: int
) -> None:
    first = Shelf("tmdb", {1: {1: OLD}}, has_ended=True)
    second = Shelf("trakt", {1: {1: OLD, 2: OLD}})
    since = datetime.fromisoformat(OLD).replace(tzinfo=UTC) + timedelta(days=days)
    _, disputed = await look_up(ledger, clock, first, second, since=since)
    assert second.asked == asked
    assert len(disputed) == asked


@pytest.mark.parametrize("has_ended", [False, True])
@pytest.mark.parametrize("dates", [{}, {1: {}}, {2: {1: OLD}}])
async def test_a_season_that_the_first_lacks_is_never_filled_from_the_second(
    ledger: Ledger, clock: FakeClock, dates: Dates, *, has_ended: bool
) -> None:
    first = Shelf("tmdb", dates, has_ended=has_ended)
    second = Shelf("trakt", {1: {1: OLD}})
    airings, disputed = await look_up(ledger, clock, first, second)
    assert (airings, disputed, second.asked) == ({}, {PLACE: ABSENT}, 0)


async def test_the_first_catalogue_dates_what_both_know(
    ledger: Ledger, clock: FakeClock
) -> None:
    shelves = Shelf("tmdb", {1: {1: OLD}}), Shelf("trakt", {1: {1: SOON}})
    airings, disputed = await look_up(ledger, clock, *shelves)
    assert airings[1] == shelves[0].airing(OLD)
    assert disputed == {}


async def test_where_one_is_down_the_other_is_taken_and_asked_again_next_time(
    ledger: Ledger, clock: FakeClock
) -> None:
    down, up = Shelf("tmdb", None), Shelf("trakt", {1: {1: OLD}})
    airings, _ = await look_up(ledger, clock, down, up)
    assert airings[1] == up.airing(OLD)
    await look_up(ledger, clock, down, up)
    assert (down.asked, up.asked) == (2, 1)


def test_only_seasons_with_two_writes_or_a_default_can_pay() -> None:
    two, one = Place("TV_1", 1), Place("TV_1", 2)
    standing = Place("TV_2", 3)
    wanted = seasons_that_can_pay([two, one, two], [standing])
    assert wanted == {"TV_1": {1}, "TV_2": {3}}

"""Air dates: asked for where they pay, kept by age, compared where there are two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from connectors.errors import TransientError
from sync.domain.plays import Place
from sync.domain.seasons import Airing
from sync.ledger import Ledger
from sync.transform.air_dates import Catalogue, seasons_that_can_pay
from tests.factories import show

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from sync.domain.plays import Title
    from sync.transform.air_dates import Dates
    from tests.clocks import FakeClock

MEDIA = "TV_501"
PLACE = Place(MEDIA, 1)
TITLES = {MEDIA: show(1)}
LONG_AGO = datetime(2020, 6, 1, tzinfo=UTC)
OLD, SOON = "2020-01-01", "2026-02-01"


class Shelf:
    """A catalogue on paper, which counts how often it is asked."""

    def __init__(self, name: str, dates: Dates | None) -> None:
        self.name = name
        self.answer = dates
        self.asked = 0

    def show_id(self, media: str, title: Title) -> int | None:
        return int(media.removeprefix("TV_"))

    async def dates(self, show: int, seasons: Collection[int]) -> Dates:
        self.asked += 1
        if self.answer is None:
            raise TransientError("It is down.")
        return self.answer

    def airing(self, text: str) -> Airing:
        return Airing.from_instant(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    async with await Ledger.open("sqlite://") as opened:
        yield opened


async def look_up(
    ledger: Ledger,
    clock: FakeClock,
    *shelves: Shelf,
    is_kept: bool = True,
    since: datetime | None = None,
) -> tuple[dict[int, Airing | None], dict[Place, str]]:
    catalogue = Catalogue(shelves, ledger, clock)
    answer = await catalogue.look_up(
        {MEDIA: {1}},
        TITLES,
        lambda _done, _total: None,
        since={MEDIA: since or LONG_AGO},
        is_kept=is_kept,
    )
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
        await catalogue.look_up(
            {MEDIA: {1}},
            TITLES,
            lambda _done, _total: None,
            since={MEDIA: LONG_AGO},
            is_kept=True,
        )
    assert shelf.asked == 1


async def test_a_dry_run_keeps_nothing(ledger: Ledger, clock: FakeClock) -> None:
    shelf = Shelf("tmdb", {1: {1: OLD}})
    for _ in range(2):
        await look_up(ledger, clock, shelf, is_kept=False)
    assert shelf.asked == 2


async def test_one_process_asks_once(ledger: Ledger, clock: FakeClock) -> None:
    shelf = Shelf("tmdb", {1: {1: OLD}})
    catalogue = Catalogue([shelf], ledger, clock)
    for _ in range(2):
        await catalogue.look_up(
            {MEDIA: {1, 7}},
            TITLES,
            lambda _done, _total: None,
            since={MEDIA: clock.now()},
            is_kept=False,
        )
    assert shelf.asked == 1


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

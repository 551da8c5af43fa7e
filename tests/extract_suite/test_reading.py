"""One reading of all pages: how far it goes on, and with which page size."""

from __future__ import annotations

import pytest

from connectors.trakt.client import HistoryPage
from sync.extract.pages import MOST_IDLE, PageCollector, PageReader
from sync.extract.records import PlayMapper
from tests.extract_suite.test_pages import film
from tests.factories import T0


class Pages:
    """A history on paper; from the page after ``fresh`` on it says the same."""

    def __init__(self, fresh: int, announced: int | None, limit: int | None) -> None:
        self._fresh, self._announced, self._limit = fresh, announced, limit
        self.asked: list[tuple[int, int]] = []

    async def page(self, number: int, limit: int) -> HistoryPage:
        self.asked.append((number, limit))
        records = [film(min(number, self._fresh))]
        return HistoryPage(
            records, [], limit=self._limit, page_count=self._announced, item_count=7
        )


def reader(pages: Pages, limit: int = 250) -> PageReader:
    collector = PageCollector(PlayMapper(T0))
    return PageReader(pages.page, collector, limit, lambda *_: None)


@pytest.mark.parametrize(
    ("fresh", "announced", "asked"),
    [
        (9, 3, 3),
        (9, None, 1),
        (9, 0, 1),
        # One more is under way by the time that this shows.
        (1, 99, 2 + MOST_IDLE),
        (3, 99, 4 + MOST_IDLE),
    ],
)
async def test_the_announced_pages_are_read_until_they_bring_nothing_new(
    fresh: int, announced: int | None, asked: int
) -> None:
    pages = Pages(fresh, announced, None)
    await reader(pages).read_announced(1)
    assert pages.asked == [(number, 250) for number in range(1, asked + 1)]


async def test_a_page_size_that_trakt_lowers_holds_for_the_rest() -> None:
    for limit, used in ((100, 100), (None, 250), (999, 250)):
        pages = Pages(3, 3, limit)
        await reader(pages).read_announced(1)
        assert pages.asked == [(1, 250), (2, used), (3, used)]


async def test_past_the_count_the_first_page_of_nothing_new_is_the_last() -> None:
    for until, asked in ((1, 5), (2, 2)):
        pages = Pages(4, 2, None)
        reading = reader(pages)
        await reading.read_announced(1)
        await reading.read_on(until=until)
        assert [number for number, _ in pages.asked] == [*range(1, asked + 1)]
        assert reading.new == min(asked, 4)

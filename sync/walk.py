"""Walks the pages of a Trakt history, whose announced count is only a hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.runtime.concurrency import run_limited

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from connectors.trakt.client import HistoryPage
    from sync.extract.pages import Harvest

    OnPage = Callable[[int, int], None]

#: Guards against a service that announces or serves pages without end.
MOST_PAGES = 20_000


class Walk:
    """One reading of all pages, with one page size.

    ``ask(page, limit)`` gets one of them.
    """

    def __init__(
        self,
        ask: Callable[[int, int], Awaitable[HistoryPage]],
        harvest: Harvest,
        limit: int,
        on_page: OnPage,
    ) -> None:
        self._ask = ask
        self._harvest = harvest
        self._on_page = on_page
        self._announced = 1
        self._sizes: dict[int, int] = {}
        self.limit = limit
        #: Plays that no walk before had brought.
        self.new = 0

    async def read_announced(self, concurrency: int) -> None:
        """Read the first page, which announces the others, and then those."""
        page = await self._read(1)
        self._harvest.announced = page.item_count
        # A limit that is too large is lowered without a word.
        self.limit = min(self.limit, page.limit or self.limit)
        self._announced = min(page.page_count or 1, MOST_PAGES)
        numbers = range(2, self._announced + 1)
        await run_limited(concurrency, self._read, numbers)

    async def read_on(self, *, until: int) -> None:
        """Read past the announced count until a page has fewer records than that.

        The page after the last is read in any case when even an empty one would do.
        """
        number, before = self._announced, None
        is_going_on = self._sizes[number] >= until or until == 1
        while is_going_on and number < MOST_PAGES:
            number += 1
            page = await self._read(number)
            # A service that sends the same page for ever has no end to wait for.
            is_going_on = page.size >= until and page != before
            before = page

    async def _read(self, number: int) -> HistoryPage:
        page = await self._ask(number, self.limit)
        self.new += self._harvest.add(page)
        self._sizes[number] = page.size
        done = len(self._sizes)
        self._on_page(done, max(done, self._announced))
        return page

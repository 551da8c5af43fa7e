"""What is dated after the bound: read to its end, and never without one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.trakt.client import HistoryPage
from sync.extract import trakt
from sync.extract.trakt import _State
from tests.extract_suite.test_pages import film
from tests.factories import T0

if TYPE_CHECKING:
    from datetime import datetime

ENDLESS = 5


class Ahead:
    """A client on paper: so many pages, of which the first have something new."""

    def __init__(self, fresh: int, announced: int | None) -> None:
        self._fresh = fresh
        self._announced = announced
        self.asked: list[tuple[int, datetime | None]] = []

    async def history_page(
        self, page: int, *, start_at: datetime | None = None
    ) -> HistoryPage:
        self.asked.append((page, start_at))
        number = min(page, self._fresh)
        return HistoryPage([film(number)], [], page_count=self._announced)


@pytest.mark.parametrize(
    ("fresh", "announced", "pages"),
    [(9, 1, 1), (9, 3, 3), (9, None, 1), (9, 0, 1), (2, 9, 3), (99, 99, ENDLESS)],
)
async def test_pages_past_the_bound_end_as_announced_or_where_nothing_new_comes(
    monkeypatch: pytest.MonkeyPatch, fresh: int, announced: int | None, pages: int
) -> None:
    monkeypatch.setattr(trakt, "MOST_PAST", ENDLESS)
    client: Any = Ahead(fresh, announced)
    state = _State(client, 1, lambda *_: None, T0, None)
    await state._read_beyond_the_bound()
    since = T0 - timedelta(days=1)
    assert client.asked == [(number, since) for number in range(1, pages + 1)]

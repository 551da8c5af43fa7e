"""What two pages show is one entry, unless a narrower list shows both."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.discovr.client import DiscovrClient
from connectors.discovr.models import HistoryItem
from connectors.discovr.repeats import each_once
from connectors.errors import AuthError, ContractError, RejectedError, TransientError
from connectors.http.client import HttpClient
from tests.clocks import FakeClock
from tests.loopback import Loopback, Received, Reply, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WHEN, LATER = "2024-03-01T20:15:00Z", "2024-03-02T20:15:00Z"
FILM = {"id": "MV_1", "updatedAt": WHEN, "createdAt": LATER, "imported": "trakt"}
EPISODE = {**FILM, "id": "TV_1", "season": 1, "episode": 3}


def item(**fields: Any) -> HistoryItem:
    return HistoryItem.model_validate({**FILM, **fields})


async def pages_of(*pages: list[HistoryItem]) -> AsyncIterator[list[HistoryItem]]:
    for page in pages:
        yield page


async def read(
    pages: AsyncIterator[list[HistoryItem]], there: list[HistoryItem]
) -> list[HistoryItem]:
    async def look(_item: HistoryItem) -> list[HistoryItem]:
        return there

    return [i async for p in each_once(pages, look, lambda i: i.id) for i in p]


@given(
    counts=st.lists(st.sampled_from([1, 1, 1, 2, 3]), min_size=1, max_size=9),
    size=st.integers(1, 4),
    pushes=st.lists(st.integers(0, 3), max_size=9),
)
async def test_each_entry_comes_as_often_as_it_stands_there(
    counts: list[int], size: int, pushes: list[int]
) -> None:
    """However many others are added between two pages."""
    there = [item(id=f"MV_{n}") for n, count in enumerate(counts) for _ in range(count)]
    before = Counter(there)

    async def shifting() -> AsyncIterator[list[HistoryItem]]:
        start, left = 0, [*pushes]
        while start < len(there):
            yield there[start : start + size]
            start += size
            for _ in range(left.pop(0) if left else 0):
                there.insert(0, item(id=f"MV_{900 + len(there)}"))

    seen = Counter(await read(shifting(), there))
    assert before <= seen <= Counter(there)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "MV_2"),
        ("season", 2),
        ("episode", 2),
        ("updatedAt", "2024-03-01T20:15:00.001Z"),
        ("createdAt", "2024-03-02T20:15:00.001Z"),
        ("createdAt", None),
        ("imported", None),
    ],
)
async def test_what_differs_in_one_of_these_is_another_entry(
    field: str, value: object
) -> None:
    other = item(**{field: value})
    assert await read(pages_of([item()], [other]), []) == [item(), other]


@pytest.mark.parametrize(
    ("field", "value"), [("progress", 30), ("watched_count", 4), ("completed", False)]
)
async def test_what_may_change_meanwhile_tells_no_entry_apart(
    field: str, value: object
) -> None:
    other = item(**{field: value})
    assert await read(pages_of([item()], [other]), [other]) == [item()]


@pytest.mark.parametrize(
    ("pages", "there", "times"),
    [
        ([1, 1], 0, 1),
        ([1, 1], 1, 1),
        ([1, 1], 2, 2),
        ([1, 1, 1], 2, 2),
        ([2, 1], 1, 2),
        ([1, 2], 0, 2),
        ([2, 2], 4, 4),
        ([2], 1, 2),
    ],
)
async def test_a_narrower_list_tells_what_pages_leave_open(
    pages: list[int], there: int, times: int
) -> None:
    shown = [[item()] * count for count in pages]
    assert await read(pages_of(*shown), [item()] * there) == [item()] * times


@pytest.mark.parametrize("kind", [RejectedError, ContractError])
async def test_a_list_that_cannot_be_read_stops_no_other(kind: Any) -> None:
    async def look(_item: HistoryItem) -> list[HistoryItem]:
        raise kind("Not now.")

    pages = pages_of([item()], [item(), item(id="MV_2")])
    told = [i async for p in each_once(pages, look, lambda i: i.id) for i in p]
    assert told == [item(), item(id="MV_2")]


@pytest.mark.parametrize("kind", [AuthError, TransientError])
async def test_what_may_be_answered_later_is_not_left_out(kind: Any) -> None:
    async def look(_item: HistoryItem) -> list[HistoryItem]:
        raise kind("Not now.")

    pages = pages_of([item()], [item()])
    with pytest.raises(kind):
        [page async for page in each_once(pages, look, lambda i: i.id)]


class Shelf:
    """Answers with two pages that both show what is there, or with all on one."""

    def __init__(self, listed: list[Any], narrow: int, path: str) -> None:
        self.listed, self.narrow, self.path = listed, narrow, path

    def __call__(self, _number: int, request: Received) -> Reply:
        parts = urlsplit(request.target)
        query = {n: v for n, (v,) in parse_qs(parts.query).items() if n != "limit"}
        if parts.path == self.path and "episode" not in query:
            more = "nextPageToken" not in query
            body = {"items": self.listed, "hasMore": more, "nextPageToken": "b"}
            return reply(body=body)
        return reply(body={"items": self.listed * self.narrow, "hasMore": False})


@pytest.mark.parametrize("narrow", [1, 2])
@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        (FILM, "/profile/history/MV_1?limit=50"),
        (EPISODE, "/profile/history/TV_1?season=1&limit=50"),
        ({**EPISODE, "episode": None}, "/profile/history/TV_1?season=1&limit=50"),
    ],
)
async def test_the_list_of_its_title_tells_of_the_list_of_all(
    entry: Any, asked: str, narrow: int
) -> None:
    async with (
        Loopback(made=Shelf([entry], narrow, "/profile/history")) as server,
        HttpClient("Discovr", server.url, clock=FakeClock()) as http,
    ):
        pages = [page async for page in DiscovrClient(http).entries()]
        assert sum(map(len, pages)) == narrow
        assert [r.target for r in server.received[2:]] == [asked]


@pytest.mark.parametrize("narrow", [1, 2])
async def test_the_list_of_an_episode_tells_of_that_of_its_season(narrow: int) -> None:
    path = "/profile/history/TV_1"
    async with (
        Loopback(made=Shelf([EPISODE], narrow, path)) as server,
        HttpClient("Discovr", server.url, clock=FakeClock()) as http,
    ):
        found = await DiscovrClient(http).title_history("TV_1", season=1)
        assert len(found) == narrow
        assert [r.target for r in server.received[2:]] == [
            f"{path}?season=1&episode=3&limit=50"
        ]


@pytest.mark.parametrize("entry", [FILM, {**EPISODE, "episode": None}])
async def test_where_no_list_is_narrower_none_is_asked_for(entry: Any) -> None:
    path = f"/profile/history/{entry['id']}"
    async with (
        Loopback(made=Shelf([entry], 2, path)) as server,
        HttpClient("Discovr", server.url, clock=FakeClock()) as http,
    ):
        client, season = DiscovrClient(http), entry.get("season")
        assert len(await client.title_history(entry["id"], season=season)) == 1
        assert len(server.received) == 2


@pytest.mark.parametrize("name", ["../../auth/session", "MV_1?x=1", "a b", "é", "🎬"])
async def test_an_id_that_no_title_has_is_not_put_into_a_path(name: str) -> None:
    listed = [{**FILM, "id": name}]
    async with (
        Loopback(made=Shelf(listed, 2, "/profile/history")) as server,
        HttpClient("Discovr", server.url, clock=FakeClock()) as http,
    ):
        pages = [page async for page in DiscovrClient(http).entries()]
        assert sum(map(len, pages)) == 1
        assert len(server.received) == 2

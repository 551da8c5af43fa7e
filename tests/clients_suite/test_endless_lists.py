"""Lists without end: each walk ends by itself, soon, and holds little meanwhile."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.discovr import client as discovr
from connectors.discovr.client import DiscovrClient
from connectors.errors import ContractError
from connectors.http.client import HttpClient
from connectors.http.response import Response
from connectors.pharen.client import PharenClient
from connectors.trakt import extras as trakt_extras
from connectors.trakt.client import TraktClient, read_records
from connectors.trakt.extras import ExtrasClient
from sync.extract import pages
from sync.extract.records import PlayMapper
from sync.extract.trakt import TraktSource
from tests.clients_suite.test_hostile import ENTRY
from tests.clocks import FakeClock
from tests.loopback import Loopback, Received, Reply, reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WHEN = "2024-03-01T20:15:00.000Z"
ALWAYS_MORE = {"hasMore": True}


async def walk(
    made: Callable[[int, Received], Reply], work: Callable[[HttpClient], Awaitable[Any]]
) -> tuple[object, int, float]:
    """Return what came of it, how much was asked, and the megabytes held at most."""
    async with Loopback(made=made) as server:
        async with HttpClient("Trakt", server.url, clock=FakeClock()) as http:
            tracemalloc.start()
            try:
                result = await work(http)
            except ContractError as error:
                result = error
            finally:
                peak = tracemalloc.get_traced_memory()[1] / 1e6
                tracemalloc.stop()
        return result, len(server.received), peak


def page_of(request: Received) -> int:
    return int(parse_qs(urlsplit(request.target).query)["page"][0])


def film(number: int) -> dict[str, Any]:
    movie = {"title": f"Film {number}", "year": 2000, "ids": {"trakt": number}}
    return {"id": number, "watched_at": WHEN, "type": "movie", "movie": movie}


def films(request: Received, *, of: int = 250) -> list[dict[str, Any]]:
    """Return the plays of a page of an endless history."""
    first = page_of(request) * of
    return [film(number) for number in range(first, first + of)]


async def entries(http: HttpClient) -> int:
    return sum([len(page) async for page in DiscovrClient(http).history()])


@pytest.mark.parametrize(
    "items", [[], [{"id": "MV_1"}], [{"id": "MV_1"}] * 50], ids=len
)
async def test_an_ever_new_cursor_with_nothing_new_is_given_up(items: Any) -> None:
    def made(number: int, _request: Received) -> Reply:
        body = {"items": items, "nextPageToken": str(number), **ALWAYS_MORE}
        return reply(body=body)

    result, asked, _ = await walk(made, entries)
    assert isinstance(result, ContractError)
    assert asked < 20


async def test_an_ever_new_cursor_with_ever_new_entries_has_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connectors.discovr.client.MOST_PAGES", 200)

    def made(number: int, _request: Received) -> Reply:
        items = [{"id": f"MV_{number * 50 + n}"} for n in range(50)]
        body = {"items": items, "nextPageToken": str(number), **ALWAYS_MORE}
        return reply(body=body)

    result, asked, peak = await walk(made, entries)
    assert isinstance(result, ContractError)
    assert asked == 200
    assert peak < 30


async def test_entries_that_move_on_meanwhile_end_no_walk() -> None:
    def made(number: int, _request: Received) -> Reply:
        first = max(1, number - 5)
        items = [{"id": f"MV_{first}"}]
        more = number < 12
        return reply(
            body={"items": items, "nextPageToken": str(number), "hasMore": more}
        )

    result, asked, _ = await walk(made, entries)
    assert (result, asked) == (12, 12)


@pytest.mark.parametrize("kind", ["the same", "in turns"])
async def test_a_minimal_list_in_pages_that_repeat_is_refused(kind: str) -> None:
    def made(number: int, request: Received) -> Reply:
        if "page=" not in request.target:
            return reply(413)
        return reply(body={str(1 if kind == "the same" else 1 + number % 2): [WHEN]})

    result, asked, _ = await walk(made, lambda http: TraktClient(http).minimal_films())
    assert isinstance(result, ContractError)
    assert asked < 6


@pytest.mark.parametrize("size", [1, 10_000])
async def test_a_minimal_list_in_ever_new_pages_has_an_end(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("connectors.trakt.client._MOST_MINIMAL_PAGES", 50)
    monkeypatch.setattr("connectors.trakt.client.MOST_OF_A_LIST", 2_000_000)

    def made(number: int, request: Received) -> Reply:
        if "page=" not in request.target:
            return reply(413)
        first = number * size
        return reply(body={str(n): [WHEN] for n in range(first, first + size)})

    result, asked, peak = await walk(
        made, lambda http: TraktClient(http).minimal_films()
    )
    assert isinstance(result, ContractError)
    assert asked <= 52
    assert peak < 40


async def read_history(http: HttpClient) -> Any:
    source = TraktSource(TraktClient(http), concurrency=4, clock=FakeClock())
    return await source.extract(lambda _done, _total: None)


def account(
    history: Callable[[Received], Reply], minimal: Any
) -> Callable[[int, Received], Reply]:
    def made(_number: int, request: Received) -> Reply:
        if "/sync/history" in request.target:
            return history(request)
        if "/watched/movies" in request.target:
            return reply(body=minimal)
        return reply(body={})

    return made


def announced(count: int, records: Any) -> Reply:
    headers = {"X-Pagination-Page-Count": str(count), "X-Pagination-Limit": "250"}
    return reply(body=records, headers=headers)


@pytest.mark.parametrize("count", [500_000_000, 999_999_999])
async def test_an_absurd_page_count_costs_a_few_pages(count: int) -> None:
    def history(request: Received) -> Reply:
        return announced(count, [film(1)] if page_of(request) == 1 else [])

    made = account(history, {"1": [WHEN]})
    extraction, asked, _ = await walk(made, read_history)
    assert [play.id for play in extraction.plays] == [1]  # type: ignore[attr-defined]
    assert extraction.receipt.is_whole  # type: ignore[attr-defined]
    assert asked < 40


async def test_the_same_page_for_ever_ends_every_walk() -> None:
    records = [film(number) for number in range(1, 251)]
    made = account(lambda _request: announced(999_999_999, records), {})
    extraction, asked, _ = await walk(made, read_history)
    assert len(extraction.plays) == 250  # type: ignore[attr-defined]
    assert asked < 200


async def test_pages_past_the_announced_count_end_where_nothing_new_comes() -> None:
    def history(request: Received) -> Reply:
        fresh = page_of(request) <= 3
        return announced(1, films(request) if fresh else [film(250)] * 250)

    extraction, asked, _ = await walk(account(history, {"1": [WHEN]}), read_history)
    assert len(extraction.plays) == 750  # type: ignore[attr-defined]
    assert asked < 40


async def test_pages_past_the_announced_count_end_where_trakts_own_client_gives_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "MOST_PAST", 7)

    def history(request: Received) -> Reply:
        return announced(1, films(request))

    extraction, asked, _ = await walk(account(history, {"1": [WHEN]}), read_history)
    assert not extraction.receipt.is_whole  # type: ignore[attr-defined]
    assert asked < 50


async def test_a_history_without_end_is_refused_at_its_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "MOST_PLAYS", 10_000)
    made = account(
        lambda request: announced(999_999_999, films(request)), {"1": [WHEN]}
    )
    result, asked, peak = await walk(made, read_history)
    assert isinstance(result, ContractError)
    assert "no end" in result.message
    assert asked < 60
    assert peak < 60


async def test_unreadable_records_without_end_are_refused_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "MOST_PLAYS", 10_000)

    def history(request: Received) -> Reply:
        return announced(999_999_999, [{**f, "movie": 1} for f in films(request)])

    result, asked, _ = await walk(account(history, {"1": [WHEN]}), read_history)
    assert isinstance(result, ContractError)
    assert asked < 60


LONG = "x" * 1_000_000
#: Plays with one long text each, which is kept of some and of others only read.
LENGTHY: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    "unreadable": lambda play, text: play | {"movie": text},
    "unreadable and without an id": lambda _play, text: {"movie": text},
    "no object": lambda _play, text: text,  # type: ignore[return-value,dict-item]
    "another kind": lambda play, text: play | {"type": f"podcast {text}"},
    "action": lambda play, text: play | {"action": text},
    "action without ids": lambda play, text: {
        "watched_at": WHEN,
        "type": "movie",
        "action": text,
        "movie": {"title": f"Film {play['id']}"},
    },
    "title": lambda play, text: play | {"movie": play["movie"] | {"title": text}},
    "title of an unreadable one": lambda play, text: (
        play | {"watched_at": "x", "movie": play["movie"] | {"title": text}}
    ),
    **{
        name: lambda play, text, name=name: (  # type: ignore[misc]
            play | {"movie": {"title": "A", "ids": play["movie"]["ids"] | {name: text}}}
        )
        for name in ("slug", "imdb")
    },
    "slug of an episode": lambda play, text: {
        "id": play["id"],
        "watched_at": WHEN,
        "type": "episode",
        "episode": {"season": 1, "number": 1, "ids": {"tvdb": 1, "slug": text}},
    },
}


@pytest.mark.parametrize("kind", LENGTHY)
async def test_records_that_are_ever_longer_are_refused_before_they_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(pages, "MOST_OF_A_READING", 60_000_000)
    monkeypatch.setattr(pages, "MOST_HELD", 5_000_000)

    def history(request: Received) -> Reply:
        number = page_of(request)
        record = LENGTHY[kind](film(number), f"{number} {LONG}")
        return announced(999_999_999, [record])

    result, asked, peak = await walk(account(history, {"1": [WHEN]}), read_history)
    assert isinstance(result, ContractError)
    assert "no end" in result.message
    assert asked < 80
    assert peak < 45


async def test_a_large_account_has_ample_room() -> None:
    """300,000 plays of 5,000 shows, and 100,000 entries, by a part of each."""
    mapper = PlayMapper(FakeClock().now())
    read = 0
    for number in range(40):
        plays = [episode(number, n) for n in range(250)]
        body = json.dumps(plays, indent=1).encode()
        read += len(body)
        items, bad = read_records(Response(200, {}, body, "Trakt", "GET /x"))
        assert not bad
        for item in items:
            mapper.play(item)
    assert read * 30 < pages.MOST_OF_A_READING / 2
    assert mapper.held * 125 < pages.MOST_HELD / 10
    entry = json.dumps(
        {**ENTRY, "title": "A title as long as they are", "more": [9] * 30}
    )
    assert len(entry) * 100_000 < discovr.MOST_OF_A_LIST / 2
    assert discovr.MOST_ENTRIES > 2 * 100_000


def episode(show: int, number: int) -> dict[str, Any]:
    """Return a play as Trakt sends it, at its longest."""
    ids = {"trakt": 10**9, "tvdb": 10**8, "imdb": "tt123456789", "tmdb": 10**8}
    return {
        "id": 10**11 + 250 * show + number,
        "watched_at": WHEN,
        "action": "scrobble",
        "type": "episode",
        "episode": {
            "season": 1 + number // 60,
            "number": number,
            "title": f"Episode {number} with a title that goes on and on",
            "ids": {**ids, "trakt": 10**9 + 250 * show + number},
        },
        "show": {
            "title": f"Show {show} with a title that goes on and on",
            "year": 2001,
            "ids": {
                **ids,
                "trakt": show + 1,
                "slug": f"show-{show}-that-goes-on-and-on",
            },
        },
    }


@pytest.mark.parametrize(
    ("count", "text", "most"),
    [(5_000, "", 12), (1, LONG, 22), (10, LONG, 1)],
)
async def test_pages_of_entries_that_are_ever_longer_are_refused(
    monkeypatch: pytest.MonkeyPatch, count: int, text: str, most: int
) -> None:
    monkeypatch.setattr(discovr, "MOST_ENTRIES", 50_000)
    monkeypatch.setattr(discovr, "MOST_OF_A_LIST", 20_000_000)

    def made(number: int, _request: Received) -> Reply:
        items = [{"id": f"MV_{number * 10_000 + n}{text}"} for n in range(count)]
        body = {"items": items, "nextPageToken": str(number), **ALWAYS_MORE}
        return reply(body=body)

    async def read(http: HttpClient) -> list[Any]:
        return [item async for page in DiscovrClient(http).history() for item in page]

    async def of_a_title(http: HttpClient) -> list[Any]:
        return await DiscovrClient(http).title_history("MV_1")

    for work in (read, of_a_title):
        result, asked, peak = await walk(made, work)
        assert isinstance(result, ContractError)
        assert asked <= most
        assert peak < 110


async def test_resume_points_without_end_are_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trakt_extras, "MOST_PAGES", 30)

    def made(_number: int, request: Received) -> Reply:
        points = [f | {"progress": 5, "paused_at": WHEN} for f in films(request)]
        return announced(999_999_999, points)

    result, asked, _ = await walk(made, lambda http: ExtrasClient(http).playback())
    assert isinstance(result, ContractError)
    assert asked == 30


@pytest.mark.parametrize("fresh", [True, False])
async def test_pages_of_pharen_without_end_are_given_up(*, fresh: bool) -> None:
    def made(number: int, _request: Received) -> Reply:
        page = {"id": str(number if fresh else 1), "title": "T"}
        return reply(body={"data": [page], "total": 10**12})

    async def read(http: HttpClient) -> int:
        return len([page async for page in PharenClient(http).pages()])

    result, asked, _ = await walk(made, read)
    assert asked <= 200 if fresh else asked == 2
    assert isinstance(result, ContractError) is fresh

"""What the clients send, and what they make of the answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aioresponses import aioresponses
from yarl import URL

from connectors.discovr.client import DiscovrClient, error_code
from connectors.discovr.client import explain as explain_discovr
from connectors.errors import (
    AuthError,
    BlockedError,
    ConfigError,
    ContractError,
    NotFoundError,
    RejectedError,
    TransientError,
)
from connectors.http.client import HttpClient, Response
from connectors.tmdb.client import ApiKeyAuth, TmdbClient
from connectors.trakt.client import TraktClient, request_headers
from connectors.trakt.client import explain as explain_trakt
from sync.sandbox.server.faults import CLOUDFLARE_PAGE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

TRAKT, DISCOVR, TMDB = "https://trakt.test", "https://discovr.test", "https://tmdb.test"
WHEN = datetime(2024, 3, 1, 20, 15, 30, 250_000, tzinfo=UTC)


@pytest.fixture
def web() -> Iterator[aioresponses]:
    with aioresponses() as mocked:
        yield mocked


@pytest.fixture
async def trakt() -> AsyncIterator[TraktClient]:
    headers = request_headers("client-id")
    async with HttpClient("Trakt", TRAKT, headers=headers) as http:
        yield TraktClient(http)


@pytest.fixture
async def discovr() -> AsyncIterator[DiscovrClient]:
    async with HttpClient("Discovr", DISCOVR, explain=explain_discovr) as http:
        yield DiscovrClient(http)


def sent(web: aioresponses) -> tuple[str, URL, dict[str, Any]]:
    ((method, url), calls), *_ = web.requests.items()
    return method, url, calls[0].kwargs


def film(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "watched_at": "2024-03-01T20:15:00.000Z",
        "type": "movie",
        "movie": {"title": "A", "year": None, "ids": {"trakt": number}},
    } | fields


async def test_a_history_page_is_asked_for_with_page_limit_and_bound(
    web: aioresponses, trakt: TraktClient
) -> None:
    url = f"{TRAKT}/sync/history?page=2&limit=250&end_at=2024-03-01T20:15:30.000Z"
    headers = {
        "X-Pagination-Limit": "100",
        "X-Pagination-Page-Count": "7",
        "X-Pagination-Item-Count": "x",
    }
    web.get(url, payload=[film(12_345_678_901)], headers=headers)
    page = await trakt.history_page(2, end_at=WHEN)
    assert (page.limit, page.page_count, page.item_count) == (100, 7, None)
    assert page.items[0].id == 12_345_678_901
    _, _, call = sent(web)
    assert call["headers"]["trakt-api-version"] == "2"
    assert call["headers"]["trakt-api-key"] == "client-id"
    assert call["headers"]["Content-Type"] == "application/json"
    assert call["headers"]["User-Agent"].startswith("trakt2discovr/")
    assert call["allow_redirects"] is False


async def test_one_bad_record_is_set_aside_with_the_id_that_is_legible(
    web: aioresponses, trakt: TraktClient
) -> None:
    records: list[Any] = [
        film(1),
        film(2, watched_at="yesterday"),
        {"type": "episode", "episode": {"ids": {"trakt": 7}, "season": "x"}},
        "rubbish",
        film(3),
    ]
    web.get(f"{TRAKT}/sync/history?page=1&limit=250", payload=records)
    page = await trakt.history_page(1)
    assert [item.id for item in page.items] == [1, 3]
    assert [(b.kind, b.trakt_id) for b in page.bad] == [
        ("movie", 2),
        ("episode", 7),
        (None, None),
    ]
    assert len({b.identity for b in page.bad}) == 3
    assert "watched_at" in page.bad[0].reason
    assert "yesterday" not in page.bad[0].reason
    assert page.size == 5


async def test_something_else_than_a_list_is_no_page(
    web: aioresponses, trakt: TraktClient
) -> None:
    web.get(f"{TRAKT}/sync/history?page=1&limit=250", payload={"error": "x"})
    with pytest.raises(ContractError):
        await trakt.history_page(1)


async def test_the_minimal_lists_are_flattened_to_episodes(
    web: aioresponses, trakt: TraktClient
) -> None:
    times = ["2024-03-01T20:15:00.000Z", "1970-01-01T00:00:00.000Z"]
    web.get(
        f"{TRAKT}/users/me/watched/shows?extended=min&specials=true&season_numbers=true",
        payload={"5": {"900|0": {"71": times[:1]}, "901|1": {"72": times}}},
    )
    web.get(f"{TRAKT}/users/me/watched/movies?extended=min", payload=[])
    shows = await trakt.minimal_shows()
    assert {e: len(t) for e, t in shows[5].items()} == {71: 1, 72: 2}
    assert await trakt.minimal_films() == {}


def answer(
    status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Response:
    return Response(status, headers or {}, body, "S", "GET /x")


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(401), AuthError),
        (answer(403), BlockedError),
        (answer(403, headers={"x-request-id": "1"}), ConfigError),
        (answer(423), BlockedError),
        (answer(426), BlockedError),
        (answer(413), RejectedError),
        (answer(500), type(None)),
    ],
)
def test_trakt_refusals_are_told_apart(response: Response, kind: type) -> None:
    assert type(explain_trakt(response)) is kind


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(401), AuthError),
        (answer(403), ConfigError),
        (answer(403, b'{"error": {"code": "TOKEN_EXPIRED"}}'), AuthError),
        (answer(422), RejectedError),
        (answer(404), NotFoundError),
        (answer(502), type(None)),
    ],
)
def test_discovr_refusals_are_told_apart(response: Response, kind: type) -> None:
    assert type(explain_discovr(response)) is kind


PAGE = {"Content-Type": "text/html; charset=UTF-8"}
OF_CLOUDFLARE, OTHER = CLOUDFLARE_PAGE.encode(), b"<html>No.</html>"


@pytest.mark.parametrize(
    ("response", "is_block"),
    [
        (answer(403, OF_CLOUDFLARE, headers=PAGE), True),
        (answer(503, OF_CLOUDFLARE, headers=PAGE), True),
        # The API itself, behind Cloudflare or not, in any form.
        (answer(403, OTHER, headers=PAGE), False),
        (answer(403, OTHER, headers=PAGE | {"Server": "cloudflare"}), False),
        (answer(403, headers={"Server": "cloudflare"}), False),
        (answer(403, b"{}", headers={"Server": "cloudflare"}), False),
        (answer(403, b"", headers={"Content-Type": "text/plain"}), False),
        (answer(503, OTHER, headers=PAGE), False),
        *((answer(n, OF_CLOUDFLARE, headers=PAGE), False) for n in (400, 404, 422)),
    ],
)
def test_a_page_of_cloudflare_s_is_told_from_a_refusal(
    response: Response, *, is_block: bool
) -> None:
    error = explain_discovr(response)
    assert isinstance(error, TransientError) is is_block
    if error and is_block:
        assert error.message.startswith("Cloudflare in front of Discovr blocks")
        assert "another network; then run it again" in (error.remedy or "")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"code": "TOKEN_INVALID"}', "TOKEN_INVALID"),
        (b'{"error": {"code": "TOKEN_INVALID"}}', "TOKEN_INVALID"),
        (b'{"error": "oops"}', None),
        (b'{"code": "what you sent: rt_0123"}', None),
        (b"<html>", None),
        (b"[]", None),
        (b"", None),
    ],
)
def test_the_error_code_is_read_wherever_it_stands(
    body: bytes, code: str | None
) -> None:
    assert error_code(answer(400, body)) == code


async def test_an_added_entry_carries_time_progress_and_label(
    web: aioresponses, discovr: DiscovrClient
) -> None:
    web.post(f"{DISCOVR}/profile/history", payload={"message": "ok"})
    await discovr.add_history("TV_1396", season=1, episode=5, updated_at=WHEN)
    _, _, call = sent(web)
    assert call["json"] == {
        "mediaId": "TV_1396",
        "season": 1,
        "episode": 5,
        "progress": 100,
        "updatedAt": "2024-03-01T20:15:30.250Z",
        "imported": "trakt",
    }


async def test_a_season_default_is_an_entry_without_episode(
    web: aioresponses, discovr: DiscovrClient
) -> None:
    web.post(f"{DISCOVR}/profile/history", payload={"message": "ok"})
    await discovr.add_history("TV_1396", season=1, updated_at=WHEN)
    assert "episode" not in sent(web)[2]["json"]


async def test_progress_is_set_on_one_explicit_entry(
    web: aioresponses, discovr: DiscovrClient
) -> None:
    url = f"{DISCOVR}/profile/history/TV_1?season=2&episode=3"
    web.patch(url, payload={"message": "ok"})
    await discovr.set_progress("TV_1", 0, season=2, episode=3)
    assert sent(web)[2]["json"] == {"progress": 0}


async def test_a_listing_is_followed_to_its_end_whatever_its_entries_lack(
    web: aioresponses, discovr: DiscovrClient
) -> None:
    first = {"items": [{"id": "MV_1", "progress": "x"}], "hasMore": True}
    web.get(
        f"{DISCOVR}/profile/history?limit=50", payload=first | {"nextPageToken": "a"}
    )
    odd = {"id": "TV_1", "season": 1, "episode": None, "new": {}, "completed": None}
    web.get(
        f"{DISCOVR}/profile/history?limit=50&nextPageToken=a",
        payload={"items": [odd], "hasMore": False, "nextPageToken": None},
    )
    found = [item async for page in discovr.history() for item in page]
    assert [(i.id, i.season, i.progress) for i in found] == [
        ("MV_1", None, None),
        ("TV_1", 1, None),
    ]


@pytest.mark.parametrize("token", [None, "a"])
async def test_a_listing_that_leads_nowhere_is_an_error_and_not_the_end(
    web: aioresponses, discovr: DiscovrClient, token: str | None
) -> None:
    page = {"items": [], "hasMore": True, "nextPageToken": token}
    for query in ("limit=50", "limit=50&nextPageToken=a"):
        web.get(f"{DISCOVR}/profile/history?{query}", payload=page)
    with pytest.raises(ContractError, match="more entries"):
        async for _ in discovr.history():
            pass


async def test_an_unknown_title_has_no_entries(
    web: aioresponses, discovr: DiscovrClient
) -> None:
    web.get(f"{DISCOVR}/profile/history/MV_1?limit=50", status=404)
    assert await discovr.title_history("MV_1") == []


async def test_tmdb_takes_a_short_key_as_parameter_and_a_long_one_as_header(
    web: aioresponses,
) -> None:
    for key, query in (("k" * 32, f"&api_key={'k' * 32}"), ("t" * 60, "")):
        auth = ApiKeyAuth(key)
        url = f"{TMDB}/find/tt1?external_source=imdb_id{query}"
        web.get(url, payload={"tv_results": [{"id": 7}]})
        async with HttpClient("TMDB", TMDB, auth=auth) as http:
            found = await TmdbClient(http, auth).find("tt1", "imdb_id")
        assert [hit.id for hit in found.tv_results] == [7]
        assert ("Authorization" in await auth.headers()) is (len(key) > 32)


async def test_tmdb_seasons_come_twenty_a_call(web: aioresponses) -> None:
    auth = ApiKeyAuth("t" * 60)
    parts = [f"season/{n}" for n in range(1, 23)]
    for chunk in (parts[:20], parts[20:]):
        url = URL(f"{TMDB}/tv/9").with_query(append_to_response=",".join(chunk))
        body: dict[str, Any] = {"id": 9, "status": "Ended"}
        for part in chunk[:-1]:
            number = int(part.removeprefix("season/"))
            episodes = [{"episode_number": 1, "air_date": ""}]
            body[part] = {"season_number": number, "episodes": episodes}
        web.get(url, payload=body)
    async with HttpClient("TMDB", TMDB, auth=auth) as http:
        show, seasons = await TmdbClient(http, auth).show(9, range(1, 23))
    assert show.status == "Ended"
    assert [s.season_number for s in seasons] == [*range(1, 20), 21]
    assert seasons[0].episodes[0].air_date is None

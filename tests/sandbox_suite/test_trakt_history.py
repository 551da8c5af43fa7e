"""The paged history: as documented, and with each fault that was seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from sync.sandbox import (
    Account,
    TraktQuirks,
    TraktStandIn,
    sample_account,
    synthetic_account,
)
from tests.standins import calling_trakt, hand_clock

if TYPE_CHECKING:
    from sync.sandbox import Play
    from tests.standins import Answer, Caller


def standin(account: Account, **quirks: Any) -> TraktStandIn:
    now = hand_clock().now
    return TraktStandIn(account, quirks=TraktQuirks(**quirks), now=now)


def page_count(answer: Answer) -> int:
    return int(answer.headers["X-Pagination-Page-Count"])


async def walk(call: Caller, limit: int = 10) -> list[list[int]]:
    """Read every announced page; return the ids of each."""
    pages: list[list[int]] = []
    for page in count(1):
        answer = await call.get("/sync/history", page=page, limit=limit)
        pages.append([item["id"] for item in answer.json])
        if page >= page_count(answer):
            return pages
    return pages


def flat(pages: list[list[int]]) -> list[int]:
    return [play_id for page in pages for play_id in page]


def ids(plays: list[Play]) -> set[int]:
    return {play.id for play in plays}


async def test_a_walk_brings_every_play_once_newest_first() -> None:
    account = sample_account()
    async with calling_trakt(standin(account)) as call:
        first = await call.get("/sync/history", page=1, limit=250)
        items = [*first.json]
        for page in range(2, page_count(first) + 1):
            items += (await call.get("/sync/history", page=page, limit=250)).json
    assert first.headers["X-Pagination-Item-Count"] == str(len(account.plays))
    assert page_count(first) == 4
    assert {item["id"] for item in items} == {play.id for play in account.plays}
    times = [item["watched_at"] for item in items]
    assert times == sorted(times, reverse=True)
    assert times[-1] == "1970-01-01T00:00:00.000Z"


async def test_an_item_has_the_documented_shape() -> None:
    account = sample_account()
    async with calling_trakt(standin(account)) as call:
        films = await call.get("/sync/history/movies/90")
        episodes = await call.get("/sync/history/episodes/73645")
    assert films.json[0] == {
        "id": films.json[0]["id"],
        "watched_at": "2024-01-06T16:00:00.000Z",
        "action": "scrobble",
        "type": "movie",
        "movie": {
            "title": "千と千尋の神隠し",
            "year": 2001,
            "ids": {
                "trakt": 90,
                "slug": "spirited-away-2001",
                "imdb": "tt0245429",
                "tmdb": 129,
            },
        },
    }
    episode = episodes.json[0]
    assert episode["id"] > 2**33
    assert (episode["type"], episode["show"]["title"]) == ("episode", "Breaking Bad")
    assert (episode["episode"]["season"], episode["episode"]["number"]) == (1, 3)
    assert "slug" not in episode["episode"]["ids"]


@pytest.mark.parametrize(
    ("asked", "effective"), [({}, 100), ({"limit": 1000}, 250), ({"limit": 7}, 7)]
)
async def test_the_limit_is_lowered_without_a_word(
    asked: dict[str, int], effective: int
) -> None:
    async with calling_trakt(standin(sample_account())) as call:
        answer = await call.get("/sync/history", **asked)
    assert answer.headers["X-Pagination-Limit"] == str(effective)
    assert len(answer.json) == effective


async def test_the_bounds_are_on_the_time_of_the_play_and_take_dates_too() -> None:
    async with calling_trakt(standin(sample_account())) as call:
        answer = await call.get(
            "/sync/history",
            start_at="2019-06-08T19:00:00.000Z",
            end_at="2019-06-12",
            limit=250,
        )
        refused = await call.get("/sync/history", start_at="yesterday")
    times = {item["watched_at"] for item in answer.json}
    assert min(times) == "2019-06-08T19:00:00.000Z"
    assert max(times) == "2019-06-11T19:00:00.000Z"
    assert refused.status == 422


async def test_exclusive_bounds_leave_out_the_very_instant() -> None:
    bounds = {"start_at": "2019-06-08T19:00:00Z", "end_at": "2019-06-11T19:00:00Z"}
    async with calling_trakt(standin(sample_account(), exclusive_bounds=True)) as call:
        answer = await call.get("/sync/history", **bounds)
    assert [item["watched_at"][:10] for item in answer.json] == [
        "2019-06-10",
        "2019-06-09",
    ]


@pytest.mark.parametrize(
    ("path", "status", "size"),
    [
        ("/sync/history/movies", 200, 61),
        ("/sync/history/shows/1388", 200, 70),
        ("/sync/history/movies/1390", 200, 1),
        ("/sync/history/shows/250001", 200, 4),
        ("/users/me/history", 200, 100),
        ("/users/sandbox/history/episodes", 200, 100),
        ("/users/somebody/history", 404, None),
        ("/sync/history/shows/4711", 404, None),
        ("/sync/history/shows/breaking-bad", 404, None),
        ("/sync/history?page=0", 422, None),
    ],
)
async def test_the_history_can_be_narrowed(
    path: str, status: int, size: int | None
) -> None:
    async with calling_trakt(standin(sample_account())) as call:
        answer = await call.get(path)
    assert answer.status == status
    assert size is None or len(answer.json) == size


async def test_the_plays_of_a_season_are_found_under_its_own_id() -> None:
    account = sample_account()
    season = account.find("Chernobyl").season(1)
    assert season is not None
    async with calling_trakt(standin(account)) as call:
        answer = await call.get(f"/sync/history/seasons/{season.ids.trakt}")
    assert len(answer.json) == 6


async def test_a_known_title_without_plays_gives_an_empty_list() -> None:
    account = sample_account()
    for play in account.plays_of(account.find("Dune")):
        account.remove_play(play.id)
    async with calling_trakt(standin(account)) as call:
        answer = await call.get("/sync/history/movies/287071")
    assert (answer.status, answer.json) == (200, [])


@pytest.mark.parametrize(("delta", "pages", "items"), [(-2, 3, 28), (2, 7, 68)])
async def test_the_announced_count_can_be_wrong(
    delta: int, pages: int, items: int
) -> None:
    service = standin(synthetic_account(48), page_count_delta=delta)
    async with calling_trakt(service) as call:
        first = await call.get("/sync/history", page=1, limit=10)
        last = await call.get("/sync/history", page=5, limit=10)
    assert page_count(first) == pages
    assert first.headers["X-Pagination-Item-Count"] == str(items)
    assert len(last.json) == 8


async def test_plays_dropped_after_slicing_leave_a_gap_and_are_still_counted() -> None:
    account = synthetic_account(30)
    dropped = frozenset(play.id for play in account.plays[12:15])
    service = standin(account, dropped_after_slicing=dropped)
    async with calling_trakt(service) as call:
        pages = await walk(call)
        count_header = (await call.get("/sync/history")).headers[
            "X-Pagination-Item-Count"
        ]
    assert [len(page) for page in pages] == [10, 7, 10]
    assert set(flat(pages)) == {p.id for p in account.plays} - dropped
    assert count_header == "30"


@pytest.mark.parametrize("kind", ["empty_pages", "short_pages"])
@pytest.mark.parametrize("recur", [True, False])
async def test_a_page_can_come_empty_or_short_once_or_always(
    kind: str, recur: bool
) -> None:
    quirks = {kind: frozenset({2}), "page_faults_recur": recur}
    async with calling_trakt(standin(synthetic_account(30), **quirks)) as call:
        sizes = [[len(page) for page in await walk(call)] for _ in range(2)]
    faulty = 0 if kind == "empty_pages" else 5
    assert sizes == [[10, faulty, 10], [10, faulty if recur else 10, 10]]


async def test_the_page_echo_can_be_stale() -> None:
    async with calling_trakt(
        standin(synthetic_account(30), stale_page_echo=True)
    ) as call:
        answer = await call.get("/sync/history", page=3, limit=10)
    assert answer.headers["X-Pagination-Page"] == "2"


async def test_neighbouring_pages_can_share_items_and_nothing_is_lost() -> None:
    account = synthetic_account(48)
    async with calling_trakt(standin(account, repeats_across_pages=3)) as call:
        pages = await walk(call)
    assert pages[0][-3:] == pages[1][:3]
    assert set(flat(pages)) == {p.id for p in account.plays}
    assert len(flat(pages)) > 48


async def test_unstable_ties_change_their_order_between_calls() -> None:
    account = synthetic_account(0)
    film = synthetic_account(1, shows=0).titles[-1]
    for _ in range(40):
        account.add_play(film, datetime(2024, 1, 1, tzinfo=UTC))
    async with calling_trakt(standin(account)) as call:
        stable = [await walk(call) for _ in range(2)]
    async with calling_trakt(standin(account, unstable_ties=True)) as call:
        unstable = [await walk(call) for _ in range(2)]
    assert stable[0] == stable[1]
    assert unstable[0] != unstable[1]
    assert len(set(flat(unstable[0]))) < 40, "something slips between two pages"


async def test_a_play_added_in_mid_walk_shifts_the_pages_and_moves_the_stamp() -> None:
    account = synthetic_account(30)
    before, stamps = {p.id for p in account.plays}, account.stamps
    film = account.titles[-1]
    late = datetime(2026, 11, 9, tzinfo=UTC)
    change = (1, lambda a: a.add_play(film, late))
    async with calling_trakt(standin(account, mid_walk=(change,))) as call:
        pages = await walk(call)
    assert pages[0][-1] == pages[1][0], "the last of page 1 moved on to page 2"
    assert set(flat(pages)) == before
    assert account.stamps.movies_watched_at > stamps.movies_watched_at
    assert account.stamps.episodes_watched_at == stamps.episodes_watched_at


async def test_a_play_removed_in_mid_walk_hides_another() -> None:
    account = synthetic_account(30)
    newest = account.plays[-1].id
    change = (1, lambda a: a.remove_play(newest))
    async with calling_trakt(standin(account, mid_walk=(change,))) as call:
        pages = await walk(call)
    assert len(set(flat(pages))) == 29
    assert {p.id for p in account.plays} - set(flat(pages)), "one slipped through"


async def test_end_at_pins_a_walk_against_plays_added_meanwhile() -> None:
    account = synthetic_account(30)
    film, late = account.titles[-1], datetime(2026, 11, 9, tzinfo=UTC)
    change = (1, lambda a: a.add_play(film, late))
    bound = "2026-11-01T00:00:00.000Z"
    async with calling_trakt(standin(account, mid_walk=(change,))) as call:
        pages = [
            await call.get("/sync/history", page=page, limit=10, end_at=bound)
            for page in (1, 2, 3)
        ]
    found = [item["id"] for page in pages for item in page.json]
    assert len(found) == len(set(found)) == 30


async def test_pagination_headers_can_be_missing() -> None:
    service = standin(synthetic_account(3), no_pagination_headers=True)
    async with calling_trakt(service) as call:
        answer = await call.get("/sync/history")
    assert not [name for name in answer.headers if name.startswith("X-Pagination")]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("null", {"imdb": None, "tmdb": None}),
        ("absent", {}),
        ("empty", {"imdb": "", "tmdb": None}),
        ("zero", {"imdb": None, "tmdb": 0}),
    ],
)
async def test_missing_ids_come_in_every_form(
    form: str, expected: dict[str, Any]
) -> None:
    async with calling_trakt(standin(sample_account(), missing_ids=form)) as call:
        answer = await call.get("/sync/history/movies/990002")
    known = {"trakt": 990002, "slug": "our-summer-2009"}
    assert answer.json[0]["movie"]["ids"] == known | expected


@pytest.mark.parametrize(("keeps", "second"), [(False, "00"), (True, "37")])
async def test_times_are_cut_to_the_minute_unless_it_is_long_ago(
    keeps: bool, second: str
) -> None:
    async with calling_trakt(standin(sample_account(), keeps_seconds=keeps)) as call:
        answer = await call.get("/sync/history/movies/916302")
    assert answer.json[0]["watched_at"] == f"2025-03-08T19:00:{second}.000Z"


async def test_the_full_form_brings_the_genres() -> None:
    async with calling_trakt(standin(sample_account())) as call:
        answer = await call.get("/sync/history/movies/432", extended="full")
    assert answer.json[0]["movie"]["genres"] == ["drama"]
    assert answer.json[0]["movie"]["runtime"] == 139


def test_an_account_stamps_every_change_even_on_a_frozen_clock() -> None:
    clock = hand_clock()
    film = synthetic_account(1, shows=0).titles[-1]
    account = Account([film], changed_at=clock.now(), now=clock.now)
    seen = {account.stamps.movies_watched_at}
    play = account.add_play(film, clock.now())
    seen.add(account.stamps.movies_watched_at)
    moved = account.move_play(play.id, clock.now() - timedelta(days=1), keeps_id=False)
    seen.add(account.stamps.movies_watched_at)
    account.remove_play(moved.id)
    seen.add(account.stamps.movies_watched_at)
    assert (len(seen), play.id == moved.id, account.plays) == (4, False, [])
    account.pause(film, 20, clock.now())
    account.pause(film, 30, clock.now())
    assert [pause.progress for pause in account.pauses] == [30]
    assert account.stamps.movies_watched_at == max(seen)


def test_an_account_takes_no_play_of_an_episode_that_does_not_exist() -> None:
    account = sample_account()
    for name, season, number in (
        ("Chernobyl", 1, 6),
        ("Chernobyl", None, None),
        ("The Wire", 6, 1),
    ):
        with pytest.raises(LookupError):
            account.add_play(account.find(name), None, season=season, number=number)
    with pytest.raises(LookupError):
        account.find("Nothing of that name")

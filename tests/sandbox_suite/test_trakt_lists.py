"""Stamps, minimal maps, watched lists, seasons and resume points of Trakt."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.plays import Kind
from sync.sandbox import (
    Account,
    TraktQuirks,
    TraktStandIn,
    sample_account,
    synthetic_account,
)
from tests.standins import calling_trakt, hand_clock

if TYPE_CHECKING:
    from tests.standins import Caller

MINIMAL_SHOWS = {"extended": "min", "specials": "true", "season_numbers": "true"}


def standin(account: Account | None = None, **quirks: Any) -> TraktStandIn:
    account = account or sample_account()
    now = hand_clock().now
    return TraktStandIn(account, quirks=TraktQuirks(**quirks), now=now)


async def minimal_counts(call: Caller, **query: object) -> Counter[tuple[Kind, int]]:
    """Count the plays per film and episode in the minimal maps."""
    films = await call.get("/users/me/watched/movies", extended="min", **query)
    shows = await call.get("/users/me/watched/shows", **MINIMAL_SHOWS, **query)
    counts: Counter[tuple[Kind, int]] = Counter()
    for film, times in films.json.items():
        counts[Kind.FILM, int(film)] += len(times)
    for seasons in shows.json.values():
        for episodes in seasons.values():
            for episode, times in episodes.items():
                counts[Kind.SHOW, int(episode)] += len(times)
    return counts


async def test_the_minimal_maps_hold_every_play_of_every_item() -> None:
    account = sample_account()
    async with calling_trakt(standin(account)) as call:
        assert await minimal_counts(call) == account.play_counts()


async def test_the_minimal_maps_have_the_documented_keys() -> None:
    account = sample_account()
    season = account.find("Chernobyl").season(1)
    assert season is not None
    first = str(season.episodes[0].ids.trakt)
    async with calling_trakt(standin(account)) as call:
        films = (await call.get("/users/me/watched/movies", extended="min")).json
        shows = (await call.get("/users/me/watched/shows", **MINIMAL_SHOWS)).json
        bare = (await call.get("/users/me/watched/shows", extended="min")).json
    assert films["432"] == ["2018-06-02T19:40:00.000Z", "2011-02-12T20:15:00.000Z"]
    assert films["221"] == ["1970-01-01T00:00:00.000Z"] * 2
    assert list(shows["138564"]) == [f"{season.ids.trakt}|1"]
    times = ["2022-04-26T19:30:00.000Z", "2019-06-08T19:00:00.000Z"]
    assert shows["138564"][f"{season.ids.trakt}|1"][first] == times
    assert bare["138564"][str(season.ids.trakt)][first] == times
    assert any(key.endswith("|0") for key in shows["1388"])
    assert len(bare["1388"]) == 5, "without specials"


async def test_the_minimal_maps_page_only_when_they_are_asked_to() -> None:
    service = standin(minimal_limit=100)
    async with calling_trakt(service) as call:
        refused = await call.get("/users/me/watched/shows", **MINIMAL_SHOWS)
        everything = await call.get(
            "/users/me/watched/shows", limit="all", extended="min"
        )
        pages = [
            (
                await call.get(
                    "/users/me/watched/movies", extended="min", page=n, limit=20
                )
            )
            for n in (1, 2, 3, 4)
        ]
    assert (refused.status, everything.status) == (413, 413)
    assert [len(page.json) for page in pages] == [20, 20, 9, 0]
    assert "X-Pagination-Page-Count" not in pages[0].headers


async def test_limit_all_gives_everything_in_one_answer() -> None:
    async with calling_trakt(standin()) as call:
        answer = await call.get("/users/me/watched/movies", extended="min", limit="all")
    assert len(answer.json) == 49


async def test_the_minimal_maps_can_be_out_of_service() -> None:
    async with calling_trakt(standin(minimal_unavailable=500)) as call:
        answer = await call.get("/users/me/watched/movies", extended="min")
        ordinary = await call.get("/users/me/watched/movies")
    assert (answer.status, ordinary.status) == (500, 200)


@pytest.mark.parametrize("drops", [True, False])
async def test_the_minimal_maps_follow_dropped_plays_or_not(drops: bool) -> None:
    account = synthetic_account(20)
    dropped = frozenset({account.plays[3].id})
    quirks = {"dropped_after_slicing": dropped, "drops_from_minimal": drops}
    async with calling_trakt(standin(account, **quirks)) as call:
        assert (await minimal_counts(call)).total() == (19 if drops else 20)


async def test_the_word_min_means_nothing_below_sync() -> None:
    async with calling_trakt(standin()) as call:
        answer = await call.get("/sync/watched/movies", extended="min")
    assert isinstance(answer.json, list)


async def test_the_watched_lists_are_paged_and_newest_first() -> None:
    async with calling_trakt(standin()) as call:
        films = await call.get("/sync/watched/movies", page=2, limit=30)
        shows = await call.get("/sync/watched/shows", limit=1000)
    assert len(films.json) == 19
    assert films.headers["X-Pagination-Page-Count"] == "2"
    last = [item["last_watched_at"] for item in shows.json]
    assert last == sorted(last, reverse=True)
    assert shows.headers["X-Pagination-Limit"] == "250"
    assert not any("seasons" in item for item in shows.json)
    assert {"plays", "last_updated_at", "reset_at"} < shows.json[0].keys()


async def test_seasons_come_with_progress_and_specials_on_demand() -> None:
    async with calling_trakt(standin()) as call:
        query = {"extended": "progress", "limit": 250}
        plain = await call.get("/users/me/watched/shows", **query)
        special = await call.get("/users/me/watched/shows", **query, specials="true")
    assert plain.headers["X-Pagination-Limit"] == "100"
    by_id = {item["show"]["ids"]["trakt"]: item for item in plain.json}
    assert [season["number"] for season in by_id[1388]["seasons"]] == [1, 2, 3, 4, 5]
    assert by_id[1388]["seasons"][0]["episodes"][0] == {
        "number": 1,
        "plays": 2,
        "last_watched_at": "2019-11-08T18:00:00.000Z",
    }
    assert by_id[1388]["plays"] == 69
    assert by_id[180770]["show"]["aired_episodes"] == 22
    by_id = {item["show"]["ids"]["trakt"]: item for item in special.json}
    assert by_id[1388]["seasons"][0]["number"] == 0


async def test_the_stamps_move_with_plays_added_and_removed() -> None:
    account = sample_account()
    async with calling_trakt(standin(account)) as call:
        before = (await call.get("/sync/last_activities")).json
        play = account.add_play(account.find("Up"), datetime(2026, 11, 1, tzinfo=UTC))
        added = (await call.get("/sync/last_activities")).json
        account.remove_play(play.id)
        removed = (await call.get("/sync/last_activities")).json
    stamps = [answer["movies"]["watched_at"] for answer in (before, added, removed)]
    assert stamps[0] < stamps[1] < stamps[2]
    assert before["episodes"] == removed["episodes"]
    assert removed["all"] == stamps[2]


@pytest.mark.parametrize(
    ("form", "films", "top"),
    [("full", False, 13), ("sparse", None, 2), ("null", None, 13)],
)
async def test_the_stamps_can_be_missing_or_null(
    form: str, films: bool | None, top: int
) -> None:
    async with calling_trakt(standin(activities=form)) as call:
        answer = (await call.get("/sync/last_activities")).json
    stamp = answer.get("movies", {}).get("watched_at")
    assert (stamp is None) is (films is None)
    assert len(answer) == top


async def test_the_seasons_of_a_show_come_with_instants_and_without_a_login() -> None:
    async with calling_trakt(standin()) as call:
        del call.headers["Authorization"]
        by_id = await call.get("/shows/1388/seasons", extended="episodes,full")
        by_slug = await call.get("/shows/breaking-bad/seasons", extended="episodes")
        by_imdb = await call.get("/shows/tt0903747/seasons")
        silo = (await call.get("/shows/silo/seasons", extended="episodes,full")).json
        unknown = await call.get("/shows/1/seasons")
    assert [season["number"] for season in by_id.json] == [0, 1, 2, 3, 4, 5]
    first = by_id.json[1]["episodes"][0]
    assert first["first_aired"] == "2008-01-21T02:00:00.000Z"
    assert "first_aired" not in by_slug.json[1]["episodes"][0]
    assert "episodes" not in by_imdb.json[1]
    running = silo[3 - 1]
    assert (running["episode_count"], running["aired_episodes"]) == (10, 2)
    assert [e["first_aired"] for e in running["episodes"][-2:]] == [None, None]
    assert unknown.status == 404


async def test_an_announced_season_has_no_dates_at_all() -> None:
    async with calling_trakt(standin()) as call:
        answer = await call.get("/shows/163302/seasons", extended="full")
    announced = answer.json[-1]
    assert (announced["aired_episodes"], announced["first_aired"]) == (0, None)


async def test_resume_points_come_newest_first_and_page_on_demand() -> None:
    async with calling_trakt(standin()) as call:
        everything = await call.get("/sync/playback")
        page = await call.get("/sync/playback", page=2, limit=2)
        films = await call.get("/sync/playback/movies")
        episodes = await call.get("/sync/playback/episodes", extended="full")
        recent = await call.get(
            "/sync/playback", start_at="2026-08-01", end_at="2026-09-30"
        )
    assert [item["progress"] for item in everything.json] == [62, 43.5, 91.2, 50, 20]
    assert "X-Pagination-Page" not in everything.headers
    assert [item["progress"] for item in page.json] == [91.2, 50]
    assert {item["type"] for item in films.json} == {"movie"}
    assert [item["episode"]["number"] for item in episodes.json] == [7, 6]
    assert [item["progress"] for item in recent.json] == [43.5, 91.2]
    assert everything.json[0]["id"] > 2**33


async def test_the_settings_name_the_time_zone() -> None:
    async with calling_trakt(standin()) as call:
        answer = await call.get("/users/settings")
    assert answer.json["account"]["timezone"] == "Europe/Berlin"
    assert answer.json["user"]["ids"]["slug"] == "sandbox"

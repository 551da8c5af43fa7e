"""TMDB: look-ups, seasons and plain air dates."""

from __future__ import annotations

import pytest

from sync.sandbox import TmdbStandIn, sample_account
from tests.standins import KNOWN, Answer, calling


async def ask(path: str, **query: object) -> Answer:
    async with calling(TmdbStandIn(sample_account().titles)) as call:
        return await call.get(path, api_key=KNOWN.tmdb_api_key, **query)


async def test_a_v3_key_and_a_v4_token_are_both_good() -> None:
    service = TmdbStandIn(sample_account().titles)
    async with calling(service) as call:
        by_key = await call.get("/3/authentication", api_key=KNOWN.tmdb_api_key)
        nobody = await call.get("/3/authentication", api_key="nonsense")
        call.headers["Authorization"] = f"Bearer {KNOWN.tmdb_token}"
        by_token = await call.get("/3/authentication")
    assert (by_key.status, by_token.status, nobody.status) == (200, 200, 401)
    assert nobody.json["status_code"] == 7
    assert service.api_url == f"{service.url}/3"
    assert len(KNOWN.tmdb_api_key) == 32


@pytest.mark.parametrize(
    ("external_id", "source", "kind", "found"),
    [
        ("tt4378376", "imdb_id", "tv_results", 68155),
        ("273023", "tvdb_id", "tv_results", 61349),
        ("tt0082096", "imdb_id", "movie_results", 387),
    ],
)
async def test_titles_are_found_by_their_other_ids(
    external_id: str, source: str, kind: str, found: int
) -> None:
    answer = await ask(f"/3/find/{external_id}", external_source=source)
    assert [hit["id"] for hit in answer.json[kind]] == [found]
    assert sum(len(hits) for hits in answer.json.values()) == 1


async def test_an_unknown_id_gives_empty_lists_and_a_strange_source_an_error() -> None:
    nothing = await ask("/3/find/tt9", external_source="imdb_id")
    strange = await ask("/3/find/tt9", external_source="freebase_id")
    assert not any(nothing.json.values())
    assert strange.status == 400


async def test_a_show_brings_the_seasons_that_were_appended_and_exist() -> None:
    parts = ",".join(f"season/{n}" for n in (0, 1, 9))
    show = (await ask("/3/tv/1396", append_to_response=parts)).json
    assert (show["name"], show["status"]) == ("Breaking Bad", "Ended")
    assert show["number_of_seasons"] == 5
    assert [season["season_number"] for season in show["seasons"]] == [0, 1, 2, 3, 4, 5]
    assert [key for key in show if key.startswith("season/")] == [
        "season/0",
        "season/1",
    ]
    first = show["season/1"]["episodes"][0]
    assert (first["episode_number"], first["air_date"]) == (1, "2008-01-20")


async def test_an_evening_in_new_york_is_yesterday_in_utc() -> None:
    aired = sample_account().find("The Last of Us").episode(1, 1)
    assert aired is not None
    assert aired.first_aired is not None
    season = (await ask("/3/tv/100088/season/1")).json
    assert season["episodes"][0]["air_date"] == "2023-01-15"
    assert aired.first_aired.isoformat() == "2023-01-16T02:00:00+00:00"


async def test_more_than_twenty_parts_are_refused() -> None:
    parts = [f"season/{n}" for n in range(21)]
    refused = await ask("/3/tv/1396", append_to_response=",".join(parts))
    allowed = await ask("/3/tv/1396", append_to_response=",".join(parts[1:]))
    assert (refused.status, refused.json["status_code"]) == (400, 27)
    assert allowed.status == 200


async def test_episodes_without_a_date_have_null() -> None:
    season = (await ask("/3/tv/125988/season/3")).json
    dates = [episode["air_date"] for episode in season["episodes"]]
    assert dates[0] == "2026-10-30"
    assert dates[-2:] == [None, None]


async def test_tmdb_can_count_a_season_otherwise() -> None:
    season = (await ask("/3/tv/2316/season/9")).json
    assert [e["episode_number"] for e in season["episodes"]] == list(range(1, 26))


@pytest.mark.parametrize(
    "path", ["/3/tv/1", "/3/tv/x", "/3/tv/1396/season/7", "/3/movie/1", "/3/person/1"]
)
async def test_what_does_not_exist_is_number_34(path: str) -> None:
    answer = await ask(path)
    assert (answer.status, answer.json["status_code"]) == (404, 34)


async def test_a_film_and_a_show_can_have_one_number() -> None:
    film, show = await ask("/3/movie/1396"), await ask("/3/tv/1396")
    assert (film.json["title"], show.json["name"]) == ("Зеркало", "Breaking Bad")
    assert film.json["release_date"] == "1975-03-07"

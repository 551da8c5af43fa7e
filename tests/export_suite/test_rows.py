"""Flat rows of JSON and of tables become the plays that the API would have sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.export_builders import make_file, read

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.trakt.models import HistoryItem

AT = "2024-01-15T12:00:00Z"
IN_SEASON = {"season": 1, "episode": 2}


def read_rows(tmp_path: Path, *rows: Any) -> Any:
    return read(make_file(tmp_path / "history_movies.json", list(rows)))


def read_csv(tmp_path: Path, text: str) -> Any:
    return read(make_file(tmp_path / "history_movies.csv", text.encode()))


def summarise(item: HistoryItem) -> tuple[Any, ...]:
    """Return kind, title, known ids of the title, season and number."""
    title = item.movie or item.show
    assert title is not None
    ids = title.ids.model_dump(exclude_none=True)
    episode = item.episode
    numbers = (episode.season, episode.number) if episode else ()
    return (item.type, title.title, ids, *numbers)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"imdb_id": "tt1", "type": "movie"}, ("movie", None, {"imdb": "tt1"})),
        ({"title": "Heat", "tmdb": 949}, ("movie", "Heat", {"tmdb": 949})),
        ({"name": "Heat", "tmdb_id": "949.0"}, ("movie", "Heat", {"tmdb": 949})),
        ({"name": "Heat", "tmdb_id": 949.0}, ("movie", "Heat", {"tmdb": 949})),
        ({"title": "Heat", "ids": {"trakt": 5}}, ("movie", "Heat", {"trakt": 5})),
        (
            {"title": "Heat", "id": {"imdb": "tt1", "tmdb": 949}},
            ("movie", "Heat", {"imdb": "tt1", "tmdb": 949}),
        ),
        ({"id": "tt0113277", "type": "Film"}, ("movie", None, {"imdb": "tt0113277"})),
        ({"title": "Heat", "trakt": 0, "tvdb": ""}, ("movie", "Heat", {})),
        (
            {"type": "episode", "title": "Lost", "season": 1, "episode": 2, "tvdb": 9},
            ("episode", "Lost", {}, 1, 2),
        ),
        (
            {"show_title": "Lost", "show_tmdb_id": 4607, "season": "1", "episode": "2"},
            ("episode", "Lost", {"tmdb": 4607}, 1, 2),
        ),
        (
            {"type": "episode", "season_number": 0, "episode_number": 3, "tvdb": 9},
            ("episode", None, {}, 0, 3),
        ),
        (
            {"type": "series", "name": "Lost", "tmdb": 4607, "season": 1, "episode": 2},
            ("episode", "Lost", {"tmdb": 4607}, 1, 2),
        ),
        ({"title": "X", "tmdb": "abc"}, ("movie", "X", {})),
        ({"title": "X", "tmdb": True}, ("movie", "X", {})),
        ({"title": "X", "tmdb": 1.5}, ("movie", "X", {})),
        ({"title": "X", "tmdb": [1]}, ("movie", "X", {})),
        ({"title": "X", "tmdb": 2**63}, ("movie", "X", {})),
        ({"title": "X", "year": "MCMXCV"}, ("movie", "X", {})),
    ],
    ids=str,
)
def test_a_flat_row_is_read(
    row: dict[str, Any], expected: tuple[Any, ...], tmp_path: Path
) -> None:
    data = read_rows(tmp_path, row | {"watched_at": AT})
    assert data.quarantined == []
    assert summarise(data.items[0]) == expected
    assert data.layout == "rows"


def test_root_ids_of_an_episode_row_are_the_episodes_own(tmp_path: Path) -> None:
    row = {"type": "episode", "season": 1, "episode": 2, "tvdb_id": 4639411}
    item = read_rows(tmp_path, row | {"watched_at": AT, "title": "Lost"}).items[0]
    assert item.episode.ids.tvdb == 4639411
    assert item.show.ids.tvdb is None


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2024-01-15T12:30:00.000Z", "2024-01-15T12:30:00+00:00"),
        ("2024-01-15T12:30:00+02:00", "2024-01-15T10:30:00+00:00"),
        ("2024-01-15 12:30", "2024-01-15T12:30:00+00:00"),
        ("2024-01-15", "2024-01-15T12:00:00+00:00"),
        (" 2024-01-15 ", "2024-01-15T12:00:00+00:00"),
        ("unknown", "1970-01-01T00:00:00+00:00"),
        ("Unknown", "1970-01-01T00:00:00+00:00"),
    ],
)
@pytest.mark.parametrize("key", ["watched_at", "date_watched"])
def test_times_are_read_as_utc_and_days_at_noon(
    key: str, written: str, read_as: str, tmp_path: Path
) -> None:
    data = read_rows(tmp_path, {"title": "Heat", key: written})
    assert [i.watched_at.isoformat() for i in data.items] == [read_as]


def test_wishes_and_ratings_among_the_rows_are_no_plays(tmp_path: Path) -> None:
    data = read_rows(
        tmp_path,
        {"imdb_id": "tt1", "watchlisted_at": AT, "rating": 9, "rated_at": AT},
        {"imdb_id": "tt2", "watched_at": AT, "rating": 9, "rated_at": AT},
        {"imdb_id": "tt3", "watched_at": AT, "action": "watchlist"},
        {"imdb_id": "tt4", "watched_at": "", "listed_at": AT},
        {"imdb_id": "tt5", "is_watchlisted": True},
    )
    assert [i.movie.ids.imdb for i in data.items] == ["tt2"]
    assert data.quarantined == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"title": "Heat"}, "no readable time"),
        ({"title": "Heat", "watched_at": "15/01/2024"}, "no readable time"),
        ({"title": "Heat", "watched_at": "1705320000"}, "no readable time"),
        ({"title": "", "watched_at": AT}, "names no title and no id"),
        ({"title": "X", "type": "song", "watched_at": AT}, "neither film nor episode"),
        ({"title": "X", "type": "episode", "watched_at": AT}, "without season and"),
        ({"title": "X", "season": 1, "episode": -2, "watched_at": AT}, "out of range"),
        ({"type": "show", "tmdb": 4607, "watched_at": AT}, "a whole show without"),
        ({"type": "season", "tmdb": 4607, "season": 1, "watched_at": AT}, "season wit"),
        ({"type": "episode", "trakt": 9, **IN_SEASON, "watched_at": AT}, "its show"),
    ],
    ids=str,
)
def test_a_bad_row_is_set_aside(
    row: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    good = {"title": "Heat", "tmdb": 949, "watched_at": AT}
    data = read_rows(tmp_path, good, row, good)
    assert data.plays == 2
    ((where, why),) = data.quarantined
    assert where == "history_movies.json item 2"
    assert reason in why


def test_a_film_table_of_the_export_script_is_read(tmp_path: Path) -> None:
    data = read_csv(
        tmp_path,
        '"imdb","trakt","watched_at","title"\r\n'
        '"tt0113277","661","2024-01-15T12:00:00.000Z","Heat, ""the"" film"\r\n'
        '"","662","2024-01-16T12:00:00.000Z","No id\nfrom IMDb"\r\n',
    )
    assert [summarise(i) for i in data.items] == [
        ("movie", 'Heat, "the" film', {"trakt": 661, "imdb": "tt0113277"}),
        ("movie", "No id\nfrom IMDb", {"trakt": 662}),
    ]
    assert (data.layout, data.doubts) == ("csv", [])


def test_an_episode_table_of_the_export_script_is_read(tmp_path: Path) -> None:
    data = read_csv(
        tmp_path,
        '"tvdb","trakt","watched_at","season","episode","episode_title","show_title"\n'
        '"127131","62","2024-01-15T12:00:00.000Z","1","2","Pilot, 2","Lost"\n',
    )
    (item,) = data.items
    assert summarise(item) == ("episode", "Lost", {}, 1, 2)
    assert item.episode.ids.model_dump(exclude_none=True) == {
        "trakt": 62,
        "tvdb": 127131,
    }
    assert item.episode.title == "Pilot, 2"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_for_trakts_importer_is_read(
    delimiter: str, mark: str, tmp_path: Path
) -> None:
    lines = (
        "TYPE, Title,year,imdb_id,watched_at,watchlisted_at,rating,rated_at",
        "movie,Heat,1995,tt0113277,2024-10-25T20:00:00Z,,,",
        "movie,Wanted,2024,tt2,,2024-04-30T11:00:00Z,9,2024-10-25",
        "",
        "movie,Undated,1999,tt3,unknown,,,",
    )
    text = mark + "\n".join(lines).replace(",", delimiter)
    data = read_csv(tmp_path, text)
    assert [(i.movie.title, i.watched_at.year) for i in data.items] == [
        ("Heat", 2024),
        ("Undated", 1970),
    ]


def test_a_row_that_is_cut_short_is_set_aside(tmp_path: Path) -> None:
    text = "title,tmdb,watched_at\nHeat,949,2024-01-15\nLost,46"
    data = read_csv(tmp_path, text)
    assert data.plays == 1
    ((place, reason),) = data.quarantined
    assert place == "history_movies.csv row 2"
    assert reason.startswith("is incomplete")

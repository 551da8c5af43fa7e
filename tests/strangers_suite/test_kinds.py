"""Nothing is guessed into a film: a column, the row or its file's name say it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.export_builders import make_file, make_film_play, make_folder, read

if TYPE_CHECKING:
    from pathlib import Path

AT = "2020-01-15T21:00:00.000Z"
#: Two public export tools write rows like these, of films and of shows alike.
BARE = {"tmdb": "1396", "trakt_id": "1388", "watched_at": AT, "title": "Somebody"}
NUMBERS = {"season": "2", "episode": "3"}

FILM_NAMES = [
    "export_movies_history",
    "history_movies",
    "history-movies",
    "someone_history_movies",
    "watched-movies",
    "movies",
    "my films",
    "movie-history (1)",
    "export_movies_history-2024-05-01",
]
SHOW_NAMES = [
    "export_shows_history",
    "export_episodes_history",
    "history_shows",
    "someone_history_episodes",
    "series",
    "tv",
    "show_history",
]
OTHER_NAMES = [
    "history",
    "export",
    "trakt-history",
    "movies_and_shows",
    "movie",
    "the-movie-club",
    "removies",
    "watched",
]


def to_csv(*rows: dict[str, Any], delimiter: str = ",") -> bytes:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, *([row.get(c, "") for c in columns] for row in rows)]
    quoted = [[f'"{cell}"' for cell in line] for line in lines]
    return "\n".join(delimiter.join(line) for line in quoted).encode()


def read_as(form: str, path: Path, name: str, *rows: dict[str, Any]) -> Any:
    content = to_csv(*rows) if form == "csv" else json.dumps(rows).encode()
    return read(make_file(path / f"{name}.{form}", content))


def read_one(path: Path, content: Any) -> list[Any]:
    return list(read(make_file(path, content)).items)


def kinds(data: Any) -> list[str]:
    return [item.type for item in data.items]


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("name", OTHER_NAMES)
def test_a_row_of_no_kind_is_set_aside_by_its_row(
    name: str, form: str, tmp_path: Path
) -> None:
    data = read_as(form, tmp_path, name, BARE, BARE | {"title": "Another"})
    assert (data.plays, len(data.set_aside)) == (0, 2)
    unit = "row" if form == "csv" else "item"
    for number, (place, record) in enumerate(data.set_aside, 1):
        assert place == f"{name}.{form} {unit} {number}"
        for missing in ("type", "season", "episode"):
            assert missing in record.reason
        assert "type" in record.remedy
        assert "export_movies_history" in record.remedy
        assert json.loads(record.raw)["tmdb"] == "1396"


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("name", FILM_NAMES)
def test_the_name_that_a_tool_gives_settles_a_film(
    name: str, form: str, tmp_path: Path
) -> None:
    assert kinds(read_as(form, tmp_path, name, BARE)) == ["movie"]


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("name", SHOW_NAMES)
def test_a_row_about_a_show_is_no_film_and_says_what_is_missing(
    name: str, form: str, tmp_path: Path
) -> None:
    data = read_as(form, tmp_path, name, BARE)
    assert data.plays == 0
    ((_, record),) = data.set_aside
    assert "season" in record.reason
    assert "episode" in record.reason
    assert (record.kind, record.title.title) == ("episode", "Somebody")


@pytest.mark.parametrize("name", [*FILM_NAMES, *SHOW_NAMES, *OTHER_NAMES])
@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"type": "movie"}, "movie"),
        ({"Type": "Movie"}, "movie"),
        ({"media_type": "film"}, "movie"),
        ({"type": "show"} | NUMBERS, "episode"),
        ({"type": "episode", "show_title": "S"} | NUMBERS, "episode"),
        ({"show_title": "S"} | NUMBERS, "episode"),
    ],
    ids=str,
)
def test_what_a_row_says_goes_before_its_files_name(
    name: str, more: dict[str, str], kind: str, tmp_path: Path
) -> None:
    assert kinds(read_as("csv", tmp_path, name, BARE | more)) == [kind]


@pytest.mark.parametrize("kind", ["show", "season", "tv", "series", "episode"])
@pytest.mark.parametrize("numbers", [{}, {"season": "1"}, {"episode": "1"}])
def test_a_row_without_its_numbers_never_becomes_a_play(
    kind: str, numbers: dict[str, str], tmp_path: Path
) -> None:
    data = read_as("csv", tmp_path, "movies", BARE | {"type": kind} | numbers)
    ((place, record),) = data.set_aside
    assert place == "movies.csv row 1"
    assert "without season and number" in record.reason


def spellings(column: str) -> list[str]:
    parts = column.split(".")
    camel = "".join(part.capitalize() for part in parts)
    forms = [column, "_".join(parts), "/".join(parts), " ".join(parts), camel]
    forms += [camel[0].lower() + camel[1:], "-".join(parts), "__".join(parts)]
    return [*forms, column.upper(), f"{parts[0]}[{']['.join(parts[1:])}]"]


FLAT = {
    "movie": {
        "id": "9001000001",
        "watched.at": AT,
        "movie.title": "Inception",
        "movie.year": "2010.0",
        "movie.ids.trakt": "16662.0",
        "movie.ids.tmdb": "27205.0",
        "movie.ids.imdb": "tt1375666",
    },
    "episode": {
        "id": "9001000002",
        "watched.at": AT,
        "episode.season": "1.0",
        "episode.number": "2.0",
        "episode.title": "Cat's in the Bag",
        "episode.ids.trakt": "73483.0",
        "show.title": "Breaking Bad",
        "show.year": "2008.0",
        "show.ids.trakt": "1388.0",
        "show.ids.tmdb": "1396.0",
    },
}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff", "sep=%s\n"])
@pytest.mark.parametrize("number", range(9))
def test_flattened_columns_are_read_however_they_are_spelt(
    number: int, mark: str, delimiter: str, tmp_path: Path
) -> None:
    rows = [
        {spellings(name)[number]: value for name, value in row.items()}
        for row in FLAT.values()
    ]
    start = mark.replace("%s", delimiter).encode()
    content = start + to_csv(*rows, delimiter=delimiter)
    film, episode = read_one(tmp_path / "all.csv", content)
    assert (film.id, film.movie.title, film.movie.year) == (
        9001000001,
        "Inception",
        2010,
    )
    assert film.movie.ids.model_dump(exclude_none=True) == {
        "trakt": 16662,
        "tmdb": 27205,
        "imdb": "tt1375666",
    }
    assert (episode.episode.season, episode.episode.number) == (1, 2)
    assert episode.show.ids.model_dump(exclude_none=True) == {
        "trakt": 1388,
        "tmdb": 1396,
    }
    assert episode.episode.ids.trakt == 73483


@pytest.mark.parametrize(
    "beside",
    [
        {"season": {"number": 4, "ids": {"trakt": 3}}, "episode": {"number": 5}},
        {"season": 4, "episode": {"number": 5}},
        {"season": "4", "episode": "5"},
        {"season_number": 4, "episode_number": 5},
        {"episode": {"season": 4, "number": 5}},
        {"season": {"number": 4}, "episode": 5},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [{}, {"type": "episode"}])
def test_a_season_beside_its_episode_is_found(
    beside: dict[str, Any], kind: dict[str, str], tmp_path: Path
) -> None:
    show = {"title": "Lost", "ids": {"trakt": 73}}
    item = {"watched_at": AT, "show": show, **beside, **kind}
    (play,) = read_one(tmp_path / "all.json", [item])
    assert (play.episode.season, play.episode.number) == (4, 5)


LOST = {"title": "Lost", "ids": {"tmdb": 4607}}
NUMBERED = {"season": 4, "number": 5}
HEAT = {"title": "Heat", "tmdb": 949}


@pytest.mark.parametrize(
    "parts",
    [
        {"episode": NUMBERED | {"show": LOST}},
        {"episode": {"number": 5, "season": {"number": 4, "show": LOST}}},
        {"season": {"number": 4, "show": LOST}, "episode": {"number": 5}},
        {"show": LOST, "episode": {"season_number": 4, "episode_number": 5}},
        {"show": LOST, "episode": {"seasonNumber": "4", "episodeNumber": "5"}},
        {"show": {"title": "Lost", "tmdb": 4607}, "episode": NUMBERED},
        {"show": {"name": "Lost", "tmdb_id": 4607}, "episode": NUMBERED},
        {"show": {"title": "Lost", "ids": {"TMDB": "4607"}}, "episode": NUMBERED},
        {"show": {"title": "Lost", "ids": {}, "tmdbId": 4607}, "episode": NUMBERED},
        {"series": LOST, "season": 4, "episode": 5},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [{}, {"type": "episode"}])
def test_parts_that_stand_elsewhere_are_found(
    parts: dict[str, Any], kind: dict[str, str], tmp_path: Path
) -> None:
    (play,) = read_one(tmp_path / "all.json", [{"watched_at": AT, **parts, **kind}])
    assert (play.show.title, play.show.ids.tmdb) == ("Lost", 4607)
    assert (play.episode.season, play.episode.number) == (4, 5)


@pytest.mark.parametrize(
    "film",
    [
        HEAT,
        {"name": "Heat", "tmdb_id": "949"},
        {"title": "Heat", "ids": {"TMDB": 949}},
        {"title": "Heat", "ids": None, "tmdbid": 949},
        {"title": "Heat", "id": {"tmdb": 949}},
    ],
    ids=str,
)
@pytest.mark.parametrize("key", ["movie", "film", "Movie"])
def test_ids_beside_a_films_name_are_its_own(
    key: str, film: dict[str, Any], tmp_path: Path
) -> None:
    (play,) = read_one(tmp_path / "all.json", [{"watched_at": AT, key: film}])
    assert (play.movie.title, play.movie.ids.tmdb) == ("Heat", 949)
    odd = film | {"tmdb": 949, "tmdb_id": 950}
    if key == "movie" and "ids" not in film:
        data = read(make_file(tmp_path / "b.json", [{"watched_at": AT, key: odd}]))
        assert "two ids" in data.set_aside[0][1].reason


@pytest.mark.parametrize("column", ["show", "Series", "TV Show"])
@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_column_called_after_the_show_holds_its_name(
    form: str, column: str, tmp_path: Path
) -> None:
    row = {"watched_at": AT, "season": "4", "episode": "5", column: "Lost"}
    (play,) = read_as(form, tmp_path, "all", row).items
    assert (play.show.title, play.episode.number) == ("Lost", 5)
    (play,) = read_as(form, tmp_path, "b", row | {"type": "show"}).items
    assert play.show.title == "Lost"
    for nothing in ("yes", "true", "1", "series", "12"):
        data = read_as(form, tmp_path, "c", row | {column: nothing})
        assert (data.plays, len(data.set_aside)) == (0, 1)
    # It says of no row that it is a film, or none.
    data = read_as(form, tmp_path, "d", BARE | {"movie": "yes"})
    assert (data.plays, len(data.set_aside)) == (0, 1)


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2024-01-16 12:00", "2024-01-16T12:00"),
        ("2024/01/16 12:00", "2024-01-16T12:00"),
        ("2024.1.6", "2024-01-06T12:00"),
        ("2024-01-16 9:05 PM", "2024-01-16T21:05"),
        ("2024-01-16 12:05 AM", "2024-01-16T00:05"),
        ("2024-01-16T12:00:30.5Z", "2024-01-16T12:00"),
        ("2024-01-16 12:00:00 UTC", "2024-01-16T12:00"),
        ("2024-01-16T12:00:00+0200", "2024-01-16T10:00"),
        ("15 Jan 2024 20:15", "2024-01-15T20:15"),
        ("Mon, 15 Jan 2024 20:15:00 GMT", "2024-01-15T20:15"),
        ("January 15, 2024", "2024-01-15T12:00"),
        ("01/02/2024", None),
        ("15.01.2024 12:00", None),
        ("15/01/2024", None),
        ("1/17/2024 9:05 PM", None),
        ("01-02-2024", None),
        ("01.02.24", None),
        ("1705320000", None),
        ("20240116", None),
        ("45307.5", None),
        ("2024-01-16 25:00", None),
        ("2024-13-01", None),
        ("2024-01", None),
        ("yesterday", None),
    ],
)
def test_a_date_that_can_be_two_days_is_neither(
    written: str, read_as: str | None, tmp_path: Path
) -> None:
    row = {"type": "movie", "title": "Heat", "watched_at": written}
    data = read(make_file(tmp_path / "all.csv", to_csv(row, row)))
    if read_as is not None:
        assert {i.watched_at.isoformat()[:16] for i in data.items} == {read_as}
        return
    assert data.plays == 0
    for place, record in data.set_aside:
        assert place.startswith("all.csv row ")
        assert "watched_at" in record.reason
        assert "2024-01-31T20:15:00Z" in record.reason


def test_a_count_of_plays_with_one_time_is_no_whole_history(tmp_path: Path) -> None:
    row = {"Type": "movie", "Title": "The Lighthouse", "TmdbId": "503919"}
    row |= {"WatchedAt": AT, "Plays": "3"}
    data = read(make_file(tmp_path / "all.csv", to_csv(row, row | {"Plays": "1"})))
    assert data.plays == 2
    (doubt,) = data.doubts
    assert "2 plays more" in doubt
    item = make_film_play(1)
    for name in ("plays", "play_count", "playCount"):
        (doubt,) = read(make_file(tmp_path / "h.json", [item | {name: 3}])).doubts
        assert "2 plays more" in doubt
    del row["Type"]
    ((_, record),) = read(make_file(tmp_path / "all.csv", to_csv(row))).set_aside
    assert "counts 3 plays and has one time only" in record.reason


def test_wishes_and_ratings_are_said_to_be_no_plays(tmp_path: Path) -> None:
    base = {"type": "movie", "imdb_id": "tt1375666", "tmdb_id": "27205"}
    rows = [
        base | {"watched_at": AT, "rating": "9"},
        base | {"watchlisted_at": AT},
        base | {"rating": "8", "rated_at": AT},
    ]
    data = read(make_file(tmp_path / "all.csv", to_csv(*rows)))
    assert (data.plays, data.set_aside) == (1, [])
    assert data.notes == [
        "all.csv holds 2 wishes, ratings and the like, which are no plays."
    ]


@pytest.mark.parametrize("header", ["date_seen", "Watched time", "last_watched_at"])
def test_a_table_with_an_unknown_column_of_time_is_named(
    header: str, tmp_path: Path
) -> None:
    folder = {
        "movies.csv": to_csv(BARE),
        "more.csv": to_csv({"title": "Heat", header: AT}),
    }
    data = read(make_folder(tmp_path / "all", folder))
    assert data.plays == 1
    (doubt,) = data.doubts
    assert doubt.startswith("more.csv has no column watched_at")
    assert header in doubt

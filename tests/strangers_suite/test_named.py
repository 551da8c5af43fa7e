"""What is not read is named: files of other kinds, unknown forms, packed files."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import InputError
from tests.export_builders import (
    make_activities,
    make_episode_play,
    make_file,
    make_film_play,
    make_folder,
    make_plays,
    make_stats,
    read,
)
from tests.strangers_suite.test_kinds import AT, to_csv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW = {"type": "movie", "title": "Unseen", "tmdb_id": "949", "watched_at": AT}
HERE = {"type": "movie", "title": "Film 1", "tmdb_id": "501", "watched_at": AT}
EPISODE = {"type": "episode", "show_title": "Lost", "season": "1", "episode": "2"}

# Ratings, lists and the like that tell times of watching

ASIDE = [
    "ratings.csv",
    "my-ratings.csv",
    "ratings-movies.csv",
    "rating.csv",
    "watchlist.csv",
    "collection.csv",
    "favourites.csv",
    "recommendations.csv",
    "lists/x.csv",
    "ratings/movies.csv",
    "list-best.csv",
]
NOT_ASIDE = ["watched_ratings.csv", "history-ratings.csv", "all.csv", "watched.csv"]


def to_form(name: str, rows: list[dict[str, Any]]) -> tuple[str, bytes]:
    if name.endswith("csv"):
        return name, to_csv(*rows)
    return name, json.dumps(rows).encode()


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("name", [*ASIDE, *NOT_ASIDE])
def test_ratings_and_lists_beside_a_history_add_nothing_in_silence(
    name: str, form: str, tmp_path: Path
) -> None:
    name = name.replace("csv", form)
    for rows, lacks in (([HERE], False), ([HERE, ROW | {"rating": "9"}], True)):
        members: dict[str, Any] = {"history_movies.json": make_plays(2)}
        members |= dict([to_form(name, rows)])
        data = read(make_folder(tmp_path / f"all{lacks}", members))
        if name.replace(form, "csv") in NOT_ASIDE:
            assert data.plays == 2 + len(rows)
            continue
        assert data.plays == 2
        (said,) = data.doubts if lacks else data.notes
        assert said.startswith(name.rpartition("/")[2])
        assert ("Unseen" in said) is lacks
        assert bool(data.doubts) is lacks


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("name", ASIDE)
def test_ratings_alone_are_read_and_are_no_whole_history(
    name: str, form: str, tmp_path: Path
) -> None:
    name = name.replace("csv", form)
    rows = [ROW | {"rating": "9"}, EPISODE | {"watched_at": AT}]
    data = read(make_folder(tmp_path / "all", dict([to_form(name, rows)])))
    assert data.plays == 2
    (doubt,) = data.doubts
    assert "it may lack plays" in doubt
    assert "name it history" in doubt
    named = make_folder(tmp_path / "named", dict([to_form(f"history.{form}", rows)]))
    assert read(named).doubts == []


@pytest.mark.parametrize("name", ["ratings.json", "lists/x.json", "a/collection.json"])
def test_what_carries_trakts_own_ids_is_history_whatever_it_is_called(
    name: str, tmp_path: Path
) -> None:
    members = {"history.json": make_plays(2), name: [make_episode_play()]}
    data = read(make_folder(tmp_path / "all", members))
    assert (data.plays, data.doubts) == (3, [])


# Times of watching in unknown forms

KEYS = ["watched_at", "last_watched_at", "lastWatchedAt", "LastWatched_At", "viewedAt"]
KEYS += ["last_seen_on", "date_watched", "lastPlayedDate", "seen_date", "Viewed Time"]


def wraps(key: str) -> Iterator[Any]:
    """Yield forms that nobody here knows; some are lists of flat things."""
    thing = {"name": "Heat", key: AT}
    yield {"movies": [thing]}
    yield {"items": {"1": thing}}
    yield [{"film": thing}]
    yield {"library": [{"shows": [{"seasons": [{"episodes": [{key: 1705320000}]}]}]}]}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", ["library.json", "x"])
def test_times_of_watching_in_no_known_form_are_named(
    name: str, key: str, tmp_path: Path
) -> None:
    for number, form in enumerate(wraps(key)):
        members = {"history_movies.json": make_plays(2), name: form}
        data = read(make_folder(tmp_path / f"all{number}", members))
        assert data.plays == 2
        (doubt,) = data.doubts
        assert doubt.startswith(f"{name} holds times of watching in a form")
        assert "watched_at" in doubt
        with pytest.raises(InputError, match="not known here") as refused:
            read(make_file(tmp_path / f"{number}{name}", form))
        assert "columns type, title" in refused.value.remedy


#: A part that nobody reads, in documents of which another part says what they are.
PART = [{"name": "Alien", "seen_at": "2021-02-03T20:15:00Z"}]
KNOWN_PARTS: dict[str, Any] = {
    "a profile": {"username": "me", "films": PART},
    "settings": {"user": {"username": "me"}, "account": {}, "by_id": {"1": PART[0]}},
    "totals": make_stats(2, 0) | {"films": PART},
    "activities": make_activities(AT) | {"films": PART},
    "failures": [{"endpoint": "lists", "error": "x"}, {"endpoint": "x", "films": PART}],
    "resume points": [
        {"progress": 40, "paused_at": AT, "id": 1} | make_film_play(9) | {"was": PART}
    ],
    "traktexport": {"history": make_plays(2), "type": "full", "older": PART},
    "traktexport's history": {
        "history": [make_film_play(1, times=PART), make_film_play(2)],
        "stats": make_stats(2, 0),
    },
    "a watched list": [
        {"plays": 1, "last_watched_at": AT, "movie": {"title": "Film 1"}, "all": PART}
    ],
    "episodes of a watched list": [
        {
            "last_watched_at": AT,
            "show": {"title": "Lost"},
            "seasons": [{"number": 1, "episodes": [{"number": 1, "every": PART}]}],
        }
    ],
    "plays": [make_film_play(1, rewatches=PART), make_film_play(2)],
    "times of plays": [make_film_play(1, all_watched_at=[AT]), make_film_play(2)],
    "one play": make_film_play(1, rewatches=PART),
}


@pytest.mark.parametrize("what", KNOWN_PARTS)
@pytest.mark.parametrize("key", ["seen_at", "watched_at", "lastPlayedDate"])
def test_no_part_of_a_known_document_goes_in_silence(
    key: str, what: str, tmp_path: Path
) -> None:
    text = json.dumps(KNOWN_PARTS[what]).replace("seen_at", key)
    members = {"history_movies.json": make_plays(2), "x.json": text.encode()}
    data = read(make_folder(tmp_path / "all", members))
    (doubt,) = [d for d in data.doubts if "also holds times of watching" in d]
    assert doubt.startswith("x.json ")
    assert "so those are not read" in doubt
    # A list of the person's may tell what it likes.
    members = {"history_movies.json": make_plays(2), "lists/x.json": text.encode()}
    data = read(make_folder(tmp_path / "own", members))
    assert not [d for d in data.doubts if "also holds" in d]


def test_a_later_time_of_a_play_as_trakt_sends_it_is_named(tmp_path: Path) -> None:
    later = make_film_play(1, last_watched_at="2030-01-02T20:15:00.000Z")
    data = read(make_file(tmp_path / "a.json", [later, make_film_play(2)]))
    assert data.plays == 2
    assert [d for d in data.doubts if "1 last time of watching" in d]


@pytest.mark.parametrize(
    "beside",
    [
        {"plays": [{"watched_at": "2025-03-04T20:15:00.000Z"}]},  # its own once more
        {"genres": ["Watched in 2024", "seen_at"], "updated_at": [AT]},
        {"movie": {"title": "The Film Played in 2024", "ids": {"trakt": 1}}},
    ],
    ids=str,
)
def test_what_tells_no_other_time_is_no_doubt(
    beside: dict[str, Any], tmp_path: Path
) -> None:
    data = read(make_file(tmp_path / "a.json", [make_film_play(1, **beside)]))
    assert (data.plays, data.doubts, data.set_aside) == (1, [], [])


@pytest.mark.parametrize(
    "thing",
    [
        {"watchlisted_at": AT},
        {"overview": "2024 was the date"},
        {"reviewed_at": AT},
        {"displayed_at": AT},
        {"last_watched_at": None},
        {"watched_on": "Netflix"},
        {"listed_at": AT, "collected_at": AT, "updated_at": AT},
        {"play_count": 2024, "watched": 2024},
    ],
    ids=str,
)
def test_what_is_no_time_of_watching_is_no_doubt(
    thing: dict[str, Any], tmp_path: Path
) -> None:
    members = {"history.json": make_plays(2), "x.json": {"items": [thing]}}
    assert read(make_folder(tmp_path / "all", members)).doubts == []


@pytest.mark.parametrize("kind", ["movie", "show", "episode"])
def test_a_watched_list_of_flat_rows_is_compared_with_the_history(
    kind: str, tmp_path: Path
) -> None:
    row = {"type": kind, "title": "Unseen", "year": 2001, "tmdb_id": 9, "plays": 2}
    row |= {"last_watched_at": AT, "season": 1, "episode": 2}
    if kind == "episode":
        row["show_title"] = row.pop("title")
    members = {"history.json": make_plays(2), "watched.json": [row]}
    (doubt,) = read(make_folder(tmp_path / "all", members)).doubts
    assert "Unseen" in doubt
    assert "2 plays more than the history" in doubt


def test_an_item_of_a_watched_list_that_nobody_can_tell_is_named(
    tmp_path: Path,
) -> None:
    listed = {"plays": 1, "last_watched_at": AT, "movie": make_film_play()["movie"]}
    members = {
        "history.json": make_plays(2),
        "watched.json": [listed, {"plays": 1, "last_watched_at": AT}, "x"],
    }
    (doubt,) = read(make_folder(tmp_path / "all", members)).doubts
    assert doubt.startswith("2 titles in the watched lists")


# Files that are not opened


@pytest.mark.parametrize(
    ("name", "help_"),
    [
        ("history_shows.json.gz", "Unpack it"),
        ("watched-history-2.json.xz", "Unpack it"),
        ("history.csv.bz2", "Unpack it"),
        ("history.xlsx", "CSV"),
        ("movies.ods", "CSV"),
        ("watched-history.numbers", "CSV"),
        ("history_shows.7z", "Unpack it"),
        ("history.tgz", "Unpack it"),
        ("plays.json", "Unpack it"),
        ("history.pdf", "CSV"),
        ("history.db", "CSV"),
    ],
)
def test_a_history_that_is_not_opened_is_named(
    name: str, help_: str, tmp_path: Path
) -> None:
    content = gzip.compress(b"[]") + b"\xff"
    members = {"history_movies.json": make_plays(2), name: content}
    (doubt,) = read(make_folder(tmp_path / "all", members)).doubts
    assert doubt.startswith(name)
    assert help_ in doubt


@pytest.mark.parametrize(
    "header",
    ["Title,Date", f"Heat,{AT}", "name;when", "id,value", f"movie,Heat,949,{AT}"],
)
def test_a_table_called_history_without_a_time_is_named(
    header: str, tmp_path: Path
) -> None:
    members = {
        "a.json": make_plays(2),
        "history_shows.csv": f"{header}\n1,2\n".encode(),
    }
    (doubt,) = read(make_folder(tmp_path / "all", members)).doubts
    assert doubt.startswith("history_shows.csv has no column watched_at")


def test_rows_without_their_header_are_named(tmp_path: Path) -> None:
    rows = f"movie,Heat,949,{AT}\nmovie,Alien,348,{AT}\n".encode()
    members = {"history.json": make_plays(2), "more.csv": rows}
    (doubt,) = read(make_folder(tmp_path / "all", members)).doubts
    assert doubt.startswith("more.csv has no column watched_at")


@pytest.mark.parametrize("column", ["Gesehen am", "vu_le", "end_date", "lastPlayed"])
def test_times_under_a_name_of_another_tongue_are_named(
    column: str, tmp_path: Path
) -> None:
    row = {"title": "Heat", "tmdb_id": "949", column: "2024-01-15 20:15:00"}
    members = {"history.json": make_plays(2), "more.csv": to_csv(row)}
    (doubt,) = read(make_folder(tmp_path / "all", members)).doubts
    assert doubt.startswith(f"more.csv has no column watched_at; if {column} is that")


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("more.csv", "created_at"),
        ("more.csv", "Last updated"),
        ("more.csv", "release_date"),
        ("more.csv", "date_added"),
        ("ratings.csv", "Gesehen am"),
        ("watchlist.csv", "end_date"),
    ],
)
def test_times_of_something_else_are_no_doubt(
    name: str, column: str, tmp_path: Path
) -> None:
    row = {"title": "Heat", "tmdb_id": "949", column: "2024-01-15 20:15:00"}
    members = {"history.json": make_plays(2), name: to_csv(row)}
    assert read(make_folder(tmp_path / "all", members)).doubts == []


@pytest.mark.parametrize(
    "content",
    [
        {"movies": {"watched_at": AT}},
        {"episodes": {"watched_at": AT, "paused_at": None}, "all": AT},
        {"movies": {"watched_at": None}, "episodes": {}},
    ],
    ids=str,
)
def test_sparse_stamps_block_no_download(content: Any, tmp_path: Path) -> None:
    members = {"history.json": make_plays(2), "user-last-activities.json": content}
    assert read(make_folder(tmp_path / "all", members)).doubts == []


# Forms that are plain


@pytest.mark.parametrize("name", ["history.jsonl", "h.ndjson", "history.json", "x.txt"])
def test_a_record_a_line_is_read(name: str, tmp_path: Path) -> None:
    lines = [json.dumps(play) for play in make_plays(3)]
    for text in ("\n".join(lines), "\r\n".join(lines) + "\r\n", "\n\n".join(lines)):
        assert read(make_file(tmp_path / name, text.encode())).plays == 3
    cut = "\n".join(lines)[:-20].encode()
    members = {"history-1.json": make_plays(2), name: cut}
    assert read(make_folder(tmp_path / "all", members)).doubts


def test_pages_in_a_list_are_read(tmp_path: Path) -> None:
    plays = make_plays(5)
    content = [plays[:2], plays[2:4], plays[4:], []]
    data = read(make_file(tmp_path / "history.json", content))
    assert (data.plays, data.doubts) == (5, [])

"""What people and public tools really hand in, made up anew: each ends as it should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.desired import transform
from sync.extract.files import FileSource
from tests.clocks import FakeClock
from tests.export_builders import make_film_play, make_folder, make_stats

if TYPE_CHECKING:
    from pathlib import Path

AT = "2020-01-15T21:00:00.000Z"
SHOWS = f"""\
"tmdb","trakt_id","watched_at","title"
"1396","1388","{AT}","Breaking Bad"
"1396","1388","2020-01-16T21:00:00.000Z","Breaking Bad"
"1399","1390","2020-02-16T21:00:00.000Z","Game of Thrones"
"""
NO_SHOW = f"""\
"season","trakt_id","tmdb","watched_at","episode"
"4","2244736","0","{AT}","4"
"1","73482","62085","{AT}","1"
"1","887001","990001","{AT}","1"
"""
FLATTENED = f"""\
id,watched_at,type,movie.title,movie.ids.tmdb,episode.season,episode.number,\
show.title,show.ids.tmdb
9001000001,{AT},movie,Inception,27205.0,,,,
9001000002,{AT},episode,,,1.0,1.0,Breaking Bad,1396.0
"""
SPREADSHEET = """\
type;title;year;tmdb_id;watched_at
movie;Inception;2010;27205;15.01.2024 12:00
movie;Heat;1995;949;2024-01-16 12:00
movie;Alien;1979;348;1/17/2024 9:05 PM
"""
AMONG_FILMS = f"""\
imdb_id,tmdb_id,type,watched_at,watchlisted_at,rating,rated_at
tt1375666,27205,movie,{AT},,9,{AT}
tt0816692,157336,movie,,{AT},,
tt0113277,949,movie,,,8,{AT}
tt0903747,1396,show,{AT},,10,{AT}
"""
CAMEL = f"""\
Title,Year,ImdbId,TmdbId,TraktId,Plays,WatchedAt
The Lighthouse,2019,tt7984734,503919,312158,3,{AT}
Amelie,2001,tt0211915,194,148,1,{AT}
"""
IMPORT = f"""\
type,title,year,trakt_id,imdb_id,tmdb_id,tvdb_id,season,episode,watched_at
movie,Inception,2010,16662,tt1375666,27205,,,,{AT}
episode,Breaking Bad,2008,1388,tt0903747,1396,81189,1,1,{AT}
episode,Breaking Bad,2008,1388,tt0903747,1396,81189,1,2,{AT}
"""
FILM = {"title": "Inception", "year": 2010, "id": {"tvdb": 2196, "imdb": "tt1375666"}}
SERIES = {
    "title": "Breaking Bad",
    "seasons": [{"number": 1, "episodes": [{"number": 1, "watched_at": AT}]}],
}
LISTED = {"rank": 1, "listed_at": AT, "type": "movie", **make_film_play()}
del LISTED["watched_at"]

#: Name -> files, keys, places that are set aside, words of their reasons, is it whole.
CASES: dict[str, tuple[dict[str, Any], set[str], list[str], list[str], bool]] = {
    "shows by their ids alone": (
        {"export_shows_history.csv": SHOWS},
        set(),
        [f"export_shows_history.csv row {n}" for n in (1, 2, 3)],
        ["season", "episode", "show"],
        True,
    ),
    "episodes without their show": (
        {"episodes.csv": NO_SHOW},
        set(),
        [f"episodes.csv row {n}" for n in (1, 2, 3)],
        ["without its show"],
        True,
    ),
    "flattened columns": (
        {"flat.csv": FLATTENED},
        {"MV_27205", "TV_1396 S01E01"},
        [],
        [],
        True,
    ),
    "saved by a spreadsheet": (
        {"sheet.csv": SPREADSHEET},
        {"MV_949"},
        ["sheet.csv row 1", "sheet.csv row 3"],
        ["watched_at", "2024-01-31T20:15:00Z"],
        True,
    ),
    "a show among films": (
        {"all.csv": AMONG_FILMS},
        {"MV_27205"},
        ["all.csv row 4"],
        ["whole show", "season", "episode"],
        True,
    ),
    "columns in CamelCase": (
        {"watched.csv": CAMEL},
        set(),
        ["watched.csv row 1", "watched.csv row 2"],
        ["type"],
        True,
    ),
    "the form of Trakt's importer": (
        {"import.csv": IMPORT},
        {"MV_27205", "TV_1396 S01E01", "TV_1396 S01E02"},
        [],
        [],
        True,
    ),
    "one file known and one not": (
        {
            "movies.json": [
                FILM | {"watched_at": AT, "is_watched": True},
                FILM | {"watched_at": None, "is_watched": False},
            ],
            "series.json": [SERIES],
        },
        set(),
        [],
        [],
        False,
    ),
    "a list called History": (
        {
            "history_movies.json": [make_film_play(1), make_film_play(2)],
            "history_episodes.json": [],
            "stats.json": make_stats(2, 0),
            "me.json": {"username": "me", "private": False},
            "lists/history.json": {"name": "History", "items": [LISTED]},
        },
        {"MV_501", "MV_502"},
        [],
        [],
        True,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_ends_as_it_should(name: str, tmp_path: Path) -> None:
    files, keys, places, words, is_whole = CASES[name]
    raw = {k: v.encode() if isinstance(v, str) else v for k, v in files.items()}
    folder = make_folder(tmp_path / "all", raw)
    found = FileSource([folder], FakeClock())._extract()
    desired = transform(found.plays, {})
    assert {str(key) for key in desired.watched} == keys
    assert [one.where for one in found.quarantined] == places
    for one in found.quarantined:
        assert all(word in one.reason for word in words), one.reason
    assert found.receipt.is_whole is is_whole
    if not is_whole:
        assert found.receipt.doubts[0].startswith("series.json ")
    if name == "columns in CamelCase":
        assert "counts 3 plays and has one time only" in found.quarantined[0].reason
    if name == "a show among films":
        assert "2 wishes, ratings" in found.receipt.notes[0]

"""The page on odd input says what the program does, line by line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import InputError
from sync.extract.files import FileSource
from tests.clocks import FakeClock
from tests.export_builders import (
    make_episode_play,
    make_film_play,
    make_folder,
    make_plays,
)
from tests.strangers_suite.test_kinds import to_csv

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "odd-input.md"
AT = "2024-01-15T12:00:00Z"
FILM = {"type": "movie", "title": "Heat", "tmdb_id": "949", "watched_at": AT}
BARE = {k: v for k, v in FILM.items() if k != "type"}
SHOW_IDS = {"tmdb_id": "1396", "imdb_id": "tt0903747"}
EPISODE = {"type": "episode", "title": "Breaking Bad", "season": "1", "episode": "1"}
EPISODE |= {"watched_at": AT}


def odd_fields(values: list[Any]) -> list[Any]:
    plays = []
    for number, value in enumerate(values, 1):
        names = ("slug", "imdb", "tvdb")
        film = {"title": value, "year": value, "ids": dict.fromkeys(names, value)}
        film["ids"]["trakt"] = number
        plays.append(make_film_play(number, movie=film, action=value))
    return plays


def lists(name: str, content: Any) -> dict[str, Any]:
    return {"history_movies.json": make_plays(2), name: content}


LISTED = {"plays": 1, "last_watched_at": AT, "movie": {"title": "Unseen", "ids": {}}}
SERIES = {"title": "X", "seasons": [{"episodes": [{"watched_at": AT}]}]}
AHEAD = "2029-01-01T00:00:00Z"
TOMORROW = "2026-01-01T23:00:00Z"
#: What the page calls it (how the line begins), and files that hold it.
FILES: dict[str, dict[str, Any]] = {
    "an id, a title": {
        "history.json": odd_fields([{}, [], "N/A", -1, 1.5, True, 10**29])
    },
    "numbers as": {"all.csv": to_csv(FILM | {"tmdb_id": "949.0", "year": "1995.0"})},
    "a play without a usable time": {
        "history.json": [*make_plays(1), make_film_play(2, watched_at="")]
    },
    "an episode without a usable": {
        "history.json": [
            *make_plays(1),
            make_episode_play() | {"episode": {"season": {}, "number": 1}},
        ]
    },
    "a film without any id": {
        "history.json": [*make_plays(1), make_film_play(2, movie={"ids": {}})]
    },
    "an episode without its show": {
        "history.json": [*make_plays(1), make_episode_play() | {"show": {}}]
    },
    "a record that could be": {
        "history.json": [
            *make_plays(1),
            make_film_play(2) | make_episode_play() | {"type": None},
        ]
    },
    "a kind of thing": {
        "history.json": [*make_plays(1), make_film_play(2, type="x-y")]
    },
    "rows without a kind, in": {"export.csv": to_csv(BARE)},
    "rows without a kind in": {"export_movies_history.csv": to_csv(BARE)},
    "rows about shows": {"export_shows_history.csv": to_csv(BARE)},
    "a row about a whole show": {"all.csv": to_csv(FILM, FILM | {"type": "show"})},
    "columns such as": {
        "a.csv": to_csv({"movie.ids.tmdb": "1", "WatchedAt": AT}),
        "b.csv": to_csv({"movie_ids_tmdb": "2", "watched_at": AT}),
        "c.csv": to_csv({"MovieIdsTmdb": "3", "watchedAt": AT}),
    },
    "`;`, tab": {
        "a.csv": b"\xef\xbb\xbfsep=;\n" + to_csv(FILM, delimiter=";"),
        "b.csv": to_csv(FILM | {"title": "B"}, delimiter="\t"),
        "c.csv": to_csv(FILM | {"title": "C"}, delimiter="|"),
    },
    "a season in an object": {
        "all.json": [
            {
                "watched_at": AT,
                "show": {"title": "Lost"},
                "season": {"number": 1},
                "episode": {"number": 2},
            }
        ]
    },
    "`2024-01-31 20:15`": {
        "all.csv": to_csv(
            *(
                FILM | {"watched_at": written}
                for written in ("2024-01-31 20:15", "2024/01/31", "31 Jan 2024")
            )
        )
    },
    "`01/02/2024`": {
        "all.csv": to_csv(
            FILM,
            *(
                FILM | {"watched_at": written}
                for written in ("01/02/2024", "15.01.2024", "1705320000")
            ),
        )
    },
    "episode rows of which several": {
        "all.csv": to_csv(EPISODE | SHOW_IDS, EPISODE | SHOW_IDS | {"episode": "2"})
    },
    "an episode row of which nobody": {
        "all.csv": to_csv(FILM, EPISODE | {"tmdb_id": "1396"})
    },
    "a row that counts": {"all.csv": to_csv(FILM | {"plays": "3"})},
    "wishes and ratings": {
        "all.csv": to_csv(FILM, FILM | {"watched_at": "", "rating": "9"})
    },
    "times of watching in a JSON": lists("series.json", [SERIES]),
    "a table whose time": lists("more.csv", to_csv({"title": "X", "seen_on": AT})),
    "`_errors.json` with an entry": lists("_errors.json", [{"endpoint": "history"}]),
    "`_errors.json` with entries": lists("_errors.json", [{"endpoint": "ratings"}]),
    "a list that a person": lists("lists/history.json", {"name": "History"}),
    "a watched list that": lists("watched-movies.json", [LISTED]),
    "many plays more than": {
        "history.json": [make_film_play(n, watched_at=AHEAD) for n in (1, 2, 3)]
    },
    "one play more than a day": {
        "history.json": [*make_plays(1), make_film_play(2, watched_at=AHEAD)]
    },
    "a play up to a day": {
        "history.json": [*make_plays(1), make_film_play(2, watched_at=TOMORROW)]
    },
}
#: Held by tests of their own, as no file can show them.
ELSEWHERE = {
    "a minimal list that is empty",
    "a time in a minimal list",
    "a play more than a day ahead of Trakt",
    "a clock here that is wrong",
}


def lines() -> list[tuple[str, str, str]]:
    rows = re.findall(
        r"^\| (.+?) \| (\w[\w ]*) \| (\d) \|$", PAGE.read_text(), re.MULTILINE
    )
    assert len(rows) == len(re.findall(r"\| \d \|$", PAGE.read_text(), re.MULTILINE))
    return rows


LINES = {what: (done, exit_code) for what, done, exit_code in lines()}


def find(start: str) -> tuple[str, str]:
    (found,) = [value for what, value in LINES.items() if what.startswith(start)]
    return found


def test_every_line_of_the_page_is_held_by_a_test() -> None:
    named = {*FILES, *ELSEWHERE}
    for what in LINES:
        assert [name for name in named if what.startswith(name)], what
    for name in named:
        assert find(name)


@pytest.mark.parametrize("start", FILES)
def test_the_line_says_what_is_done(start: str, tmp_path: Path) -> None:
    done, exit_code = find(start)
    folder = make_folder(tmp_path / "all", FILES[start])
    source = FileSource([folder], FakeClock())
    try:
        found = source._extract()
    except InputError:
        assert (done, exit_code) == ("refused", "2")
        return
    receipt = found.receipt
    assert receipt.is_whole is (done != "named")
    assert bool(found.quarantined) is (done == "set aside")
    assert bool(found.plays) is (exit_code != "2")
    assert bool(receipt.notes) is (done == "remarked")
    for one in found.quarantined:
        assert re.search(r"\.(csv|json) (row|item) \d+$", one.where)
        assert one.reason
        assert one.remedy
        assert json.loads(one.raw)

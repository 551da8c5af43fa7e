"""The page on odd input says what the program does, line by line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from connectors.errors import InputError
from sync.cli.app import app
from sync.extract.files import FileSource
from tests.clocks import FakeClock
from tests.export_builders import (
    make_episode_play,
    make_film_play,
    make_folder,
    make_plays,
    to_bytes,
)
from tests.strangers_suite.test_kinds import to_csv

if TYPE_CHECKING:
    from sync.ports import Extraction

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
SEEN = {"plays": 1, "last_watched_at": AT}
KINDS = ("tvEpisode", "TV Series", "Episode")
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
        "history.json": [*make_plays(1), make_film_play(2, type="x-y")],
        "all.csv": to_csv(FILM | {"type": "person"}, FILM | {"type": "List"}),
    },
    "a word for the kind": {
        "all.csv": to_csv(FILM, FILM | {"type": "anime"}),
        "b.csv": to_csv(BARE | {"media": "OVA"}, BARE | {"kind": "x y"}),
    },
    "a kind in other words": {
        "all.csv": to_csv(
            FILM | {"type": "film"}, *(EPISODE | {"type": t} for t in KINDS)
        )
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
    "a row that counts several": {"all.csv": to_csv(FILM | {"plays": "3"})},
    "a `last_watched_at` beside": {
        "all.csv": to_csv(FILM | {"last_watched_at": "2025-06-07"})
    },
    "a row that counts 0 plays and has a": {"all.csv": to_csv(FILM | {"plays": "0"})},
    "a row that counts 0 plays and has no": {
        "all.csv": to_csv(FILM, FILM | {"plays": "0", "watched_at": ""})
    },
    "two columns of one meaning": {
        "a.csv": to_csv(FILM, FILM | {"date_watched": "2020-01-01"}),
        "b.csv": to_csv(FILM | {"title": "B", "tmdb": "5"}),
        "c.csv": to_csv(FILM | {"title": "C", "kind": "show"}),
    },
    "a column that comes twice": {
        "a.csv": f"type,title,tmdb_id,watched_at,watched_at\nfilm,A,1,{AT},\n".encode()
    },
    "a row with fewer or more": {
        "a.csv": to_csv(FILM) + b"\nmovie,Heat\nmovie,Heat,949,2024-01-15,and,more\n"
    },
    "a table that ends within": {"a.csv": to_csv(FILM) + b"\nmovie,Heat,94"},
    "a header that comes again": {
        "a.csv": to_csv(FILM) + b"\n" + to_csv(EPISODE | {"show_tmdb_id": "1396"})
    },
    "a joined table of": {
        "a.csv": to_csv(FILM)
        + b"\ntype,title,tmdb_id,rated_at\n"
        + f"movie,Alien,348,{AT}\n".encode()
    },
    "a quotation mark that": {
        "a.csv": to_csv(FILM) + f'\nmovie,"A,1,{AT}\nmovie,B,2,{AT}\n'.encode()
    },
    "up to ten lines": {
        "a.csv": b"My films\r\n\r\n" + to_csv(FILM).replace(b"\n", b"\r\n"),
        "b.csv": to_csv(FILM | {"title": "B"}).replace(b"\n", b"\r"),
    },
    "UTF-16 or UTF-32": {
        "a.csv": to_csv(FILM).decode().encode("utf-16"),
        "b.csv": to_csv(FILM | {"title": "B"}).decode().encode("utf-32-be"),
    },
    "another encoding": lists(
        "more.csv", to_csv(FILM | {"title": "Amélie"}).decode().encode("latin-1")
    ),
    "wishes and ratings": {
        "all.csv": to_csv(FILM, FILM | {"watched_at": "", "rating": "9"})
    },
    "times of watching in a JSON": lists("series.json", [SERIES]),
    "other times of watching": {
        "history_movies.json": [make_film_play(1, rewatches=[{"watched_at": AT}])]
    },
    "a table whose time": lists("more.csv", to_csv({"title": "X", "seen_on": AT})),
    "a table called history": {
        **lists("history_shows.csv", b"Title,When\nHeat,yesterday\n"),
        "rows.csv": f"movie,Heat,949,{AT}\n".encode(),
    },
    "a record a line": {
        "a.jsonl": b"\n".join(to_bytes(play) for play in make_plays(3)),
        "b.json": [[make_episode_play(1)], [make_episode_play(2)]],
    },
    "ratings or a list with times of watching of titles that the history lacks": lists(
        "ratings.csv", to_csv(FILM | {"rating": "8"})
    ),
    "ratings or a list with times of watching of titles that the history has": {
        "all.csv": to_csv(FILM),
        "ratings.csv": to_csv(FILM | {"rating": "8"}),
    },
    "ratings or a list with times of watching, and no": {
        "ratings.csv": to_csv(FILM | {"rating": "8"})
    },
    "Trakt's own plays": lists("lists/best.json", [make_episode_play()]),
    "a history in a packed": {
        **lists("history_shows.json.gz", b"\x1f\x8b\x08"),
        "history.xlsx": b"PK\x03\x04",
    },
    "a watched list of rows": lists(
        "watched.json", [{"title": "Unseen", "type": "movie"} | SEEN, {"x": 1} | SEEN]
    ),
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
    "a season that TMDB does not have",
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


def code_of(found: Extraction) -> int:
    """Return what a first run ends with; that it does so, a longer test shows."""
    if not found.receipt.is_whole:
        return 5  # as a guard refused
    odd = sum(not record.is_unsupported for record in found.quarantined)
    return (4 if found.plays else 2) if odd else 0


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
    odd = [record.is_unsupported for record in found.quarantined]
    assert receipt.is_whole is (done != "named")
    assert (False in odd) is (done == "set aside") or done == "named"
    assert (True in odd) is (done == "not possible")
    assert str(code_of(found)) == exit_code
    assert bool(receipt.notes) is (done == "remarked")
    for one in found.quarantined:
        assert re.search(r"\.(csv|json) (row|item) \d+$", one.where)
        assert one.reason
        assert one.remedy
        assert json.loads(one.raw)


@pytest.mark.long
@pytest.mark.parametrize("start", FILES)
def test_a_run_ends_as_the_line_says(
    start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = make_folder(tmp_path / "all", FILES[start])
    call = ["--sandbox", "migrate", "--yes", "--from-file", str(folder)]
    first = CliRunner().invoke(app, call)
    done, exit_code = find(start)
    assert str(first.exit_code) == exit_code, first.output
    words = " ".join(first.output.split())
    if done == "set aside":
        for record in FileSource([folder], FakeClock())._extract().quarantined:
            assert record.where.rpartition("/")[2] in words
    if exit_code == "4":  # known by now
        assert CliRunner().invoke(app, call).exit_code == 0
    assert "This is a bug" not in first.output

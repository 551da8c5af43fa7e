"""Each layout of a download or backup is told by its content, and read whole."""

from __future__ import annotations

import gc
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import InputError
from tests.export_builders import (
    FIRST_ID,
    MADE_AT,
    ids_of,
    make_activities,
    make_episode_play,
    make_file,
    make_film_play,
    make_folder,
    make_plays,
    make_stats,
    make_zip,
    read,
    to_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Pack = Callable[[Path, Mapping[str, Any]], Path]

AT = "2025-03-04T20:15:00.000Z"
RATINGS = [{"rated_at": AT, "rating": 9, "type": "movie", "movie": {"title": "Rated"}}]
WATCHLIST = [{"listed_at": AT, "type": "movie", "movie": {"title": "Wanted"}}]
WATCHED_FILMS = [
    {"plays": 3, "last_watched_at": AT, "movie": {"title": "Heat", "ids": {"trakt": 7}}}
]


def pack_zip(path: Path, members: Mapping[str, Any]) -> Path:
    return make_zip(path / "trakt-export-someone.zip", members)


def pack_folder(path: Path, members: Mapping[str, Any]) -> Path:
    return make_folder(path / "trakt-export-someone", members)


either_way = pytest.mark.parametrize("pack", [pack_zip, pack_folder])


@either_way
def test_todays_flat_download_is_read_page_by_page_in_numeric_order(
    pack: Pack, tmp_path: Path
) -> None:
    pages = {f"watched-history-{n}.json": [make_film_play(n)] for n in range(1, 13)}
    others = {
        "user-stats.json": make_stats(12, 0),
        "user-last-activities.json": make_activities("2026-09-19T08:00:00.000Z"),
        "ratings-movies.json": RATINGS,
        "lists-watchlist.json": WATCHLIST,
        "hidden-calendar.json": [],
    }
    data = read(pack(tmp_path, pages | others))
    assert ids_of(data.items) == list(range(1, 13))
    assert (data.plays, data.pages, data.layout) == (12, 12, "flat")
    assert (data.doubts, data.notes, data.quarantined) == ([], [], [])


def test_the_date_of_a_download_is_that_of_its_members(tmp_path: Path) -> None:
    members = {
        "watched-history.json": make_plays(1),
        "user-last-activities.json": make_activities("2026-09-19T08:00:00.000Z"),
    }
    assert read(pack_zip(tmp_path, members)).made_at == MADE_AT
    unpacked = read(pack_folder(tmp_path, members)).made_at
    assert unpacked is not None
    assert unpacked.isoformat() == "2026-09-19T08:00:00+00:00"


def test_an_archive_without_times_has_no_date(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, date in enumerate([(1980, 1, 1), (1980, 0, 0), (2060, 1, 1)], 1):
            name = f"watched-history-{number}.json"
            info = zipfile.ZipInfo(name, (*date, 0, 0, 0))
            archive.writestr(info, to_bytes([make_film_play(number)]))
    data = read(path)
    assert (data.plays, data.made_at) == (3, None)


def test_the_export_gives_its_first_page_no_number_when_it_counts_too_low(
    tmp_path: Path,
) -> None:
    members = {
        "watched-history-2.json": [make_film_play(2)],
        "watched-history.json": [make_film_play(1)],
    }
    data = read(pack_zip(tmp_path, members))
    assert ids_of(data.items) == [1, 2]
    assert data.doubts == []


@either_way
def test_the_former_nested_download_is_read_through_its_top_folder(
    pack: Pack, tmp_path: Path
) -> None:
    top = "someone-2025"
    members = {
        f"{top}/watched/history-2.json": [make_episode_play(2)],
        f"{top}/watched/history-1.json": [make_film_play(1)],
        f"{top}/watched/watched-movies.json": [],
        f"{top}/ratings/ratings-movies.json": RATINGS,
        f"__MACOSX/{top}/watched/._history-1.json": b"\x00\x05\x16\x07",
        f"{top}/.DS_Store": b"\x00\x00\x00\x01Bud1",
    }
    data = read(pack(tmp_path, members))
    assert [i.type for i in data.items] == ["movie", "episode"]
    assert (data.layout, data.pages) == ("nested", 2)
    assert (data.doubts, data.notes) == ([], [])


def test_single_files_count_the_same_play_once(tmp_path: Path) -> None:
    first = make_file(tmp_path / "watched-history-1.json", make_plays(3))
    again = make_file(tmp_path / "history copy.json", make_plays(4))
    data = read(first, again)
    assert ids_of(data.items) == [1, 2, 3, 4]
    assert data.repeats == 3


def test_a_download_and_the_folder_unpacked_from_it_give_the_plays_once(
    tmp_path: Path,
) -> None:
    members = {"watched-history.json": make_plays(3)}
    data = read(pack_zip(tmp_path, members), pack_folder(tmp_path, members))
    assert (data.plays, data.repeats, data.doubts) == (3, 3, [])


@pytest.mark.parametrize(
    ("head", "doubts"),
    [
        ({"type": "full", "username": "someone", "stats": make_stats(2, 0)}, 0),
        ({"username": "someone", "stats": make_stats(2, 0), "watched": []}, 0),
        ({"type": "partial"}, 1),
        ({}, 1),
    ],
)
def test_a_traktexport_file_is_one_object_with_a_history(
    head: dict[str, Any], doubts: int, tmp_path: Path
) -> None:
    path = make_file(tmp_path / "export.json", {**head, "history": make_plays(2)})
    data = read(path)
    assert (data.plays, data.layout) == (2, "traktexport")
    assert len(data.doubts) == doubts
    assert all("partial" in doubt for doubt in data.doubts)


def test_a_bad_item_in_a_traktexport_file_stops_no_other(tmp_path: Path) -> None:
    history = [*make_plays(2), {"watched_at": "soon", "movie": {}}]
    whole = {"type": "full", "stats": [], "history": history}
    data = read(make_file(tmp_path / "export.json", whole))
    assert data.plays == 2
    assert [where for where, _ in data.quarantined] == ["export.json item 3"]


@pytest.mark.parametrize("prefix", ["", "someone-"])
@pytest.mark.parametrize("suffix", [".json", ".txt"])
@either_way
def test_a_backup_script_keeps_films_and_episodes_apart(
    pack: Pack, prefix: str, suffix: str, tmp_path: Path
) -> None:
    members = {
        "history_movies": make_plays(2),
        "history_shows": [make_episode_play(1)],
        "history_episodes": [make_episode_play(1), make_episode_play(2)],
        "watched_movies": [],
        "ratings_movies": RATINGS,
        "watchlist_movies": WATCHLIST,
    }
    named = {f"{prefix}{name}{suffix}": page for name, page in members.items()}
    data = read(pack(tmp_path, named))
    assert (data.plays, data.repeats, data.layout) == (4, 1, "backup script")
    assert data.doubts == []


def test_history_is_known_by_its_content_whatever_it_is_called(tmp_path: Path) -> None:
    members = {"a/b/ratings-movies.bak": make_plays(2), "x": [make_episode_play()]}
    assert read(pack_zip(tmp_path, members)).plays == 3


def test_watched_lists_are_never_added_to_a_history(tmp_path: Path) -> None:
    members = {
        "watched-history.json": make_plays(2),
        "watched-movies.json": [{**WATCHED_FILMS[0], "plays": 0}],
    }
    data = read(pack_zip(tmp_path, members))
    assert (data.plays, data.doubts) == (2, [])


def test_without_a_history_the_watched_lists_give_the_last_play_of_each(
    tmp_path: Path,
) -> None:
    show = {"title": "The Wire", "ids": {"trakt": 1429, "tmdb": 1438}}
    seen = {"number": 2, "plays": 4, "last_watched_at": AT}
    seasons = [{"number": 1, "episodes": [{**seen, "number": 1}, seen]}]
    entry = {"plays": 5, "last_watched_at": AT, "show": show, "seasons": seasons}
    bare = {"plays": 9, "last_watched_at": AT, "show": {"title": "No seasons"}}
    members = {
        "watched-movies.json": WATCHED_FILMS,
        "watched-shows-1.json": [entry, bare],
        "watched-shows-2.json": [bare, entry],
    }
    data = read(pack_zip(tmp_path, members))
    told = [(i.type, i.episode and i.episode.number) for i in data.items]
    assert told == [("movie", None), ("episode", 1), ("episode", 2)]
    assert data.layout == "watched lists"
    assert "rewatches" in data.doubts[0]
    assert data.doubts[1].startswith("2 shows are listed without their seasons")


def test_a_watched_title_without_a_time_is_set_aside(tmp_path: Path) -> None:
    undated = {"plays": 1, "last_watched_at": None, "movie": {"title": "Undated"}}
    absurd = {"plays": 1, "last_watched_at": "9999-01-01T00:00:00Z", "movie": {}}
    wrong = [{"plays": 1, "last_watched_at": "never"}, "text"]
    path = make_file(
        tmp_path / "watched-movies.json", [*WATCHED_FILMS, undated, absurd, *wrong]
    )
    data = read(path)
    assert data.plays == 1
    assert len(data.quarantined) == 4


def test_resume_points_come_along(tmp_path: Path) -> None:
    point = {"id": 2**40, "progress": 41.5, "paused_at": AT, "type": "movie"}
    film = {"movie": {"title": "Heat", "ids": {"tmdb": 949}}}
    bad: list[Any] = [
        {**point, "id": 3, "progress": 140},
        {**point, "id": 4, "paused_at": "2999-01-01T00:00:00Z"},
        {**point, "id": 5, "type": "song"},
        "text",
    ]
    members = {
        "watched-history.json": make_plays(1),
        "watched-playback-1.json": [point | film, *bad],
        "watched-playback-2.json": [point | film, {**point, "id": None} | film],
    }
    data = read(pack_zip(tmp_path, members))
    assert [p.id for p in data.playback] == [2**40, None]
    assert data.playback[0].progress == 41.5
    assert len(data.quarantined) == 4
    assert data.doubts == []


def test_ids_of_plays_keep_all_their_64_bits(tmp_path: Path) -> None:
    highest = 2**63 - 1
    history = [make_film_play(id=highest), make_film_play(id=highest - 1)]
    for content in (history, {"type": "full", "stats": {}, "history": history}):
        data = read(make_file(tmp_path / "history.json", content))
        assert [i.id for i in data.items] == [highest, highest - 1]


def test_pages_can_be_handed_over_as_they_are_read(tmp_path: Path) -> None:
    pages: list[list[int | None]] = []
    members = {
        "watched-history-1.json": make_plays(2),
        "watched-history-2.json": make_plays(3),
    }
    data = read(
        pack_zip(tmp_path, members), receive=lambda items: pages.append(ids_of(items))
    )
    assert pages == [[1, 2], [3]]
    assert (data.items, data.plays, data.repeats) == ([], 3, 2)


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_a_byte_order_mark_is_understood(mark: bytes, tmp_path: Path) -> None:
    encodings = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
    film = {"title": "Amélie", "ids": {"tmdb": 194}}
    text = json.dumps([make_film_play(movie=film)], ensure_ascii=False)
    content = mark + text.encode(encodings.get(mark, "utf-8"))
    (item,) = read(make_file(tmp_path / "history.json", content)).items
    assert item.movie is not None
    assert item.movie.title == "Amélie"


def test_one_object_is_a_list_of_one(tmp_path: Path) -> None:
    path = make_file(tmp_path / "play.json", make_film_play())
    assert [i.id for i in read(path).items] == [FIRST_ID + 1]


def test_pretty_printed_files_are_read_alike(tmp_path: Path) -> None:
    pretty = json.dumps(json.loads(to_bytes(make_plays(3))), indent=4).encode()
    assert read(make_file(tmp_path / "history.json", pretty)).plays == 3


@pytest.mark.parametrize("is_enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(
    *, is_enabled: bool, tmp_path: Path
) -> None:
    path = make_file(tmp_path / "history.json", make_plays(1))
    before = gc.isenabled()
    try:
        (gc.enable if is_enabled else gc.disable)()
        read(path)
        assert gc.isenabled() is is_enabled
        with pytest.raises(InputError):
            read(tmp_path / "missing.json")
        assert gc.isenabled() is is_enabled
    finally:
        (gc.enable if before else gc.disable)()

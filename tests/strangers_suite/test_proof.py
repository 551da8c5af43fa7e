"""Proof that proves nothing, what would vanish without a word, and a wrong clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import InputError
from connectors.trakt.export import read_export
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.faults import Fault, FaultKind
from tests.clocks import FakeClock
from tests.export_builders import (
    make_episode_play,
    make_file,
    make_film_play,
    make_folder,
    make_plays,
    make_stats,
    make_zip,
    read,
)
from tests.worlds import world

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web


# The minimal lists


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"1": []}'])
@pytest.mark.parametrize("kind", ["movies", "shows"])
async def test_a_minimal_list_that_comes_empty_proves_nothing(
    kind: str, body: bytes, tmp_path: Path
) -> None:
    if kind == "shows" and body == b'{"1": []}':
        body = b'{"1": {"1": {"1": []}}}'

    def plan(request: web.Request, _number: int) -> Fault | None:
        if request.path != f"/users/me/watched/{kind}":
            return None
        return Fault(FaultKind.STATUS, takes_effect=False, body=body)

    account = synthetic_account(300, 10, seed=3)
    async with world(account, tmp_path, clock=FakeClock()) as place:
        place.trakt.faults = plan
        extraction = await place.extract()
    assert not extraction.receipt.is_whole
    assert any("proves nothing" in doubt for doubt in extraction.receipt.doubts)


async def test_a_minimal_list_may_be_empty_where_nothing_was_watched(
    tmp_path: Path,
) -> None:
    account = synthetic_account(0, 10, seed=3)
    async with world(account, tmp_path, clock=FakeClock()) as place:
        assert (await place.extract()).receipt.is_whole


async def test_a_time_that_is_null_in_a_minimal_list_counts_as_a_play(
    tmp_path: Path,
) -> None:
    account = synthetic_account(300, 10, seed=3)
    films: dict[str, list[str | None]] = {}
    for play in account.plays:
        if play.episode is None:
            films.setdefault(str(play.title.ids.trakt), []).append(None)
    body = json.dumps(films).encode()

    def plan(request: web.Request, _number: int) -> Fault | None:
        if request.path != "/users/me/watched/movies":
            return None
        return Fault(FaultKind.STATUS, takes_effect=False, body=body)

    async with world(account, tmp_path, clock=FakeClock()) as place:
        place.trakt.faults = plan
        extraction = await place.extract()
    assert extraction.receipt.is_whole
    assert len(extraction.plays) == len(account.plays)


# What Trakt says that it could not export

HISTORY: list[Any] = [
    "history",
    "watched-history",
    "watched_history",
    "users/me/history",
    "/users/me/history?extended=gdpr&page=3",
    "https://api.trakt.tv/users/lists/history",
    "/sync/history/movies",
    "watched-history-12.json",
    "watched",
    "movies",
    "",
    None,
    7,
    {},
    "something new",
]
ELSEWHERE = [
    "ratings",
    "users/me/ratings/movies",
    "lists-list-12-history",
    "/users/me/lists/history/items",
    "users/history/collection/shows",
    "watched-movies",
    "sync/watched/shows",
    "sync/playback",
    "notes/history",
    "user-stats",
]


@pytest.mark.parametrize("key", ["endpoint", "path", "url", "name"])
@pytest.mark.parametrize("form", ["list", "errors", "object", "text"])
@pytest.mark.parametrize("route", [*HISTORY, *ELSEWHERE], ids=repr)
def test_a_failure_is_about_the_history_unless_it_surely_is_not(
    route: Any, form: str, key: str, tmp_path: Path
) -> None:
    entry: Any = {key: route, "error": "Timeout"}
    failures: Any = {
        "list": [entry],
        "errors": {"errors": [entry]},
        "object": entry,
        "text": [route],
    }[form]
    members = {"watched-history.json": make_plays(3), "_errors.json": failures}
    data = read(make_zip(tmp_path / "x.zip", members))
    is_elsewhere = route in ELSEWHERE
    assert bool(data.notes) is is_elsewhere
    assert bool(data.doubts) is not is_elsewhere


@pytest.mark.parametrize("content", [[], {}, {"errors": []}])
def test_a_list_of_no_failures_is_no_doubt(content: Any, tmp_path: Path) -> None:
    members = {"watched-history.json": make_plays(3), "_errors.json": content}
    assert read(make_zip(tmp_path / "x.zip", members)).doubts == []


@pytest.mark.parametrize("fetched", [0, 1, 3, None, "N/A", {}])
@pytest.mark.parametrize("total", [0, 1, 7, None, "N/A", {}])
def test_only_known_pages_are_counted(fetched: Any, total: Any, tmp_path: Path) -> None:
    entry = {"endpoint": "history", "fetchedPages": fetched, "totalPages": total}
    members = {"watched-history.json": make_plays(3), "_errors.json": [entry]}
    (doubt,) = read(make_zip(tmp_path / "x.zip", members)).doubts
    is_known = isinstance(fetched, int) and total in (1, 7)
    pages = f": {fetched} of {total} page{'' if total == 1 else 's'}"
    assert doubt.endswith(f"the whole history{pages if is_known else ''}.")
    assert "?" not in doubt


# Files that no reader knows

SERIES = [
    {
        "title": "Breaking Bad",
        "seasons": [
            {"number": 1, "episodes": [{"number": 1, "watched_at": "2020-02-02"}]}
        ],
    }
]


@pytest.mark.parametrize("name", ["series.json", "watched_shows.json", "data.json"])
@pytest.mark.parametrize(
    "key", ["watched_at", "watchedAt", "WatchedAt", "date_watched"]
)
@pytest.mark.parametrize("wrap", [list, lambda items: {"shows": items}])
def test_times_of_watching_in_an_unknown_form_are_named(
    wrap: Any, key: str, name: str, tmp_path: Path
) -> None:
    text = json.dumps(wrap(SERIES)).replace("watched_at", key)
    files = {"history.json": make_plays(2), name: text.encode()}
    data = read(make_folder(tmp_path / "all", files))
    assert data.plays == 2
    (doubt,) = data.doubts
    assert doubt.startswith(f"{name} holds times of watching")


LISTED = {"rank": 1, "listed_at": "2020-01-01T00:00:00.000Z", "type": "movie"}
LIST = {"name": "History", "items": [LISTED | {"movie": make_film_play()["movie"]}]}


@pytest.mark.parametrize(
    "name",
    [
        "lists/history.json",
        "backup/lists/history.json",
        "lists/history-of-film.json",
        "Lists/History.json",
        "lists-history.json",
        "list_history.json",
        "collection/history.json",
        "watchlist/my-history.json",
    ],
)
@pytest.mark.parametrize(
    "content", [LIST, [], {}, b"[{"], ids=["list", "[]", "{}", "cut"]
)
def test_a_list_called_history_blocks_no_backup(
    content: Any, name: str, tmp_path: Path
) -> None:
    files = {
        "history_movies.json": make_plays(2),
        "stats.json": make_stats(2, 0),
        name: content,
    }
    data = read(make_folder(tmp_path / "all", files))
    assert (data.plays, data.doubts) == (2, [])


@pytest.mark.parametrize(
    "name", ["watched/history-2.json", "history.json", "x/history.json"]
)
def test_a_history_that_holds_none_still_is_a_doubt(name: str, tmp_path: Path) -> None:
    files = {"watched/history-1.json": make_plays(2), name: LIST}
    assert read(make_folder(tmp_path / "all", files)).doubts


# Watched lists beside the history


@pytest.mark.parametrize(
    "ids", [{}, {"trakt": None}, {"imdb": "tt0000099"}, {"tmdb": 99}, {"tvdb": 99}]
)
@pytest.mark.parametrize("kind", ["movie", "show"])
def test_a_listed_title_without_trakts_id_is_compared_too(
    kind: str, ids: dict[str, Any], tmp_path: Path
) -> None:
    title = {"title": "Somebody", "year": 2001, "ids": ids}
    listed = {"plays": 1, "last_watched_at": "2025-03-04T20:15:00Z", kind: title}
    files: dict[str, Any] = {
        "watched-history.json": make_plays(2),
        f"watched-{kind}s.json": [listed],
    }
    (doubt,) = read(make_zip(tmp_path / "x.zip", files)).doubts
    assert "Somebody" in doubt
    known = {**title, "ids": {"trakt": 99, **{k: v for k, v in ids.items() if v}}}
    play = make_film_play(99, movie=known)
    if kind == "show":
        play = make_episode_play(1) | {"show": known}
    files["watched-history.json"] = [*make_plays(2), play]
    assert read(make_zip(tmp_path / "y.zip", files)).doubts == []


def test_a_listed_title_that_nobody_can_tell_is_a_doubt(tmp_path: Path) -> None:
    files = {
        "watched-history.json": make_plays(2),
        "watched-movies.json": [{"plays": 1, "last_watched_at": None, "movie": {}}],
    }
    (doubt,) = read(make_zip(tmp_path / "x.zip", files)).doubts
    assert "neither an id nor a name" in doubt


# The clock

TODAY = datetime(2026, 10, 1, 12, tzinfo=UTC)


def dated(*days_ahead: int) -> list[dict[str, Any]]:
    return [
        make_film_play(
            n, watched_at=(TODAY + timedelta(days=days)).isoformat(), id=1_000 + n
        )
        for n, days in enumerate(days_ahead, 1)
    ]


def read_at(now: datetime, tmp_path: Path, plays: Any, form: str = "json") -> Any:
    path = make_file(tmp_path / f"history.{form}", plays)
    return read_export([path], clock=FakeClock(now))


@pytest.mark.parametrize("behind", [400, 3_000, 20_000])
@pytest.mark.parametrize("count", [2, 3, 50])
def test_where_many_plays_lie_ahead_the_clock_is_what_is_wrong(
    count: int, behind: int, tmp_path: Path
) -> None:
    plays = dated(*(-n % 30 for n in range(count)))
    now = TODAY - timedelta(days=behind)
    with pytest.raises(InputError) as refused:
        read_at(now, tmp_path, plays)
    assert f"{count} of {count} plays are dated ahead" in str(refused.value)
    assert "clock" in str(refused.value)
    assert f"{now:%Y-%m-%d}" in str(refused.value)
    assert "clock" in refused.value.remedy


def test_the_watched_lists_tell_a_wrong_clock_too(tmp_path: Path) -> None:
    items = [
        {"plays": 1, "last_watched_at": p["watched_at"], "movie": p["movie"]}
        for p in dated(-1, -2, -3)
    ]
    with pytest.raises(InputError, match="clock"):
        read_at(TODAY - timedelta(days=3_000), tmp_path, items)


@pytest.mark.parametrize("slips", [1, 2])
def test_a_slip_of_the_pen_is_set_aside_by_itself(slips: int, tmp_path: Path) -> None:
    plays = dated(*range(-60, 0), *(1_000 * n for n in range(1, slips + 1)))
    data = read_at(TODAY, tmp_path, plays)
    assert (data.plays, len(data.set_aside)) == (60, slips)


def test_absurd_years_accuse_no_clock(tmp_path: Path) -> None:
    plays = dated(*range(-4, 0))
    absurd = [
        {**p, "watched_at": "9999-01-01T00:00:00Z", "id": n}
        for n, p in enumerate(dated(1, 2, 3), 1)
    ]
    data = read_at(TODAY, tmp_path, [*plays, *absurd])
    assert (data.plays, len(data.set_aside)) == (4, 3)

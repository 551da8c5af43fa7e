"""A field that carries nothing costs nothing: all fields, all models, all routes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from connectors.http.response import Response
from connectors.trakt import strict
from connectors.trakt.client import HistoryPage, read_records
from connectors.trakt.export.watched import WatchedItem
from connectors.trakt.extras import WatchedItem as GenreItem
from connectors.trakt.models import HistoryItem, LastActivities, PlaybackItem, Season
from sync.extract.files import FileSource
from sync.extract.pages import PageCollector
from sync.extract.records import PlayMapper
from tests.clocks import FakeClock
from tests.export_builders import make_file, read
from tests.strangers_suite.odd import ODD, fill, put, show, walk

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from sync.domain.plays import Play
    from tests.strangers_suite.odd import Path as Place

FULL = fill(HistoryItem)
FILM = {k: v for k, v in FULL.items() if k not in ("show", "episode")}
FILM = FILM | {"type": "movie", "id": 9_000_000_001}
EPISODE = {k: v for k, v in FULL.items() if k != "movie"}
EPISODE = EPISODE | {"type": "episode", "id": 9_000_000_002}
#: What may cost a play: what it is of, its date, and its place in a show.
COSTLY: dict[str, set[Place]] = {
    "movie": {("watched_at",), ("type",), ("movie",)},
    "episode": {
        ("watched_at",),
        ("type",),
        ("show",),
        ("episode",),
        ("episode", "season"),
        ("episode", "number"),
    },
}
NOW = FakeClock().now()
CASES = [
    pytest.param(record, path, value, id=f"{record['type']} {show(path, value)}")
    for record in (FILM, EPISODE)
    for path in walk(HistoryItem)
    if path[0] in record
    for value in ODD
]


def over_the_api(*records: Any) -> tuple[list[Play], int]:
    body = json.dumps(records).encode()
    items, bad = read_records(Response(200, {}, body, "Trakt", "GET /sync/history"))
    collector = PageCollector(PlayMapper(NOW))
    collector.add(HistoryPage(items, bad))
    return list(collector.plays.values()), len(collector.quarantined())


def from_a_file(path: Path, content: Any) -> tuple[list[Play], int]:
    source = FileSource([make_file(path, content)], FakeClock())
    extraction = source._extract()
    return list(extraction.plays), len(extraction.quarantined)


@pytest.mark.parametrize(("record", "path", "value"), CASES)
def test_only_what_tells_a_play_may_cost_it(
    record: dict[str, Any], path: Place, value: Any, tmp_path: Path
) -> None:
    odd = put(record, path, value)
    strictly = over_the_api(odd)
    patiently, asided = over_the_api(odd, "no record")
    history = from_a_file(tmp_path / "history.json", [odd])
    exported = from_a_file(
        tmp_path / "export.json", {"type": "full", "stats": {}, "history": [odd]}
    )
    assert strictly == (patiently, asided - 1) == history == exported
    plays, bad = strictly
    assert len(plays) + bad == 1
    if path not in COSTLY[record["type"]]:
        assert bad == 0
        (whole,), _ = over_the_api(record)
        assert plays[0].watched_at == whole.watched_at
        assert (plays[0].season, plays[0].episode) == (whole.season, whole.episode)
        untouched = {"trakt", "slug", "imdb", "tmdb", "tvdb"} - {path[-1], "ids"}
        if path[1:] != ("ids",):
            expected = whole.title.ids.known().items()
            found = plays[0].title.ids.known().items()
            assert {p for p in expected if p[0] in untouched} <= set(found)


@pytest.mark.parametrize("record", [FILM, EPISODE], ids=["film", "episode"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_all_optional_fields_may_be_odd_at_once(
    record: dict[str, Any], value: Any, tmp_path: Path
) -> None:
    kind = record["type"]
    title = "movie" if kind == "movie" else "show"
    needed = {*COSTLY[kind], (title, "ids"), (title, "ids", "trakt")}
    for path in walk(HistoryItem):
        is_above = any(path == other[: len(path)] for other in needed)
        if path[0] in record and path not in needed and not is_above:
            try:
                record = put(record, path, value)
            except (TypeError, KeyError):
                continue  # what is above it is odd already
    for plays, bad in (
        over_the_api(record),
        from_a_file(tmp_path / "history.json", [record]),
    ):
        assert (len(plays), bad) == (1, 0)


@pytest.mark.parametrize("name", ["movie", "show", "episode"])
@pytest.mark.parametrize("value", [*ODD, {"title": None}, {"ids": {}}], ids=repr)
def test_an_odd_part_that_is_not_asked_for_costs_nothing(name: str, value: Any) -> None:
    record = FILM if name != "movie" else EPISODE
    plays, bad = over_the_api(record | {name: value})
    assert (len(plays), bad) == (1, 0)


def test_a_record_that_is_well_takes_the_fast_way() -> None:
    """Else nothing here would ever meet the strict reader."""
    assert strict.HISTORY.decode(json.dumps([FILM, EPISODE]).encode())


COLUMNS = {
    "movie": {
        "type": "movie",
        "title": "Heat",
        "year": "1995",
        "trakt_id": "661",
        "imdb_id": "tt0113277",
        "tmdb_id": "949",
        "tvdb_id": "12",
        "action": "watch",
        "plays": "1",
        "rating": "9",
        "watched_at": "2024-01-15T12:00:00Z",
    },
    "episode": {
        "type": "episode",
        "show_title": "Lost",
        "show_year": "2004",
        "show_trakt_id": "73",
        "show_imdb_id": "tt0411008",
        "show_tmdb_id": "4607",
        "show_tvdb_id": "73739",
        "season": "1",
        "episode": "2",
        "episode_title": "Pilot",
        "trakt_id": "62",
        "imdb_id": "tt0636289",
        "tmdb_id": "63",
        "tvdb_id": "64",
        "watched_at": "2024-01-15T12:00:00Z",
    },
}
CELLS = ["", " ", "N/A", "null", "nan", "-1", "0", "1.5", "{}", "[]", "1e400", "True"]
CELLS += ["1388.0", "9" * 30, "x" * 300, "2024"]
COSTLY_COLUMNS = {"type", "watched_at", "season", "episode"}


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("kind", "column"), [(kind, c) for kind, row in COLUMNS.items() for c in row]
)
def test_only_what_tells_a_play_may_cost_a_row(
    kind: str, column: str, cell: str, form: str, tmp_path: Path
) -> None:
    row = COLUMNS[kind] | {column: cell}
    if column == "watched_at":
        row.pop("rating", None)  # without a time it would be a rating and no play
    if form == "json":
        plays, bad = from_a_file(tmp_path / "rows.json", [row])
    else:
        lines = [",".join(row), ",".join(f'"{value}"' for value in row.values())]
        plays, bad = from_a_file(tmp_path / "rows.csv", "\n".join(lines).encode())
    assert len(plays) + bad == 1
    if column not in COSTLY_COLUMNS:
        assert bad == 0


COSTLY_IN_A_LIST = {("movie",), ("show",), ("last_watched_at",)}


@pytest.mark.parametrize(
    ("path", "value"),
    [(path, value) for path in walk(WatchedItem) for value in ODD],
    ids=str,
)
def test_nothing_in_a_watched_list_is_lost_without_a_word(
    path: Place, value: Any, tmp_path: Path
) -> None:
    full = fill(WatchedItem)
    for part in ("movie", "show"):
        item = {k: v for k, v in full.items() if k != part}
        if path[0] not in item:
            continue
        good = put(item, ("last_watched_at",), "2024-01-15T12:00:00Z")
        odd = put(good, path, value)
        data = read(make_file(tmp_path / "watched.json", [odd, good]))
        assert data.plays >= 1
        assert data.plays + len(data.quarantined) >= 1
        if path not in COSTLY_IN_A_LIST and path[0] != "seasons":
            assert not data.quarantined


@pytest.mark.parametrize(
    ("model", "costly"),
    [
        (LastActivities, set()),
        (PlaybackItem, {("progress",), ("paused_at",)}),
        (GenreItem, {("plays",)}),
        (
            Season,
            {("number",), ("episodes",), ("episodes", "0", "number")},
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_other_model_stumbles_over_what_it_needs_alone(
    model: type[BaseModel], costly: set[Place]
) -> None:
    adapter, full = TypeAdapter(model), fill(model)
    adapter.validate_python(full)
    for path in walk(model):
        for value in ODD:
            odd = put(full, path, value)
            for is_text in (False, True):
                try:
                    if is_text:
                        adapter.validate_json(json.dumps(odd))
                    else:
                        adapter.validate_python(odd)
                except ValidationError:
                    # Half a character is no JSON for pydantic; the API's reader
                    # parses it leniently, see the test above.
                    assert path in costly or value == "\ud83d", show(path, value)

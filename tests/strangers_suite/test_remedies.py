"""What a set-aside row is told to change, changed: then it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sync.extract.files import CORRECT_IT, FileSource
from tests.clocks import FakeClock
from tests.export_builders import make_file
from tests.strangers_suite.test_kinds import AT, to_csv

if TYPE_CHECKING:
    from pathlib import Path

FILM = {"type": "movie", "title": "Heat", "tmdb_id": "949", "watched_at": AT}
BARE = {k: v for k, v in FILM.items() if k != "type"}
SHOW = {"type": "show", "title": "Lost", "tmdb_id": "4607", "watched_at": AT}
NUMBERS = {"season": "1", "episode": "2"}
OPEN = SHOW | NUMBERS | {"type": "episode"}
HEAD = b"type,title,tmdb_id,watched_at\n"

#: A row, what its remedy speaks of, and the row as it is after that.
ROWS: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    (BARE, "column type that says movie", FILM),
    (BARE, "for an episode season and episode", BARE | NUMBERS | {"show_title": "S"}),
    (FILM | {"type": ""}, "type", FILM),
    (FILM | {"type": "anime"}, "Write movie or episode there", FILM),
    (SHOW, "columns season and episode", SHOW | NUMBERS),
    (SHOW | {"season": "1"}, "columns season and episode", SHOW | NUMBERS),
    (OPEN, "show_tmdb_id", BARE | NUMBERS | {"show_tmdb_id": "4607"}),
    (OPEN, "show_title", OPEN | {"show_title": "Lost"}),
    (FILM | {"watched_at": "1/2/24"}, "2024-01-31T20:15:00Z", FILM),
    (FILM | {"watched_at": "1705320000"}, "2024-01-31T20:15:00Z", FILM),
    (FILM | {"watched_at": "2031-01-01"}, "correct the date", FILM),
    (FILM | {"date_watched": "2020-03-01"}, "take the other out", FILM),
    (FILM | {"tmdb": "950"}, "take the other out", FILM),
    (FILM | {"kind": "show"}, "take the other out", FILM),
    (
        FILM | {"watched": "no"},
        "Correct the one or the other",
        FILM | {"watched": "yes"},
    ),
    ({"type": "movie", "watched_at": AT}, "Add the title", FILM),
    ({"type": "movie", "watched_at": AT}, "tmdb_id", FILM | {"title": ""}),
]


def read_rows(path: Path) -> Any:
    return FileSource([path], FakeClock())._extract()


@pytest.mark.parametrize(("row", "said", "mended"), ROWS, ids=str)
def test_a_row_that_is_mended_as_told_is_read(
    row: dict[str, Any], said: str, mended: dict[str, Any], tmp_path: Path
) -> None:
    (record,) = read_rows(make_file(tmp_path / "a.csv", to_csv(row))).quarantined
    assert said in f"{record.reason}. {record.remedy}"
    assert record.remedy != CORRECT_IT or "2024-01-31T20:15:00Z" in record.reason
    after = read_rows(make_file(tmp_path / "b.csv", to_csv(mended)))
    assert (len(after.plays), after.quarantined) == (1, [])


@pytest.mark.parametrize(
    ("line", "said", "mended"),
    [
        (b"movie,Heat,949", "missing at its end", b"movie,Heat,,2024-01-15"),
        (
            b"movie,Yes, Minister,949,2024-01-15",
            "into quotation marks",
            b'movie,"Yes, Minister",949,2024-01-15',
        ),
    ],
)
def test_cells_that_are_mended_as_told_are_read(
    line: bytes, said: str, mended: bytes, tmp_path: Path
) -> None:
    path = make_file(tmp_path / "a.csv", HEAD + line + b"\n")
    (record,) = read_rows(path).quarantined
    assert said in record.remedy
    after = read_rows(make_file(tmp_path / "b.csv", HEAD + mended + b"\n"))
    assert (len(after.plays), after.quarantined) == (1, [])


@pytest.mark.parametrize("name", ["export_movies_history", "export_episodes_history"])
def test_a_file_that_is_named_as_told_is_read(name: str, tmp_path: Path) -> None:
    row = BARE | (NUMBERS | {"show_title": "S"} if "episodes" in name else {})
    (record,) = read_rows(make_file(tmp_path / "a.csv", to_csv(BARE))).quarantined
    assert name in record.remedy
    after = read_rows(make_file(tmp_path / f"{name}.csv", to_csv(row)))
    assert (len(after.plays), after.quarantined) == (1, [])

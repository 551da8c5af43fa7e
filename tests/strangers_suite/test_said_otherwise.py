"""A row that says of itself that it is no play becomes none, and no table vanishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.trakt.export.rows import _OTHER_ACTIONS
from tests.export_builders import make_file, make_folder, read
from tests.strangers_suite.test_kinds import AT, read_as, to_csv

if TYPE_CHECKING:
    from pathlib import Path

FILM = {"type": "movie", "title": "Heat", "tmdb_id": "949"}
PLAY = {"watched_at": AT, **FILM}


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("action", [*sorted(_OTHER_ACTIONS), "Rated", "plan to watch"])
def test_what_was_rated_or_kept_is_no_play(
    tmp_path: Path, form: str, action: str
) -> None:
    data = read_as(form, tmp_path, "history", {"action": action, **PLAY}, PLAY)
    assert len(data.items) == 1


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("action", ["watch", "scrobble", "checkin", "rewatched", "N/A"])
def test_any_other_word_costs_nothing(tmp_path: Path, form: str, action: str) -> None:
    data = read_as(form, tmp_path, "history", {"action": action, **PLAY})
    assert len(data.items) == 1


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize(
    "flag",
    [{"watched": "no"}, {"is_watched": "false"}, {"watched": "0"}],
)
def test_a_row_that_contradicts_itself_is_set_aside(
    tmp_path: Path, form: str, flag: dict[str, str]
) -> None:
    data = read_as(form, tmp_path, "history", {**PLAY, **flag}, PLAY)
    assert len(data.items) == 1
    ((_, reason),) = data.quarantined
    assert "that it was not" in reason


def test_a_row_of_commas_alone_is_nothing(tmp_path: Path) -> None:
    content = to_csv(PLAY) + b"\n,,,\n , , , \n"
    data = read(make_file(tmp_path / "history.csv", content))
    assert len(data.items) == 1
    assert not data.quarantined


@pytest.mark.parametrize("name", ["5.csv", "13.csv", "s2.csv", "2024.csv", "top10.csv"])
def test_a_number_in_a_name_makes_no_page_of_it(tmp_path: Path, name: str) -> None:
    data = read(make_file(tmp_path / name, to_csv(PLAY)))
    assert len(data.items) == 1
    assert not data.doubts


@pytest.mark.parametrize(
    "column", ["viewed_on", "viewedAt", "date", "Watched", "seen", "When", "datetime"]
)
def test_a_table_whose_time_has_an_unknown_name_is_named(
    tmp_path: Path, column: str
) -> None:
    members = {"history.csv": to_csv(PLAY), "x.csv": to_csv({column: AT, **FILM})}
    data = read(make_folder(tmp_path / "all", members))
    assert any(column in doubt and "x.csv" in doubt for doubt in data.doubts)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("ratings.csv", {"date": AT, **FILM}),
        ("other.csv", {"date": AT, "rating": "8", **FILM}),
        ("other.csv", {"date": AT, "name": "A note"}),
    ],
)
def test_a_date_of_something_else_is_no_doubt(
    tmp_path: Path, name: str, row: dict[str, str]
) -> None:
    members = {"history.csv": to_csv(PLAY), name: to_csv(row)}
    assert not read(make_folder(tmp_path / "all", members)).doubts


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("column", ["last_watched_at", "lastWatchedAt"])
def test_a_last_time_that_is_the_time_of_no_row_is_named(
    tmp_path: Path, form: str, column: str
) -> None:
    later = "2025-06-07T20:15:00Z"
    rows = [{**PLAY, column: later}, {**PLAY, "title": "Ronin", column: AT}]
    data = read_as(form, tmp_path, "history", *rows)
    assert len(data.items) == 2
    assert [d for d in data.doubts if "1 last time of watching" in d]


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize(
    "last",
    [AT, "", AT[:10], "2025-06-07T20:15:00Z", "2025-06-07T20:15:42.5Z"],
)
def test_a_last_time_that_a_row_has_costs_nothing(
    tmp_path: Path, form: str, last: str
) -> None:
    other = {**PLAY, "watched_at": "2025-06-07T20:15:00Z", "last_watched_at": ""}
    data = read_as(form, tmp_path, "history", {**PLAY, "last_watched_at": last}, other)
    assert len(data.items) == 2
    assert not data.doubts

"""The word for the kind of thing: known, of another kind, unknown, or at odds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connectors.trakt.export.columns import TYPES
from connectors.trakt.export.kinds import _ACTIONS, _KINDS, _OTHER_KINDS
from sync.extract.files import FileSource
from tests.clocks import FakeClock
from tests.export_builders import (
    make_episode_play,
    make_file,
    make_film_play,
)
from tests.strangers_suite.test_kinds import AT, kinds, read_as, to_csv

if TYPE_CHECKING:
    from pathlib import Path

ROW = {"title": "Heat", "tmdb_id": "949", "watched_at": AT}
NUMBERS = {"season": "1", "episode": "2"}
SPELT = ["Media", "media_type", "Item Type", "KIND", "contentType", "title-type"]
UNKNOWN = ["hologram", "anime", "Sonstiges", "vidéo", "映画", "short film", "OVA"]


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("word", [*UNKNOWN, *sorted(_OTHER_KINDS)])
def test_a_word_that_is_no_kind_is_named_with_its_column(
    word: str, form: str, tmp_path: Path
) -> None:
    rows = [{column: word, **ROW} for column in (*TYPES, *SPELT)]
    data = read_as(form, tmp_path, "export_movies_history", *rows)
    assert data.plays == 0
    for row, (_, record) in zip(rows, data.set_aside, strict=True):
        column = next(iter(row))
        assert f'says "{word}" in the column {column}' in record.reason
        assert "missing" not in record.reason
        assert record.is_unsupported is (word in _OTHER_KINDS)
        assert record.is_unsupported or "movie or episode" in record.remedy


@pytest.mark.parametrize(
    ("word", "kind"),
    [*_KINDS.items(), ("TV Series", "show"), ("tvEpisode", "episode")],
)
def test_a_word_that_is_a_kind_is_read_in_any_column(
    word: str, kind: str, tmp_path: Path
) -> None:
    columns = [*TYPES, *SPELT]
    rows = [{column: word} | ROW | NUMBERS for column in columns]
    data = read_as("json", tmp_path, "all", *rows)
    wanted = "movie" if kind == "movie" else "episode"
    found = [*kinds(data), *(record.kind for _, record in data.set_aside)]
    assert found == [wanted] * len(columns)


@pytest.mark.parametrize("word", sorted(_ACTIONS))
def test_what_was_done_says_no_kind_and_costs_none(word: str, tmp_path: Path) -> None:
    shaped = {"type": word, "show_title": "Lost", **ROW, **NUMBERS}
    data = read_as("csv", tmp_path, "all", shaped, {"type": word, **ROW})
    assert kinds(data) == ["episode"]
    ((_, record),) = data.set_aside
    assert "does not say whether it is a film or an episode" in record.reason


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("empty", ["", "N/A", "-", "7"])
def test_an_empty_column_is_called_empty_and_not_missing(
    empty: str, form: str, tmp_path: Path
) -> None:
    data = read_as(form, tmp_path, "all", {"Media Type": empty, **ROW}, ROW)
    (_, first), (_, second) = data.set_aside
    assert "its column Media Type is empty" in first.reason
    assert form == "csv" or "column type is missing" in second.reason


def test_two_columns_that_say_different_kinds_are_neither(tmp_path: Path) -> None:
    rows = [{"type": "movie", "kind": "show"}, {"type": "watch", "kind": "film"}]
    data = read_as("json", tmp_path, "all", *(row | ROW for row in rows))
    assert kinds(data) == ["movie"]
    ((_, record),) = data.set_aside
    assert "could be a film or an episode" in record.reason


@pytest.mark.parametrize("word", ["s3cr3t", "a" * 40, "eyJhbGci.OiJ", "x y z 1"])
def test_what_is_no_word_is_not_repeated(word: str, tmp_path: Path) -> None:
    data = read_as("csv", tmp_path, "all", {"type": word, **ROW})
    ((_, record),) = data.set_aside
    assert word not in record.reason
    assert "in the column type" in record.reason


def test_objects_take_the_words_of_rows(tmp_path: Path) -> None:
    items: list[Any] = [make_film_play(1, type="film")]
    items += [make_episode_play(n, type=t) for n, t in enumerate(["show", "TV"], 1)]
    items += [make_film_play(9, type="person")]
    path = make_file(tmp_path / "history.json", items)
    found = FileSource([path], FakeClock())._extract()
    assert len(found.plays) == 3
    assert [record.is_unsupported for record in found.quarantined] == [True]


def test_other_kinds_are_unsupported_and_unknown_ones_unreadable(
    tmp_path: Path,
) -> None:
    rows = [{"type": word, **ROW} for word in ("movie", "person", "hologram")]
    path = make_file(tmp_path / "all.csv", to_csv(*rows))
    found = FileSource([path], FakeClock())._extract()
    assert [r.is_unsupported for r in found.quarantined] == [True, False]
    assert [r.where for r in found.quarantined] == ["all.csv row 2", "all.csv row 3"]


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("column", ["plays", "play_count", "Times Watched"])
def test_a_count_of_none_denies_a_play_only_without_a_time(
    column: str, form: str, tmp_path: Path
) -> None:
    row = {"type": "movie", column: "0", **ROW}
    data = read_as(form, tmp_path, "all", row, row | {"watched_at": ""})
    assert (data.plays, data.set_aside, data.doubts) == (1, [], [])
    (note,) = data.notes
    assert "holds 1 wish or rating, which" in note

"""What holds for every history, every packing of it and every damage to it."""

from __future__ import annotations

import shutil
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import InputError
from tests.export_builders import (
    make_episode_play,
    make_file,
    make_film_play,
    make_folder,
    make_zip,
    read,
    to_bytes,
)

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.trakt.export import ExportData

HISTORY = [
    *(make_film_play(n) for n in range(1, 6)),
    *(make_episode_play(n) for n in range(1, 5)),
]
PAGES = {f"watched-history-{n + 1}.json": HISTORY[3 * n :][:3] for n in range(3)}
IDS = {play["id"] for play in HISTORY}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give one folder for all examples; each writes its files anew."""
    return tmp_path_factory.mktemp("laws")


def is_honest(data: ExportData) -> bool:
    """Whether all plays are there, or else it says that some may be missing."""
    return {i.id for i in data.items} == IDS or bool(data.doubts)


@st.composite
def pagings(draw: st.DrawFn) -> dict[str, Any]:
    """Cut the history into pages of any sizes, under any of the official names."""
    cuts = sorted(draw(st.sets(st.integers(1, len(HISTORY) - 1))))
    starts, ends = [0, *cuts], [*cuts, len(HISTORY)]
    stem = draw(st.sampled_from(["watched-history-", "history-"]))
    folder = draw(st.sampled_from(["", "someone/", "someone/watched/", "ä b/"]))
    return {
        f"{folder}{stem}{number}.json": HISTORY[start:end]
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    }


@given(st.data())
def test_paging_order_folder_and_repetition_change_no_play(
    place: Path, data: st.DataObject
) -> None:
    paths = []
    for number in range(data.draw(st.integers(1, 3))):
        members = data.draw(pagings())
        if data.draw(st.booleans()):
            order = data.draw(st.permutations(list(members.items())))
            paths.append(make_zip(place / f"{number}.zip", order))
        else:
            shutil.rmtree(place / f"{number}", ignore_errors=True)
            paths.append(make_folder(place / f"{number}", members))
    repeats = data.draw(st.lists(st.sampled_from(paths), max_size=2))
    result = read(*paths, *repeats)
    assert [i.id for i in result.items] == [play["id"] for play in HISTORY]
    assert result.plays + result.repeats == len(HISTORY) * len([*paths, *repeats])
    assert result.doubts == []


@given(st.lists(st.sampled_from(HISTORY[:3]), min_size=1), st.integers(1, 3))
def test_plays_without_ids_are_as_many_as_the_file_holds(
    place: Path, plays: list[dict[str, Any]], times: int
) -> None:
    bare = [{k: v for k, v in play.items() if k != "id"} for play in plays]
    path = make_file(place / "history.json", bare)
    assert len(read(*[path] * times).items) == len(bare)


@given(st.data())
def test_a_zip_that_is_cut_off_never_loses_plays_in_silence(
    place: Path, data: st.DataObject
) -> None:
    whole = make_zip(place / "cut.zip", PAGES).read_bytes()
    path = make_file(
        place / "cut.zip", whole[: data.draw(st.integers(0, len(whole) - 1))]
    )
    with pytest.raises(InputError):
        read(path)


@given(st.data())
def test_a_zip_with_a_wrong_byte_never_loses_plays_in_silence(
    place: Path, data: st.DataObject
) -> None:
    content = bytearray(make_zip(place / "wrong.zip", PAGES).read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    with suppress(InputError):
        assert is_honest(read(make_file(place / "wrong.zip", bytes(content))))


@given(st.integers(1, len(to_bytes(HISTORY)) - 1))
def test_a_json_file_that_is_cut_off_is_refused(place: Path, length: int) -> None:
    path = make_file(place / "history.json", to_bytes(HISTORY)[:length])
    with pytest.raises(InputError):
        read(path)


@given(
    st.binary(max_size=300),
    st.sampled_from(["", "[", "{", "PK", "\ufeff", "watched_at,title\n", '[{"']),
    st.sampled_from(["history.json", "x.zip", "x.csv", "x.txt", "x", "_errors.json"]),
)
def test_arbitrary_bytes_are_refused_if_they_are_not_read(
    place: Path, content: bytes, start: str, name: str
) -> None:
    path = make_file(place / name, start.encode() + content)
    with suppress(InputError):
        read(path)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_in_a_zip_stop_no_good_page(
    place: Path, content: bytes
) -> None:
    members = PAGES | {"more.json": content, "watched-history-4.json": content}
    data = read(make_zip(place / "x.zip", members))
    assert {i.id for i in data.items} == IDS
    # A page may be empty; that is the one content that is in order.
    assert data.doubts or content.split() in ([b"[]"], [b"[", b"]"])


KEYS = [
    *("watched_at", "date_watched", "last_watched_at", "paused_at", "listed_at"),
    *("id", "ids", "type", "action", "title", "name", "year", "season", "episode"),
    *("number", "movie", "show", "seasons", "episodes", "plays", "progress", "rating"),
    *("trakt", "tmdb_id", "imdb", "history", "all", "movies", "user", "username"),
    *("stats", "watched", "endpoint", "error", "show_title"),
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["2025-03-04T20:15:00Z", "unknown", "movie", "episode", "nan"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=25,
)


@given(VALUES)
def test_json_of_any_shape_is_read_or_refused(place: Path, document: Any) -> None:
    path = make_file(place / "history.json", document)
    with suppress(InputError):
        data = read(path)
        assert data.plays == len(data.items)


@given(st.lists(VALUES, max_size=4))
def test_no_other_item_stops_the_good_ones(place: Path, others: list[Any]) -> None:
    path = make_file(place / "history.json", [*others, *HISTORY, *others])
    data = read(path)
    assert {i.id for i in data.items} >= IDS


@given(st.text(max_size=200))
def test_a_table_of_any_content_is_read_or_refused(place: Path, text: str) -> None:
    content = f"title,tmdb,watched_at\n{text}".encode(errors="replace")
    with suppress(InputError):
        read(make_file(place / "x.csv", content))


@given(st.lists(st.text(min_size=1, max_size=40), max_size=4, unique=True))
def test_names_of_any_kind_are_only_names(place: Path, names: list[str]) -> None:
    path = place / "names.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("watched-history.json", to_bytes(HISTORY))
        for name in names:
            safe = name.encode(errors="replace").decode()
            archive.writestr(zipfile.ZipInfo(safe), b"text")
    assert {i.id for i in read(path).items} == IDS

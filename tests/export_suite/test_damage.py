"""What cannot be read ends in one clear sentence, or in a doubt beside the rest."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import InputError
from connectors.trakt.export import Limits, read_export
from connectors.trakt.export.archive import open_members
from connectors.trakt.export.budget import Budget
from tests.export_builders import (
    ids_of,
    make_file,
    make_film_play,
    make_folder,
    make_plays,
    make_zip,
    read,
    to_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

HISTORY = {"watched-history.json": make_plays(3)}
FIRST_TWO = {f"watched-history-{n}.json": [make_film_play(n)] for n in (1, 2)}


def refuse(*paths: Path, **options: Any) -> str:
    """Return the sentence with which reading is refused."""
    with pytest.raises(InputError) as caught:
        read(*paths, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.remedy
    return text


def lock_with_password(path: Path) -> Path:
    data = bytearray(make_zip(path, HISTORY).read_bytes())
    central = data.index(b"PK\x01\x02")
    data[6] |= 1
    data[central + 8] |= 1
    return make_file(path, bytes(data))


def use_unknown_packing(path: Path) -> Path:
    data = bytearray(make_zip(path, HISTORY).read_bytes())
    central = data.index(b"PK\x01\x02")
    data[8:10] = data[central + 10 : central + 12] = struct.pack("<H", 9)
    return make_file(path, bytes(data))


def cut_short(path: Path) -> Path:
    data = make_zip(path, HISTORY).read_bytes()
    return make_file(path, data[: len(data) // 2])


def nest(path: Path) -> Path:
    inner = make_zip(path.with_name("inner.zip"), HISTORY).read_bytes()
    return make_zip(path, {"trakt-export-someone.zip": inner})


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lock_with_password, "x.zip is locked with a password. Unpack it"),
        (use_unknown_packing, "watched-history.json is damaged inside the archive."),
        (cut_short, "x.zip is damaged, or is no zip archive. Make the download again"),
        (nest, "trakt-export-someone.zip is an archive that is not opened. Unpack it"),
        (lambda p: make_zip(p, {}), "x.zip holds nothing of a watch history."),
        (lambda p: make_file(p, b""), "x.zip is damaged, or is no zip archive."),
        (
            lambda p: make_file(p, b"%PDF-1.4"),
            "x.zip is damaged, or is no zip archive.",
        ),
        (
            lambda p: make_zip(p, {"photo.jpg": b"\xff\xd8\xff", "a.csv": b"a,b\n1,2"}),
            "x.zip holds nothing of a watch history. Name the zip from the data",
        ),
        (
            lambda p: make_zip(p, {"user-profile.json": {"username": "someone"}}),
            "The files hold no watch history. Name the zip from the data settings",
        ),
        (
            lambda p: make_zip(
                p, {"_errors.json": [{"endpoint": "users/a/history", "error": "504"}]}
            ),
            "Trakt says in _errors.json that it could not export the whole history",
        ),
        (
            lambda p: make_zip(p, {"ratings-movies.json": [{"rating": 9}]}),
            "x.zip holds nothing of a watch history.",
        ),
    ],
)
def test_a_zip_that_is_no_usable_download_is_refused(
    build: Callable[[Path], Path], said: str, tmp_path: Path
) -> None:
    assert refuse(build(tmp_path / "x.zip")).startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "history.json is empty."),
        (b"   \n", "history.json is empty."),
        (b"\xef\xbb\xbf", "history.json is empty."),
        (b"<!DOCTYPE html><title>Sign in</title>", "is neither JSON nor a table"),
        (b"NaN", "is neither JSON nor a table"),
        (b'{"error": "not found"}', "does not hold what its name says"),
        (b'[{"name": "a list"}]', "does not hold what its name says"),
        (b"[1, 2, 3]", "does not hold what its name says"),
        (to_bytes(make_plays(3))[:-30], "is not valid JSON; it may be cut short"),
        (b"[" * 100_000, "is not valid JSON"),
        (b'{"a":' * 100_000, "is not valid JSON"),
        ('[{"watched_at": "é"}]'.encode("latin-1"), "is not in UTF-8"),
        ("watched_at,é".encode("latin-1"), "is not in UTF-8"),
        (b"\xff\xfe\x00\xd8", "is not in UTF-8"),
        (b"PK\x03\x04" + b"\0" * 50, "is damaged, or is no zip archive"),
        (b"watched_at,title\n" + b"x" * 140_000 + b",y", "is no readable table"),
    ],
)
def test_a_file_that_holds_no_readable_history_is_refused(
    content: bytes, said: str, tmp_path: Path
) -> None:
    text = refuse(make_file(tmp_path / "history.json", content))
    assert said in text
    assert text.startswith("history.json ")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    photo = make_file(tmp_path / "cat.jpg", b"\xff\xd8\xff\xe0" * 100)
    assert refuse(photo).startswith("cat.jpg holds nothing of a watch history.")
    packed = make_file(tmp_path / "backup.tar.gz", b"\x1f\x8b")
    assert refuse(packed).startswith("backup.tar.gz is an archive")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "some" / "where.zip"
    assert refuse(missing) == "where.zip does not exist. Check the path."
    assert refuse().startswith("No file was named.")


def test_what_is_neither_file_nor_folder_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    said = refuse(tmp_path / "pipe.json")
    assert said.startswith("pipe.json is neither a file nor a folder.")


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop.zip").symlink_to("loop.zip")
    assert refuse(tmp_path / "loop.zip").startswith("loop.zip cannot be read.")


@pytest.mark.parametrize("name", ["history.json", "x.zip", "."])
def test_a_file_that_may_not_be_read_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_file(tmp_path / "history.json", make_plays(1))
    make_zip(tmp_path / "x.zip", HISTORY)

    def forbid(*_: object, **__: object) -> None:
        raise PermissionError

    # Permissions do not bind every user that runs the tests.
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", forbid)
        patch.setattr(io, "FileIO", forbid)
        patch.setattr(os, "scandir", forbid)
        assert "may not be read" in refuse(tmp_path / name)


def test_a_damaged_page_leaves_a_doubt_and_the_other_pages(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", FIRST_TWO | {"watched-history-3.json": b"[{"})
    data = read(path)
    assert ids_of(data.items) == [1, 2]
    assert data.doubts == [
        "watched-history-3.json is not valid JSON; it may be cut short."
    ]


def test_a_page_with_flipped_bytes_is_noticed(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", FIRST_TWO)
    content = bytearray(path.read_bytes())
    content[content.index(b"watched-history-2.json") + 40] ^= 0xFF
    data = read(make_file(path, bytes(content)))
    assert ids_of(data.items) == [1]
    assert data.doubts == ["watched-history-2.json is damaged inside the archive."]


def test_a_list_of_members_that_swallows_some_is_noticed(tmp_path: Path) -> None:
    content = bytearray(make_zip(tmp_path / "x.zip", FIRST_TWO).read_bytes())
    # The first entry now says that its comment goes on over the second.
    content[content.index(b"PK\x01\x02") + 32] = 68
    assert refuse(make_file(tmp_path / "x.zip", bytes(content))).startswith("x.zip is")


def test_damage_to_what_is_no_history_is_only_remarked(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", HISTORY | {"ratings-movies-1.json": b"[{"})
    data = read(path)
    assert data.doubts == []
    assert data.notes == [
        "ratings-movies-1.json is not valid JSON; it may be cut short."
    ]


def test_a_damaged_file_of_unknown_kind_leaves_a_doubt(tmp_path: Path) -> None:
    path = make_folder(tmp_path / "x", HISTORY | {"export.json": b"[{"})
    assert len(read(path).doubts) == 1


def test_a_stray_file_beside_a_history_leaves_a_doubt(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", HISTORY)
    stray = make_file(tmp_path / "notes.txt", b"Things to watch")
    data = read(path, stray)
    assert data.plays == 3
    assert data.doubts == ["notes.txt holds nothing of a watch history."]


def test_texts_beside_a_history_are_no_matter(tmp_path: Path) -> None:
    others = {
        "README.txt": "Zürich".encode("latin-1"),
        "empty.txt": b"",
        "ratings.csv": b"imdb,rating\ntt1,9\n",
        "cover.png": b"\x89PNG",
    }
    data = read(make_folder(tmp_path / "x", HISTORY | others))
    assert (data.plays, data.doubts, data.notes) == (3, [], [])


def test_an_archive_beside_a_history_is_named(tmp_path: Path) -> None:
    data = read(make_folder(tmp_path / "x", HISTORY | {"older.zip": b"PK"}))
    assert data.notes == ["older.zip was not opened; unpack it if it holds history."]


# Bounds


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = make_zip(tmp_path / "x.zip", {"history.json": b"[" + b" " * 11_000_000})
    assert "over 200 times its size" in refuse(bomb)


def test_a_header_that_understates_a_size_does_not_help(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"history.json": b" " * 300_000})
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    content[central + 24 : central + 28] = struct.pack("<I", 10)
    said = refuse(make_file(path, bytes(content)), limits=Limits(member_bytes=1_000))
    assert "damaged" in said or "larger than" in said


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(member_bytes=300), "is larger than 300 bytes. Name the download"),
        (Limits(total_bytes=500), "There is more than 500 bytes to read."),
        (Limits(members=1), "x.zip holds more than 1 file."),
    ],
)
def test_bounds_hold(limits: Limits, said: str, tmp_path: Path) -> None:
    pages = {f"watched-history-{n}.json": make_plays(2) for n in (1, 2)}
    path = make_zip(tmp_path / "x.zip", pages)
    assert said in refuse(path, limits=limits)
    folder = make_folder(tmp_path / "x", pages)
    assert said.removeprefix("x.zip") in refuse(folder, limits=limits)


def crowd(path: Path, members: int, name: str = "file-{}.json") -> Path:
    """Make an archive of empty files; as fast as can be, as there may be many."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(members):
            archive.writestr(zipfile.ZipInfo(name.format(number)), b"")
    return path


def test_a_huge_table_of_contents_is_not_read(tmp_path: Path) -> None:
    path = crowd(tmp_path / "x.zip", 30, "{}-" + "n" * 60_000)
    tracemalloc.start()
    said = refuse(path, limits=Limits(members=100))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said.startswith("x.zip takes too much room to list its files")
    assert peak < 1_500_000


def test_a_wrong_length_of_the_table_of_contents_is_damage(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"a.bin": os.urandom(3_000_000), **HISTORY})
    content = bytearray(path.read_bytes())
    content[-8] = 32  # of its four bytes the third: some two million more
    path.write_bytes(content)
    assert "x.zip is damaged" in refuse(path, limits=Limits(members=100))


@pytest.mark.parametrize("members", [5_001, 65_535, 100_000])
def test_an_archive_of_many_files_is_not_called_damaged(
    tmp_path: Path, members: int
) -> None:
    path = crowd(tmp_path / "x.zip", members, "a folder/somewhere/file-{:030}.json")
    assert refuse(path).startswith("x.zip holds more than 5,000 files. Name the downl")


def test_an_archive_of_many_files_within_another_place_is_not_called_damaged(
    tmp_path: Path,
) -> None:
    folder = make_folder(tmp_path / "x", {})
    inner = crowd(folder / "inner.zip", 66_000)
    assert "inner.zip is an archive that is not opened" in refuse(folder)
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(inner, "inner.zip")
    said = refuse(tmp_path / "outer.zip")
    assert "inner.zip is an archive that is not opened" in said
    make_zip(folder / "download.zip", HISTORY)
    assert read(folder).plays == 3


# Places


@pytest.mark.parametrize(
    "name", ["../../outside/watched-history.json", "/etc/watched-history.json"]
)
def test_no_path_is_made_from_the_name_of_a_member(name: str, tmp_path: Path) -> None:
    data = read(make_zip(tmp_path / "x.zip", {name: make_plays(3)}))
    assert data.plays == 3
    assert [p.name for p in tmp_path.iterdir()] == ["x.zip"]


def test_a_name_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    name = "history\x1b[31m" + "x" * 200 + ".json"
    assert "\x1b" not in refuse(make_zip(tmp_path / "x.zip", {name: b"[{"}))


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = make_file(tmp_path / "outside.json", make_plays(9))
    folder = make_folder(tmp_path / "x", HISTORY)
    (folder / "watched-history-2.json").symlink_to(outside)
    (folder / "inside.json").symlink_to("watched-history.json")
    (folder / "more").symlink_to(tmp_path, target_is_directory=True)
    data = read(folder)
    assert (data.plays, data.repeats) == (3, 3)
    assert data.doubts == [
        "watched-history-2.json leads out of the folder and was not followed."
    ]


def test_a_file_that_vanishes_is_one_bad_member(tmp_path: Path) -> None:
    path = make_file(tmp_path / "history.json", make_plays(1))
    (member,) = open_members(path, Budget(Limits()))
    path.unlink()
    with pytest.raises(Exception, match="cannot be read"):
        member.read()


@pytest.mark.parametrize(
    "part", [b"{},", b"[],", b'{"":0},', b"1,", b"{},{},[],"], ids=repr
)
@pytest.mark.parametrize("is_told", [True, False])
def test_what_is_small_on_disk_and_large_in_memory_is_not_decoded(
    tmp_path: Path, part: bytes, *, is_told: bool
) -> None:
    """60 MB of ``{}`` took 1.7 GB: a tenth of that here."""
    end = b'{"watched_at": 1}]' if is_told else b"{}]"
    count = 6_000_000 // len(part)
    (tmp_path / "history-1.json").write_bytes(b"[" + part * count + end)
    (tmp_path / "history-2.json").write_bytes(to_bytes([make_film_play(1)]))
    tracemalloc.start()
    try:
        read = read_export([tmp_path])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60_000_000
    assert len(read.items) == 1, "the other file goes on"
    assert any("history-1.json holds more" in doubt for doubt in read.doubts)


def test_the_bound_of_what_is_held_is_the_callers(tmp_path: Path) -> None:
    path = tmp_path / "history-1.json"
    path.write_bytes(to_bytes(make_plays(99)))
    assert len(read_export([path]).items) == 99
    with pytest.raises(InputError, match="holds more"):
        read_export([path], limits=Limits(held_bytes=10_000))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_is_bounded_by_its_rows_read_or_not(tmp_path: Path, end: str) -> None:
    path = tmp_path / "history.csv"
    row = "movie,Heat,949,2020-01-01T00:00:00Z"
    for rows, is_read in ((99, True), (101, False)):
        lines = ["type,title,tmdb,watched_at", row, *[",,,x"] * (rows - 1)]
        path.write_text(end.join(lines), newline="")
        bound = Limits(held_bytes=100 * 2_000)
        if is_read:
            assert read_export([path], limits=bound).items
        else:
            with pytest.raises(InputError, match="holds more rows than any history"):
                read_export([path], limits=bound)

"""The file of a copy: what is written is read back, and anything else is named."""

from __future__ import annotations

import json
import stat
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import InputError
from sync.documents.copy import CopyDocument
from sync.domain.entries import Entry
from sync.domain.plays import Key, Place
from sync.errors import UnkeptCopyError
from sync.pipeline.copy_file import (
    MOST_KEPT,
    Copy,
    _new_name,
    read_copy,
    write_copy,
)
from tests.long import examples
from tests.restore_suite.copies import own

AT = datetime(2026, 11, 15, 12, tzinfo=UTC)
numbers = st.none() | st.integers(-1, 2**40)
texts = st.text(st.characters(exclude_categories=["Cs"]))
instants = st.none() | st.datetimes(timezones=st.just(UTC))
anything = st.builds(
    Entry,
    key=st.builds(Key, texts, numbers, numbers),
    updated_at=instants,
    progress=st.floats(allow_nan=False, allow_infinity=False),
    imported=st.none() | texts,
    count=st.integers(1, 10**6),
    created_at=instants,
)
places = st.none() | st.lists(st.builds(Place, texts, numbers), unique=True)


def a_copy(*entries: Entry, at: datetime = AT, profile: str = "p-1") -> Copy:
    return Copy(at, "https://api.example", profile, "Me", "migrate", entries)


@examples(8, 30, 500)
@given(st.lists(anything, max_size=6), places, texts, st.none() | texts, instants)
def test_it_is_read_back_to_the_last_field(
    entries: list[Entry],
    places: list[Place] | None,
    profile: str,
    name: str | None,
    at: datetime | None,
) -> None:
    copy = Copy(at or AT, "https://a.b", profile, name, "undo", entries, places)
    with TemporaryDirectory() as folder:
        path = write_copy(Path(folder), copy)
        back = read_copy(path)
        CopyDocument.model_validate_json(path.read_bytes())
    assert Counter(back.entries) == Counter(entries)
    assert (back.places is None) is (places is None)
    assert {*(back.places or ())} == {*(places or ())}
    assert (back.at, back.profile, back.name) == (at or AT, profile, name)
    assert back.digest == copy.digest


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = write_copy(tmp_path / "new", a_copy())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_last_ones_of_each_profile_are_kept(tmp_path: Path) -> None:
    others = write_copy(tmp_path, a_copy(profile="p-2"))
    part = Copy(AT, "https://api.example", "p-1", "Me", "undo", (), ())
    apart = write_copy(tmp_path, part)
    written = [
        write_copy(tmp_path, a_copy(at=AT + timedelta(minutes=n)))
        for n in range(MOST_KEPT + 3)
    ]
    left = set(apart.parent.iterdir())
    assert left == {apart, *written[-MOST_KEPT:]}
    assert others.exists()


def test_the_new_one_stays_whatever_the_clock_says(tmp_path: Path) -> None:
    for _ in range(MOST_KEPT):
        write_copy(tmp_path, a_copy())
    late = write_copy(tmp_path, a_copy(at=AT - timedelta(days=400)))
    assert late.exists()
    assert len(list(late.parent.iterdir())) == MOST_KEPT


def test_one_that_is_being_restored_stays(tmp_path: Path) -> None:
    first = write_copy(tmp_path, a_copy())
    for n in range(1, MOST_KEPT + 2):
        write_copy(tmp_path, a_copy(at=AT + timedelta(days=n)), spare=first)
    assert first.exists()


def test_two_of_one_second_are_two_files(tmp_path: Path) -> None:
    names = {write_copy(tmp_path, a_copy()) for _ in range(MOST_KEPT)}
    assert len(names) == MOST_KEPT


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnkeptCopyError, match="nothing was written") as caught:
        write_copy(tmp_path / "file", a_copy())
    assert "[state] copies" in caught.value.remedy


def _changed(path: Path, **fields: object) -> None:
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **fields}))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda p: p.unlink(), "cannot be read"),
        (lambda p: (p.unlink(), p.mkdir()), "cannot be read"),
        (lambda p: p.write_bytes(b"\xff\xfe\x00"), "no copy of a profile"),
        (lambda p: p.write_text(p.read_text()[:-40]), "only a part of one"),
        (lambda p: p.write_text("[" * 100_000), "no copy of a profile"),
        (lambda p: p.write_text("[]"), "no copy of a profile"),
        (lambda p: _changed(p, format="trakt2discovr/report"), "no copy of a profile"),
        (lambda p: _changed(p, version=2), "newer version"),
        (lambda p: _changed(p, moods=[]), "newer version"),
        (lambda p: _changed(p, at="yesterday"), "damaged"),
        (lambda p: _changed(p, at="2026-11-15T12:00:00"), "damaged"),
        (lambda p: _changed(p, entries=[{"media": "MV_1"}]), "damaged"),
        (
            lambda p: _changed(
                p, entries=[{"media": "MV_1", "progress": float("nan")}]
            ),
            "damaged",
        ),
    ],
)
def test_what_is_no_copy_is_named_in_words(
    tmp_path: Path, spoil: object, words: str
) -> None:
    path = write_copy(tmp_path, a_copy(own(Key("MV_1"))))
    spoil(path)  # type: ignore[operator]
    with pytest.raises(InputError, match=words) as caught:
        read_copy(path)
    assert path.name in caught.value.message


def test_a_copy_in_part_says_so_in_its_name_and_none_takes_the_name_of_another(
    tmp_path: Path,
) -> None:
    whole = Copy(AT, "https://d.example", "p", None, "sync", ())
    part = replace(whole, places=[Place("MV_1", None)])
    names = []
    for copy in (whole, part, whole, part, whole):
        path = _new_name(tmp_path, copy)
        path.touch()
        names.append(path.name)
    assert names == [
        "2026-11-15T12-00-00Z.json",
        "2026-11-15T12-00-00Z-part.json",
        "2026-11-15T12-00-00Z.2.json",
        "2026-11-15T12-00-00Z-part.2.json",
        "2026-11-15T12-00-00Z.3.json",
    ]

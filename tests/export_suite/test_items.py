"""A bad item is set aside with its place and a reason, and stops no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.export_builders import (
    make_episode_play,
    make_file,
    make_film_play,
    make_plays,
    make_zip,
    read,
    to_bytes,
)

if TYPE_CHECKING:
    from pathlib import Path

GOOD = [make_film_play(1), make_episode_play(2)]
AT = "2025-03-04T20:15:00Z"
#: Python itself refuses to read a number of so many digits.
LONG = "9" * 5000


def read_one(item: Any, tmp_path: Path) -> Any:
    """Read the item among good ones, in a page and alone, in three files."""
    text = item if isinstance(item, bytes) else to_bytes(item)
    good = to_bytes(GOOD)[1:-1]
    content = b"[" + good + b"," + text + b"," + to_bytes(make_film_play(9)) + b"]"
    return read(make_file(tmp_path / "watched-history.json", content))


def in_episode(**fields: Any) -> dict[str, Any]:
    play = make_episode_play(7)
    return play | {"episode": play["episode"] | fields}


def in_ids(**ids: Any) -> dict[str, Any]:
    return make_film_play(7, movie={"title": "Odd", "ids": {"trakt": 7} | ids})


def with_id(number: str) -> bytes:
    film = '"movie":{"title":"Heat"}'
    return f'{{"watched_at":"2025-01-01T00:00:00Z","id":{number},{film}}}'.encode()


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (make_film_play(7, watched_at="9999-12-31T23:59:59-01:00"), "no readable time"),
        (make_film_play(7, watched_at="0001-01-01T00:00:00+14:00"), "no readable time"),
        (
            make_film_play(7, watched_at="9999-12-31T00:00:00Z"),
            "9999-12-31, ahead of",
        ),
        (
            make_film_play(7, watched_at="2027-12-01T00:00:00Z"),
            "2027-12-01, ahead of",
        ),
        (make_film_play(7, watched_at="1066-10-14T09:00:00Z"), "in the year 1066"),
        (make_film_play(7, watched_at="12024-01-01T00:00:00Z"), "no readable time"),
        (make_film_play(7, watched_at="2025-02-30T00:00:00Z"), "no readable time"),
        (make_film_play(7, watched_at="yesterday"), "no readable time"),
        (make_film_play(7, watched_at=""), "no readable time"),
        (make_film_play(7, watched_at=None), "no readable time"),
        (make_film_play(7, watched_at=True), "no readable time"),
        (make_film_play(7, watched_at=1_700_000_000), "no readable time"),
        (make_film_play(7, watched_at=["2025"]), "no readable time"),
        ({"id": 7, "type": "movie", "movie": {"title": "Heat"}}, "no readable time"),
        (in_episode(season=-1), "season number out of range"),
        (in_episode(season=10_000), "season number out of range"),
        (in_episode(season=True), "no season number"),
        (in_episode(season=None), "no season number"),
        (in_episode(number=-1), "episode number out of range"),
        (in_episode(number=10**6), "episode number out of range"),
        (in_episode(number=1.5), "no episode number"),
        (make_film_play(7, movie="Heat"), "names no title and no id"),
        (make_film_play(7, movie={"title": None, "ids": {}}), "names no film"),
        ({"id": 7, "watched_at": AT, "type": "movie"}, "names no title and no id"),
        ({"id": 7, "watched_at": AT, "show": {"title": "S"}}, "which episode"),
        (in_episode() | {"show": {"title": "", "ids": {}}}, "without its show"),
        ("a text", "is incomplete"),
        (None, "is incomplete"),
        ([], "is incomplete"),
    ],
    ids=str,
)
def test_an_absurd_item_is_set_aside_and_the_others_go_on(
    item: Any, reason: str, tmp_path: Path
) -> None:
    data = read_one(item, tmp_path)
    assert data.plays == 3
    ((where, why),) = data.quarantined
    assert where == "watched-history.json item 3"
    assert reason in why
    assert data.doubts == []


@pytest.mark.parametrize(
    "item",
    [
        make_film_play(7, id=str(2**40)),
        make_film_play(7, movie={"title": 1984, "ids": None}),
        make_film_play(7, id=True),
        make_film_play(7, id=2**63),
        make_film_play(7, id=-5),
        make_film_play(7, id="many"),
        make_film_play(7, id=1.5),
        in_ids(tmdb=2**64),
        in_ids(tvdb=-1),
        in_ids(tmdb="Heat"),
        in_ids(trakt=True),
        make_film_play(7, watched_at="2025-03-04 20:15:00"),
        make_film_play(7, watched_at="2025-03-04T20:15:37.123+02:00"),
        make_film_play(7, watched_at="1942-11-26T00:00:00Z"),
        make_film_play(7, watched_at="2026-10-01T20:00:00Z"),
        make_film_play(7, action="something new", extra={"deep": [1, {}]}),
        make_film_play(7, movie={"title": ":-) -1", "ids": {"slug": "9" * 30}}),
        in_ids(trakt="77", tmdb=0, tvdb="", slug=300, imdb=None),
        in_episode(season="1", number="2"),
        in_episode(season=2024, number=0),
        in_episode(season=0),
        make_film_play(7, show={"title": "Both"}, episode={"season": 1, "number": 1}),
        with_id("NaN"),
        with_id("1e400"),
        pytest.param(with_id(LONG), id="an id of 5,000 digits"),
        pytest.param(with_id(f"-{LONG}"), id="a negative one"),
        b'{"watched_at":"2025-01-01T00:00:00Z","movie":{"title":"Cut \\ud83d"}}',
        b'{"watched_at":"2025-01-01T00:00:00Z","x":NaN,"movie":{"title":"Heat"}}',
    ],
    ids=str,
)
def test_an_odd_item_is_kept_as_long_as_it_makes_sense(
    item: Any, tmp_path: Path
) -> None:
    data = read_one(item, tmp_path)
    assert (data.plays, data.quarantined) == (4, [])


def test_an_undated_play_keeps_the_date_that_says_so(tmp_path: Path) -> None:
    for written in ("unknown", "1970-01-01T00:00:00.000Z"):
        item = read_one(make_film_play(7, watched_at=written), tmp_path).items[2]
        assert item.watched_at.isoformat() == "1970-01-01T00:00:00+00:00"


def test_an_item_reads_alike_in_a_clean_page_and_beside_a_bad_one(
    tmp_path: Path,
) -> None:
    clean = make_file(tmp_path / "clean.json", GOOD)
    beside = make_file(tmp_path / "beside.json", [*GOOD, "bad"])
    assert read(clean).items == read(beside).items


def test_plays_without_an_id_are_all_kept(tmp_path: Path) -> None:
    same = {k: v for k, v in make_film_play().items() if k != "id"}
    members = {"watched-history-1.json": [same, same], "watched-history-2.json": [same]}
    data = read(make_zip(tmp_path / "x.zip", members))
    assert (data.plays, data.repeats) == (3, 0)


def test_the_very_same_content_counts_once_even_without_ids(tmp_path: Path) -> None:
    same = {k: v for k, v in make_film_play().items() if k != "id"}
    first = make_file(tmp_path / "history.json", [same, same])
    second = make_file(tmp_path / "history (1).json", [same, same])
    data = read(first, second)
    assert (data.plays, data.repeats) == (2, 2)


def test_items_are_placed_in_their_file_when_there_are_several(tmp_path: Path) -> None:
    page = [*make_plays(1), {"watched_at": "never", "movie": {}}]
    first = make_zip(tmp_path / "a.zip", {"watched-history.json": page})
    second = make_file(tmp_path / "b.json", [*page, "bad"])
    assert [where for where, _ in read(first, second).quarantined] == [
        "a.zip: watched-history.json item 2",
        "b.json item 2",
        "b.json item 3",
    ]


def test_no_reason_repeats_what_the_file_says(tmp_path: Path) -> None:
    secret = "s3cr3t-value"
    bad = [
        make_film_play(8, watched_at=secret),
        in_episode(season=secret),
        {"title": secret, "tmdb": secret, "watched_at": "2025-01-01"},
        {"title": "Heat", "type": secret, "watched_at": "2025-01-01"},
    ]
    data = read(make_file(tmp_path / "history.json", bad))
    assert len(data.quarantined) == len(bad)
    assert secret not in json.dumps([data.quarantined, data.doubts, data.notes])

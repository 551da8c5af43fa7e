"""Tables as spreadsheets of all locales save them: nothing shifts, nothing vanishes."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import InputError
from tests.export_builders import (
    make_file,
    make_film_play,
    make_folder,
    make_plays,
    read,
)
from tests.strangers_suite.test_kinds import AT

if TYPE_CHECKING:
    from pathlib import Path

LATER = "2021-01-15T21:00:00.000Z"
HEAD = "type,title,tmdb_id,watched_at"
GOOD = f"movie,Heat,949,{AT}"
BAD = "movie,Heat,949,tomorrow"


def read_csv(tmp_path: Path, *lines: str, end: str = "\n", name: str = "all") -> Any:
    content = end.join(lines) + end
    return read(make_file(tmp_path / f"{name}.csv", content.encode()))


# Which row, and which line


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ([HEAD, GOOD, BAD], "row 2"),
        ([HEAD, "", GOOD, "", "", BAD], "row 2 (line 6)"),
        (["sep=%s", HEAD, GOOD, BAD], "row 2 (line 4)"),
        (["My films", "", HEAD, GOOD, BAD], "row 2 (line 5)"),
        (["# made by a tool", "# in 2024", HEAD, BAD], "row 1 (line 4)"),
        ([HEAD, f'movie,"He{{end}}at",949,{AT}', BAD], "row 2 (line 4)"),
        ([HEAD, f'movie,"A{{end}}B{{end}}C",1,{AT}', GOOD, BAD], "row 3 (line 6)"),
    ],
    ids=str,
)
def test_a_row_is_counted_below_the_header_and_its_line_as_editors_do(
    lines: list[str], place: str, delimiter: str, end: str, tmp_path: Path
) -> None:
    changed = [
        line.replace(",", delimiter).replace("{end}", end).replace("%s", delimiter)
        for line in lines
    ]
    data = read_csv(tmp_path, *changed, end=end)
    assert [where for where, _ in data.set_aside] == [f"all.csv {place}"]
    text = end.join(changed).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    number = int(place.rsplit(maxsplit=1)[-1].strip(")")) + ("line" not in place)
    assert "tomorrow" in text[number - 1]


# Cells that do not fit


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("movie,Heat,949", "fewer cells"),
        ("movie", "fewer cells"),
        (f"movie,Crouching Tiger, Hidden Dragon,146,{AT}", "more cells"),
        (f"movie,Heat,949,{AT},x", "more cells"),
    ],
)
def test_cells_that_do_not_fit_the_header_are_never_moved(
    row: str, why: str, tmp_path: Path
) -> None:
    data = read_csv(tmp_path, HEAD, GOOD, row, GOOD)
    assert data.plays == 2
    ((place, record),) = data.set_aside
    assert place == "all.csv row 2"
    assert why in record.reason
    assert record.remedy


def test_empty_cells_at_the_end_cost_nothing(tmp_path: Path) -> None:
    data = read_csv(tmp_path, HEAD, f"{GOOD},,", f"{GOOD}, ", GOOD)
    assert (data.plays, data.set_aside) == (3, [])


@pytest.mark.parametrize("closing", ["", '"'])
@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("is_last", [False, True])
def test_a_quotation_mark_that_swallows_rows_is_a_doubt(
    rows: int, closing: str, *, is_last: bool, tmp_path: Path
) -> None:
    head, opens = HEAD, f'movie,"Heat,949,{AT}'
    below = [f"movie,Film {n},{n},{AT}" for n in range(1, rows + 1)]
    if is_last:
        head, opens = "type,tmdb_id,watched_at,title", f'movie,949,{AT},"Heat'
        below = [f"movie,{n},{AT},Film {n}" for n in range(1, rows + 1)]
    below[-1] += closing
    data = read_csv(tmp_path, head, opens, *below)
    (doubt,) = data.doubts
    assert "quotation mark in line 2" in doubt


def test_a_title_of_two_lines_is_no_doubt(tmp_path: Path) -> None:
    data = read_csv(tmp_path, HEAD, f'movie,"He\nat, 2",949,{AT}', GOOD)
    assert (data.plays, data.doubts) == (2, [])


# Columns that come twice


@pytest.mark.parametrize(
    ("head", "row", "why"),
    [
        (f"{HEAD},watched_at", f"{GOOD},{LATER}", "two times of watching"),
        (f"{HEAD},Watched At", f"{GOOD},{LATER}", "two times of watching"),
        (f"{HEAD},date_watched", f"{GOOD},2021-01-15", "two times of watching"),
        (f"{HEAD},tmdb_id", f"{GOOD},950", "two ids of TMDB"),
        (f"{HEAD},tmdb", f"{GOOD},950", "two ids of TMDB"),
        (f"{HEAD},type", f"{GOOD},episode", "film or an episode"),
        (f"{HEAD},kind", f"{GOOD},show", "film or an episode"),
        (
            "show_title,season,season,episode,watched_at",
            f"Lost,1,2,3,{AT}",
            "two numbers of a season",
        ),
    ],
)
def test_two_columns_that_say_different_things_are_neither(
    head: str, row: str, why: str, tmp_path: Path
) -> None:
    data = read_csv(tmp_path, head, row)
    assert data.plays == 0
    ((_, record),) = data.set_aside
    assert why in record.reason
    assert record.remedy


@pytest.mark.parametrize(
    ("head", "row"),
    [
        (f"{HEAD},watched_at", f"{GOOD},"),
        (f"{HEAD},watched_at", f"movie,Heat,949,,{AT}"),
        (f"{HEAD},watched_at", f"{GOOD},{AT}"),
        (f"{HEAD},watched_date", f"{GOOD},2020-01-15"),
        (f"{HEAD},watched_date", f"{GOOD},15.01.2020"),
        (f"{HEAD},tmdb_id,tmdb", f"{GOOD},949.0,"),
        (f"{HEAD},title", f"{GOOD},Another"),
    ],
)
def test_a_second_column_that_says_no_more_costs_nothing(
    head: str, row: str, tmp_path: Path
) -> None:
    data = read_csv(tmp_path, head, row)
    (film,) = data.items
    assert (film.movie.title, film.movie.ids.tmdb) == ("Heat", 949)
    assert film.watched_at.isoformat()[:16] == AT[:16]


def test_a_name_where_the_number_is_expected_leaves_the_number(tmp_path: Path) -> None:
    head = "show_title,season,episode,episode_number,watched_at"
    (play,) = read_csv(tmp_path, head, f"Lost,1,Pilot,2,{AT}").items
    assert (play.episode.season, play.episode.number) == (1, 2)


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
@pytest.mark.parametrize("has_mark", [True, False])
def test_wide_letters_are_read_with_their_mark_and_without(
    encoding: str, form: str, tmp_path: Path, *, has_mark: bool
) -> None:
    text = "\n".join([HEAD, f"movie,Amélie 😀,194,{AT}", GOOD])
    if form != "csv":
        plays = make_plays(2)
        plays[0]["movie"]["title"] = "Amélie 😀"
        lines = [json.dumps(play, ensure_ascii=False) for play in plays]
        text = "\n".join(lines) if form == "jsonl" else f"[{','.join(lines)}]"
    mark = "\ufeff" if has_mark else ""
    data = read(make_file(tmp_path / f"a.{form}", (mark + text).encode(encoding)))
    assert data.items[0].movie is not None
    assert data.items[0].movie.title == "Amélie 😀"
    assert (data.plays, data.set_aside) == (2, [])


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp850"])
@pytest.mark.parametrize("name", ["all.csv", "history.json"])
def test_another_encoding_is_named_with_what_helps(
    name: str, encoding: str, tmp_path: Path
) -> None:
    text = f"{HEAD}\nmovie,Amélie,194,{AT}\n"
    content = json.dumps([text], ensure_ascii=False) if "json" in name else text
    files = {name: content.encode(encoding)}
    with pytest.raises(InputError, match="UTF-8") as refused:
        read(make_folder(tmp_path / "alone", files))
    assert "Save it as UTF-8" in refused.value.remedy
    beside = make_folder(
        tmp_path / "beside", {"history-1.json": make_plays(2), **files}
    )
    (doubt,) = read(beside).doubts
    assert "Save it as UTF-8" in doubt


def test_a_mark_of_order_may_hide_what_follows(tmp_path: Path) -> None:
    content = codecs.BOM_UTF16_LE + HEAD.encode("utf-16-le") + b"\n"
    with pytest.raises(InputError, match="UTF-8"):
        read(make_file(tmp_path / "all.csv", content))


# Tables that were joined, and ids that are the title's


@pytest.mark.parametrize("lines", [[], [""], ["", ""]])
def test_a_header_that_comes_again_begins_another_table(
    lines: list[str], tmp_path: Path
) -> None:
    other = ["show_title,season,episode,watched_at", f"Lost,1,2,{AT}"]
    data = read_csv(tmp_path, HEAD, GOOD, *lines, HEAD, GOOD, *lines, *other)
    assert [item.type for item in data.items] == ["movie", "movie", "episode"]
    assert (data.set_aside, data.doubts) == ([], [])


#: Headers of tables that are about something else, and what is made of their rows.
OTHERS = [
    ("type,title,year,tmdb_id,rated_at", f"movie,Alien,1979,348,{AT}", "remarked"),
    ("type,title,tmdb_id,listed_at", f"movie,Alien,348,{AT}", "remarked"),
    ("Title,Type,Rating", "Alien,movie,8", "remarked"),
    ("title,type,collected_at", f"Alien,movie,{AT}", "set aside"),
    ("type,title,year,tmdb_id,watched", "movie,Alien,1979,348,no", "remarked"),
]


@pytest.mark.parametrize(("header", "row", "done"), OTHERS)
@pytest.mark.parametrize("lines", [0, 2])
def test_a_joined_table_of_something_else_holds_no_plays(
    lines: int, header: str, row: str, done: str, tmp_path: Path
) -> None:
    empty = [""] * lines
    data = read_csv(tmp_path, HEAD, GOOD, *empty, header, row, *empty, HEAD, GOOD)
    assert [item.movie.title for item in data.items if item.movie] == ["Heat"] * 2
    assert len(data.set_aside) == (done == "set aside")
    assert len(data.notes) == (done == "remarked")


@pytest.mark.parametrize("pages", [1, 2])
def test_one_id_at_two_times_or_titles_is_the_id_of_no_play(
    pages: int, tmp_path: Path
) -> None:
    times = [AT, LATER, LATER]
    plays = [make_film_play(1, id=949, watched_at=at) for at in times]
    plays += [make_film_play(2, id=949, watched_at=AT)]
    files = {f"h-{n}.json": plays[n - 1 :: pages] for n in range(1, pages + 1)}
    data = read(make_folder(tmp_path / "all", files))
    assert (data.plays, data.repeats) == (3, 1)
    assert len({item.id for item in data.items} - {None}) == 1


@pytest.mark.parametrize("lost", range(1, 15, 3))
def test_a_table_that_ends_within_a_row_is_a_doubt(lost: int, tmp_path: Path) -> None:
    text = f"{HEAD}\n{GOOD}\n{GOOD}"
    (doubt,) = read(
        make_file(tmp_path / "a.csv", text[: -len(AT) - lost].encode())
    ).doubts
    assert doubt == "a.csv may be cut short: its last row is incomplete."
    whole = read(make_file(tmp_path / "b.csv", f"{text}\nTotal,2\n".encode()))
    assert (whole.doubts, len(whole.set_aside)) == ([], 1)

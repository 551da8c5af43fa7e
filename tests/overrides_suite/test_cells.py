"""The table that a person opens in a spreadsheet: no cell is run, none is lost.

And no terminal heeds what either form of the file holds.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync.transform.overrides_formats import Table, Toml
from tests.long import examples

#: What spreadsheets take for the beginning of a formula, or skip before one.
RUN = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: What commands a terminal, or turns the letters after it round.
HEEDED = {*map(chr, (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F)))}
HEEDED |= set("\u2028\u2029\u2066\u2067\u2068")
texts = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.text("='+-@\\u0123456789abcdef\t\r\n\x1b\x85\u202e\u2066A ", max_size=12),
    st.text("=\uff1d-\uff20;,' \xa0\t\\u003b2c5A", max_size=12),
)


def entry(title: str, **fields: Any) -> dict[str, Any]:
    about = {"kind": "film", "title": title, "year": 2001, "ids": {"trakt": 1}}
    return {**about, "tmdb": "", "plays": 2, "reason": "no id", **fields}


def cells(text: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]


@examples(100, 200, 2_000)
@given(st.lists(texts, min_size=1, max_size=3), texts)
@example(["=cmd|' /C calc'!A0"], "@SUM(1+1)*cmd")
@example(["'=1"], "''-")
@example([r"\u003d1+1"], r"\u005cu003d")
@example(["\t=1"], "\r=1")
@example(["two\nlines"], "\x9b31m\u202egpj.exe")
@example(["-"], "+")
@example([" =1"], "\xa0\uff1d1")
@example(["a;=1+1"], "a; \uff0b1")
def test_no_cell_is_run_and_every_title_reads_back(
    titles: list[str], slug: str
) -> None:
    added = [entry(title, ids={"slug": slug}) for title in titles]
    once = Table().write(None, [], added, [])
    found = [fields for _, fields in Table().read(once)]
    assert [fields["title"] for fields in found] == titles
    assert [fields["ids"].get("slug", "") for fields in found] == [slug] * len(titles)
    # Written again, with what has changed, it stays what it is.
    twice = Table().write(once, [{"reason": "=x"} for _ in titles], [], [])
    assert [fields["title"] for _, fields in Table().read(twice)] == titles
    for text in (once, twice):
        for cell in cells(text):
            assert not cell.lstrip().startswith(RUN)
            assert not set(cell) & HEEDED
        # Where it is opened in a country that parts cells otherwise.
        for part in re.split(r"[;,\r\n]", text):
            assert not part.lstrip(" \xa0").startswith(RUN), part


@examples(100, 200, 2_000)
@given(st.lists(texts, min_size=1, max_size=3), texts)
@example(["\x9b31m\u202egpj.exe"], "\x85\x7f")
@example(["\u2028=1"], "\\u0085")
def test_no_terminal_heeds_the_other_form_either(titles: list[str], slug: str) -> None:
    added = [entry(title, ids={"slug": slug}) for title in titles]
    once = Toml("Trakt").write(None, [], added, added)
    changes = [{"title": title, "reason": slug} for title in reversed(titles)]
    twice = Toml("Trakt").write(once, changes, [], [])
    for text, expected in ((once, titles), (twice, titles[::-1])):
        found = [fields for _, fields in Toml("Trakt").read(text)]
        assert [fields["title"] for fields in found] == expected
        assert {fields["ids"]["slug"] for fields in found} == {slug}
        assert not (set(text) - {"\n"}) & HEEDED


@pytest.mark.parametrize("mark", RUN[:4])
def test_a_table_from_before_is_mended_when_it_is_written_again(mark: str) -> None:
    old = f'kind,title,year,tmdb,mine\nfilm,"{mark}1+1",2001,42,=A1\n'
    new = Table().write(old, [{"reason": "yours"}], [], [])
    ((_, fields),) = Table().read(new)
    assert fields["title"] == f"{mark}1+1"
    assert fields["tmdb"] == "42"
    assert f"'{mark}1+1" in cells(new)
    assert fields["mine"] == "=A1", "a column of the person's own stays as it is"

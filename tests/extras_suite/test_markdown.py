"""Markdown in which titles stay titles."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sync.documents.left_out import (
    LeftOutDocument,
    QuarantinedDocument,
    TitleDocument,
)
from sync.documents.move import BalanceDocument
from sync.documents.report import (
    FailedDocument,
    KeyDocument,
    OperationDocument,
    ReceiptDocument,
    ReportDocument,
    SeasonDocument,
    TitleReport,
    VerificationDocument,
)
from sync.report.markdown import MOST_LINES, escape, render

WHEN = datetime(2026, 11, 20, 21, 5, tzinfo=UTC)
NASTY = [
    "<script>alert(1)</script>",
    "[here](https://evil.test)",
    "![x](https://evil.test/x.png)",
    "**bold** _and_ `code` ~~gone~~",
    "a | b | c",
    "# Heading",
    "1. first",
    "- - -",
    "&lt;b&gt; &amp; &#35;",
    "https://evil.test and www.evil.test and me@evil.test",
    "line\nbreak\r\n\n# Heading",
    "\\[x\\](y) \\",
    "<!-- -->",
    "$x^2$ ==marked== ^[note] :smile:",
    "| --- | --- |",
    "\u202eevil\u202c \u2066isolated\u2069",
    "Amélie 🧑\u200d🚀 שלום نور",
]


def text_of(markdown: str) -> str:
    """Return what a reader sees of one paragraph, and fail on any markup in it."""
    tokens = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(markdown)
    assert [t.type for t in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    parts = tokens[1].children or []
    assert {part.type for part in parts} <= {"text", "text_special"}
    return "".join(part.content for part in parts)


@pytest.mark.parametrize("title", NASTY)
def test_a_title_stays_text(title: str) -> None:
    assert "evil\u202c" not in text_of(f"x {escape(title)} x")


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_what_is_read_is_what_was_written(title: str) -> None:
    escaped = escape(title)
    assert "\n" not in escaped
    read = text_of(f"x{escaped}x")[1:-1]
    lost = {"Cc", "Cf", "Zl", "Zp"}
    words = (
        " " if unicodedata.category(c) in lost and c not in "\u200c\u200d" else c
        for c in title
    )
    assert read.split() == "".join(words).split()


def left(title: str) -> LeftOutDocument:
    named = TitleDocument(kind="film", title=title, year=None, ids={"imdb": "tt1"})
    return LeftOutDocument(title=named, plays=2, reason="none of its ids leads to TMDB")


def report(titles: list[str], *, is_clean: bool = True) -> ReportDocument:
    key = KeyDocument(media="TV_1", season=1, episode=2)
    show = TitleDocument(kind="show", title=titles[0], year=2010, ids={})
    season = SeasonDocument(season=1, watched=9, writes=1, saved=8, reason="all")
    balance = BalanceDocument(read=1234, written=1200, unmatched=34, repeats=5)
    operation = OperationDocument(
        id="x", action="add", key=key, watched_at=WHEN, progress=100, reason=""
    )
    return ReportDocument(
        command="migrate",
        exit_code=0,
        profile="prf_1",
        run=7,
        receipt=ReceiptDocument(
            source="Trakt",
            is_whole=True,
            plays=1234,
            repeats=0,
            pages=5,
            requests=9,
            walks=1,
            announced=None,
            missing=(),
            doubts=(),
            notes=(),
        ),
        balance=balance,
        writes=90,
        saved=1110,
        titles=(TitleReport(title=show, balance=balance, seasons=(season,)),),
        unmatched=tuple(left(title) for title in titles),
        unsupported=(),
        quarantined=(QuarantinedDocument(where="id 5", reason="no date"),),
        failed=(FailedDocument(operation=operation, outcome="rejected", detail=""),),
        verification=VerificationDocument(
            is_clean=is_clean,
            entries=3,
            missing=() if is_clean else (key,),
            doubled=(),
            unexpected=(),
        ),
        files=(),
        source_state={},
        target_state={},
        operations=(),
    )


def test_the_report_holds_the_balance_and_what_stayed_behind() -> None:
    text = render(report(["Heat"]), WHEN)
    assert "migrate, run 7, 2026-11-20 21:05 UTC" in text
    assert "| 1,200 | written |" in text
    assert "| Heat \\(2010\\) | 1,234 | 1 | 8 |" in text
    assert "| Heat | 2 | none of its ids leads to TMDB | imdb tt1 |" in text
    assert "- TV\\_1 S01E02: rejected" in text
    assert "verified: everything is in its place" in text
    missing = render(report(["Heat"], is_clean=False), WHEN)
    assert "not everything is in its place (1 missing)" in missing


def test_no_title_breaks_a_table() -> None:
    text = render(report(NASTY), WHEN)
    tokens = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(text)
    kinds = {token.type for token in tokens}
    inline = {part.type for token in tokens for part in token.children or []}
    assert not kinds & {"html_block", "code_block", "hr"}
    assert inline <= {"text", "text_special", "softbreak"}
    assert sum(token.type == "tr_open" for token in tokens) == len(NASTY) + 6


def test_a_long_list_is_cut_and_says_so() -> None:
    text = render(report(["Heat"] * (MOST_LINES + 3)), WHEN)
    assert text.count("| Heat | 2 |") == MOST_LINES
    assert "And 3 more." in text

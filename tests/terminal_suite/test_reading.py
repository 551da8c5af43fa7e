"""Plans and ends are made to be read: short, unbroken, and a screen at a time."""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from sync.cli.commands.status import StatusView
from sync.cli.pager import show_paged
from sync.cli.runner import Output
from sync.cli.view.end import show_report
from sync.cli.view.lines import say
from sync.cli.view.plan import show_plan
from sync.cli.view.reasons import kind_of
from sync.cli.view.texts import glue
from sync.documents.status import DatabaseDocument, StatusDocument
from sync.domain.collapse import NO_AIR_DATES
from sync.domain.plan import SeasonNote
from tests.factories import T0
from tests.strangers_suite.one_run import one_run
from tests.terminal_suite.reports import context, draw, renamed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sync.pipeline.result import Report

LONG = "A title of quite some length that goes on for much longer than a column"
FOLDER = "/home/somebody/My downloads of 2026/a-folder-with-a-rather-long-name"


def drawn(report: Report, columns: int, **options: Any) -> tuple[str, str]:
    given = context(**options)
    plan = draw(lambda c: show_plan(c, report, given), columns)
    return plan, draw(lambda c: show_report(c, report, given, "next"), columns)


@pytest.mark.parametrize("name", ["Dark", LONG, f"{LONG}. {LONG}"[:78]])
@pytest.mark.parametrize("is_verbose", [False, True])
@pytest.mark.parametrize("columns", [60, 80])
def test_no_word_is_broken_and_nothing_is_cut(
    columns: int, name: str, *, is_verbose: bool
) -> None:
    report = renamed(one_run(12), name)
    options = {"is_verbose": is_verbose, "profile": "Somebody"}
    narrow, wide = (drawn(report, width, **options) for width in (columns, 2000))
    for text, unbroken in zip(narrow, wide, strict=True):
        # Only spaces and line ends differ from what a screen without end would show.
        assert text.split() == unbroken.split()
        assert max(map(cell_len, text.splitlines())) <= columns


@pytest.mark.parametrize("columns", [60, 80])
def test_paths_are_whole_wherever_they_stand(columns: int) -> None:
    path = f"{FOLDER}/state.sqlite3"
    document = StatusDocument(
        at=T0,
        wanted=None,
        profile=None,
        profiles=(),
        logins=(),
        database=DatabaseDocument(kind="sqlite", place=path, software="SQLite 3"),
    )
    lines = list(StatusView(context(), document).fitting_lines())

    def show(console: Console) -> None:
        for line in lines:
            say(console, line.strip(), indent=len(line) - len(line.strip()), hang=15)

    text = draw(show, columns)
    assert path in text
    others = [line for line in text.splitlines() if path not in line]
    assert max(map(cell_len, others)) <= columns
    said = draw(lambda c: say(c, f"The report is in {glue(path)} (9 kB)."), columns)
    assert path in said
    address = f"https://example.test/{'a' * columns}"
    assert address in draw(lambda c: say(c, f"See {address} for more."), columns)


words = st.lists(
    st.text("abcxyz-:,.", min_size=1, max_size=18) | st.just(FOLDER.replace(" ", "-")),
    max_size=30,
)


@given(words, st.integers(24, 90), st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=40)
def test_lines_are_broken_between_words_alone(
    parts: list[str], columns: int, indent: int, hang: int
) -> None:
    text = " ".join(parts)
    shown = draw(lambda c: say(c, text, indent=indent, hang=hang), columns)
    assert shown.split() == parts


def seasons_of(report: Report, reason: str) -> Report:
    """Return the report with that reason for every season, and writes for all."""
    notes = tuple(
        SeasonNote(note.season, note.watched, 2, 0, reason)
        for note in report.prepared.plan.seasons
    )
    plan = replace(report.prepared.plan, seasons=notes)
    return replace(report, prepared=replace(report.prepared, plan=plan))


def test_a_reason_of_many_shows_is_said_once_with_their_number() -> None:
    report = seasons_of(one_run(31), "S01E07 and 2 more were never watched")
    report = replace(report, outlook=None)
    plan, _ = drawn(report, 80)
    assert plan.count("never watched") == 1
    assert "31 shows: some episodes were never watched" in plan
    assert "and 23 more (-v names them)" in " ".join(plan.split())
    full, _ = drawn(report, 80, is_verbose=True)
    assert full.count("S01E07 and 2 more were never watched") == 31
    plan, _ = drawn(replace(seasons_of(one_run(31), NO_AIR_DATES), outlook=None), 80)
    assert "31 shows: no air dates\n" in plan


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (NO_AIR_DATES, "no air dates"),
        ("watched on unknown dates: nothing is collapsed", "watched on unknown dates"),
        ("S03E05 was never watched", "some episodes were never watched"),
        ("S03E11 and 11 more were never watched", "some episodes were never watched"),
        ("kept apart: S03E09 has no air date", "an episode has no air date"),
        (
            "kept apart: S02E01 airs within 36 h of the last watch",
            "an episode airs within 36 h of the last watch",
        ),
        (
            "all 10 watched; last one 2025-03-21; on its own: S02E10",
            "one entry for the season, and some episodes on their own",
        ),
        ("season defaults are off", "season defaults are off"),
        ("something new", "something new"),
    ],
)
def test_reasons_of_one_kind_are_one(reason: str, kind: str) -> None:
    assert kind_of(reason) == kind


def test_quiet_is_short() -> None:
    report = one_run(12)
    for text, loud in zip(
        drawn(report, 80, is_quiet=True), drawn(report, 80), strict=True
    ):
        assert "72 plays" not in text  # with what cannot be read they are 96
        assert "96 plays read from Trakt" in text
        assert len(text.splitlines()) <= 24 < len(loud.splitlines())
        assert "Film 1 " not in text
    plan, _ = drawn(report, 80, is_quiet=True)
    assert "To write: " in plan


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Yield a pseudo-terminal of 20 lines that stdin is on too."""
    fcntl = pytest.importorskip("fcntl")
    termios = pytest.importorskip("termios")
    leader, follower = os.openpty()
    size = struct.pack("HHHH", 20, 80, 0, 0)
    fcntl.ioctl(follower, termios.TIOCSWINSZ, size)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    yield follower
    os.close(leader)
    os.close(follower)


def paged(terminal: int, lines: int, seen: Path) -> str:
    """Show so many lines; return what the pager got."""
    with open(terminal, "w", encoding="utf-8", closefd=False) as stream:
        console = Console(file=stream, force_terminal=True, width=80)

        def show(to: Console) -> None:
            for number in range(lines):
                say(to, f"line {number}", style="bold")

        asyncio.run(show_paged(console, show))
    return seen.read_text(encoding="utf-8") if seen.exists() else ""


def test_what_is_longer_than_the_terminal_goes_through_the_pager(
    terminal: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A pager that keeps all it is given, and shows nothing.
    seen, pager = tmp_path / "seen", tmp_path / "pager"
    pager.write_text(f'#!/bin/sh\nexec cat > "{seen}"\n')
    pager.chmod(0o755)
    monkeypatch.setenv("PAGER", str(pager))
    assert paged(terminal, 12, seen) == ""
    text = paged(terminal, 50, seen)
    assert text.splitlines() == [f"line {number}" for number in range(50)]
    seen.unlink()
    for nothing in ("", "cat", "no-such-pager", '"'):
        monkeypatch.setenv("PAGER", nothing)
        assert paged(terminal, 15, seen) == ""
    monkeypatch.setenv("PAGER", str(pager))
    monkeypatch.setenv("TERM", "dumb")
    assert paged(terminal, 15, seen) == ""


@pytest.mark.parametrize("option", ["as_json", "is_quiet"])
def test_nothing_is_paged_with_json_or_quiet(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("sync.cli.pager.show_paged", asked.append)
    document = DatabaseDocument(kind="sqlite", place="x")
    output = Output(context(**{option: True}))
    asyncio.run(output.emit_long(document, partial(say, text="all of it")))
    assert not asked
    assert capsys.readouterr().out


def test_a_pipe_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAGER", "false")
    output = Output(context())
    show = partial(say, text="word " * 2000)
    asyncio.run(output.emit_long(DatabaseDocument(kind="x", place="x"), show))
    assert capsys.readouterr().out.split() == ["word"] * 2000

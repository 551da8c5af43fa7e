"""The program from outside: options, exit codes, what goes to stdout and to stderr."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydantic import TypeAdapter

from sync import api
from sync.cli.app import app
from sync.config import Settings
from sync.documents.base import ErrorDocument, ProfilesDocument
from sync.documents.left_out import UnmatchedDocument
from sync.documents.report import (
    ReportDocument,
    UndoDocument,
)
from sync.events import Event, Warned
from sync.sandbox.account.sample import sample_account
from sync.sandbox.rehearsal import open_sandbox
from sync.sandbox.trakt.export import write_export
from tests.export_builders import make_file, make_plays

DOCUMENTS: dict[str, Any] = {
    "report": ReportDocument,
    "profiles": ProfilesDocument,
    "undo": UndoDocument,
    "unmatched": UnmatchedDocument,
    "error": ErrorDocument,
}


def run(*args: str) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def document(result: Result) -> Any:
    name = json.loads(result.stdout)["format"].partition("/")[2]
    return TypeAdapter(DOCUMENTS[name]).validate_json(result.stdout)


def test_a_sandbox_run_ends_verified_and_a_second_one_sends_no_write() -> None:
    first = run("--sandbox", "migrate", "--yes")
    assert first.exit_code == 0, first.output
    assert "verified: everything is in its place" in first.stdout
    second = run("--sandbox", "--json", "migrate", "--yes")
    assert second.exit_code == 0
    report = document(second)
    assert report.writes == 0
    assert report.run is None
    assert report.verification.is_clean


def test_the_report_says_what_season_defaults_saved() -> None:
    report = document(run("--sandbox", "--json", "plan"))
    shows = [part for part in report.titles if part.seasons]
    assert report.saved == sum(s.saved for part in shows for s in part.seasons)
    assert report.saved > 500
    assert all(season.reason for part in shows for season in part.seasons)


def test_the_balance_is_even_in_total_and_per_title() -> None:
    report = document(run("--sandbox", "--json", "migrate", "--yes"))
    for part in (report.balance, *(title.balance for title in report.titles)):
        columns = part.model_dump(exclude={"read", "repeats"})
        assert part.read == sum(columns.values())
    assert report.balance.read == sum(title.balance.read for title in report.titles)
    assert report.balance.unmatched == sum(left.plays for left in report.unmatched)
    assert report.balance.unsupported == sum(left.plays for left in report.unsupported)


def test_the_resume_points_are_in_the_document() -> None:
    plan = document(run("--sandbox", "--json", "plan")).playback
    assert plan.planned
    assert (plan.written, plan.failed, plan.seen, plan.error) == ((), (), None, None)
    assert all(point.media and not point.reason for point in plan.planned)
    assert all(point.reason and not point.media for point in plan.left)
    done = document(run("--sandbox", "--json", "migrate", "--yes")).playback
    assert done.written == plan.planned
    assert done.left == plan.left
    assert (done.planned, done.seen) == ((), len(done.written))
    assert document(run("--sandbox", "--json", "verify")).playback is None


def test_an_unreadable_record_has_a_column_of_its_own(tmp_path: Path) -> None:
    page = make_plays(3)
    page[1]["watched_at"] = "yesterday"
    path = make_file(tmp_path / "watched-history.json", page)
    read = ("plan", "--accept-incomplete", "--from-file", str(path))
    report = document(run("--sandbox", "--json", *read))
    balance = report.balance.model_dump(exclude={"read", "repeats"})
    assert balance == balance | {"written": 2, "unreadable": 1, "unmatched": 0}
    assert sum(balance.values()) == report.balance.read == 3
    assert len(report.quarantined) == 1
    assert report.exit_code == 0
    assert run("--sandbox", *read, "--strict").exit_code == 4
    text = run("--sandbox", *read).stdout
    assert re.search(r"^ +1 +unreadable *$", text, flags=re.MULTILINE)


def test_the_number_that_undo_takes_is_in_the_documents() -> None:
    first = document(run("--sandbox", "--json", "migrate", "--yes"))
    assert first.run is not None
    undone = document(run("--sandbox", "--json", "undo", str(first.run), "--yes"))
    assert undone.run == first.run
    assert undone.removed
    assert document(run("--sandbox", "--json", "report")).run == first.run


def test_what_looks_back_finds_the_last_rehearsal(tmp_path: Path) -> None:
    """Of the sample and of a person's own file there is one rehearsal each."""
    page = make_plays(2)
    del page[0]["movie"]["ids"]["tmdb"]
    page[0]["movie"]["title"] = "Nowhere to be found"
    path = make_file(tmp_path / "watched-history.json", page)
    own = ("migrate", "--yes", "--accept-incomplete", "--from-file", str(path))
    assert run("--sandbox", "migrate", "--yes").exit_code == 0
    assert run("--sandbox", *own).exit_code == 0
    assert "Nowhere to be found" in run("--sandbox", "unmatched").stdout
    assert document(run("--sandbox", "--json", "report")).balance.read == 2
    assert document(run("--sandbox", "--json", "undo", "--yes")).removed == 1
    assert run("--sandbox", "migrate", "--yes").exit_code == 0
    assert "Nowhere to be found" not in run("--sandbox", "unmatched").stdout
    assert document(run("--sandbox", "--json", "undo", "--yes")).removed > 1


def test_the_export_and_the_api_give_the_same_plan(tmp_path: Path) -> None:
    settings = {"TRAKT2DISCOVR_HISTORY__COLLAPSE": "off"}
    runner = CliRunner()
    by_api = runner.invoke(
        app, ["--sandbox", "--json", "plan"], env=settings, catch_exceptions=False
    )
    path = tmp_path / "trakt-export-me.zip"
    write_export(sample_account(), path)
    by_file = runner.invoke(
        app,
        ["--sandbox", "--json", "plan", "--from-file", str(path)],
        env=settings,
        catch_exceptions=False,
    )
    one, other = document(by_api), document(by_file)
    assert one.source_state == other.source_state
    assert one.balance.read == other.balance.read


def test_a_dry_run_writes_nothing_but_public_air_dates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    result = run("--sandbox", "migrate", "--dry-run")
    assert result.exit_code == 0
    assert "to be written" in result.stdout
    files = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert [name for name in files if "sqlite" in name] == ["state.sqlite3"]
    status = run("--sandbox", "status")
    assert status.exit_code == 0
    assert "migrate" in status.stdout
    after = document(run("--sandbox", "--json", "plan"))
    assert after.writes > 0
    assert (
        after.target_state == document(run("--sandbox", "--json", "plan")).target_state
    )


def test_without_a_terminal_a_write_needs_yes() -> None:
    result = run("--sandbox", "migrate")
    assert result.exit_code == 2
    assert "--yes" in result.stderr


def test_strict_makes_specials_and_unmatched_titles_count() -> None:
    assert run("--sandbox", "migrate", "--yes", "--strict").exit_code == 4


def test_the_plan_file_is_the_document_of_the_plan(tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    result = run("--sandbox", "--json", "plan", "--out", str(out))
    assert result.exit_code == 0
    assert out.read_text(encoding="utf-8") == result.stdout
    assert document(result).operations


def test_the_library_writes_the_file_that_the_command_writes(tmp_path: Path) -> None:
    typed, called = tmp_path / "typed.json", tmp_path / "called.json"
    file, heard = tmp_path / "history.json", list[Event]()
    make_file(file, make_plays(12))
    result = run("--sandbox", "plan", "--out", str(typed), str(file))
    assert result.exit_code == 0, result.stderr

    async def call() -> None:
        async with open_sandbox(Settings(), is_rehearsal=True) as settings:
            await api.plan(settings, out=called, files=[file], on_event=heard.append)

    asyncio.run(call())
    written, expected = (json.loads(f.read_bytes()) for f in (called, typed))
    # What was typed is of no use to a program, and time has gone by.
    for one in (written, expected):
        del one["next"], one["rehearses"], one["cost"]
    assert written == expected
    assert written["operations"]
    assert written["warnings"] == [e.message for e in heard if isinstance(e, Warned)]


def test_verify_names_what_is_missing_and_exits_4() -> None:
    before = run("--sandbox", "--json", "verify")
    assert before.exit_code == 4
    assert document(before).verification.missing
    assert run("--sandbox", "migrate", "--yes").exit_code == 0
    after = run("--sandbox", "--json", "verify")
    assert after.exit_code == 0
    assert document(after).verification.is_clean


def test_profiles_are_listed_with_their_ids() -> None:
    result = run("--sandbox", "profiles")
    assert result.exit_code == 0
    assert [line.split()[-1] for line in result.stdout.splitlines()] == ["Kids", "Me"]
    assert len(document(run("--sandbox", "--json", "profiles")).profiles) == 2


def test_unmatched_lists_what_the_last_run_left_out(tmp_path: Path) -> None:
    early = run("--sandbox", "unmatched")
    assert early.exit_code == 2
    assert "migrate" in early.stderr
    run("--sandbox", "migrate", "--yes")
    out = tmp_path / "unmatched.csv"
    result = run("--sandbox", "unmatched", "--out", str(out))
    assert result.exit_code == 0
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    listed = document(run("--sandbox", "--json", "unmatched"))
    assert len(rows) == len(listed.unmatched) + len(listed.unsupported)
    assert {row["title"] for row in rows} >= {t.title.title for t in listed.unmatched}


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["migrate", "--yes"], 2, "client_id is not set"),
        (["migrate", "--yes", "--from-file", "nowhere.zip"], 2, "nowhere.zip"),
        (["-c", "nowhere.toml", "plan"], 2, "nowhere.toml"),
        (["verify", "--no-such-option"], 2, "No such option"),
        (["-v", "-q", "plan"], 2, "contradict"),
        (["profiles"], 3, "login discovr"),
    ],
)
def test_bad_input_gets_a_sentence_a_remedy_and_its_exit_code(
    args: list[str], code: int, words: str
) -> None:
    result = run(*args)
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_an_error_is_a_document_with_json() -> None:
    result = run("--json", "migrate", "--yes")
    error = document(result)
    assert error.exit_code == result.exit_code == 2
    assert error.remedy in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    "args",
    [
        ["--json"],
        ["--json", "--no-such-option"],
        ["--json", "no-such-command"],
        ["--json", "-v", "-q", "plan"],
        ["--json", "verify", "--no-such-option"],
        ["--json", "undo", "three"],
        ["--json", "apply"],
        ["--json", "--sandbox", "migrate"],  # no terminal to ask on
    ],
    ids=" ".join,
)
def test_a_usage_error_is_one_document_too(args: list[str]) -> None:
    result = run(*args)
    assert result.exit_code == 2
    error = document(result)
    assert isinstance(error, ErrorDocument)
    assert error.exit_code == 2
    assert "\n" not in error.message
    assert "--help" in error.remedy
    assert "Usage: " in result.stderr
    assert run(*args[1:]).stdout == ""


def test_every_command_has_help_with_an_example() -> None:
    for name in app.commands:
        result = run(name, "--help")
        assert result.exit_code == 0
        assert "Example: trakt2discovr" in result.stdout


@pytest.mark.parametrize("program", [["-m", "sync"]])
def test_it_runs_as_a_module_and_help_imports_nothing_heavy(
    program: list[str], tmp_path: Path
) -> None:
    heavy = ("aiohttp", "sqlalchemy", "pydantic", "rich", "asyncio")
    found = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-X", "importtime", *program, "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"HOME": str(tmp_path)},
    )
    assert "migrate" in found.stdout
    names = {line.rpartition("|")[2].strip() for line in found.stderr.splitlines()}
    assert not names & set(heavy)


def test_importing_the_library_is_cheap_and_its_face_is_whole() -> None:
    code = (
        "import sys, sync; heavy = {'aiohttp', 'sqlalchemy', 'pydantic'};"
        "assert not heavy & set(sys.modules); "
        "print([getattr(sync, name) for name in sync.__all__])"
    )
    found = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert "migrate" in found.stdout

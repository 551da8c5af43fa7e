"""``restore`` as it is typed: what it shows, its document and its exit codes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydantic import TypeAdapter

from sync.cli.app import app
from sync.config import load_settings
from sync.documents.copy import CopyDocument, RestoreDocument
from sync.documents.report import KeptCopyDocument
from sync.domain.plays import Key
from sync.pipeline.copy_file import Copy, write_copy
from sync.report.markdown import render
from sync.sandbox.running import Sandbox
from tests.clocks import hasty_system_clock
from tests.report_suite.builders import report
from tests.restore_suite.copies import as_listed

AT = datetime(2026, 11, 15, 12, tzinfo=UTC)


def run(*args: str) -> Result:
    with hasty_system_clock():
        return CliRunner().invoke(app, ["--sandbox", *args])


def document(kind: Any, *args: str) -> Any:
    return TypeAdapter(kind).validate_json(run("--json", *args).stdout)


def folder() -> Path:
    return load_settings().state.tokens.parent / "sandbox"


def lose(count: int) -> tuple[Path, list[Key]]:
    """Let the person of the sandbox lose entries; return a copy of before, and them."""
    folder().mkdir(parents=True)
    discovr = Sandbox(store_dir=folder()).discovr
    entries = as_listed(discovr.entries())
    profile = discovr.profiles[0].id
    at, service = AT, "http://127.0.0.1"
    copy = Copy(at, service, profile, "Me", "migrate", entries)
    for entry in entries[:count]:
        discovr.person_removes(entry.key)
    return write_copy(folder() / "given", copy), [e.key for e in entries[:count]]


def test_from_a_look_to_what_was_lost_and_to_the_copy_of_before_it() -> None:
    copy, lost = lose(3)
    look = run("restore", str(copy), "--dry-run")
    assert look.exit_code == 0
    assert "Missing: 3 entries" in look.stdout
    assert all(str(key) in look.stdout for key in lost)
    assert f"Next: trakt2discovr --sandbox restore {copy}" in look.stdout

    refused = run("restore", str(copy))
    assert refused.exit_code == 2
    assert "restore --dry-run" in refused.stderr

    back = document(RestoreDocument, "restore", str(copy), "--yes")
    assert (back.restored, back.exit_code) == (3, 0)
    assert {Key(e.media, e.season, e.episode) for e in back.missing} == {*lost}
    kept = CopyDocument.model_validate_json(Path(back.kept_copy.path).read_bytes())
    assert len(kept.entries) == back.kept_copy.entries

    again = run("restore", str(copy), "--yes")
    assert again.exit_code == 0
    assert "Nothing is missing." in again.stdout
    state = run("status").stdout
    assert "3 of 3 entries are back" in state
    assert f"restore --dry-run {back.kept_copy.path}" in state


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (None, 2, "cannot be read"),
        ("{}", 2, "no copy of a profile"),
        ('{"format": "trakt2discovr/copy", "version": 9}', 2, "newer version"),
    ],
)
def test_what_is_no_copy_ends_in_words(
    text: str | None, code: int, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "copy.json"
    if text is not None:
        file.write_text(text)
    result = run("restore", str(file), "--yes")
    assert result.exit_code == code
    assert words in result.stderr
    said = json.loads(run("--json", "restore", str(file), "--yes").stdout)
    assert said["exit_code"] == code


def test_the_copy_of_another_profile_is_a_guard_and_names_the_option(
    tmp_path: Path,
) -> None:
    file = tmp_path / "copy.json"
    head = {"format": "trakt2discovr/copy", "version": 1, "command": "migrate"}
    head |= {"at": "2026-11-15T12:00:00Z", "service": "https://api.discovr.media"}
    copy = {
        **head,
        "profile": {"id": "prf_x"},
        "entries": [
            {"media": "MV_5", "progress": 100, "updated_at": "2026-11-01T12:00:00Z"}
        ],
    }
    file.write_text(json.dumps(copy))
    result = run("restore", str(file), "--yes")
    assert result.exit_code == 5
    assert "--other-profile" in result.stderr
    back = document(RestoreDocument, "restore", str(file), "--yes", "--other-profile")
    assert back.restored == 1


def test_a_report_names_the_copy_and_no_folder() -> None:
    kept = KeptCopyDocument(path="/home/me/copies/a.json", at=AT, entries=1)
    text = render(report(kept_copy=kept), AT)
    assert "is kept: a" in text
    assert "home" not in text

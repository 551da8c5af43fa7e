"""What leaves the program: to a terminal, to a file, to a line of its own."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from sync.cli.app import app
from sync.cli.view.texts import title
from sync.documents.base import ErrorDocument, to_json
from sync.domain.plays import Ids, Kind, Title
from tests.commands import every_command
from tests.long import examples

if TYPE_CHECKING:
    from pathlib import Path

texts = st.one_of(
    st.text(st.characters(codec="utf-8")),
    st.text("\x00\x1b\x7f\x85\x9b\u202e\u2066\u2028\ufeff\U000e0001\n\r\tA\U0001f3ac"),
)


@examples(100, 200, 3_000)
@given(texts)
@example("\x9b31m\u202e\x7f\u2028")
def test_json_reads_back_and_cannot_command_a_terminal(text: str) -> None:
    document = ErrorDocument(error="E", message=text, remedy=text, exit_code=2)
    printed = to_json(document)
    assert json.loads(printed)["message"] == text
    assert all(c.isprintable() or c in "\n\u200c\u200d" for c in printed)
    assert len(printed.splitlines()) == len(to_json(_plain(document)).splitlines())


def _plain(document: ErrorDocument) -> ErrorDocument:
    return document.model_copy(update={"message": "", "remedy": ""})


@examples(100, 200, 3_000)
@given(texts)
def test_a_title_stays_on_its_line(text: str) -> None:
    of = Title(Kind.FILM, text, 2001, Ids())
    assert len(of.label.splitlines()) == 1
    assert len(title(text).splitlines()) <= 1
    console = Console(width=10_000, no_color=True)
    with console.capture() as captured:
        console.print(title(of.label), markup=False, soft_wrap=True)
    assert captured.get().count("\n") == 1


def run(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


#: Of a server that is not there, with a password.
DATABASE = "postgresql://me:made-up@127.0.0.1:1/fleet"


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
@pytest.mark.parametrize("before", [None, 0o666])
def test_a_plan_file_is_the_owners_alone(tmp_path: Path, before: int | None) -> None:
    path = tmp_path / "plan.json"
    if before is not None:
        path.write_text("{}", encoding="utf-8")
        path.chmod(before)
    old = os.umask(0)
    try:
        result = run("--sandbox", "plan", "--out", str(path))
    finally:
        os.umask(old)
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    applied = run("--sandbox", "apply", str(path), "--yes")
    assert applied.exit_code == 0, applied.output


def test_a_plan_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    result = run("--sandbox", "plan", "--out", str(tmp_path / "no" / "plan.json"))
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


COMMANDS = (
    ("plan",),
    ("migrate", "--yes"),
    ("sync", "--yes"),
    ("verify",),
    ("status",),
    ("unmatched",),
    ("profiles",),
    ("report",),
    ("doctor",),
)


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_config_that_others_can_read_is_said_once(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[tmdb]\napi_key = "made-up"\n', encoding="utf-8")
    path.chmod(0o644)
    remedy = f"chmod 600 {path}"
    said = run("-c", str(path), "--sandbox", *command)
    assert said.output.replace("\n", " ").count(remedy) == 1
    assert "[tmdb] api_key" in said.output
    assert "made-up" not in said.output
    path.chmod(0o600)
    assert remedy not in run("-c", str(path), "--sandbox", *command).output


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
def test_every_command_that_reads_such_a_config_says_so_once(tmp_path: Path) -> None:
    path, named = tmp_path / "config.toml", tmp_path / "named.json"
    assert run("--sandbox", "plan", "--out", str(named)).exit_code == 0
    plan = named.read_text(encoding="utf-8")
    for words in every_command(tmp_path):
        if words in (["completion", "bash"], ["fleet", "demo"]):
            continue  # they read none
        is_real = words[0] in {"fleet", "notify", "setup"}
        table = "profile,source,every\nMe,,1h\n"
        named.write_text(table if words[0] == "fleet" else plan, encoding="utf-8")
        path.write_text(f'[fleet]\nurl = "{DATABASE}"\n', encoding="utf-8")
        path.chmod(0o644)
        rehearsed = [] if is_real else ["--sandbox"]
        done = run("-c", str(path), *rehearsed, *words)
        said = " ".join(done.output.split())
        assert said.count(f"chmod 600 {path}") == 1, (words, said)
        if words != ["doctor"]:  # which names what the stand-ins brought
            assert said.count("([fleet] url)") == 1, (words, said)
        assert "made-up" not in said


def test_a_config_without_secrets_may_be_read_by_others(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[history]\ncollapse = "off"\n', encoding="utf-8")
    path.chmod(0o644)
    assert "chmod" not in run("-c", str(path), "--sandbox", "plan").output

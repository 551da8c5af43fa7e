"""Files of any name: commands that are printed work, and what is written reads back."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from sync.cli.app import app
from sync.runtime.shell import join, quote
from tests.export_builders import make_file, make_plays
from tests.long import examples

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [
    "plain.zip",
    "two words.zip",
    "it's.zip",
    "$HOME `x` \\033.zip",
    "a\nb\\'c.zip",
    "\x1b[31mred\x07.zip",
    "\u202egpj.zip",
    "\x9b2J\x7f.zip",
    "caf\N{LATIN SMALL LETTER E WITH ACUTE}\xa0\N{ZERO WIDTH SPACE}9.zip",
    os.fsdecode(b"latin-\xe9\xff1.zip"),
    "",
]


def test_a_shell_reads_the_very_names() -> None:
    line = f"printf '%s\\0' {join(NAMES)}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)  # noqa: S603, S607  # our own words
    assert done.stdout.split(b"\0")[:-1] == [os.fsencode(name) for name in NAMES]


@examples(100, 200, 3_000)
@given(st.text(max_size=8))
def test_nothing_in_a_command_commands_a_terminal(word: str) -> None:
    assert quote(word).isprintable()
    if word.isprintable():
        assert quote(word) == shlex.quote(word)


@pytest.mark.parametrize(
    "name", [os.fsdecode(b"a\xff b.json"), "\x1b[31m\nx\u202e\x9b.json"], ids=ascii
)
def test_a_file_of_any_name_is_planned_applied_and_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    file, plan = make_file(tmp_path / name, make_plays(2)), tmp_path / "plan.json"
    words = [["plan", "--out", plan, "--from-file", file], ["apply", "--yes", plan]]
    words.append(["--json", "status"])
    for command in words:
        done = CliRunner().invoke(app, ["--sandbox", *map(str, command)])
        assert done.exit_code == 0, done.output
        assert all(c.isprintable() or c == "\n" for c in done.output)
    (kept,) = json.loads(plan.read_text())["files"]
    assert kept == str(file)

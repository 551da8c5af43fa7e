"""Shell completion as real shells do it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sync.cli.app import app

ROOT = Path(__file__).parents[2]
#: What bash does when Tab is pressed, without a terminal.
_BASH = """
source <(trakt2discovr completion bash)
COMP_WORDS=({words}) COMP_CWORD={place}
compopt() {{ COMPREPLY+=("$@"); }}
$(complete -p trakt2discovr | sed 's/.*-F \\([^ ]*\\).*/\\1/') trakt2discovr
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
_ZSH = """
autoload -U compinit; compinit -D -u
source <(trakt2discovr completion zsh)
[[ -n ${_comps[trakt2discovr]} ]] && print registered
"""
_FISH = """
trakt2discovr completion fish | source
complete --do-complete 'trakt2discovr mig'
"""


@pytest.fixture
def shell_env(tmp_path: Path) -> dict[str, str]:
    """An environment in which the program is on the path."""
    program = tmp_path / "bin" / "trakt2discovr"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sync "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    return {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}


def run(shell: str, script: str, env: dict[str, str]) -> list[str]:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    found = subprocess.run(  # noqa: S603  # our own script
        [program, "-c", script],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert found.stderr == ""
    return found.stdout.split()


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("trakt2discovr mig", ["migrate"]),
        ("trakt2discovr --sandbox migrate --from", ["--from-file"]),
        ("trakt2discovr migrate --from-file ''", ["-o", "default"]),
        ("trakt2discovr apply ''", ["-o", "default"]),
        ("trakt2discovr login ''", ["trakt", "discovr"]),
        ("trakt2discovr completion f", ["fish"]),
    ],
)
def test_bash_completes_commands_options_choices_and_files(
    words: str, completed: list[str], shell_env: dict[str, str]
) -> None:
    place = len(words.split()) - 1
    assert run("bash", _BASH.format(words=words, place=place), shell_env) == completed


def test_zsh_takes_the_script(shell_env: dict[str, str]) -> None:
    assert run("zsh", _ZSH, shell_env) == ["registered"]


def test_fish_completes_commands(shell_env: dict[str, str]) -> None:
    assert "migrate" in run("fish", _FISH, shell_env)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_all_that_stdout_gets(shell: str) -> None:
    result = CliRunner().invoke(app, ["completion", shell])
    assert result.exit_code == 0
    assert "_TRAKT2DISCOVR_COMPLETE" in result.stdout
    assert result.stderr == ""

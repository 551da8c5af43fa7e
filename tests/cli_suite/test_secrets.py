"""No secret in any output, log, report, plan file, state or process argument."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sync.cli.app import app
from sync.sandbox.server.credentials import Credentials

if TYPE_CHECKING:
    from pathlib import Path

#: The token store is where secrets belong; the journals are the stand-ins' own.
STORES = ("tokens.json", "discovr.jsonl", "trakt-tokens.jsonl")


def secrets() -> list[str]:
    return [value for value in astuple(Credentials()) if len(value) > 20]


@pytest.mark.parametrize(
    "args",
    [
        ["migrate", "--yes"],
        ["sync", "--yes"],
        ["plan", "--out", "plan.json"],
        ["verify"],
        ["profiles"],
        ["unmatched"],
        ["undo", "--yes"],
        ["status"],
        ["doctor"],
    ],
    ids=lambda args: args[0],
)
@pytest.mark.parametrize("form", [["-v"], ["-v", "--json"]], ids=["text", "json"])
def test_no_command_shows_or_keeps_a_secret(
    args: list[str],
    form: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    caplog.set_level("DEBUG")
    runner = CliRunner()
    if args[0] in ("unmatched", "undo", "status"):
        runner.invoke(app, ["--sandbox", "migrate", "--yes"])
    result = runner.invoke(app, ["--sandbox", *form, *args])
    written = {
        path: path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.name not in STORES
    }
    assert result.exit_code in (0, 4), result.output
    assert caplog.text
    for secret in secrets():
        assert secret not in result.output
        assert secret not in caplog.text
        assert not [p for p, held in written.items() if secret.encode() in held]


def test_no_option_takes_a_secret() -> None:
    names = {
        option.name or ""
        for command in (app, *app.commands.values())
        for option in command.params
    }
    secret = ("token", "secret", "api_key", "password")
    assert not [name for name in names if any(word in name for word in secret)]

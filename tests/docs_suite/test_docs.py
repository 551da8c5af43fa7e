"""Nothing lacks in the README; that it can be followed is for tests/docs_suite."""

from __future__ import annotations

import json
import re
from pathlib import Path

from sync.cli.app import app
from sync.cli.runner import Exit
from sync.documents.schema import schema

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_and_exit_code_is_in_the_readme() -> None:
    for name in app.commands:
        assert re.search(rf"`(trakt2discovr )?{name}\b", README)
    for code in Exit:
        assert f"| {code.value} |" in README


def test_ci_runs_exactly_the_test_command_of_the_readme() -> None:
    (command,) = re.findall(r"^sh scripts/check$", README, re.MULTILINE)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert command in script.splitlines()
    assert "sh scripts/safety --part" in script.splitlines()


def test_the_schema_in_the_docs_is_that_of_the_program() -> None:
    text = (ROOT / "docs" / "schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == schema(), "run scripts/schema"

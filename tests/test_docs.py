"""The documentation is under test: its commands run, its files exist, nothing lacks."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from sync.cli.app import app
from sync.cli.runner import Exit
from sync.sandbox.export import write_export
from sync.sandbox.sample import sample_account
from sync.schema import schema

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def shell_lines() -> list[str]:
    lines = (
        line.partition("#")[0] for block in blocks("sh") for line in block.split("\n")
    )
    return [line.strip() for line in lines if line.strip()]


def program_lines() -> list[list[str]]:
    """Return the arguments of every call of the program that the README shows."""
    calls = [line.partition("trakt2discovr ")[2] for line in shell_lines()]
    # Signing in needs a person; tests/login_suite plays one.
    found = [shlex.split(call) for call in calls if call]
    return [args for args in found if args[0] != "login"]


@pytest.mark.parametrize("args", program_lines(), ids=" ".join)
def test_every_command_of_the_readme_runs(
    args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_export(sample_account(), tmp_path / "trakt-export-me.zip")
    runner = CliRunner()

    def run(*call: str) -> int:
        words = [word for word in call if word not in ("--sandbox", "--yes")]
        answer = ["--yes"] if words[0] in ("migrate", "apply", "sync", "undo") else []
        return runner.invoke(app, ["--sandbox", *words, *answer]).exit_code

    if args[-1] == "plan.json" and args[0] == "apply":
        assert run("plan", "--out", "plan.json") == Exit.DONE
    if args[0] in ("verify", "unmatched", "undo", "report"):
        assert run("migrate") == Exit.DONE
    assert run(*args) == Exit.DONE


def test_every_command_and_exit_code_is_in_the_readme() -> None:
    for name in app.commands:
        assert re.search(rf"`(trakt2discovr )?{name}\b", README)
    for code in Exit:
        assert f"| {code.value} |" in README


def test_ci_runs_exactly_the_test_command_of_the_readme() -> None:
    command = next(line for line in shell_lines() if "scripts/check" in line)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert command in script.splitlines()


def test_the_python_example_compiles_and_its_names_exist() -> None:
    (example,) = blocks("python")
    code = compile(example.replace("asyncio.run(main())", ""), "README.md", "exec")
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102  # our own README
    assert callable(names["main"])


def test_the_schema_in_the_docs_is_that_of_the_program() -> None:
    text = (ROOT / "docs" / "schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == schema(), "run scripts/schema"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_the_pages_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings
        else:
            assert (page.parent / target).exists()

"""Floors that follow security releases, versions for CI, and the check of both."""

from __future__ import annotations

import re
import tomllib
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
#: The first versions without a hole that is known to the public (GitHub advisories).
MENDED = {
    "aiohttp": "3.14.3",  # CVE-2026-69243, -69244, -59881; 3.13.3: CVE-2025-69223
    "filelock": "3.20.3",  # CVE-2025-68146, CVE-2026-22701
    "jinja2": "3.1.6",  # CVE-2025-27516
    "pytest": "9.0.3",  # CVE-2025-71176
}


def project() -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads(
        (ROOT / "pyproject.toml").read_text("utf-8")
    )
    return content["project"]  # type: ignore[no-any-return]


def needs() -> dict[str, Requirement]:
    sections = project()
    texts = [*sections["dependencies"]]
    for extra in sections["optional-dependencies"].values():
        texts += extra
    found = {r.name: r for r in map(Requirement, texts)}
    found.pop("trakt2discovr", None)
    return found


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements-ci.txt").read_text("utf-8").splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return dict(pairs)


@pytest.mark.parametrize("name", MENDED)
def test_no_version_with_a_known_hole_is_let_in(name: str) -> None:
    specifier = needs()[name].specifier
    assert specifier.contains(MENDED[name])
    *begin, last = MENDED[name].split(".")
    assert not specifier.contains(".".join([*begin, str(int(last) - 1)]))


def test_what_ci_installs_is_what_the_project_asks_for() -> None:
    versions = locked()
    for name, need in needs().items():
        found = versions.get(name.lower().replace("_", "-"))
        assert found, f"{name} is missing: run scripts/lock"
        assert need.specifier.contains(found), name


def test_the_versions_for_ci_name_no_place() -> None:
    text = (ROOT / "requirements-ci.txt").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) > 40
    assert all(re.fullmatch(r"[a-z0-9.-]+==[A-Za-z0-9.+!]+", line) for line in lines)
    assert "://" not in text
    assert "index-url" not in text


@pytest.fixture
def audit() -> Any:
    loader = SourceFileLoader("audit", str(ROOT / "scripts" / "audit"))
    spec = spec_from_loader("audit", loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


FINE = {"name": "yarl", "version": "1", "vulns": []}
HOLE = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.2"]}
BAD = {"name": "aiohttp", "version": "1", "vulns": [HOLE]}
SKIPPED = {"name": "rich", "skip_reason": "not found"}
OURS = {"name": "trakt2discovr", "skip_reason": "editable"}


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        ([FINE, OURS], 0, "No vulnerability is known in the 1 packages"),
        ([FINE, BAD], 1, "aiohttp 1: PYSEC-1 CVE-1; mended by 1.2."),
        ([FINE, SKIPPED], 3, "Nothing could be found out about: rich."),
        ([BAD, SKIPPED], 1, "rich"),
        ([], 3, "anything"),
    ],
)
def test_the_audit_never_says_fine_of_what_it_does_not_know(
    audit: Any,
    capsys: pytest.CaptureFixture[str],
    found: list[dict[str, Any]],
    code: int,
    said: str,
) -> None:
    assert audit.report(found) == code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("command", [None, "/bin/false"])
def test_an_audit_that_reaches_nobody_says_so(
    audit: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str | None,
) -> None:
    monkeypatch.setattr(audit, "tool", lambda: command)
    monkeypatch.setattr(audit, "PYTHON", Path("/bin/sh"))
    assert audit.main() == 3
    words = capsys.readouterr().out
    assert ("installed" if command is None else "cannot be reached") in words

"""``doctor`` from outside: one finding a line, remedies, exit codes, one document."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from sync.cli.app import app
from sync.documents.doctor import DoctorDocument
from tests.checkup_suite.patients import SECRETS

if TYPE_CHECKING:
    from pathlib import Path

VERDICT = re.compile(r"(ok|warning|problem|not checked) +\S")


def doctor(*options: str, env: dict[str, str] | None = None) -> Result:
    env = {f"TRAKT2DISCOVR_{name}": value for name, value in (env or {}).items()}
    return CliRunner().invoke(app, [*options, "doctor"], env=env)


def test_in_the_sandbox_all_is_well() -> None:
    result = doctor("--sandbox")
    assert result.exit_code == 0, result.output
    *findings, summary = result.stdout.splitlines()
    assert all(VERDICT.match(line) for line in findings)
    assert not [line for line in findings if line.startswith(("warning", "problem"))]
    assert "Requests: " in summary
    assert "6 to Trakt" in summary
    assert "Nothing was written." in summary


def test_the_document_says_the_same() -> None:
    result = doctor("--sandbox", "--json")
    document = DoctorDocument.model_validate_json(result.stdout)
    assert document.exit_code == result.exit_code == 0
    assert document.requests["Trakt"] == 6
    assert {finding.verdict for finding in document.findings} == {"ok", "not checked"}
    assert not [secret for secret in SECRETS if secret in result.output]


def test_a_wrong_config_exits_2_and_is_a_finding_with_its_remedy(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[trakt]\nclientid = "x"\n', encoding="utf-8")
    result = doctor("-c", str(config))
    assert result.exit_code == 2
    first, remedy, *_ = result.stdout.splitlines()
    assert first.startswith("problem ")
    assert "did you mean 'client_id'?" in first
    assert remedy.strip().startswith("-> ")
    missing = doctor("-c", str(tmp_path / "none.toml"))
    assert missing.exit_code == 2
    assert "none.toml" in missing.stdout


def test_plain_http_to_a_foreign_host_is_refused_before_any_request() -> None:
    result = doctor("--json", env={"DISCOVR__API_URL": "http://api.example.org"})
    document = DoctorDocument.model_validate_json(result.stdout)
    assert result.exit_code == 2
    assert "plain http" in document.findings[0].text
    assert document.requests == {}


def closed() -> dict[str, str]:
    """Return settings that lead to a port of this machine where nobody listens."""
    nowhere = "http://127.0.0.1:9"
    return {
        "TRAKT__API_URL": nowhere,
        "TRAKT__AUTH_URL": nowhere,
        "DISCOVR__API_URL": nowhere,
    }


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({"DISCOVR__REFRESH_TOKEN": "rt_x", "DISCOVR__PROFILE": "Me"}, 4),
        ({}, 3),
        ({"STATE__URL": "mysql://host/name"}, 2),
    ],
)
def test_the_exit_code_is_that_of_what_has_to_be_put_right_first(
    env: dict[str, Any], code: int
) -> None:
    result = doctor("--json", env=closed() | env)
    assert result.exit_code == code
    document = json.loads(result.stdout)
    assert document["exit_code"] == code
    problems = [f for f in document["findings"] if f["verdict"] == "problem"]
    assert all(f["remedy"] and f["cause"] for f in problems)

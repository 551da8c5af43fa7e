"""What is missing is said before a person is asked, or told anything else."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from sync.cli.app import app
from sync.cli.commands import report


def test_no_answer_is_asked_for_where_the_key_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def agree(question: str) -> bool:
        pytest.fail(f"asked: {question}")

    monkeypatch.setattr(report, "agree", agree)
    monkeypatch.setattr(report, "require_an_answer", lambda *_, **__: None)
    result = CliRunner().invoke(app, ["report", "--publish", "pharen"])
    assert result.exit_code == 2
    assert "[pharen] api_key is not set" in result.stderr


def test_no_note_on_a_sign_in_that_cannot_be() -> None:
    result = CliRunner().invoke(app, ["login", "trakt"])
    assert result.exit_code == 2
    assert "[trakt] client_id is not set" in result.stderr
    assert "community app" not in result.stderr

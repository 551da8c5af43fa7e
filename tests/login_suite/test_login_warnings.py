"""A login that ends soon is told of by every run, in time and where it is seen."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from connectors.auth.tokens import StoredToken, TokenStore, fingerprint
from sync import api
from sync.cli.app import app
from sync.events import Warned
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.credentials import Credentials
from sync.wiring.bootstrap import build
from tests.worlds import World, world

if TYPE_CHECKING:
    from pathlib import Path

    from sync.events import Event

KEYS = Credentials()


def store_login(place: Path, left: timedelta) -> None:
    """Keep a Discovr login of the stand-in that ends after that time."""
    now = datetime.now(UTC)
    token = StoredToken(
        refresh_token=KEYS.discovr_refresh_token,
        obtained_at=now,
        expires_at=now + left,
        origin=fingerprint(KEYS.discovr_refresh_token),
    )
    TokenStore(place).save("discovr", token)


async def warnings_of(command: str, where: World, **options: Any) -> list[str]:
    events: list[Event] = []
    await getattr(api, command)(where.settings, on_event=events.append, **options)
    return [event.message for event in events if isinstance(event, Warned)]


@pytest.mark.parametrize("command", ["migrate", "plan", "verify", "undo"])
async def test_every_run_warns_in_time_and_only_then(
    command: str, tmp_path: Path
) -> None:
    async with world(synthetic_account(3), tmp_path) as where:
        await where.migrate()
        store_login(where.settings.state.tokens, timedelta(days=3))
        (warning,) = await warnings_of(command, where)
        assert "in 3 days" in warning
        assert "trakt2discovr login discovr" in warning
        store_login(where.settings.state.tokens, timedelta(days=60))
        if command != "undo":  # which has nothing left to take back
            assert await warnings_of(command, where) == []


async def test_whoever_brings_a_target_is_not_asked_for_its_login(
    tmp_path: Path,
) -> None:
    async with world(synthetic_account(3), tmp_path) as where:
        store_login(where.settings.state.tokens, timedelta(days=3))
        async with build(where.settings) as services:
            assert await warnings_of("plan", where, target=services.target) == []


def test_the_warning_is_on_stderr_and_in_the_document_even_when_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    runner = CliRunner()
    runner.invoke(app, ["--sandbox", "plan"])
    (folder,) = tmp_path.rglob("sandbox")
    store_login(folder / "tokens.json", timedelta(days=3))
    result = runner.invoke(app, ["--sandbox", "-q", "--json", "plan"])
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: The Discovr login runs out on ")
    (warning,) = json.loads(result.stdout)["warnings"]
    assert f"Warning: {warning}\n" == result.stderr
    assert KEYS.discovr_refresh_token not in result.output

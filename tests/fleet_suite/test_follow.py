"""``fleet status --follow``: how far a batch is, until it is over."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from click.testing import CliRunner
from rich.console import Console

from sync.cli.app import app
from sync.cli.commands import fleet as commands
from sync.cli.view.batch import Batch
from sync.documents.fleet import FleetStatusDocument
from sync.fleet.profiles import NewProfile

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from sync.fleet.open import Fleet

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HALF = FleetStatusDocument(
    profiles=5,
    in_step=1,
    to_bring_over=2,
    brought_over=2,
    running=2,
    due=2,
    overdue_s=0,
    failing=1,
    paused=0,
    needs_login=1,
    database="fleet",
)
WORDS = "2 running, 1 failing, 1 waiting for a login"


def test_a_bar_on_a_terminal_and_a_line_now_and_then_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    said = {}
    for name, is_terminal in (("terminal", True), ("file", False)):
        console = Console(file=io.StringIO(), force_terminal=is_terminal, width=100)
        console.is_interactive = is_terminal
        with Batch(console, is_quiet=False) as batch:
            for _ in range(3):
                batch.show(HALF)
        assert isinstance(console.file, io.StringIO)
        said[name] = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())
    assert re.search(rf"Brought over .* 2 of 5 {WORDS}", said["terminal"])
    assert said["file"] == f"2 of 5 brought over, {WORDS}.\n"


def test_it_ends_once_all_are_brought_over_that_can_be(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {
        "TRAKT2DISCOVR_FLEET__URL": postgres_url,
        "TRAKT2DISCOVR_FLEET__KEY_FILE": str(tmp_path / "fleet.key"),
        "XDG_DATA_HOME": str(tmp_path),
    }
    assert CliRunner().invoke(app, ["fleet", "init"], env=env).exit_code == 0
    look = commands.fleet_status
    looks: list[FleetStatusDocument] = []

    async def work_meanwhile(fleet: Fleet) -> FleetStatusDocument:
        if not looks:
            new = [NewProfile(n, "trakt", timedelta(hours=6)) for n in ("Me", "You")]
            await fleet.profiles.add(new, NOW)
        elif len(looks) == 2:
            await fleet.profiles.change(["You"], "pause", NOW)
        elif len(looks) == 3:
            await fleet.database.rows(
                "UPDATE fleet_profile SET kind = 'keep' WHERE profile = 'Me'"
            )
        looks.append(await look(fleet))
        return looks[-1]

    monkeypatch.setattr(commands, "fleet_status", work_meanwhile)
    monkeypatch.setattr(commands, "_LOOK_S", 0)
    words = ["--json", "fleet", "status", "--follow"]
    ended = CliRunner().invoke(app, words, env=env)
    document = json.loads(ended.stdout)
    assert [look.to_bring_over for look in looks] == [2, 2, 1, 0]
    assert (document["brought_over"], document["paused"]) == (1, 1)
    assert "0 of 2 brought over" in ended.stderr

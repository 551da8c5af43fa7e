"""What a person sees of a whole run: on terminals of two widths, and in a pipe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from tests.terminal_suite.screens import (
    CONTROL,
    home,
    piped,
    render,
    shown,
    steady,
    terminal,
)

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion

WIDTHS = (80, 120)
QUESTION = "Write this? [y/N]"


@pytest.mark.parametrize("columns", WIDTHS)
async def test_a_person_sees_the_plan_agrees_and_sees_how_it_ended(
    columns: int, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    env = home(tmp_path)
    async with terminal("--sandbox", "migrate", columns=columns, env=env) as run:
        await run.shows(QUESTION)
        plan = run.screen
        run.types("y")
        assert await run.ends() == 0
    assert render(plan, columns) == snapshot(name="plan")
    assert steady(render(run.screen[len(plan) :], columns)) == snapshot(name="end")


async def test_a_pipe_gets_the_same_words_and_no_control_character(
    tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    env = home(tmp_path, FORCE_COLOR="1", CLICOLOR_FORCE="1")
    code, stdout, stderr = await piped("--sandbox", "migrate", "--yes", env=env)
    assert code == 0
    assert not CONTROL.search(stdout + stderr)
    assert steady(stdout) == snapshot(name="stdout")
    assert stderr == snapshot(name="stderr")


async def test_a_dumb_terminal_gets_lines_of_its_width_and_nothing_else(
    tmp_path: Path,
) -> None:
    env = home(tmp_path, TERM="dumb")
    code, screen = await shown("--sandbox", "migrate", "--yes", columns=60, env=env)
    assert code == 0
    assert not CONTROL.search(screen.replace("\r\n", "\n"))
    # The command to go on with is one line, to be copied; so is a path.
    lines = [
        line
        for line in screen.split("\r\n")
        if not (line.startswith("Next: ") or line.endswith(".json"))
    ]
    assert max(map(cell_len, lines)) <= 60
    assert "verified: everything is in its place" in screen


async def test_quiet_prints_the_result_alone(tmp_path: Path) -> None:
    env = home(tmp_path)
    code, stdout, stderr = await piped("--sandbox", "-q", "migrate", "--yes", env=env)
    assert (code, stderr) == (0, "")
    assert stdout.startswith("913 plays read from Trakt")
    assert stdout.splitlines()[-1].startswith("Next: trakt2discovr --sandbox ")


async def test_the_json_of_a_plan_holds_what_the_terminal_shows(tmp_path: Path) -> None:
    env = home(tmp_path)
    _, text, _ = await piped("--sandbox", "plan", env=env)
    _, stdout, _ = await piped("--sandbox", "--json", "plan", env=env)
    document = json.loads(stdout)
    assert f"Next: {document['next']}" in text
    entries = document["entries"]
    assert f"{entries['seasons']} season + {entries['episodes']} episode" in text
    assert f"{document['outlook']['requests']} requests to Discovr" in text
    points = document["playback"]
    assert f"{len(points['planned'])} to be written" in text
    for point in points["left"]:
        assert point["reason"] in text
    shows = [t for t in document["titles"] if any(s["writes"] for s in t["seasons"])]
    assert len(shows) > 20
    lines = text.partition("Shows: ")[2].splitlines()
    for show in shows:
        name = show["title"]["title"][:20]
        line = next(line for line in lines if line.strip("\u2068 ").startswith(name))
        watched = sum(season["watched"] for season in show["seasons"])
        assert f" {watched} episode" in line
        written = show["entries"]
        assert f"-> {written['seasons'] or written['episodes']} " in line

"""Ctrl-C and waits in a real terminal: what is said at that moment, and at the end."""

from __future__ import annotations

import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sync.sandbox.running import Sandbox
from sync.sandbox.server.faults import Fault
from tests.login_suite.programs import environment
from tests.terminal_suite.screens import render, terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from tests.login_suite.programs import Program


@asynccontextmanager
async def migrating(folder: Path, *, pause_s: int) -> AsyncIterator[Program]:
    """Migrate on a terminal; Discovr asks for a pause at the tenth write."""
    writes = 0

    def fault(request: web.Request, _number: int) -> Fault | None:
        nonlocal writes
        writes += request.method == "POST" and request.path == "/profile/history"
        is_tenth = writes == 10 and request.method == "POST"
        return Fault.answer(429, retry_after=pause_s) if is_tenth else None

    async with Sandbox() as sandbox:
        sandbox.discovr.faults = fault
        trakt, discovr = sandbox.trakt, sandbox.discovr
        env = environment(folder, trakt, discovr, TERM="xterm-256color")
        for section in ("trakt", "discovr", "tmdb"):
            for name, value in sandbox.config()[section].items():
                env[f"TRAKT2DISCOVR_{section}__{name}".upper()] = value
        del env["COLUMNS"]
        env.pop("CI", None)
        run = terminal("migrate", "--yes", columns=80, env=env)
        async with run as shown:
            await shown.shows("for Discovr: the service asked for a pause")
            yield shown


async def test_ctrl_c_in_a_wait_says_what_is_safe_and_then_how_to_go_on(
    tmp_path: Path,
) -> None:
    async with migrating(tmp_path, pause_s=2) as run:
        run.kill(signal.SIGINT)
        await run.shows("Stopping: finishing the ")
        assert await run.ends() == 130
    text = " ".join(render(run.screen, 80).split())
    assert "under way; press Ctrl-C again to leave at once, nothing is lost." in text
    assert "left unclear: none." in text
    assert text.endswith("Next: trakt2discovr migrate --yes")


async def test_a_second_ctrl_c_leaves_at_once_and_the_cursor_is_there(
    tmp_path: Path,
) -> None:
    async with migrating(tmp_path, pause_s=500) as run:
        run.kill(signal.SIGINT)
        await run.shows("nothing is lost.")
        run.kill(signal.SIGINT)
        assert await run.ends() == 130
    hidden, shown = run.screen.rfind("\x1b[?25l"), run.screen.rfind("\x1b[?25h")
    assert shown > hidden

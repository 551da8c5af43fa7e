"""Whole moves by the page, in a real browser, with the real program."""

from __future__ import annotations

from signal import SIGINT
from typing import TYPE_CHECKING

import pytest

from tests.web_suite.browsing import WAY, mover

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser

# One browser serves all of them, and lives in the loop of the session.
pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]


async def test_a_download_goes_over_by_mouse_and_can_be_taken_back(
    chromium: Browser, tmp_path: Path
) -> None:
    async with mover(chromium, tmp_path) as me:
        await me.inspect()
        for step in WAY:
            await step(me)
            await me.inspect_at_rest()
        me.judge()
        await me.press("Open the report")
        await me.inspect()
        await me.page.go_back()
        await me.press("What comes after")
        await me.inspect()
        await me.press("Undo this run")
        await me.inspect()
        await me.press("Take it back")
        await me.sees("taken back")
        await me.inspect()
        assert me.read().surely == me.before.surely
        await me.conclude()
        assert await me.end(SIGINT) == 130
        assert "Open it again" in me.said

"""Services for the real process, its environment, and the log that it leaves."""

from __future__ import annotations

import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sync.sandbox.server.server import utc_now
from tests.clocks import FakeClock
from tests.safety.accounts import mixed_account
from tests.safety.arena import Arena, arena

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def place_of(folder: Path) -> AsyncIterator[Arena]:
    account, own = mixed_account(1)
    async with arena(account, folder, own=own, clock=FakeClock(utc_now())) as place:
        yield place


def environment(place: Arena, **more: str) -> dict[str, str]:
    terminal = {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}
    return {**os.environ, **terminal, **place.environment(), **more}


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]

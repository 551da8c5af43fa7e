"""Somebody who is told: a service that takes Apprise's json:// address, and turns."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from connectors.errors import (
    AuthError,
    ConfigError,
    ContractError,
    ServiceError,
    TransientError,
)
from sync.config import Settings
from sync.daemon.turn import Ending, Result, Turn, failed_turn, finished_turn
from sync.errors import BugError, MovedError, UnbegunError
from sync.ledger import BusyError, StateError
from tests.loopback import Loopback, reply
from tests.secrecy import NOTIFY_TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.loopback import Reply

START = datetime(2026, 5, 4, 6, tzinfo=UTC)
LOST = AuthError("Trakt does not accept the login.", remedy="Log in again.")
DOWN = TransientError("Trakt could not be reached.")


def _bug() -> BugError:
    try:
        int("value")
    except ValueError as fault:
        return BugError(fault)
    raise AssertionError


#: An error of each kind that can end a turn.
ERRORS: dict[Ending, ServiceError] = {
    Ending.LOGIN: LOST,
    Ending.CONFIG: ConfigError("[discovr] profile is not set."),
    Ending.GUARD: MovedError("It moved."),
    Ending.STATE: StateError("The state database is damaged."),
    Ending.REFUSED: ContractError("Trakt answers otherwise."),
    Ending.BUG: _bug(),
    Ending.UNBEGUN: UnbegunError(),
    Ending.DOWN: DOWN,
    Ending.BUSY: BusyError("p", None),
}
PASSING = (Ending.DOWN, Ending.BUSY, Ending.INCOMPLETE)
AT_ONCE = [ending for ending in Ending if ending not in (*PASSING, Ending.DONE)]


def turn(ending: Ending, hours: float, **result: Any) -> Turn:
    """Return a turn that ended so many hours after the start."""
    at = START + timedelta(hours=hours)
    if ending in ERRORS:
        return failed_turn(ERRORS[ending], at, at)
    return finished_turn(Result(is_good=ending is Ending.DONE, **result), at, at)


@dataclass
class Listener:
    """Who is told at one address."""

    server: Loopback

    @property
    def url(self) -> str:
        return f"{self.server.url.replace('http', 'json', 1)}/{NOTIFY_TOKEN}"

    @property
    def heard(self) -> list[dict[str, str]]:
        return [json.loads(request.body) for request in self.server.received]

    @property
    def titles(self) -> list[str]:
        return [message["title"].partition(": ")[2] for message in self.heard]


@asynccontextmanager
async def listener(*replies: Reply) -> AsyncIterator[Listener]:
    async with Loopback(list(replies) or [reply(200)]) as server:
        yield Listener(server)


def telling(folder: Path, *urls: str, weekly: bool = False, **sync: Any) -> Settings:
    """Return settings by which these are told."""
    sections: dict[str, Any] = {
        "state": {
            "url": f"sqlite:///{folder / 'state.sqlite3'}",
            "tokens": folder / "tokens.json",
        },
        "discovr": {"profile": "Me"},
        "notify": {"urls": urls, "weekly": weekly},
        "sync": sync,
    }
    return Settings.model_validate(sections)

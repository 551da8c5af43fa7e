"""What the ledger keeps, as values."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from sync.ports import Quarantined


@dataclass(frozen=True, slots=True)
class Run:
    """One run; without ``finished_at`` it is under way or was killed."""

    id: int
    profile: str
    command: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A record of a source that is there and cannot be read.

    ``identity`` tells it from all others of the source; ``reader`` is the version of
    the program that could not read it. Without ``reported_at`` nobody was told of it.
    """

    source: str
    identity: str
    record: Quarantined
    reader: str
    first_seen: datetime
    last_seen: datetime
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CachedShow:
    """What a catalogue said of a show. A stale one is still returned: ask its age."""

    payload: Any
    fetched_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """A state database as it stands; without ``software`` there is none yet.

    ``version`` is that of its tables, None where it has none; ``is_current`` says
    whether this program can work with them as they are.
    """

    software: str | None = None
    version: str | None = None
    is_current: bool = False
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a profile."""

    host: str
    pid: int
    command: str
    since: datetime

    @classmethod
    def here(cls, command: str, since: datetime) -> Holder:
        """Name this very process."""
        return cls(socket.gethostname(), os.getpid(), command, since)

    @property
    def is_gone(self) -> bool:
        """Whether it is certain that its process has ended."""
        if os.name != "posix" or self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            return False
        return False

    def __str__(self) -> str:
        since = f"{self.since:%Y-%m-%d %H:%M:%S %Z}"
        return f"{self.command}, process {self.pid} on {self.host}, since {since}"

"""One turn of the job, once it has ended: how, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from connectors.errors import (
    AuthError,
    ConfigError,
    InputError,
    ServiceError,
    TransientError,
    UnknownOutcomeError,
)
from sync.errors import BugError, GuardError
from sync.ledger import BusyError, StateError

if TYPE_CHECKING:
    from datetime import datetime

    from sync.results import Report


class Ending(StrEnum):
    """How a turn ended. Metrics and documents name it so; change it only by adding."""

    DONE = "done"
    INCOMPLETE = "incomplete"
    DOWN = "down"
    BUSY = "busy"
    LOGIN = "login"
    CONFIG = "config"
    GUARD = "guard"
    STATE = "state"
    REFUSED = "refused"
    BUG = "bug"


#: These pass by themselves and say nothing on whether the job is well.
PASSING = frozenset({Ending.DOWN, Ending.BUSY})

_ENDINGS: tuple[tuple[type[ServiceError], Ending], ...] = (
    (BugError, Ending.BUG),
    (ConfigError, Ending.CONFIG),
    (InputError, Ending.CONFIG),
    (StateError, Ending.STATE),
    (AuthError, Ending.LOGIN),
    (GuardError, Ending.GUARD),
    (BusyError, Ending.BUSY),
    (TransientError, Ending.DOWN),
    (UnknownOutcomeError, Ending.DOWN),
    (ServiceError, Ending.REFUSED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is known of a turn. ``run`` is its number in the ledger, if it wrote."""

    ending: Ending
    started_at: datetime
    finished_at: datetime
    message: str
    remedy: str | None = None
    run: int | None = None
    plays: int = 0
    written: int = 0
    #: What the service asks to wait.
    asked_s: float = 0.0

    @property
    def is_failure(self) -> bool:
        """Whether somebody should look at it."""
        return self.ending is not Ending.DONE and self.ending not in PASSING


def failed_turn(
    error: ServiceError, started_at: datetime, finished_at: datetime
) -> Turn:
    """Describe a turn that an error ended."""
    return Turn(
        ending=next(ending for kind, ending in _ENDINGS if isinstance(error, kind)),
        started_at=started_at,
        finished_at=finished_at,
        message=error.message,
        remedy=error.remedy,
        asked_s=getattr(error, "retry_after_s", None) or 0.0,
    )


def finished_turn(
    report: Report, started_at: datetime, finished_at: datetime, *, is_good: bool
) -> Turn:
    """Describe a turn that came to its end."""
    balance, _ = report.balance()
    written = len(report.settled) - len(report.failed) if report.run else 0
    counts = f"{balance.read:,} plays read, {written:,} entries written"
    return Turn(
        ending=Ending.DONE if is_good else Ending.INCOMPLETE,
        started_at=started_at,
        finished_at=finished_at,
        message=f"{counts}." if is_good else f"Not everything is in place: {counts}.",
        remedy=None if is_good else "Read the report: trakt2discovr report",
        run=report.run,
        plays=balance.read,
        written=written,
    )

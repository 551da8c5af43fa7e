"""One turn of the job, once it has ended: how, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from sync.domain.plan import Fate
from sync.errors import BugError, GuardError, UnbegunError, UnwritableError
from sync.ledger import BusyError, StateError
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sync.pipeline.result import Report


class Ending(StrEnum):
    """How a turn ended. Metrics and documents name it so; change it only by adding."""

    DONE = "done"
    INCOMPLETE = "incomplete"
    DOWN = "down"
    BUSY = "busy"
    LOGIN = "login"
    CONFIG = "config"
    UNBEGUN = "unbegun"
    GUARD = "guard"
    STATE = "state"
    REFUSED = "refused"
    BUG = "bug"


#: These pass by themselves and say nothing on whether the job is well.
PASSING = frozenset({Ending.DOWN, Ending.BUSY})

_ENDINGS: tuple[tuple[type[ServiceError], Ending], ...] = (
    (BugError, Ending.BUG),
    (UnbegunError, Ending.UNBEGUN),
    (ConfigError, Ending.CONFIG),
    (InputError, Ending.CONFIG),
    (StateError, Ending.STATE),
    (UnwritableError, Ending.STATE),
    (AuthError, Ending.LOGIN),
    (GuardError, Ending.GUARD),
    (BusyError, Ending.BUSY),
    (TransientError, Ending.DOWN),
    (UnknownOutcomeError, Ending.DOWN),
    (ServiceError, Ending.REFUSED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a run that reached its end; ``is_good``: all is in its place."""

    is_good: bool
    run: int | None = None
    plays: int = 0
    written: int = 0
    taken_back: int = 0
    #: Plays without a match; records that cannot be read; those that are news.
    unmatched: int = 0
    unreadable: int = 0
    unreported: int = 0

    @classmethod
    def of(cls, report: Report, *, is_good: bool) -> Result:
        """Count what a report holds."""
        balance, _ = report.balance()
        undone = report.undone
        return cls(
            is_good=is_good,
            run=report.run,
            plays=balance.read,
            written=len(report.settled) - len(report.failed) if report.run else 0,
            taken_back=len(undone.removed) + len(undone.restored) if undone else 0,
            unmatched=balance.fates[Fate.UNMATCHED],
            unreadable=balance.fates[Fate.UNREADABLE],
            unreported=len(report.prepared.unreadable.unreported),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is known of a turn. ``run`` is its number in the ledger, if it wrote.

    ``cause`` is the kind of error that ended it; ``result`` what came of it otherwise.
    """

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
    cause: str = ""
    result: Result | None = None

    def with_remedy(self, complete: Callable[[str], str]) -> Turn:
        """Return it with the commands of its remedy as they have to be typed here."""
        return replace(self, remedy=self.remedy and complete(self.remedy))

    @property
    def is_failure(self) -> bool:
        """Whether somebody should look at it."""
        return self.ending is not Ending.DONE and self.ending not in PASSING


def failed_turn(
    error: ServiceError,
    started_at: datetime,
    finished_at: datetime,
    *,
    stays: bool = False,
) -> Turn:
    """Describe a turn that an error ended.

    A job that ``stays`` takes a state database that is down for a service that is; a
    single run could not remember for how long it has been.
    """
    ending = next(ending for kind, ending in _ENDINGS if isinstance(error, kind))
    if stays and isinstance(error, StateError) and error.is_passing:
        ending = Ending.DOWN
    return Turn(
        ending=ending,
        started_at=started_at,
        finished_at=finished_at,
        message=error.message,
        remedy=error.remedy,
        asked_s=getattr(error, "retry_after_s", None) or 0.0,
        cause=type(error).__name__,
    )


def finished_turn(result: Result, started_at: datetime, finished_at: datetime) -> Turn:
    """Describe a turn that came to its end."""
    counts = f"{count(result.plays, 'play')} read, "
    counts += f"{count(result.written, 'entry', 'entries')} written"
    if result.taken_back:
        counts += f", {result.taken_back:,} taken back"
    is_good = result.is_good
    return Turn(
        ending=Ending.DONE if is_good else Ending.INCOMPLETE,
        started_at=started_at,
        finished_at=finished_at,
        message=f"{counts}." if is_good else f"Not everything is in place: {counts}.",
        remedy=None if is_good else "Read the report: trakt2discovr report",
        run=result.run,
        plays=result.plays,
        written=result.written,
        result=result,
    )

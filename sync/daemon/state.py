"""What the job has been through so far, and whether it is well."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from sync.daemon.turn import PASSING, Ending, Turn
from sync.documents.job import JobDocument, TurnDocument
from sync.events import Spent
from sync.ledger import Holder

if TYPE_CHECKING:
    from connectors.clock import Clock
    from sync.daemon.schedule import Due

#: What a job may lack a good turn for, beyond two intervals.
_GRACE = timedelta(hours=1)
#: A first turn carries a whole history over; that takes hours, not days.
_LONGEST_TURN = timedelta(days=1)


class Watched(Protocol):
    """What /healthz and /metrics tell of: a job, or the page while it is open."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def state(self) -> JobState:
        """What its turns have come to."""


@dataclass
class JobState:
    """Counts since the start, the last turns, and the next one.

    An interval of 0 stands for runs that a person starts: none is ever overdue.
    """

    every: timedelta
    started_at: datetime
    #: When the turn under way began.
    running_since: datetime | None = None
    due: Due | None = None
    last: Turn | None = None
    #: The last turn that told whether all is well: no outage, and no other run.
    telling: Turn | None = None
    last_success_at: datetime | None = None
    stopped_at: datetime | None = None
    #: Turns in a row that met a service down.
    outages: int = 0
    #: Why the configuration was not taken over.
    refusal: str | None = None
    #: What a person should do something about soon, of the last turn.
    warnings: tuple[str, ...] = ()
    login_ends_at: datetime | None = None
    turns: int = 0
    endings: Counter[Ending] = field(default_factory=Counter)
    plays: int = 0
    written: int = 0
    #: Titles that the last run that carried anything over left out.
    unmatched: int | None = None
    spent: dict[str, Spent] = field(default_factory=dict)

    def begin(self, now: datetime) -> None:
        """Note that a turn begins."""
        self.turns += 1
        self.running_since, self.due, self.warnings = now, None, ()

    def end(self, turn: Turn) -> None:
        """Note how it ended."""
        self.running_since = None
        self.last = turn
        self.outages = self.outages + 1 if turn.ending is Ending.DOWN else 0
        self.endings[turn.ending] += 1
        self.plays += turn.plays
        self.written += turn.written
        if turn.ending not in PASSING:
            self.telling = turn
        if turn.ending is Ending.DONE:
            self.last_success_at = turn.finished_at

    def add(self, spent: Spent) -> None:
        """Count what a client sent."""
        so_far = self.spent.get(spent.service, Spent(spent.service))
        self.spent[spent.service] = so_far + spent

    def problem(self, now: datetime) -> str | None:
        """Say why the job is not well; None if it is.

        An outage alone is no reason: it passes. It is one once turns are overdue.
        """
        if self.telling and self.telling.is_failure:
            return self.telling.message
        if self.running_since and now - self.running_since > _LONGEST_TURN:
            return f"A run is under way since {_show(self.running_since)}."
        if not self.every:
            return None
        since = self.last_success_at or self.started_at
        longest = max(2 * self.every, self.every + _GRACE)
        # While a turn is under way it may still succeed, so its start is what counts.
        if (self.running_since or now) - since <= longest:
            return None
        last = f" {self.last.message}" if self.last else ""
        return f"No run has succeeded since {_show(since)}.{last}"

    def document(self, now: datetime) -> JobDocument:
        """Write it down, for /healthz and for ``status``."""
        here = Holder.here("sync", self.started_at)
        problem = self.problem(now)
        cause = self.telling if self.telling and self.telling.is_failure else self.last
        refused = () if self.refusal is None else (self.refusal,)
        return JobDocument(
            is_healthy=problem is None,
            problem=problem,
            remedy=cause.remedy if problem and cause else None,
            warnings=refused + self.warnings,
            every_s=self.every.total_seconds(),
            is_running=self.running_since is not None,
            turns=self.turns,
            last_turn=TurnDocument.model_validate(self.last) if self.last else None,
            last_success_at=self.last_success_at,
            next_run_at=self.due.at if self.due and not self.stopped_at else None,
            started_at=self.started_at,
            stopped_at=self.stopped_at,
            process=here.pid,
            host=here.host,
        )


def _show(at: datetime) -> str:
    return at.isoformat(timespec="seconds")

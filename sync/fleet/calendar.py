"""When a profile is due again: pure functions, told the time and the chance.

What is due is a column of ours, and the engine never repeats a job by itself: a job
that it lost is due all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

#: What an interval or a pause is multiplied with, so that no herd stays together.
SPREAD = (0.9, 1.1)
#: The wait after the first outage; it doubles from one to the next.
FIRST_PAUSE = timedelta(minutes=1)
#: More doublings than this are longer than any interval.
_MOST_DOUBLINGS = 20


class Kind(StrEnum):
    """A migration, which takes as long as it takes, or a sync, which is soon done."""

    FIRST = "first"
    KEEP = "keep"


class State(StrEnum):
    """Whether a profile is run. Only the active ones are."""

    ACTIVE = "active"
    PAUSED = "paused"
    NEEDS_LOGIN = "needs_login"
    GONE = "gone"


class Verdict(StrEnum):
    """What an ending means for the calendar.

    AGAIN passes by itself and is tried again soon, LATER needs somebody to look at it
    and waits for the next interval.
    """

    DONE = "done"
    GAVE_WAY = "gave_way"
    AGAIN = "again"
    LATER = "later"
    LOGIN = "login"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the calendar knows of a profile. ``due_at`` None: nothing is planned.

    ``repeats`` says whether there can be anything new: a download never changes.
    """

    kind: Kind
    every: timedelta
    due_at: datetime | None
    state: State = State.ACTIVE
    failures: int = 0
    last_ok_at: datetime | None = None
    repeats: bool = True


def settle(
    standing: Standing,
    verdict: Verdict,
    now: datetime,
    uniform: Callable[[float, float], float],
    *,
    asked: timedelta = timedelta(),
) -> Standing:
    """Return what stands after a run. ``asked`` is what a service asks to wait."""
    match verdict:
        case Verdict.DONE:
            return replace(
                standing,
                kind=Kind.KEEP,
                due_at=_next(standing, now, uniform) if standing.repeats else None,
                failures=0,
                last_ok_at=now,
            )
        case Verdict.GAVE_WAY:
            return replace(standing, due_at=now)
        case Verdict.LOGIN:
            failures = standing.failures + 1
            return replace(
                standing, state=State.NEEDS_LOGIN, due_at=now, failures=failures
            )
        case Verdict.AGAIN:
            wait = spread(pause(standing.failures, standing.every), uniform)
            wait = max(wait, asked)
        case Verdict.LATER:
            wait = spread(standing.every, uniform)
    return replace(standing, due_at=now + wait, failures=standing.failures + 1)


def _next(
    standing: Standing, now: datetime, uniform: Callable[[float, float], float]
) -> datetime:
    """Return an interval after it was due, or as many as have passed since.

    Counted from now, a fleet that caught up after an outage would do all of its work in
    the same hour from then on, and each run would be a little later than planned.
    Migrations may all have been due at once, and end when they do.
    """
    later = spread(standing.every, uniform)
    if standing.kind is Kind.FIRST or standing.due_at is None:
        return now + later
    planned = standing.due_at + later
    passed = -((planned - now) // standing.every)
    return planned + max(0, passed) * standing.every


def pause(failures: int, every: timedelta) -> timedelta:
    """Return how long to wait after an outage: a minute, doubling, up to ``every``."""
    doublings = min(max(0, failures), _MOST_DOUBLINGS)
    return min(FIRST_PAUSE * (1 << doublings), every)


def spread(interval: timedelta, uniform: Callable[[float, float], float]) -> timedelta:
    """Return the interval, up to a tenth shorter or longer."""
    return timedelta(seconds=interval.total_seconds() * uniform(*SPREAD))

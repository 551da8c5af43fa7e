"""How a run of a profile ended, for the calendar and for whoever counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync.daemon.turn import Ending, Result
    from sync.fleet.calendar import Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. ``ending`` None: it gave way."""

    verdict: Verdict
    ending: Ending | None = None
    message: str | None = None
    asked: timedelta = timedelta()
    result: Result | None = None

"""Rate limits as services announce them: so many requests in a window of time."""

from __future__ import annotations

import math
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

#: How a 429 says how long to wait; "none": it does not.
RetryAfter: TypeAlias = Literal["seconds", "date", "none"]


class Window:
    """Counts requests in windows that begin with the first one after the last ended."""

    def __init__(self, limit: int, period_s: float) -> None:
        self.limit = limit
        self.period_s = period_s
        self.until: datetime | None = None
        self._taken = 0

    @property
    def remaining(self) -> int:
        """Requests left in the present window."""
        return max(0, self.limit - self._taken)

    def take(self, now: datetime) -> bool:
        """Count one request; False: it is one too many."""
        if self.until is None or now >= self.until:
            self.until = now + timedelta(seconds=self.period_s)
            self._taken = 0
        self._taken += 1
        return self._taken <= self.limit

    def retry_after(self, now: datetime, form: RetryAfter) -> dict[str, str]:
        """Return the header that says when the window ends, in the given form."""
        if form == "none" or self.until is None:
            return {}
        # Both forms have whole seconds: rounded up, so that nobody comes too early.
        wait_s = max(1, math.ceil((self.until - now).total_seconds()))
        if form == "seconds":
            return {"Retry-After": str(wait_s)}
        end = now + timedelta(seconds=wait_s + (now.microsecond > 0))
        return {"Retry-After": format_datetime(end, usegmt=True)}

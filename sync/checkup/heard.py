"""What a check-up hears beside the bodies of the answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from connectors.http.pacing import read_rate_limit
from connectors.http.retry import http_date

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.clock import Clock
    from connectors.http.pacing import RateLimit
    from connectors.http.response import Response

_RENEWAL = "/oauth/token"


@dataclass(slots=True)
class Heard:
    """What the answers of all services said beside their bodies.

    ``skews`` is how far the clock of a service is ahead of the one here; ``answers``
    holds the last good one to each call, by its label.
    """

    clock: Clock
    skews: dict[str, timedelta] = field(default_factory=dict)
    answers: dict[str, Response] = field(default_factory=dict, repr=False)
    quota: RateLimit | None = None
    has_renewed: bool = False

    def now_at(self, service: str) -> datetime:
        """Return the time by the clock of a service, where it told it."""
        return self.clock.now() + self.skews.get(service, timedelta(0))

    def listen(self, answer: Response) -> None:
        """Note what one answer says."""
        date = http_date(answer.headers.get("Date", ""))
        if date is not None:
            self.skews.setdefault(answer.service, date - self.clock.now())
        self.quota = read_rate_limit(answer.headers.get("X-Ratelimit")) or self.quota
        if answer.status < 300:
            self.answers[answer.label] = answer
            self.has_renewed |= _RENEWAL in answer.label

    def records(self, label: str, *path: str) -> list[Any]:
        """Return the list at that place of an answer; a lone object becomes one."""
        found: Any = self.answers[label].json()
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return found if isinstance(found, list) else [found]

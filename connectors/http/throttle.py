"""Where the requests of one client pass, and where all of them are held back."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.errors import (
    RateLimitedError,
    ServiceError,
    TransientError,
    UnknownOutcomeError,
)
from connectors.http.pacing import RestingError
from connectors.words import count

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from connectors.clock import Clock
    from connectors.http.entrance import Entrance
    from connectors.http.pacing import Pacer
    from connectors.http.retry import Progress, RetryPolicy


@dataclass(slots=True)
class RequestStats:
    """Counters of one client.

    ``requests`` counts what was sent, retries and redirects included. ``waits_s`` adds
    up the waiting of all callers, so it can exceed the time that has passed.
    """

    requests: int = 0
    retries: int = 0
    waits_s: float = 0.0
    rate_limited: int = 0
    unknown: int = 0


@dataclass(slots=True)
class Slot:
    """The right to send once, and what came of it; status 0 means no answer."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


class Throttle:
    """Hands out slots of the pacer, and closes while a service asks for a long rest.

    A rest that is not about this client's quota alone holds for all that share its
    ``entrance``.
    """

    def __init__(
        self,
        service: str,
        pacer: Pacer,
        *,
        policy: RetryPolicy,
        clock: Clock,
        entrance: Entrance | None = None,
    ) -> None:
        self.stats = RequestStats()
        self._service = service
        self._pacer = pacer
        self._policy = policy
        self._clock = clock
        self._entrance = entrance
        #: On the steady clock. Nobody waits that long, so requests are refused.
        self._closed_until = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Wait for a slot, and tell the pacer what came of it.

        Raises RateLimitedError while the service asks for a long rest.
        """
        self._refuse_while_closed()
        asked_at = self._clock.monotonic()
        try:
            await self._pacer.acquire()
        except RestingError as rest:
            raise self._closed(rest.seconds) from None
        self.stats.waits_s += self._clock.monotonic() - asked_at
        slot = Slot()
        try:
            self._refuse_while_closed()
            yield slot
        finally:
            self._pacer.observe(slot.status, slot.headers)

    def heed(
        self,
        error: ServiceError,
        asked_s: float | None,
        progress: Progress,
        *,
        is_own_quota: bool = False,
    ) -> ServiceError:
        """Hold everybody back for as long as the service asks, in full.

        ``is_own_quota`` says that the service named the quota that is used up. Returns
        what becomes of the request: a rest that is longer than the policy allows ends
        it.
        """
        if not isinstance(error, (TransientError, UnknownOutcomeError)):
            return error
        pause_s = asked_s
        if isinstance(error, RateLimitedError):
            self.stats.rate_limited += 1
            pause_s = asked_s or error.retry_after_s
            pause_s = pause_s or self._policy.backoff_s(progress.attempts)
        if not pause_s:
            return error
        everybody = None if is_own_quota else self._entrance
        until = self._clock.monotonic() + pause_s
        self._pacer.pause(pause_s)
        if pause_s <= self._policy.longest_pause_s:
            if everybody is not None:
                everybody.paused_until = max(everybody.paused_until, until)
            progress.is_paused = True
            return error
        self._closed_until = until
        if everybody is not None:
            everybody.closed_until = max(everybody.closed_until, until)
        progress.is_over = True
        is_refused = isinstance(error, TransientError)
        return self._closed(pause_s, error.status) if is_refused else error

    def _refuse_while_closed(self) -> None:
        closed_until = self._closed_until
        if self._entrance is not None:
            closed_until = max(closed_until, self._entrance.closed_until)
        left_s = closed_until - self._clock.monotonic()
        if left_s > 0:
            raise self._closed(left_s)

    def _closed(self, seconds: float, status: int | None = None) -> RateLimitedError:
        wait = count(math.ceil(seconds / 60), "minute")
        return RateLimitedError(
            f"{self._service} asks to wait {wait} before the next request.",
            remedy=f"Run it again in {wait}; what is done already is not done twice.",
            retry_after_s=seconds,
            service=self._service,
            status=status,
        )

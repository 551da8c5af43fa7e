"""What a run costs: the time it takes, and the requests that each service saw."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.clock import Clock


@dataclass(frozen=True, slots=True)
class Spending:
    """What one service saw; ``limited`` counts how often it asked for fewer requests.

    ``waits_s`` adds up the waiting of all callers, so it can exceed the time passed.
    """

    service: str
    requests: int = 0
    retries: int = 0
    limited: int = 0
    waits_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Cost:
    """The bill of a run so far, without the time in which a person was asked."""

    took_s: float
    services: tuple[Spending, ...]

    @property
    def requests(self) -> int:
        """All requests, retries included."""
        return sum(spending.requests for spending in self.services)


class Stats(Protocol):
    """The counters of one client."""

    requests: int
    retries: int
    rate_limited: int
    waits_s: float


class Meter:
    """Runs from the moment it is made."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_at = clock.monotonic()
        self._paused_s = 0.0
        self._watched: list[tuple[str, Stats]] = []

    def watch(self, service: str, stats: Stats) -> None:
        """Count what this client sends, from now on and before."""
        self._watched.append((service, stats))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stand still while a person thinks."""
        asked_at = self._clock.monotonic()
        try:
            yield
        finally:
            self._paused_s += self._clock.monotonic() - asked_at

    def read(self) -> Cost:
        """Return the bill so far; clients of the same service are one line."""
        bill: dict[str, Spending] = {}
        for service, stats in self._watched:
            so_far = bill.get(service, Spending(service))
            bill[service] = Spending(
                service,
                so_far.requests + stats.requests,
                so_far.retries + stats.retries,
                so_far.limited + stats.rate_limited,
                so_far.waits_s + stats.waits_s,
            )
        took_s = self._clock.monotonic() - self._started_at - self._paused_s
        spent = tuple(spending for spending in bill.values() if spending.requests)
        return Cost(took_s, spent)

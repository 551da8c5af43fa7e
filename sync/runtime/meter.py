"""What a run costs: the time it takes, and the requests that each service saw."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sync.events import Spent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.clock import Clock


@dataclass(frozen=True, slots=True)
class Cost:
    """The bill of a run so far, without the time in which a person was asked."""

    took_s: float
    services: tuple[Spent, ...]

    @property
    def requests(self) -> int:
        """All requests, retries included."""
        return sum(spent.requests for spent in self.services)


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
        bill: dict[str, Spent] = {}
        for service, stats in self._watched:
            bill[service] = bill.get(service, Spent(service)) + spent(service, stats)
        took_s = self._clock.monotonic() - self._started_at - self._paused_s
        return Cost(took_s, tuple(s for s in bill.values() if s.requests))


def spent(service: str, stats: Stats) -> Spent:
    """Return what a client has sent so far."""
    return Spent(
        service, stats.requests, stats.retries, stats.rate_limited, stats.waits_s
    )

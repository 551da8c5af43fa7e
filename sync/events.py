"""What a run tells its caller while it works."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """The stages of a run, in order; UNDO is what takes writes back."""

    EXTRACT = "extract"
    READ = "read"
    CATALOGUE = "catalogue"
    LOAD = "load"
    VERIFY = "verify"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Advanced:
    """A stage has done ``done`` of ``total`` units; None while nobody knows."""

    stage: Stage
    done: int
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A stage is over; ``summary`` is a sentence for people."""

    stage: Stage
    summary: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A service makes everyone wait."""

    service: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Warned:
    """The run goes on, and somebody has to do something soon; says what."""

    message: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What one client sent to its service; told once that client is closed.

    ``limited`` counts how often the service asked for fewer requests. ``waits_s`` adds
    up the waiting of all callers, so it can exceed the time passed.
    """

    service: str
    requests: int = 0
    retries: int = 0
    limited: int = 0
    waits_s: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        """Add what another client sent to the same service."""
        return Spent(
            self.service,
            self.requests + other.requests,
            self.retries + other.retries,
            self.limited + other.limited,
            self.waits_s + other.waits_s,
        )


Event = Advanced | Finished | Waiting | Warned | Spent

"""What the ledger notes of a write: what was intended, found, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from sync.domain.plan import Operation


class Outcome(StrEnum):
    """How a write ended. PENDING and UNKNOWN have to be looked up before a resend."""

    PENDING = "pending"
    APPLIED = "applied"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Before(NamedTuple):
    """What a write finds, so that it can be undone or looked up.

    Of a SET, the progress and the time of the entry. Of an ADD, where every viewing
    counts, their number and the time of the newest that is listed.
    """

    progress: float | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One intended write of one run.

    ``before_progress`` and ``before_at`` are what it found (``Before``).
    """

    run: int
    profile: str
    operation: Operation
    outcome: Outcome
    intended_at: datetime
    settled_at: datetime | None = None
    detail: str = ""
    before_progress: float | None = None
    before_at: datetime | None = None
    undone_at: datetime | None = None

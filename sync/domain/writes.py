"""What the ledger notes of a write: what was intended, found, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Self

    from sync.domain.plan import Operation


#: What a write is called whose turn never came.
NOT_SENT = "not sent"


class Outcome(StrEnum):
    """How a write ended. PENDING and UNKNOWN have to be looked up before a resend."""

    PENDING = "pending"
    APPLIED = "applied"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Settled(NamedTuple):
    """How a write ended; ``detail`` says why, and is empty where it simply arrived."""

    # The methods name the reasons that are not the service's own words. Their texts are
    # kept in people's ledgers, so they never change.

    outcome: Outcome
    detail: str = ""

    @classmethod
    def found_in_place(cls) -> Self:
        """Settle a write without a clear answer that was seen to have arrived."""
        return cls(Outcome.APPLIED, "found in place")

    @classmethod
    def unclear(cls, sends: int) -> Self:
        """Settle a write that was sent so often, and never answered or found."""
        more = f" to {sends} writes" if sends > 1 else ""
        return cls(Outcome.UNKNOWN, f"no clear answer{more}")

    @classmethod
    def in_doubt(cls) -> Self:
        """Leave a write alone whose outcome is unknown while no list can tell it."""
        return cls(Outcome.UNKNOWN, "not sent again while lists show too little")

    @classmethod
    def unlisted(cls, why: str) -> Self:
        """Leave a write alone where nobody can tell what stands there."""
        return cls(Outcome.REJECTED, f"not sent: {why}")

    @classmethod
    def not_sent(cls) -> Self:
        """Settle an intent of a run that ended before its turn came."""
        return cls(Outcome.REJECTED, NOT_SENT)

    @classmethod
    def left_open(cls) -> Self:
        """Say of a write that was under way, and of which nothing is known yet."""
        return cls(Outcome.PENDING, "sent, and not known to have arrived")

    @classmethod
    def covers_too_much(cls) -> Self:
        """Settle a season default that would cover what nobody watched."""
        return cls(Outcome.REJECTED, "an episode could not be kept out of it")

    @classmethod
    def found_later(cls) -> Self:
        """Settle what an earlier run left open and this one found at its start."""
        return cls(Outcome.APPLIED, "found by a later run")

    @classmethod
    def not_wanted(cls) -> Self:
        """Settle what an earlier run left open and this one neither found nor plans."""
        return cls(Outcome.REJECTED, "not there, nor wanted now")

    @classmethod
    def not_found_by(cls, run: int) -> Self:
        """Settle an earlier intent that the run looked for before it wrote anew."""
        return cls(Outcome.REJECTED, f"not found by run {run}")

    @classmethod
    def found_after(cls, run: int) -> Self:
        """Settle what was found when everything was read back after the run."""
        return cls(Outcome.APPLIED, f"found after run {run}")

    @classmethod
    def not_there_after(cls, run: int) -> Self:
        """Settle what was still missing when everything was read back."""
        return cls(Outcome.REJECTED, f"not there after run {run}")


class Tally(NamedTuple):
    """How the writes of a run ended; ``unsent`` are those whose turn never came."""

    arrived: int
    refused: int
    unclear: int
    unsent: int

    @property
    def failed(self) -> int:
        """How many were sent and are not known to have arrived."""
        return self.refused + self.unclear

    def __str__(self) -> str:
        refused = f", {self.refused:,} refused" if self.refused else ""
        return (
            f"{self.arrived:,} arrived{refused}, {self.unsent:,} not sent; left "
            f"unclear: {self.unclear or 'none'}"
        )


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

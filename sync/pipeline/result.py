"""What a run found, did and proved, as its caller gets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.domain.balance import Balance, balance
from sync.domain.writes import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.domain.plan import Operation
    from sync.domain.plays import Title
    from sync.domain.verify import Verification
    from sync.domain.writes import Settled, Tally
    from sync.pipeline.playback import PlaybackResult
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.summary import Estimate
    from sync.pipeline.undo import Undone
    from sync.runtime.meter import Cost


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found, did and proved. Without ``run`` it is a plan: nothing was sent.

    ``settled`` holds the outcome of each operation that was tried, by its id;
    ``playback`` what became of the resume points, None where nobody looked; ``undone``
    what was taken back because the source has it no longer; ``outlook`` what carrying
    out the plan costs, and ``cost`` what it has cost so far.
    """

    prepared: Prepared = field(repr=False)
    run: int | None = None
    settled: Mapping[str, Settled] = field(default_factory=dict, repr=False)
    verification: Verification | None = None
    playback: PlaybackResult | None = field(default=None, repr=False)
    undone: Undone | None = None
    outlook: Estimate | None = None
    cost: Cost | None = None

    @property
    def failed(self) -> tuple[Operation, ...]:
        """The operations that did not arrive."""
        if self.run is None:
            return ()
        return tuple(
            operation
            for operation in self.prepared.plan.operations
            if (settled := self.settled.get(operation.id)) is None
            or settled.outcome is not Outcome.APPLIED
        )

    def balance(self) -> tuple[Balance, dict[Title, Balance]]:
        """Put every play read into exactly one column: in total, and by title."""
        extraction = self.prepared.extraction
        quarantined = len(extraction.quarantined)
        failed = {viewing for o in self.failed for viewing in o.viewings}
        return balance(
            len(extraction.plays) + quarantined,
            self.prepared.desired,
            self.prepared.plan,
            quarantined,
            failed,
        )

    @property
    def is_complete(self) -> bool:
        """Whether everything that can be in its place is there."""
        is_whole = self.verification is None or self.verification.is_whole
        is_resumable = self.playback is None or self.playback.is_complete
        is_pruned = self.undone is None or not self.undone.failed
        return is_whole and is_resumable and is_pruned and not self.failed

    @property
    def is_settled(self) -> bool:
        """Whether everything has a clear answer, be it that Discovr refuses it.

        What it refuses today it refuses tomorrow: it is tried again when both sides
        are next read whole, and must not keep everything else from being settled.
        """
        refused = {
            o.key
            for o in self.failed
            if (settled := self.settled.get(o.id))
            and settled.outcome is Outcome.REJECTED
        }
        found = self.verification
        is_known = found is None or (
            not found.doubled and refused.issuperset(found.missing)
        )
        is_resumable = self.playback is None or self.playback.error is None
        is_pruned = self.undone is None or not self.undone.failed
        is_answered = all(operation.key in refused for operation in self.failed)
        return is_known and is_resumable and is_pruned and is_answered

    @property
    def entries(self) -> int:
        """How many entries stand in the profile now, as far as is known; never more."""
        removed = len(self.undone.removed) if self.undone else 0
        if self.verification:
            return self.verification.entries - removed
        since = self.prepared.since
        return (since.entries if since else 0) + self.added - removed

    @property
    def added(self) -> int:
        """How many keys have an entry now that had none before."""
        there = {entry.key for entry in self.prepared.existing}
        added = {
            operation.key
            for operation in self.prepared.plan.operations
            if (settled := self.settled.get(operation.id))
            and settled.outcome is Outcome.APPLIED
        }
        return len(added - there)


def describe(verification: Verification, source: str) -> str:
    """Say what was found, in one sentence."""
    if verification.is_whole:
        more = len(verification.unexpected)
        note = f"; {more:,} entries of ours are no longer on {source}" if more else ""
        return f"verified: everything is in its place{note}"
    counts = {
        "missing": len(verification.missing),
        "doubled": len(verification.doubled),
        "unexpected": len(verification.unexpected),
    }
    found = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    return f"verified: not everything is in its place ({found})"


def summary(report: Report, tally: Tally) -> dict[str, object]:
    """Return what the ledger keeps of a run."""
    total, _ = report.balance()
    return {
        "plays": total.read,
        "columns": dict(total.fates),
        "repeats": total.repeats,
        "operations": len(report.prepared.plan.operations),
        "failed": tally.failed,
        **tally._asdict(),
        "saved": report.prepared.plan.saved,
    }

"""What a run found, did and proved, as its caller gets it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sync.domain.balance import Balance, balance
from sync.domain.desired import NO_ANSWER
from sync.domain.plan import Fate
from sync.domain.writes import Outcome
from sync.pipeline.prepared import Reading
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.domain.plan import Operation
    from sync.domain.plays import Key, Title
    from sync.domain.verify import Verification
    from sync.domain.writes import Settled, Tally
    from sync.pipeline.playback import PlaybackResult
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.summary import Estimate
    from sync.pipeline.undo import Undone
    from sync.runtime.meter import Cost


#: What --strict does not let pass.
_LEFT_OUT = (Fate.UNMATCHED, Fate.UNSUPPORTED, Fate.UNREADABLE)


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
        """Put every play that is known into exactly one column: in total, and by title.

        Of titles, those that were looked at.
        """
        prepared = self.prepared
        if prepared.is_unchanged:
            kept = prepared.kept
            return (kept.balance if kept else Balance()), {}
        plan, side = (
            prepared.plan,
            Reading(prepared.compared.extraction, prepared.compared.desired),
        )
        if prepared.since is not None:
            side = prepared.whole
        odd = Counter(q.is_unsupported for q in side.extraction.quarantined)
        failed = {viewing for o in self.failed for viewing in o.viewings}
        total, titles = balance(
            len(side.extraction.plays) + odd.total(),
            side.desired,
            replace(plan, fates={**self._fates_of_before(), **plan.fates}),
            odd[False],
            failed,
        )
        total.add(Fate.UNSUPPORTED, odd[True])
        if prepared.since is None:
            return total, titles
        part = prepared.compared.desired
        seen = {part.titles[key.media] for key in part.watched}
        seen |= {left.title for left in (*part.unmatched, *part.unsupported)}
        return total, {t: of_title for t, of_title in titles.items() if t in seen}

    def _fates_of_before(self) -> dict[Key, Fate]:
        """Return what became of the keys that this run did not look at."""
        prepared = self.prepared
        if prepared.since is None:
            return {}
        there = dict.fromkeys(prepared.whole.desired.watched, Fate.ALREADY_THERE)
        for history in prepared.known.values():
            for key, fate in history.fates.items():
                if key in there and fate is not Fate.WRITTEN:
                    there[key] = fate
        return there

    @property
    def is_unread(self) -> bool:
        """Whether something was there, and none of it could be read."""
        prepared = self.prepared
        odd = (
            record.is_unsupported for record in prepared.compared.extraction.quarantined
        )
        is_any_read = prepared.whole.extraction.plays or prepared.is_unchanged
        return not is_any_read and not all(odd)

    @property
    def unreadable(self) -> int:
        """How many records are there and cannot be read."""
        return self.balance()[0].fates[Fate.UNREADABLE]

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


def exit_code(report: Report, *, is_strict: bool) -> int:
    """Say whether everything is in its place, as the command line does at its end.

    Records that cannot be read count as not in their place until a person was told. A
    plan claims nothing to be in its place.
    """
    if report.is_unread:
        return 2
    prepared = report.prepared
    is_unasked = any(
        left.reason == NO_ANSWER for left in prepared.compared.desired.unmatched
    )
    is_plan = report.run is None and report.verification is None
    is_new = bool(prepared.unreadable.unreported) and not (
        is_plan and prepared.since is None
    )
    fates = report.balance()[0].fates if is_strict else Counter[Fate]()
    is_left_out = any(fates[fate] for fate in _LEFT_OUT)
    return 4 if not report.is_complete or is_unasked or is_new or is_left_out else 0


def balance_fact(total: Balance) -> dict[str, Any]:
    """Return a balance as the ledger keeps it, for a run that finds nothing new."""
    fates = Counter({f.value: total.fates[f] for f in Fate if f is not Fate.WRITTEN})
    fates[Fate.ALREADY_THERE.value] += total.fates[Fate.WRITTEN]
    return {"read": total.read, "repeats": total.repeats, "fates": dict(fates)}


def to_balance(fact: Mapping[str, Any]) -> Balance:
    """Read it back."""
    fates = Counter({Fate(name): number for name, number in fact["fates"].items()})
    return Balance(fact["read"], fates, fact["repeats"])


def describe(verification: Verification, source: str, unreadable: int = 0) -> str:
    """Say what was found, in one sentence; not "everything" if some was unreadable."""
    if verification.is_whole:
        gone, foreign = len(verification.unexpected), len(verification.foreign)
        ours = count(gone, "entry of ours is", "entries of ours are")
        note = f"; {ours} no longer on {source}" if gone else ""
        if foreign:
            more = count(foreign, "is", "are")
            note += f"; {more} labelled like ours and not written from here"
        what = "all that could be read" if unreadable else "everything"
        return f"verified: {what} is in its place{note}"
    counts = {
        "missing": len(verification.missing),
        "doubled": len(verification.doubled),
        "unexpected": len(verification.unexpected),
        "foreign": len(verification.foreign),
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

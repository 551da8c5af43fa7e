"""What a run found, did and proved, as its caller gets it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sync.documents.words import say_verified
from sync.domain.balance import Balance, balance
from sync.domain.desired import NO_ANSWER
from sync.domain.histories import fates_by
from sync.domain.plan import Fate
from sync.domain.writes import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from sync.domain.plan import Operation
    from sync.domain.plays import Key, Title
    from sync.domain.verify import Verification
    from sync.domain.writes import Settled, Tally
    from sync.pipeline.copies import KeptCopy
    from sync.pipeline.playback import PlaybackResult
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.summary import Estimate
    from sync.pipeline.undo import Undone
    from sync.runtime.meter import Cost


#: What a run writes, with an entry of its own or under one for the season.
_WRITTEN = (Fate.WRITTEN, Fate.COVERED)
#: What --strict does not let pass.
_LEFT_OUT = (Fate.UNMATCHED, Fate.UNSUPPORTED, Fate.UNREADABLE)


@dataclass(frozen=True, slots=True)
class Move:
    """What all runs together have made of all that is known, as of ``at``.

    By title it tells of those that were read.
    """

    balance: Balance
    at: datetime
    titles: Mapping[Title, Balance] = field(
        default_factory=dict, repr=False, compare=False
    )


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found, did and proved. Without ``run`` it is a plan: nothing was sent.

    With ``is_refused`` the plan was refused, and nothing was written.
    ``settled`` holds the outcome of each operation that was tried, by its id;
    ``playback`` what became of the resume points, None where nobody looked; ``undone``
    what was taken back because the source has it no longer; ``outlook`` what carrying
    out the plan costs, and ``cost`` what it has cost so far. ``kept_copy`` is the
    profile as it was before; None where nothing of the person's stood there. ``move``
    is the balance of the whole move, and None in a plan. ``carried_out_by`` is the
    earlier run that carried out the plan that was to be applied.
    """

    prepared: Prepared = field(repr=False)
    run: int | None = None
    settled: Mapping[str, Settled] = field(default_factory=dict, repr=False)
    verification: Verification | None = None
    playback: PlaybackResult | None = field(default=None, repr=False)
    undone: Undone | None = None
    outlook: Estimate | None = None
    cost: Cost | None = None
    kept_copy: KeptCopy | None = None
    move: Move | None = None
    carried_out_by: int | None = None
    is_refused: bool = False
    #: The ids of writes that something before Discovr blocked for the first time.
    newly_blocked: Collection[str] = field(default=(), repr=False)
    #: The balance once it was asked for: of a long history it takes its time.
    _weighed: list[tuple[Balance, dict[Title, Balance]]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

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
        total, titles = self.weigh()
        if prepared.since is None:
            return total, titles
        part = prepared.compared.desired
        seen = {part.titles[key.media] for key in part.watched}
        beside = (*part.unmatched, *part.unsupported, *part.skipped)
        seen |= {left.title for left in beside}
        return total, {t: of_title for t, of_title in titles.items() if t in seen}

    def weigh(self) -> tuple[Balance, dict[Title, Balance]]:
        """Return the balance with that of all titles that were read."""
        if not self._weighed:
            total, titles = self._weigh(self._fate_of(), self._older())
            self.prepared.rest.add_to(total, is_of_move=False)
            self._weighed.append((total, titles))
        return self._weighed[0]

    def weigh_move(self, ours: Collection[Key]) -> Balance:
        """Return the balance of the whole move, whichever run has written what.

        ``ours`` are the keys of which an entry was written and stands. What is planned
        and was not sent is not there.
        """
        return self.weigh_move_by_title(ours)[0]

    def weigh_move_by_title(
        self, ours: Collection[Key]
    ) -> tuple[Balance, dict[Title, Balance]]:
        """Return what ``weigh_move`` does, with that of all titles that were read."""
        prepared = self.prepared
        if prepared.is_unchanged:
            return (prepared.kept.move if prepared.kept else Balance()), {}

        def in_move(key: Key, fate: Fate) -> Fate:
            is_ours = fate is Fate.ALREADY_THERE and key in ours
            return Fate.WRITTEN if is_ours else fate

        fate_of = self._fate_of()
        older = {
            key: {at: in_move(key, fate) for at, fate in times.items()}
            for key, times in self._older().items()
        }
        unsent = () if self.run else prepared.plan.operations
        planned = {viewing for o in unsent for viewing in o.viewings}
        total, titles = self._weigh(lambda k: in_move(k, fate_of(k)), older, planned)
        prepared.rest.add_to(total, is_of_move=True)
        return total, titles

    def _weigh(
        self,
        fate_of: Callable[[Key], Fate],
        older: Mapping[Key, Mapping[datetime, Fate]],
        planned: Collection[tuple[Key, datetime]] = (),
    ) -> tuple[Balance, dict[Title, Balance]]:
        prepared = self.prepared
        side = prepared.compared if prepared.since is None else prepared.whole
        odd = Counter(q.is_unsupported for q in side.extraction.quarantined)
        total, titles = balance(
            side.extraction.read,
            side.desired,
            replace(prepared.plan, older=older),
            odd[False],
            {*planned, *self._not_there()},
            {*planned, *self._unsent()},
            fate_of,
        )
        total.add(Fate.UNSUPPORTED, odd[True])
        return total, titles

    def _not_there(self) -> set[tuple[Key, datetime]]:
        """Name the viewings that a run should have written and that are not there."""
        lacking = {viewing for o in self.failed for viewing in o.viewings}
        missing = self.verification.missing if self.run and self.verification else ()
        places = {key.place for key in missing if key.episode is None}
        keys = {key for key in missing if key.episode is not None}
        for key, viewing in self.prepared.compared.desired.watched.items():
            fate = self.prepared.plan.fates.get(key)
            if fate in _WRITTEN and (key in keys or key.place in places):
                lacking.add((key, viewing.latest))
        return lacking

    def _unsent(self) -> set[tuple[Key, datetime]]:
        """Name the viewings that lack nothing but the turn of their write."""
        tried = {v for o in self.failed if o.id in self.settled for v in o.viewings}
        waiting = (o for o in self.failed if o.id not in self.settled)
        return {v for o in waiting for v in o.viewings if v not in tried}

    def fates(self) -> Mapping[Key, Fate]:
        """Return what became of every key, but of those of the ``rest``."""
        prepared, fate_of = self.prepared, self._fate_of()
        if prepared.since is None:
            return prepared.plan.fates
        there = {key: fate_of(key) for key in prepared.whole.desired.watched}
        return {**there, **prepared.plan.fates}

    def _fate_of(self) -> Callable[[Key], Fate]:
        """Return what became of a key, be it one that nobody looked at this time."""
        prepared = self.prepared
        if prepared.since is None:
            return prepared.plan.fates.__getitem__
        return fates_by(prepared.plan.fates, prepared.known.values())

    def _older(self) -> Mapping[Key, Mapping[datetime, Fate]]:
        """Return what became of viewings beside the latest, if each has its place."""
        prepared, plan = self.prepared, self.prepared.plan
        if prepared.since is None or not prepared.rules.has_every_viewing:
            return plan.older
        known = {k: of for h in prepared.known.values() for k, of in h.older.items()}
        fate_of, older = self._fate_of(), dict(plan.older)
        for key, viewing in prepared.whole.desired.watched.items():
            if len(viewing.times) == 1 or key in plan.fates:
                continue
            fate, found = fate_of(key), known.get(key, {})
            if found or fate is not Fate.KEPT:
                older[key] = {at: found.get(at, fate) for at in viewing.times[:-1]}
        return older

    @property
    def is_unread(self) -> bool:
        """Whether something was there, and none of it could be read."""
        prepared = self.prepared
        odd = (
            record.is_unsupported for record in prepared.compared.extraction.quarantined
        )
        # Where anything cannot be read, no title is left unlooked at.
        is_any_read = bool(prepared.whole.extraction.plays) or prepared.is_unchanged
        return not is_any_read and not all(odd)

    @property
    def unreadable(self) -> int:
        """How many records are there and cannot be read."""
        return self.balance()[0].fates[Fate.UNREADABLE]

    @property
    def refused_before(self) -> int:
        """How many plays Discovr refused earlier, of those not looked at this time."""
        if self.prepared.since is None or self.failed:
            return 0
        return self.balance()[0].fates[Fate.FAILED]

    @property
    def is_partly_read(self) -> bool:
        """Whether something is there that could not be read, or may be."""
        receipt = self.prepared.compared.extraction.receipt
        return bool(self.unreadable) or not receipt.is_whole

    @property
    def is_complete(self) -> bool:
        """Whether everything that can be in its place is there.

        A plan with something to write is not, and less so one that was refused.
        """
        return not self._is_unsent and _has_arrived(self)

    @property
    def is_settled(self) -> bool:
        """Whether everything has a clear answer, be it that Discovr refuses it.

        What it refuses today it refuses tomorrow: it is tried again when both sides
        are next read whole, and must not keep everything else from being settled. A
        block counts as that once it is met again: the first may be gone in an hour.
        """
        refused = {
            o.key
            for o in self.failed
            if (settled := self.settled.get(o.id))
            and settled.outcome is Outcome.REJECTED
            and o.id not in self.newly_blocked
        }
        found = self.verification
        is_known = found is None or (
            not found.doubled and refused.issuperset(found.missing)
        )
        is_resumable = self.playback is None or self.playback.error is None
        is_pruned = self.undone is None or not self.undone.failed
        is_answered = all(operation.key in refused for operation in self.failed)
        is_sent = not self._is_unsent
        return is_sent and is_known and is_resumable and is_pruned and is_answered

    @property
    def _is_unsent(self) -> bool:
        """Whether something is planned, and nothing of it was tried."""
        prepared, playback = self.prepared, self.playback
        if self.is_refused:
            return True
        if self.run is not None or self.verification or self.undone:
            return False
        is_tried = playback is None or playback.written or playback.failed
        points = () if playback is None or is_tried else playback.plan.chosen
        return bool(prepared.plan.operations or prepared.removals.rows or points)

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


def _has_arrived(report: Report) -> bool:
    """Whether all that was tried is there."""
    is_whole = report.verification is None or report.verification.is_whole
    is_resumable = report.playback is None or report.playback.is_complete
    is_pruned = report.undone is None or not report.undone.failed
    return is_whole and is_resumable and is_pruned and not report.failed


def exit_code(report: Report, *, is_strict: bool) -> int:
    """Say whether everything is in its place, as the command line does at its end.

    What an earlier run wrote in vain, and this one did not try again, is not.
    """
    if report.is_unread:
        return 2
    is_there = is_in_place(report, is_strict=is_strict) and not report.refused_before
    return 0 if is_there else 4


def is_in_place(report: Report, *, is_strict: bool) -> bool:
    """Whether all that this run had to do is in its place: a job need not try again.

    Records that cannot be read count as not in their place until a person was told. A
    plan claims nothing to be in its place, and who refuses one got what they wanted.
    """
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
    is_odd = report.is_unread or is_unasked or is_new or is_left_out
    return _has_arrived(report) and not is_odd


def balance_fact(total: Balance) -> dict[str, Any]:
    """Return a balance as the ledger keeps it, for a run that finds nothing new."""
    fact = move_fact(total)
    fates = fact["fates"]
    fates[Fate.ALREADY_THERE.value] += fates.pop(Fate.WRITTEN.value)
    return fact


def move_fact(total: Balance) -> dict[str, Any]:
    """Return the balance of the whole move as the ledger keeps it."""
    return {
        "read": total.read,
        "repeats": total.repeats,
        "gone": total.gone,
        "unsent": total.unsent,
        "fates": {fate.value: total.fates[fate] for fate in Fate},
    }


def to_balance(fact: Mapping[str, Any]) -> Balance:
    """Read it back."""
    fates = Counter({Fate(name): number for name, number in fact["fates"].items()})
    gone, unsent = fact.get("gone", 0), fact.get("unsent", 0)
    return Balance(fact["read"], fates, fact["repeats"], gone, unsent)


def describe(
    verification: Verification, source: str, *, is_partly_read: bool = False
) -> str:
    """Say what was found, in one sentence; not "everything" if some was not read."""
    return say_verified(verification, source, is_partly_read=is_partly_read)


def summary(report: Report, tally: Tally) -> dict[str, object]:
    """Return what the ledger keeps of a run."""
    total, _ = report.balance()
    return {
        **report.prepared.mark,
        "plays": total.read,
        "columns": dict(total.fates),
        "unsent_plays": total.unsent,
        "repeats": total.repeats,
        "operations": len(report.prepared.plan.operations),
        "failed": tally.failed,
        **tally._asdict(),
        "saved": report.prepared.plan.saved,
    }

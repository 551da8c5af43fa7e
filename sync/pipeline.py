"""The run, from top to bottom: prepare, ask, load, verify."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from connectors.errors import ConfigError
from sync.chronicle import keep_report
from sync.domain.balance import Balance, balance
from sync.domain.entries import OUR_LABEL
from sync.domain.guard import measure
from sync.domain.plan import Action
from sync.domain.reconcile import reconcile
from sync.domain.seasons import current_entry
from sync.domain.verify import Verification, compare
from sync.errors import StoppedError, UnsafePlanError
from sync.events import Finished, Stage
from sync.ledger import Outcome
from sync.load import Loader, Settled
from sync.memory import recall
from sync.playback import PlaybackResult, carry_playback, plan_playback
from sync.prepare import PROBED, Prepared, Services, prepare, read_target
from sync.undoing import Undone, rows_to_undo
from sync.undoing import undo as take_back
from sync.writers import left_out_document, report_document

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from sync.domain.entries import Entry
    from sync.domain.plan import Operation
    from sync.domain.plays import Key, Title
    from sync.ledger import Row
    from sync.planfile import SavedPlan
    from sync.stop import Stop

#: The facts that a run leaves: what it could not carry over, and, among all profiles,
#: which one the setting named.
LEFT_OUT, PROFILES = "left_out", "profiles"


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found, did and proved. Without ``run`` it is a plan: nothing was sent.

    ``settled`` holds the outcome of each operation that was tried, by its id;
    ``playback`` what became of the resume points, None where nobody looked.
    """

    prepared: Prepared
    run: int | None = None
    settled: Mapping[str, Settled] = field(default_factory=dict)
    verification: Verification | None = None
    playback: PlaybackResult | None = None

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
        return is_whole and is_resumable and not self.failed


async def migrate(
    services: Services,
    *,
    confirm: Callable[[Report], Awaitable[bool]],
    accept_incomplete: bool = False,
    is_forced: bool = False,
    stop: Stop | None = None,
) -> Report:
    """Carry everything over, once; run again it resumes and sends nothing twice.

    ``confirm`` is asked once the plan is known, and only if there is anything to write.
    Raises UnsafePlanError, unless forced, where too much of the person's own changes.
    """
    async with _profile_held(services, "migrate"):
        prepared = await prepare(services, accept_incomplete=accept_incomplete)
        return await _carry_out(
            services, prepared, "migrate", confirm, is_forced=is_forced, stop=stop
        )


async def apply(
    services: Services,
    plan: SavedPlan,
    *,
    confirm: Callable[[Report], Awaitable[bool]],
    is_forced: bool = False,
    stop: Stop | None = None,
) -> Report:
    """Carry out exactly that plan. Raises MovedError if either side has moved."""
    async with _profile_held(services, "apply"):
        prepared = await prepare(services, accept_incomplete=plan.is_incomplete)
        plan.check(prepared)
        fates = {**prepared.plan.fates, **plan.fates()}
        fixed = replace(
            prepared,
            plan=replace(prepared.plan, operations=plan.operations, fates=fates),
        )
        return await _carry_out(
            services, fixed, "apply", confirm, is_forced=is_forced, stop=stop
        )


async def verify(services: Services, *, accept_incomplete: bool = False) -> Report:
    """Read both sides and name each difference. Writes nothing to either of them."""
    prepared = await prepare(services, accept_incomplete=accept_incomplete, is_dry=True)
    return Report(prepared, verification=_compare(prepared, prepared.existing))


async def undo(
    services: Services,
    run: int | None,
    *,
    confirm: Callable[[int, int], Awaitable[bool]] | None = None,
) -> Undone:
    """Take back what one run wrote, by default the last one that left anything."""
    async with _profile_held(services, "undo") as profile:
        rows = await rows_to_undo(services, profile, run)
        if not rows:
            raise ConfigError(
                "There is nothing to undo for this profile"
                + (f" in run {run}." if run else "."),
                remedy="The number of a run is in the report of migrate --json.",
            )
        if confirm and not await confirm(rows[0].run, len(rows)):
            return Undone(rows[0].run)
        return await take_back(services, rows)


@asynccontextmanager
async def _profile_held(services: Services, command: str) -> AsyncIterator[str]:
    profile = await services.target.open_profile()
    now = services.clock.now()
    async with services.ledger.profile_lock(profile, command=command, at=now):
        yield profile


async def _carry_out(
    services: Services,
    prepared: Prepared,
    command: str,
    confirm: Callable[[Report], Awaitable[bool]],
    *,
    is_forced: bool,
    stop: Stop | None,
) -> Report:
    await _keep_left_out(services, prepared)
    arrived = prepared.memory.arrived
    await _close(services, arrived, Outcome.APPLIED, "found by a later run")
    operations = prepared.plan.operations
    playback = await plan_playback(services, prepared)
    report = Report(prepared, playback=PlaybackResult(playback, error=playback.error))
    if not operations and not playback.chosen:
        verification = _compare(prepared, prepared.existing)
        return replace(report, verification=verification)
    change = measure(operations, prepared.existing)
    if change.is_unsafe and not is_forced:
        raise UnsafePlanError(*change)
    if not await confirm(report):
        return report
    if operations:
        report = await _load(services, prepared, command, stop)
    else:
        report = Report(prepared, verification=_compare(prepared, prepared.existing))
    carried = await carry_playback(services, prepared, playback, stop=stop)
    report = replace(report, playback=carried)
    document = report_document(report, command, 0 if report.is_complete else 4)
    await keep_report(services.ledger, document, services.clock.now())
    return report


async def _keep_left_out(services: Services, prepared: Prepared) -> None:
    """Remember what cannot be carried over, for the list that a person asks for."""
    document = left_out_document(prepared).model_dump(mode="json")
    now = services.clock.now()
    await services.ledger.put_fact(prepared.profile, LEFT_OUT, document, now)
    wanted = services.settings.discovr.profile or ""
    await services.ledger.put_fact(PROFILES, wanted, prepared.profile, now)


async def _close(
    services: Services, rows: Sequence[Row], outcome: Outcome, detail: str
) -> None:
    by_run: dict[int, list[tuple[str, Outcome, str]]] = {}
    for row in rows:
        by_run.setdefault(row.run, []).append((row.operation.id, outcome, detail))
    for run, outcomes in by_run.items():
        await services.ledger.settle(run, outcomes, services.clock.now())


async def _load(
    services: Services, prepared: Prepared, command: str, stop: Stop | None
) -> Report:
    ledger, clock = services.ledger, services.clock
    profile, memory = prepared.profile, prepared.memory
    run = await ledger.start_run(profile, command, clock.now())
    loader = Loader(
        services.target,
        ledger,
        run,
        clock=clock,
        concurrency=services.settings.discovr.concurrency,
        on_event=services.on_event,
        stop=stop,
    )
    outcome = "stopped"
    try:
        await loader.load(
            prepared.plan.operations,
            unclear={row.operation.key for row in memory.unclear},
            before=_before(prepared),
            viewings=memory.viewings,
            is_first=await ledger.get_fact(profile, PROBED) is None,
        )
        outcome = "stopped" if loader.is_stopping else "loaded"
    finally:
        report = Report(prepared, run, loader.settled)
        await ledger.finish_run(run, clock.now(), outcome, summary(report))
    # Each was looked up before it was sent again, so the old intents are answered.
    tried = {o.key for o in prepared.plan.operations if o.id in loader.settled}
    answered = [row for row in memory.unclear if row.operation.key in tried]
    await _close(services, answered, Outcome.REJECTED, f"not found by run {run}")
    if loader.is_probed:
        await ledger.put_fact(profile, PROBED, value=True, at=clock.now())
    if loader.is_stopping:
        outcomes = [settled.outcome for settled in loader.settled.values()]
        raise StoppedError(
            f"Stopped after {len(outcomes):,} of {len(prepared.plan.operations):,} "
            f"writes; left unclear: {outcomes.count(Outcome.UNKNOWN) or 'none'}."
        )
    count = len(loader.settled) - len(report.failed)
    services.on_event(Finished(Stage.LOAD, f"{count:,} entries written"))
    verification = await _check(services, prepared, run)
    services.on_event(Finished(Stage.VERIFY, describe(verification)))
    return Report(prepared, run, loader.settled, verification)


async def _check(services: Services, prepared: Prepared, run: int) -> Verification:
    """Read the profile back, with all that is known by now, and compare."""
    entries = await read_target(services)
    memory = await recall(
        services.ledger,
        prepared.profile,
        entries,
        has_every_viewing=prepared.rules.has_every_viewing,
    )
    await _close(services, memory.arrived, Outcome.APPLIED, f"found after run {run}")
    dropped = [row for row in memory.unclear if row.run != run]
    await _close(services, dropped, Outcome.REJECTED, f"not there after run {run}")
    rules = replace(prepared.rules, records=memory.seasons, written=memory.written)
    return _compare(replace(prepared, rules=rules), entries)


def _before(prepared: Prepared) -> dict[str, float]:
    """Note what stood there: the progress that SET replaces, so that it can be undone.

    Where every viewing counts, also the number of viewings that ADD finds: a later run
    tells by it whether a write of unclear outcome arrived.
    """
    entries: dict[Key, list[Entry]] = {}
    for entry in prepared.existing:
        entries.setdefault(entry.key, []).append(entry)
    before: dict[str, float] = {}
    for operation in prepared.plan.operations:
        if operation.action is Action.SET:
            current = current_entry(entries.get(operation.key, ()))
            if current:
                before[operation.id] = current.progress
        elif prepared.memory.viewings is not None:
            before[operation.id] = prepared.memory.viewings.get(operation.key, 0)
    return before


def _compare(prepared: Prepared, entries: Sequence[Entry]) -> Verification:
    # What planning again would still write is what is missing.
    plan = reconcile(prepared.desired, entries, prepared.rules)
    return compare(prepared.desired, plan, entries, OUR_LABEL)


def describe(verification: Verification) -> str:
    """Say what was found, in one sentence."""
    if verification.is_whole:
        more = len(verification.unexpected)
        note = f"; {more:,} entries of ours are no longer on Trakt" if more else ""
        return f"verified: everything is in its place{note}"
    counts = {
        "missing": len(verification.missing),
        "doubled": len(verification.doubled),
        "unexpected": len(verification.unexpected),
    }
    found = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    return f"verified: not everything is in its place ({found})"


def summary(report: Report) -> dict[str, object]:
    """Return what the ledger keeps of a run."""
    total, _ = report.balance()
    return {
        "plays": total.read,
        "columns": dict(total.columns),
        "repeats": total.repeats,
        "operations": len(report.prepared.plan.operations),
        "failed": len(report.failed),
        "saved": report.prepared.plan.saved,
    }

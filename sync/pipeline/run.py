"""The run, from top to bottom: prepare, ask, load, verify."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.errors import ConfigError
from sync.documents.report_store import keep_report
from sync.domain.entries import OUR_LABEL
from sync.domain.guard import measure
from sync.domain.reconcile import reconcile
from sync.domain.verify import Provenance, Verification, compare, surplus
from sync.domain.writes import Outcome, Settled
from sync.errors import StoppedError, UnsafePlanError
from sync.events import Advanced, Finished, Stage
from sync.ledger.fact_names import LEFT_OUT, PROBED, PROFILES, wanted
from sync.load.loader import Loader
from sync.pipeline.checkpoint import advance, forget_watermark
from sync.pipeline.documents import left_out_document, report_document
from sync.pipeline.incremental import checkpoint_of, prepare_changes
from sync.pipeline.playback import PlaybackResult, carry_playback, plan_playback
from sync.pipeline.prepare import prepare, read_target
from sync.pipeline.prune import check_removals, plan_removals
from sync.pipeline.recovery import close, recall
from sync.pipeline.result import Report, describe, exit_code, summary
from sync.pipeline.summary import foresee
from sync.pipeline.undo import Undone, rows_to_undo
from sync.pipeline.undo import undo as take_back

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from sync.domain.entries import Entry
    from sync.domain.plays import Key
    from sync.pipeline.plan_file import SavedPlan
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.services import Services
    from sync.runtime.stop import Stop


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


async def sync(
    services: Services,
    *,
    confirm: Callable[[Report], Awaitable[bool]],
    prune: bool = False,
    is_forced: bool = False,
    stop: Stop | None = None,
) -> Report:
    """Carry over what changed since the last settled run; without one, everything.

    With ``prune`` also take back what we wrote of plays that are no longer on Trakt.
    Raises a GuardError, unless forced, where that is suspiciously much.
    """

    async def carry_out(prepared: Prepared) -> Report:
        return await _carry_out(
            services, prepared, "sync", confirm, is_forced=is_forced, stop=stop
        )

    if checkpoint := await checkpoint_of(services):
        lock = services.ledger.profile_lock(
            checkpoint.profile, command="sync", at=services.clock.now()
        )
        async with lock:
            # Until the lock was ours another run may have moved or undone it.
            is_in_force = await checkpoint_of(services) == checkpoint
            changes = None
            if is_in_force:
                changes = await prepare_changes(services, checkpoint, is_pruned=prune)
            if changes is not None:
                return await carry_out(changes)
    async with _profile_held(services, "sync"):
        prepared = await prepare(services)
        return await carry_out(plan_removals(prepared) if prune else prepared)


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
    verification = await _compare(services, prepared, prepared.existing)
    return Report(prepared, verification=verification, cost=services.meter.read())


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
                remedy="Name another run: each one says its number at its end.",
            )
        if confirm and not await confirm(rows[0].run, len(rows)):
            return Undone(rows[0].run)
        await forget_watermark(services.ledger, profile, services.clock.now())
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
    ledger, now = services.ledger, services.clock.now()
    recovery = prepared.recovery
    await close(ledger, recovery.arrived, Settled.found_later(), now)
    operations, rows = prepared.plan.operations, prepared.removals.rows
    planned = {operation.key for operation in operations}
    dropped = [row for row in recovery.unclear if row.operation.key not in planned]
    await close(ledger, dropped, Settled.not_wanted(), now)
    playback = await plan_playback(services, prepared)
    rate = services.settings.discovr.requests_per_second
    report = Report(
        prepared,
        playback=PlaybackResult(playback, error=playback.error),
        outlook=foresee(prepared, playback, rate),
        cost=services.meter.read(),
    )
    if operations or rows or playback.chosen:
        change = measure(operations, prepared.existing)
        if change.is_unsafe and not is_forced:
            raise UnsafePlanError(*change)
        check_removals(prepared, is_forced=is_forced)
        with services.meter.paused():
            is_agreed = await confirm(report)
        if not is_agreed:
            return report
        report = await _write(services, report, command, stop)
    elif prepared.since is None:
        verification = await _compare(services, prepared, prepared.existing)
        report = replace(report, verification=verification)
    if report.is_settled:
        await advance(services, report)
    await _note_told(services, prepared)
    return report


async def _note_told(services: Services, prepared: Prepared) -> None:
    """Note that whoever started the run gets to know what could not be read."""
    new = prepared.unreadable.unreported
    if new:
        await services.ledger.mark_reported(
            prepared.profile,
            new[0].source,
            [row.identity for row in new],
            services.clock.now(),
        )


async def _write(
    services: Services, report: Report, command: str, stop: Stop | None
) -> Report:
    """Write the entries, take back what is stale, then carry the resume points."""
    prepared, playback = report.prepared, report.playback
    if prepared.plan.operations:
        report = await _load(services, prepared, command, stop)
    elif prepared.since is None:
        report = Report(
            prepared, verification=await _compare(services, prepared, prepared.existing)
        )
    if prepared.removals.rows:
        report = replace(
            report, undone=await take_back(services, prepared.removals.rows)
        )
    plan = playback.plan if playback else None
    carried = await carry_playback(services, prepared, plan, stop=stop)
    report = replace(report, playback=carried, cost=services.meter.read())
    code = exit_code(report, is_strict=False)
    document = report_document(report, command, code)
    await keep_report(services.ledger, document, services.clock.now())
    return report


async def _keep_left_out(services: Services, prepared: Prepared) -> None:
    """Remember what cannot be carried over, for the list that a person asks for."""
    ledger, now = services.ledger, services.clock.now()
    if prepared.is_unchanged:
        return
    document, origin = left_out_document(prepared), prepared.origin
    if origin and prepared.unreadable.is_news:
        await ledger.put_unreadable(
            prepared.profile,
            origin.record.id,
            prepared.unreadable.rows,
            parts=origin.parts,
        )
    fact = document.model_dump(mode="json")
    await ledger.put_fact(prepared.profile, LEFT_OUT, fact, now)
    name = wanted(services.settings.discovr.profile)
    await ledger.put_fact(PROFILES, name, prepared.profile, now)


async def _load(
    services: Services, prepared: Prepared, command: str, stop: Stop | None
) -> Report:
    ledger, clock = services.ledger, services.clock
    profile, recovery = prepared.profile, prepared.recovery
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
    services.on_event(Advanced(Stage.LOAD, 0, len(prepared.plan.operations)))
    outcome = "stopped"
    try:
        await loader.load(
            prepared.plan.operations,
            unclear={row.operation.key for row in recovery.unclear},
            before=prepared.before(),
            viewings=recovery.viewings,
            is_first=await ledger.get_fact(profile, PROBED) is None,
        )
        outcome = "stopped" if loader.is_stopping else "loaded"
    finally:
        report = Report(prepared, run, loader.settled)
        await ledger.finish_run(run, clock.now(), outcome, summary(report))
    # Each was looked up before it was sent again, so the old intents are answered.
    tried = {o.key for o in prepared.plan.operations if o.id in loader.settled}
    answered = [row for row in recovery.unclear if row.operation.key in tried]
    await close(ledger, answered, Settled.not_found_by(run), clock.now())
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
    if prepared.since:
        # Each write had a clear answer or was looked up; all is read back once a week.
        return Report(prepared, run, loader.settled)
    verification = await _check(services, prepared, run)
    report = Report(prepared, run, loader.settled, verification)
    said = describe(verification, report.unreadable)
    services.on_event(Finished(Stage.VERIFY, said))
    return report


async def _check(services: Services, prepared: Prepared, run: int) -> Verification:
    """Read the profile back, with all that is known by now, and compare."""
    entries = await read_target(services, Stage.VERIFY)
    recovery = await recall(
        services.ledger,
        prepared.profile,
        entries,
        has_every_viewing=prepared.rules.has_every_viewing,
    )
    ledger, now = services.ledger, services.clock.now()
    await close(ledger, recovery.arrived, Settled.found_after(run), now)
    dropped = [row for row in recovery.unclear if row.run != run]
    await close(ledger, dropped, Settled.not_there_after(run), now)
    rules = replace(prepared.rules, records=recovery.seasons, written=recovery.written)
    return await _compare(services, replace(prepared, rules=rules), entries)


async def _compare(
    services: Services, prepared: Prepared, entries: Sequence[Entry]
) -> Verification:
    # What planning again would still write is what is missing.
    plan = reconcile(prepared.desired, entries, prepared.rules)
    more = {e.key.media for e in surplus(prepared.desired, entries, OUR_LABEL)}
    written: set[Key] = set()
    if more:
        rows = await services.ledger.rows(
            prepared.profile, outcome=Outcome.APPLIED, media=more
        )
        written = {r.operation.key for r in rows if r.undone_at is None}
    origin = prepared.origin
    provenance = Provenance(
        gone=prepared.stale.keys,
        held=origin.others if origin else (),
        written=written,
    )
    return compare(prepared.desired, plan, entries, OUR_LABEL, provenance)

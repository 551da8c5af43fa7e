"""Carries a plan out: guards, agreement, writes, and what is kept of the run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.errors import ServiceError
from sync.domain.writes import NOT_SENT, Outcome, Settled
from sync.errors import StoppedError, UnsafePlanError
from sync.events import Advanced, Finished, Stage
from sync.ledger.fact_names import LEFT_OUT, PROFILES, wanted
from sync.pipeline.checkpoint import advance
from sync.pipeline.move import note_move
from sync.pipeline.playback import PlaybackResult, carry_playback, plan_playback
from sync.pipeline.result import Report, describe, exit_code, summary
from sync.pipeline.summary import foresee
from sync.runtime.late import late
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from sync.domain.plan import Operation
    from sync.ledger import Ledger
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.services import Services
    from sync.runtime.stop import Stop

if TYPE_CHECKING:
    from sync.documents.report_store import has_report, keep_report
    from sync.domain.guard import measure
    from sync.extract.remembered import note_source
    from sync.load.loader import Loader
    from sync.pipeline.compare import check_written, compare_sides
    from sync.pipeline.copies import keep_listed
    from sync.pipeline.documents import left_out_document, report_document
    from sync.pipeline.missing import check_missing, note_missing
    from sync.pipeline.names import keep_names
    from sync.pipeline.proof import close_unseen, recall_unproved
    from sync.pipeline.prune import check_removals
    from sync.pipeline.recovery import close, keep_labels, recall_labels
    from sync.pipeline.undo import undo as take_back
    from sync.pipeline.undo_intents import end_undo
else:
    # What a run that finds nothing new never uses.
    has_report, keep_report = late(
        "sync.documents.report_store", "has_report", "keep_report"
    )
    (measure,) = late("sync.domain.guard", "measure")
    (note_source,) = late("sync.extract.remembered", "note_source")
    (Loader,) = late("sync.load.loader", "Loader")
    check_written, compare_sides = late(
        "sync.pipeline.compare", "check_written", "compare_sides"
    )
    (keep_listed,) = late("sync.pipeline.copies", "keep_listed")
    left_out_document, report_document = late(
        "sync.pipeline.documents", "left_out_document", "report_document"
    )
    check_missing, note_missing = late(
        "sync.pipeline.missing", "check_missing", "note_missing"
    )
    (keep_names,) = late("sync.pipeline.names", "keep_names")
    close_unseen, recall_unproved = late(
        "sync.pipeline.proof", "close_unseen", "recall_unproved"
    )
    (check_removals,) = late("sync.pipeline.prune", "check_removals")
    close, keep_labels, recall_labels = late(
        "sync.pipeline.recovery", "close", "keep_labels", "recall_labels"
    )
    (take_back,) = late("sync.pipeline.undo", "undo")
    (end_undo,) = late("sync.pipeline.undo_intents", "end_undo")


async def carry_out(
    services: Services,
    prepared: Prepared,
    command: str,
    confirm: Callable[[Report], Awaitable[bool]],
    *,
    is_forced: bool,
    stop: Stop | None,
) -> Report:
    """Write what is planned, once ``confirm`` has agreed, and note how it ended.

    The profile's lock has to be held. Raises UnsafePlanError or another GuardError,
    unless forced, before anything is written.
    """
    ledger, now = services.ledger, services.clock.now()
    operations, rows = prepared.plan.operations, prepared.removals.rows
    if is_forced:  # whatever is missing, the person removed it
        missing = replace(prepared.missing, is_fresh=False, is_agreed=True)
        prepared = replace(prepared, missing=missing)
    if not prepared.is_unchanged:
        check_missing(prepared.missing, is_forced=is_forced)
        await _note_reading(services, prepared)
    playback = await plan_playback(services, prepared)
    rate = services.settings.discovr.requests_per_second
    report = Report(
        prepared,
        playback=PlaybackResult(
            playback, failed=playback.unlisted, error=playback.error
        ),
        outlook=foresee(prepared, playback, rate),
        cost=services.meter.read(),
    )
    is_needed = operations or rows or playback.chosen
    if is_needed and not await _agreed(services, report, confirm, is_forced=is_forced):
        return replace(report, is_refused=True)
    # Once it is agreed, so that a look at another file changes nothing.
    if not prepared.is_unchanged:
        await note_source(ledger, prepared.profile, services.source, now)
    if is_needed:
        report = await _write(services, report, command, stop)
    elif prepared.since is None:
        verification = await compare_sides(services, prepared, prepared.existing)
        report = replace(report, verification=verification)
    report = replace(report, move=await note_move(services, report))
    if is_needed or await _is_first(ledger, prepared):
        await _keep_report(services, report, command)
    await _settle(services, report)
    return report


async def _agreed(
    services: Services,
    report: Report,
    confirm: Callable[[Report], Awaitable[bool]],
    *,
    is_forced: bool,
) -> bool:
    """Ask the guards, then whoever started the run."""
    prepared = report.prepared
    operations, labels = prepared.plan.operations, prepared.rules.labels
    change = measure(operations, prepared.existing, labels)
    if change.is_unsafe and not is_forced:
        raise UnsafePlanError(*change)
    check_removals(prepared, is_forced=is_forced)
    # What is there before anything is written, for a run that is refused or killed.
    await note_move(services, report)
    with services.meter.paused():
        return await confirm(report)


async def _settle(services: Services, report: Report) -> None:
    if report.is_settled:
        await advance(services, report)
    await _note_told(services, report.prepared)


async def _note_reading(services: Services, prepared: Prepared) -> None:
    """Note what was found, of what is left out and of what earlier runs left open."""
    await keep_names(services, prepared)
    await _keep_left_out(services, prepared)
    ledger, now = services.ledger, services.clock.now()
    recovery = prepared.recovery
    await note_missing(ledger, prepared.profile, prepared.missing, now)
    arrived = (*recovery.arrived, *prepared.restored.arrived)
    await close(ledger, arrived, Settled.found_later(), now)
    planned = {operation.key for operation in prepared.plan.operations}
    dropped = [
        row
        for row in recovery.unclear
        if row.operation.key not in planned and prepared.missing.tells_of(row)
    ]
    if dropped:
        labels = prepared.rules.labels
        await close_unseen(ledger, dropped, prepared.existing, labels, now)


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
    kept_copy = await keep_listed(services, prepared.profile, prepared.listed, command)
    if prepared.plan.operations:
        report = await _load(services, prepared, command, stop)
    elif prepared.since is None:
        report = Report(
            prepared,
            verification=await compare_sides(services, prepared, prepared.existing),
        )
    if prepared.removals.rows:
        labels = prepared.rules.labels
        rows = prepared.removals.rows
        # What is missing of it was noted before, and asked about by a guard.
        undone = await take_back(services, rows, labels, stop=stop, is_forced=True)
        await end_undo(services, prepared.profile)
        taken = {*undone.removed, *undone.restored, *undone.gone}
        found = report.verification and report.verification.once_gone(taken)
        report = replace(report, undone=undone, verification=found)
    plan = playback.plan if playback else None
    carried = await carry_playback(services, prepared, plan, stop=stop)
    return replace(
        report, playback=carried, cost=services.meter.read(), kept_copy=kept_copy
    )


async def _is_first(ledger: Ledger, prepared: Prepared) -> bool:
    """Whether all was read and nothing was reported before: there may be no write."""
    return prepared.since is None and not await has_report(ledger, prepared.profile)


async def _keep_report(services: Services, report: Report, command: str) -> None:
    code = exit_code(report, is_strict=False)
    document = report_document(report, command, code, is_kept=True)
    await keep_report(services.ledger, document, services.clock.now())


async def _keep_left_out(services: Services, prepared: Prepared) -> None:
    """Remember what cannot be carried over, for the list that a person asks for."""
    ledger, now = services.ledger, services.clock.now()
    document, holding = left_out_document(prepared), prepared.holding
    if holding and prepared.unreadable.is_news:
        await ledger.put_unreadable(
            prepared.profile,
            holding.record.id,
            prepared.unreadable.rows,
            parts=holding.parts,
        )
    fact = document.model_dump(mode="json")
    await ledger.put_fact(prepared.profile, LEFT_OUT, fact, now)
    name = wanted(services.settings.discovr.profile)
    await ledger.put_fact(PROFILES, name, prepared.profile, now)


async def _load(
    services: Services, prepared: Prepared, command: str, stop: Stop | None
) -> Report:
    ledger, clock = services.ledger, services.clock
    profile = prepared.profile
    labels = await recall_labels(services, profile)
    await keep_labels(ledger, profile, labels, clock.now())
    waiting = prepared.doubtful
    operations = [o for o in prepared.plan.operations if o.id not in waiting]
    if prepared.restored.rows:
        await ledger.let_go(profile, operations, clock.now())
    run = await ledger.start_run(profile, command, clock.now(), prepared.mark)
    loader = Loader(
        services.target,
        ledger,
        run,
        clock=clock,
        concurrency=services.settings.discovr.concurrency,
        on_event=services.on_event,
        stop=stop,
        labels=labels,
    )
    await _send(services, prepared, operations, loader, run, command)
    # Each was looked up before it was sent again, so the old intents are answered.
    keys = {o.key for o in operations if o.id in loader.settled}
    answered = [row for row in prepared.unclear if row.operation.key in keys]
    await close(ledger, answered, Settled.not_found_by(run), clock.now())
    if loader.is_stopping:
        tried, writes = len(loader.settled), count(len(operations), "write")
        raise StoppedError(f"Stopped after {tried:,} of {writes}: {loader.tally}.")
    outcomes = {**loader.settled, **waiting}
    report = Report(prepared, run, outcomes, newly_blocked=loader.newly_blocked)
    _tell_of_writes(services, report, waiting.values())
    if prepared.since:
        # Each write had a clear answer or was looked up; all is read back once a week.
        return report
    verification = await check_written(services, report, run)
    said = describe(
        verification, prepared.origin.name, is_partly_read=report.is_partly_read
    )
    services.on_event(Finished(Stage.VERIFY, said))
    return replace(report, verification=verification)


def _tell_of_writes(
    services: Services, report: Report, waiting: Collection[Settled]
) -> None:
    arrived = count(len(report.settled) - len(report.failed), "entry", "entries")
    services.on_event(Finished(Stage.LOAD, f"{arrived} written"))
    doubted = sum(settled == Settled.in_doubt() for settled in waiting)
    if doubted:
        summary = (
            f"{count(doubted, 'write')} not sent again: Discovr's lists lack what was "
            "written before, so they cannot tell whether it is there already. "
            "Run it again in an hour, or with --force if you removed that on Discovr"
        )
        services.on_event(Finished(Stage.LOAD, summary))
    if unlisted := len(waiting) - doubted:
        summary = (
            f"{count(unlisted, 'write')} not sent: where Discovr's list of a title "
            "cannot be read, nobody can tell what stands there. A later run looks again"
        )
        services.on_event(Finished(Stage.LOAD, summary))


async def _send(
    services: Services,
    prepared: Prepared,
    operations: Sequence[Operation],
    loader: Loader,
    run: int,
    command: str,
) -> None:
    """Send what is planned, and note in the ledger how the run ended."""
    ledger, recovery = services.ledger, prepared.recovery
    unproved = await recall_unproved(
        ledger,
        prepared.profile,
        prepared.existing,
        prepared.rules.labels,
        services.clock,
        is_agreed=prepared.missing.is_agreed,
    )
    about = {o.key.media for o in operations}
    if unproved and unproved.standing:
        about.add(unproved.standing.operation.key.media)
    services.on_event(Advanced(Stage.LOAD, 0, len(operations)))
    outcome = "stopped"
    try:
        await loader.load(
            operations,
            unclear=prepared.missing.keys | {r.operation.key for r in prepared.unclear},
            before=prepared.before(),
            viewings=recovery.viewings,
            refused=await _refused_before(ledger, prepared.profile),
            unproved=unproved,
            names=prepared.names(about),
        )
        outcome = "stopped" if loader.is_stopping else "loaded"
    except ServiceError as error:
        error.message += f" Of {count(len(operations), 'write')}: {loader.tally}."
        raise
    finally:
        settled = {**prepared.doubtful, **loader.outcomes}
        report = Report(prepared, run, settled, cost=services.meter.read())
        end = summary(report, loader.tally)
        await ledger.finish_run(run, services.clock.now(), outcome, end)
        if outcome != "loaded":
            report = replace(report, move=await note_move(services, report))
            await _keep_report(services, report, command)


async def _refused_before(ledger: Ledger, profile: str) -> frozenset[str]:
    """Return the ids of the writes that were refused in earlier runs, once sent."""
    rows = await ledger.rows(profile, outcome=Outcome.REJECTED)
    return frozenset(row.operation.id for row in rows if row.detail != NOT_SENT)

"""The run, from top to bottom: prepare, ask, load, verify."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from connectors.errors import ConfigError, ServiceError
from sync.domain.writes import Outcome, Settled
from sync.errors import StoppedError, UnsafePlanError
from sync.events import Advanced, Finished, Stage
from sync.ledger.fact_names import (
    LEFT_OUT,
    PROBED,
    PROFILES,
    UNDONE,
    wanted,
)
from sync.pipeline.checkpoint import advance, forget_watermark
from sync.pipeline.held import held
from sync.pipeline.move import note_move, weigh_move
from sync.pipeline.playback import PlaybackResult, carry_playback, plan_playback
from sync.pipeline.result import Report, describe, exit_code, summary
from sync.pipeline.signs import checkpoint_of, find_changes
from sync.pipeline.summary import foresee
from sync.runtime.late import late
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from sync.domain.entries import Entry
    from sync.domain.plan import Operation
    from sync.domain.plays import Key
    from sync.domain.verify import Verification
    from sync.ledger import Ledger
    from sync.pipeline.copy_file import Copy
    from sync.pipeline.plan_file import SavedPlan
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.restore import Restoration
    from sync.pipeline.services import Services
    from sync.pipeline.undo import UndoOutline
    from sync.pipeline.undo_intents import BrokenOff
    from sync.runtime.stop import Stop

if TYPE_CHECKING:
    from sync.documents.report_store import keep_report
    from sync.domain.evidence import as_the_persons, with_times_found
    from sync.domain.guard import measure
    from sync.domain.reconcile import reconcile
    from sync.domain.verify import Provenance, compare, surplus
    from sync.extract.remembered import note_source
    from sync.load.loader import Loader
    from sync.pipeline.copies import check_folder, keep_listed
    from sync.pipeline.documents import left_out_document, report_document
    from sync.pipeline.missing import check_missing, look_again, note_missing
    from sync.pipeline.prepare import prepare, read_target
    from sync.pipeline.prune import check_removals, plan_removals
    from sync.pipeline.recovery import close, keep_labels, recall, recall_labels
    from sync.pipeline.restore import restore as bring_back
    from sync.pipeline.restore import settle_restored
    from sync.pipeline.undo import Undone, clear_trial, outline, rows_to_undo
    from sync.pipeline.undo import undo as take_back
    from sync.pipeline.undo_intents import end_undo, settle_broken_off
else:
    # What a run that finds nothing new never uses.
    (keep_report,) = late("sync.documents.report_store", "keep_report")
    as_the_persons, with_times_found = late(
        "sync.domain.evidence", "as_the_persons", "with_times_found"
    )
    (measure,) = late("sync.domain.guard", "measure")
    (reconcile,) = late("sync.domain.reconcile", "reconcile")
    Provenance, compare, surplus = late(
        "sync.domain.verify", "Provenance", "compare", "surplus"
    )
    (note_source,) = late("sync.extract.remembered", "note_source")
    (Loader,) = late("sync.load.loader", "Loader")
    check_folder, keep_listed = late(
        "sync.pipeline.copies", "check_folder", "keep_listed"
    )
    left_out_document, report_document = late(
        "sync.pipeline.documents", "left_out_document", "report_document"
    )
    check_missing, look_again, note_missing = late(
        "sync.pipeline.missing", "check_missing", "look_again", "note_missing"
    )
    prepare, read_target = late("sync.pipeline.prepare", "prepare", "read_target")
    check_removals, plan_removals = late(
        "sync.pipeline.prune", "check_removals", "plan_removals"
    )
    close, keep_labels, recall, recall_labels = late(
        "sync.pipeline.recovery", "close", "keep_labels", "recall", "recall_labels"
    )
    bring_back, settle_restored = late(
        "sync.pipeline.restore", "restore", "settle_restored"
    )
    Undone, clear_trial, outline, rows_to_undo, take_back = late(
        "sync.pipeline.undo",
        "Undone",
        "clear_trial",
        "outline",
        "rows_to_undo",
        "undo",
    )
    end_undo, settle_broken_off = late(
        "sync.pipeline.undo_intents", "end_undo", "settle_broken_off"
    )


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
    async with _profile_held(services, "migrate") as (services, *_):  # noqa: PLR1704  # the others may not write
        prepared = await prepare(services, accept_incomplete=accept_incomplete)
        return await _carry_out(
            services, prepared, "migrate", confirm, is_forced=is_forced, stop=stop
        )


async def sync(
    services: Services,
    *,
    confirm: Callable[[Report], Awaitable[bool]],
    prune: bool = False,
    accept_incomplete: bool = False,
    is_forced: bool = False,
    stop: Stop | None = None,
) -> Report:
    """Carry over what changed since the last settled run; without one, everything.

    With ``prune`` also take back what we wrote of plays that the source has no longer.
    Raises a GuardError, unless forced, where that is suspiciously much.
    """

    async def carry_out(under_lock: Services, prepared: Prepared) -> Report:
        return await _carry_out(
            under_lock, prepared, "sync", confirm, is_forced=is_forced, stop=stop
        )

    checkpoint = await checkpoint_of(services)
    if checkpoint:
        async with held(services, checkpoint.profile, "sync") as under_lock:
            # Until the lock was ours another run may have moved or undone it.
            is_in_force = await checkpoint_of(under_lock) == checkpoint
            changes = None
            if is_in_force:
                changes = await find_changes(
                    under_lock,
                    checkpoint,
                    is_pruned=prune,
                    accept_incomplete=accept_incomplete,
                )
            if changes is not None:
                return await carry_out(under_lock, changes)
    async with _profile_held(services, "sync") as (under_lock, *_):
        prepared = await prepare(under_lock, accept_incomplete=accept_incomplete)
        prepared = plan_removals(prepared) if prune else prepared
        return await carry_out(under_lock, prepared)


async def apply(
    services: Services,
    plan: SavedPlan,
    *,
    confirm: Callable[[Report], Awaitable[bool]],
    is_forced: bool = False,
    stop: Stop | None = None,
) -> Report:
    """Carry out exactly that plan; what an earlier run began goes on where it stopped.

    Raises MovedError if either side has moved by anything else.
    """
    async with _profile_held(services, "apply") as (services, *_):  # noqa: PLR1704  # as above
        prepared = await prepare(services, accept_incomplete=plan.is_incomplete)
        begun = await plan.begun(services.ledger)
        plan.check(prepared, begun)
        arrived = [row for row in begun if row.outcome is Outcome.APPLIED]
        plan = plan.without((*arrived, *prepared.recovery.arrived))
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
    check_missing(prepared.missing)
    verification = await _compare(services, prepared, prepared.existing)
    report = Report(prepared, verification=verification, cost=services.meter.read())
    return replace(report, move=await weigh_move(services, report))


async def undo(
    services: Services,
    run: int | None,
    *,
    is_each: bool = False,
    confirm: Callable[[int, int], Awaitable[bool]] | None = None,
    ask: Callable[[UndoOutline], Awaitable[bool]] | None = None,
    stop: Stop | None = None,
) -> Undone:
    """Take back what one run wrote, by default the last one that left anything.

    Where that was broken off it is the same one again. With ``is_each`` it is all runs.
    """
    async with _profile_held(services, "undo") as (services, profile, before):  # noqa: PLR1704  # as above
        await settle_restored(services, profile)
        is_default = run is None and not is_each
        begun = before.run if before and is_default else None
        wanted_run = begun if run is None else run
        rows = await rows_to_undo(services, profile, wanted_run, is_each=is_each)
        if not rows and begun is None:
            raise ConfigError(
                "There is nothing to undo for this profile"
                + (f" in run {run}." if run else "."),
                remedy="Name another run: each one says its number at its end.",
            )
        if rows:
            rate = services.settings.discovr.requests_per_second
            outlook = outline(rows, rate)
            is_agreed = confirm is None or await confirm(outlook.runs[0], len(rows))
            if not is_agreed or (ask is not None and not await ask(outlook)):
                return Undone(outlook.runs[0], runs=outlook.runs)
        await forget_watermark(services.ledger, profile, services.clock.now())
        undone = Undone(begun or 0, runs=(begun or 0,))
        if rows:
            labels = await recall_labels(services, profile)
            named = outlook.runs[0] if is_default else None
            check_folder(services)
            keep = partial(keep_listed, services, profile, command="undo")
            undone = await take_back(services, rows, labels, named, stop, keep)
        if before and begun is not None:
            undone.removed += [row.operation.key for row in before.taken]
        await _note_undone(services, profile, undone)
        return undone


async def _note_undone(services: Services, profile: str, undone: Undone) -> None:
    """Note what came of it, and only then that it has come to its end."""
    left = len(undone.left_alone)
    taken = len(undone.removed) + len(undone.restored) + len(undone.gone)
    runs = list(undone.runs)
    fact = {"run": undone.run, "runs": runs, "writes": taken, "left_alone": left}
    await services.ledger.put_fact(profile, UNDONE, fact, services.clock.now())
    await end_undo(services, profile)


async def restore(
    services: Services,
    file: Path,
    copy: Copy,
    *,
    confirm: Callable[[Restoration], Awaitable[bool]],
    accepts_other: bool = False,
    stop: Stop | None = None,
) -> Restoration:
    """Bring back what the copy holds and the profile lacks; run again it goes on.

    Raises OtherProfileError for the copy of another profile, unless it is accepted.
    """
    async with _profile_held(services, "restore") as (services, *_):  # noqa: PLR1704  # as above
        return await bring_back(
            services,
            file,
            copy,
            confirm=confirm,
            accepts_other=accepts_other,
            stop=stop,
        )


class _Held(NamedTuple):
    """A profile under its lock, and the undo that was broken off there before."""

    services: Services
    profile: str
    broken_off: BrokenOff | None


@asynccontextmanager
async def _profile_held(services: Services, command: str) -> AsyncIterator[_Held]:
    profile = await services.target.open_profile()
    async with held(services, profile, command) as under_lock:
        await clear_trial(under_lock, profile)
        broken_off = await settle_broken_off(under_lock, profile)
        yield _Held(under_lock, profile, broken_off)


async def _carry_out(
    services: Services,
    prepared: Prepared,
    command: str,
    confirm: Callable[[Report], Awaitable[bool]],
    *,
    is_forced: bool,
    stop: Stop | None,
) -> Report:
    ledger, now = services.ledger, services.clock.now()
    operations, rows = prepared.plan.operations, prepared.removals.rows
    if is_forced:  # whatever is missing, the person removed it
        prepared = replace(prepared, missing=replace(prepared.missing, is_fresh=False))
    if not prepared.is_unchanged:
        check_missing(prepared.missing, is_forced=is_forced)
        await _note_reading(services, prepared)
    playback = await plan_playback(services, prepared)
    rate = services.settings.discovr.requests_per_second
    report = Report(
        prepared,
        playback=PlaybackResult(playback, error=playback.error),
        outlook=foresee(prepared, playback, rate),
        cost=services.meter.read(),
    )
    is_needed = operations or rows or playback.chosen
    if is_needed and not await _agreed(services, report, confirm, is_forced=is_forced):
        return report
    # Once it is agreed, so that a look at another file changes nothing.
    if not prepared.is_unchanged:
        await note_source(ledger, prepared.profile, services.source, now)
    if is_needed:
        report = await _write(services, report, command, stop)
    elif prepared.since is None:
        verification = await _compare(services, prepared, prepared.existing)
        report = replace(report, verification=verification)
    report = replace(report, move=await note_move(services, report))
    if is_needed:
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
    # What is there before anything is written, for a run that is refused or killed.
    await note_move(services, report)
    operations, labels = prepared.plan.operations, prepared.rules.labels
    change = measure(operations, prepared.existing, labels)
    if change.is_unsafe and not is_forced:
        raise UnsafePlanError(*change)
    check_removals(prepared, is_forced=is_forced)
    with services.meter.paused():
        return await confirm(report)


async def _settle(services: Services, report: Report) -> None:
    if report.is_settled:
        await advance(services, report)
    await _note_told(services, report.prepared)


async def _note_reading(services: Services, prepared: Prepared) -> None:
    """Note what was found, of what is left out and of what earlier runs left open."""
    await _keep_left_out(services, prepared)
    ledger, now = services.ledger, services.clock.now()
    recovery = prepared.recovery
    await note_missing(ledger, prepared.profile, prepared.missing, now)
    arrived = (*recovery.arrived, *prepared.restored.arrived)
    await close(ledger, arrived, Settled.found_later(), now)
    if not prepared.missing.is_fresh:
        planned = {operation.key for operation in prepared.plan.operations}
        dropped = [row for row in recovery.unclear if row.operation.key not in planned]
        await close(ledger, dropped, Settled.not_wanted(), now)


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
            prepared, verification=await _compare(services, prepared, prepared.existing)
        )
    if prepared.removals.rows:
        labels = prepared.rules.labels
        rows = prepared.removals.rows
        undone = await take_back(services, rows, labels, stop=stop)
        await end_undo(services, prepared.profile)
        report = replace(report, undone=undone)
    plan = playback.plan if playback else None
    carried = await carry_playback(services, prepared, plan, stop=stop)
    return replace(
        report, playback=carried, cost=services.meter.read(), kept_copy=kept_copy
    )


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
    run = await ledger.start_run(profile, command, clock.now())
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
    if loader.is_probed:
        await ledger.put_fact(profile, PROBED, value=True, at=clock.now())
    if loader.is_stopping:
        tried, writes = len(loader.settled), count(len(operations), "write")
        raise StoppedError(f"Stopped after {tried:,} of {writes}: {loader.tally}.")
    waits = dict.fromkeys(waiting, Settled.in_doubt())
    report = Report(prepared, run, {**loader.settled, **waits})
    _tell_of_writes(services, report, len(waits))
    if prepared.since:
        # Each write had a clear answer or was looked up; all is read back once a week.
        return report
    verification = await _check(services, report, run)
    said = describe(verification, prepared.origin.name, report.unreadable)
    services.on_event(Finished(Stage.VERIFY, said))
    return replace(report, verification=verification)


def _tell_of_writes(services: Services, report: Report, waiting: int) -> None:
    arrived = count(len(report.settled) - len(report.failed), "entry", "entries")
    services.on_event(Finished(Stage.LOAD, f"{arrived} written"))
    if waiting:
        summary = (
            f"{count(waiting, 'write')} not sent again: Discovr's lists lack what was "
            "written before, so they cannot tell whether it is there already. "
            "Run it again in an hour, or with --force if you removed that on Discovr"
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
    services.on_event(Advanced(Stage.LOAD, 0, len(operations)))
    outcome = "stopped"
    try:
        await loader.load(
            operations,
            unclear=prepared.missing.keys | {r.operation.key for r in prepared.unclear},
            before=prepared.before(),
            viewings=recovery.viewings,
            refused=await _refused_before(ledger, prepared.profile),
            is_first=await ledger.get_fact(prepared.profile, PROBED) is None,
        )
        outcome = "stopped" if loader.is_stopping else "loaded"
    except ServiceError as error:
        error.message += f" Of {count(len(operations), 'write')}: {loader.tally}."
        raise
    finally:
        report = Report(prepared, run, loader.settled, cost=services.meter.read())
        end = summary(report, loader.tally)
        await ledger.finish_run(run, services.clock.now(), outcome, end)
        if outcome != "loaded":
            report = replace(report, move=await note_move(services, report))
            await _keep_report(services, report, command)


async def _refused_before(ledger: Ledger, profile: str) -> frozenset[str]:
    """Return the ids of the writes that were refused in earlier runs."""
    rows = await ledger.rows(profile, outcome=Outcome.REJECTED)
    return frozenset(row.operation.id for row in rows)


async def _check(services: Services, report: Report, run: int) -> Verification:
    """Read the profile back, with all that is known by now, and compare."""
    prepared = report.prepared
    expected = len(prepared.existing) + report.added
    listed = await read_target(services, Stage.VERIFY, expected=expected)
    entries, _ = await look_again(services, prepared.profile, listed, is_after_run=True)
    written = {(o.key, o.minute) for o in prepared.plan.operations}
    restored = [
        row
        for row in prepared.restored.rows
        if (row.operation.key, row.operation.minute) not in written
    ]
    entries = as_the_persons(entries, restored) if restored else entries
    recovery = await recall(
        services.ledger,
        prepared.profile,
        entries,
        has_every_viewing=prepared.rules.has_every_viewing,
    )
    ledger, now = services.ledger, services.clock.now()
    set_back = await ledger.set_back_rows(prepared.profile)
    entries = with_times_found(entries, set_back)
    await close(ledger, recovery.arrived, Settled.found_after(run), now)
    if not prepared.missing.is_fresh:
        dropped = [row for row in recovery.unclear if row.run != run]
        await close(ledger, dropped, Settled.not_there_after(run), now)
    rules = replace(prepared.rules, records=recovery.seasons, written=recovery.written)
    return await _compare(services, replace(prepared, rules=rules), entries)


async def _compare(
    services: Services, prepared: Prepared, entries: Sequence[Entry]
) -> Verification:
    # What planning again would still write is what is missing.
    plan = reconcile(prepared.compared.desired, entries, prepared.rules)
    label = prepared.origin.label
    holding, desired = prepared.holding, prepared.compared.desired
    aside = holding.aside if holding else desired.keys_aside()
    more = {e.key.media for e in surplus(desired, entries, label, aside)}
    written: set[Key] = set()
    if more:
        rows = await services.ledger.rows(
            prepared.profile, outcome=Outcome.APPLIED, media=more
        )
        written = {r.operation.key for r in rows if r.undone_at is None}
    provenance = Provenance(
        gone=prepared.stale.keys,
        held=holding.others if holding else (),
        written=written,
        left_out=aside,
    )
    return compare(desired, plan, entries, label, provenance)

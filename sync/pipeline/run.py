"""The commands of a run, from top to bottom: prepare, ask, load, verify."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from connectors.errors import ConfigError, TransientError
from sync.domain.writes import Outcome
from sync.ledger.fact_names import UNDONE
from sync.load.breaker import RefusingServiceError
from sync.pipeline.carry import carry_out
from sync.pipeline.checkpoint import forget_watermark
from sync.pipeline.held import held
from sync.pipeline.move import weigh_move
from sync.pipeline.result import Report
from sync.pipeline.signs import checkpoint_of, find_changes
from sync.runtime.late import late

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from sync.ledger import Ledger
    from sync.pipeline.copy_file import Copy
    from sync.pipeline.plan_file import SavedPlan
    from sync.pipeline.restore import Restoration
    from sync.pipeline.services import Services
    from sync.pipeline.undo import UndoOutline
    from sync.pipeline.undo_intents import BrokenOff
    from sync.runtime.stop import Stop

if TYPE_CHECKING:
    from sync.pipeline.compare import compare_sides
    from sync.pipeline.copies import check_folder, keep_listed
    from sync.pipeline.left import note_left
    from sync.pipeline.missing import check_missing
    from sync.pipeline.names import recall_names
    from sync.pipeline.prepare import prepare
    from sync.pipeline.prune import plan_removals, tell_of_strangers
    from sync.pipeline.recovery import recall_labels
    from sync.pipeline.restore import restore as bring_back
    from sync.pipeline.restore import settle_restored
    from sync.pipeline.undo import Undone, clear_trial, outline, rows_to_undo
    from sync.pipeline.undo import undo as take_back
    from sync.pipeline.undo_intents import end_undo, settle_broken_off
else:
    # What a run that finds nothing new never uses.
    (compare_sides,) = late("sync.pipeline.compare", "compare_sides")
    check_folder, keep_listed = late(
        "sync.pipeline.copies", "check_folder", "keep_listed"
    )
    (note_left,) = late("sync.pipeline.left", "note_left")
    (check_missing,) = late("sync.pipeline.missing", "check_missing")
    (recall_names,) = late("sync.pipeline.names", "recall_names")
    (prepare,) = late("sync.pipeline.prepare", "prepare")
    plan_removals, tell_of_strangers = late(
        "sync.pipeline.prune", "plan_removals", "tell_of_strangers"
    )
    (recall_labels,) = late("sync.pipeline.recovery", "recall_labels")
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
        return await carry_out(
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
    finish = partial(
        carry_out, command="sync", confirm=confirm, is_forced=is_forced, stop=stop
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
                if prune and not changes.is_unchanged:
                    await tell_of_strangers(under_lock, changes)
                return await finish(under_lock, changes)
    async with _profile_held(services, "sync") as (under_lock, *_):
        prepared = await prepare(under_lock, accept_incomplete=accept_incomplete)
        if prune:
            prepared = plan_removals(prepared)
            await tell_of_strangers(under_lock, prepared)
        return await finish(under_lock, prepared)


async def apply(
    services: Services,
    plan: SavedPlan,
    *,
    confirm: Callable[[Report], Awaitable[bool]],
    is_forced: bool = False,
    stop: Stop | None = None,
) -> Report:
    """Carry out exactly that plan; what an earlier run began goes on where it stopped.

    Of one that was carried out already nothing is sent. Raises MovedError if either
    side has moved by anything else.
    """
    async with _profile_held(services, "apply") as (services, *_):  # noqa: PLR1704  # as above
        prepared = await prepare(services, accept_incomplete=plan.is_incomplete)
        if prepared.profile == plan.profile:
            done = await plan.carried_out(services.ledger)
            if done is not None:
                nothing = replace(prepared.plan, operations=())
                seen = replace(prepared, plan=nothing)
                cost = services.meter.read()
                return Report(seen, carried_out_by=done, cost=cost)
        begun = await plan.begun(services.ledger)
        plan.check(prepared, begun)
        arrived = [row for row in begun if row.outcome is Outcome.APPLIED]
        plan = plan.without((*arrived, *prepared.recovery.arrived))
        fates = {**prepared.plan.fates, **plan.fates()}
        fixed = replace(
            prepared,
            plan=replace(prepared.plan, operations=plan.operations, fates=fates),
            saved_as=plan.digest,
        )
        return await carry_out(
            services, fixed, "apply", confirm, is_forced=is_forced, stop=stop
        )


async def verify(services: Services, *, accept_incomplete: bool = False) -> Report:
    """Read both sides and name each difference. Writes nothing to either of them."""
    prepared = await prepare(services, accept_incomplete=accept_incomplete, is_dry=True)
    check_missing(prepared.missing)
    verification = await compare_sides(services, prepared, prepared.existing)
    report = Report(prepared, verification=verification, cost=services.meter.read())
    return replace(report, move=await weigh_move(services, report))


async def undo(
    services: Services,
    run: int | None,
    *,
    is_each: bool = False,
    confirm: Callable[[int, int], Awaitable[bool]] | None = None,
    ask: Callable[[UndoOutline], Awaitable[bool]] | None = None,
    is_forced: bool = False,
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
            raise await _nothing_to_undo(services.ledger, profile, run)
        if rows:
            rate = services.settings.discovr.requests_per_second
            outlook = outline(rows, rate)
            is_agreed = confirm is None or await confirm(outlook.runs[0], len(rows))
            if not is_agreed or (ask is not None and not await ask(outlook)):
                return Undone(outlook.runs[0], runs=outlook.runs, is_refused=True)
        await forget_watermark(services.ledger, profile, services.clock.now())
        undone = Undone(begun or 0, runs=(begun or 0,))
        if rows:
            labels = await recall_labels(services, profile)
            named = outlook.runs[0] if is_default else None
            check_folder(services)
            keep = partial(keep_listed, services, profile, command="undo")
            with _told_how_to_go_on(run, is_each=is_each):
                undone = await take_back(
                    services, rows, labels, named, stop, keep, is_forced=is_forced
                )
        if before and begun is not None:
            undone.removed += [row.operation.key for row in before.taken]
        about = {key.media for key in undone.left_alone}
        undone.names = await recall_names(services.ledger, profile, about)
        await note_left(services, profile)
        await _note_undone(services, profile, undone)
        return undone


@contextmanager
def _told_how_to_go_on(run: int | None, *, is_each: bool) -> Iterator[None]:
    """Name the command that goes on where Discovr went down meanwhile."""
    try:
        yield
    except (TransientError, RefusingServiceError) as error:
        if error.remedy == error.default_remedy:
            command = (
                "trakt2discovr undo" if run is None else f"trakt2discovr undo {run}"
            )
            command = "trakt2discovr undo --all" if is_each else command
            error.remedy = (
                "What was taken back stays so. See whether Discovr is up, then go on "
                f"where it stopped: {command}"
            )
        raise


async def _nothing_to_undo(
    ledger: Ledger, profile: str, run: int | None
) -> ConfigError:
    if run is not None:
        return ConfigError(
            f"There is nothing to undo for this profile in run {run}.",
            remedy="Name another run: each one says its number at its end.",
        )
    if await ledger.get_fact(profile, UNDONE):
        return ConfigError(
            "There is nothing to undo any more: every run of this profile is taken "
            "back.",
            remedy="To carry everything over again: trakt2discovr migrate",
        )
    return ConfigError(
        "There is nothing to undo for this profile: no run has written to it.",
        remedy="To see what would be written: trakt2discovr plan",
    )


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

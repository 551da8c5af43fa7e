"""Brings back what a copy of the profile holds and the profile lacks.

No list is proof by itself: what is missing is looked up in the list of its title, twice
with a pause between, before it is sent. Whatever comes back is the person's. Should the
ledger know it as ours, the ledger lets go of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from connectors.errors import ConfigError, ServiceError
from sync.domain.evidence import Count
from sync.domain.restoring import Comparison, compare_copy, to_operations
from sync.domain.writes import Before, Outcome, Settled
from sync.errors import OtherProfileError, StoppedError
from sync.events import Advanced, Finished, Stage, Waiting
from sync.ledger.fact_names import ENTRIES, PROFILES, wanted
from sync.load.loader import Loader
from sync.pipeline.checkpoint import forget_watermark
from sync.pipeline.copies import keep_listed
from sync.pipeline.missing import PAUSE_S, look_up
from sync.pipeline.names import recall_names
from sync.pipeline.prepare import count_expected, count_lacking, read_target
from sync.pipeline.prepared import AsListed
from sync.pipeline.proof import recall_unproved
from sync.pipeline.recovery import (
    close,
    count_by_key,
    recall_labels,
    split_restored,
    standing_rows,
)
from sync.ports import RestoringTarget
from sync.runtime import words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from sync.domain.entries import Entry
    from sync.domain.plan import Operation
    from sync.domain.plays import Key, Place
    from sync.domain.writes import Row
    from sync.pipeline.copies import KeptCopy
    from sync.pipeline.copy_file import Copy
    from sync.pipeline.services import Services
    from sync.runtime.meter import Cost
    from sync.runtime.stop import Stop


@dataclass(frozen=True, slots=True)
class Restoration:
    """What a copy holds and the profile lacks, and what came of it.

    Without ``run`` it is a plan: nothing was sent; with ``is_refused`` it was refused,
    and nothing was written. ``operations`` bring back what is
    missing, and ``settled`` holds how each ended, by its id; ``unseen`` are those that
    were taken and did not show when everything was read back. ``compared`` has what
    was changed since, what is there, and what cannot be brought back. ``kept_copy`` is
    the profile as it was before this. ``titles`` names Discovr's ids, as far as runs
    have met them.
    """

    file: Path
    copy: Copy
    profile: str
    operations: tuple[Operation, ...]
    compared: Comparison
    run: int | None = None
    settled: Mapping[str, Settled] = field(default_factory=dict, repr=False)
    unseen: tuple[Operation, ...] = ()
    kept_copy: KeptCopy | None = None
    cost: Cost | None = None
    is_refused: bool = False
    titles: Mapping[str, str] = field(default_factory=dict, repr=False)

    def name(self, key: Key) -> str:
        """Name what a key stands for: its title where it is known, and the place."""
        is_known = key.media in self.titles
        said = key.said(self.titles)
        return f"{said} ({key.media})" if is_known else said

    @property
    def failed(self) -> dict[str, str]:
        """Why an operation is not back, by its id."""
        if self.run is None:
            return {}
        reasons = {o.id: "it does not show on Discovr" for o in self.unseen}
        for operation in self.operations:
            settled = self.settled.get(operation.id)
            if settled is None:
                reasons[operation.id] = "not sent"
            elif settled.outcome is not Outcome.APPLIED:
                reasons[operation.id] = settled.detail or settled.outcome.value
        return reasons

    @property
    def is_complete(self) -> bool:
        """Whether all that was to come back is back; no plan with anything in it is."""
        is_unsent = self.run is None and bool(self.operations)
        return not is_unsent and not self.failed


async def plan_restore(
    services: Services, file: Path, copy: Copy, *, accepts_other: bool = False
) -> Restoration:
    """Say what would be brought back. Writes nothing."""
    _check_target(services)
    profile = await services.target.open_profile()
    _check_profile(services, copy, profile, accepts_other=accepts_other)
    found = await _find_missing(services, profile, copy)
    return await _restoration(services, file, copy, found)


async def restore(
    services: Services,
    file: Path,
    copy: Copy,
    *,
    confirm: Callable[[Restoration], Awaitable[bool]],
    accepts_other: bool = False,
    stop: Stop | None = None,
) -> Restoration:
    """Bring back what is missing; ``services`` are those of a profile that is held.

    Idempotent: run again it goes on, and sends nothing twice. ``confirm`` is asked once
    the plan is known, and only if there is anything to write. Raises OtherProfileError.
    """
    _check_target(services)
    profile = await services.target.open_profile()
    _check_profile(services, copy, profile, accepts_other=accepts_other)
    found = await _find_missing(services, profile, copy)
    ledger = services.ledger
    await close(ledger, found.arrived, Settled.found_later(), services.clock.now())
    plan = await _restoration(services, file, copy, found)
    if not plan.operations:
        return plan
    with services.meter.paused():
        is_agreed = await confirm(plan)
    if not is_agreed:
        return replace(plan, is_refused=True)
    listed = AsListed(found.entries, lacking=found.lacking)
    kept = await keep_listed(services, profile, listed, "restore", spare=file)
    plan = replace(plan, kept_copy=kept)
    await forget_watermark(ledger, profile, services.clock.now())
    name = wanted(services.settings.discovr.profile)
    await ledger.put_fact(PROFILES, name, profile, services.clock.now())
    run = await ledger.start_run(profile, "restore", services.clock.now())
    loader = await _load(services, plan, found, run, stop)
    return await _check(services, plan, found, run, loader)


async def settle_restored(services: Services, profile: str) -> None:
    """Settle what a broken-off ``restore`` sent and did not see the answer of.

    What is not found stays open: only ``restore`` sends it again.
    """
    rows = await services.ledger.unsettled(profile, is_restored=True)
    places = {row.operation.key.place for row in rows}
    entries, _ = await look_up(services, (), places)
    arrived, _ = await split_restored(services.ledger, profile, rows, entries)
    now = services.clock.now()
    await close(services.ledger, arrived, Settled.found_later(), now)


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands in the profile, against the copy and what was left open.

    ``lacking`` is how many entries less it lists than stood there, ``unlisted`` the
    titles whose own list cannot be read: nothing is sent there.
    """

    profile: str
    entries: Sequence[Entry]
    compared: Comparison
    arrived: Sequence[Row]
    unclear: Sequence[Row]
    lacking: int
    unlisted: Mapping[Place, str]

    def waiting(self, plan: Restoration) -> dict[str, Settled]:
        """Return what is not sent, by its id."""
        return {
            operation.id: Settled.unlisted(self.unlisted[operation.key.place])
            for operation in plan.operations
            if operation.key.place in self.unlisted
        }


def _check_target(services: Services) -> None:
    if not isinstance(services.target, RestoringTarget):
        raise ConfigError(
            f"The target given ({type(services.target).__name__}) takes no entries "
            "back.",
            remedy="Add the method add_entry: RestoringTarget in sync.ports says what "
            "it does.",
        )


def _check_profile(
    services: Services, copy: Copy, profile: str, *, accepts_other: bool
) -> None:
    """Refuse the copy of another profile, unless that is what is meant."""
    is_same = (copy.profile, copy.service) == (profile, services.address)
    if is_same or accepts_other:
        return
    theirs, ours = f"the profile {copy.called}", f"the profile {profile}"
    if copy.service != services.address:
        theirs, ours = f"{theirs} at {copy.service}", f"{ours} at {services.address}"
    raise OtherProfileError(theirs, ours)


async def _restoration(
    services: Services, file: Path, copy: Copy, found: _Found
) -> Restoration:
    compared = found.compared
    now = (entry for _, entry in compared.changed)
    impossible = (entry for entry, _ in compared.impossible)
    shown = {e.key.media for e in (*compared.missing, *now, *impossible)}
    return Restoration(
        file,
        copy,
        found.profile,
        to_operations(compared.missing),
        compared,
        cost=services.meter.read(),
        titles=await recall_names(services.ledger, found.profile, shown),
    )


async def _find_missing(services: Services, profile: str, copy: Copy) -> _Found:
    """Read the profile, and look twice for what it lacks."""
    expected = await count_expected(services, profile)
    listed = await read_target(services, expected=expected)
    rows = await services.ledger.unsettled(profile, is_restored=True)
    entries: Sequence[Entry] = listed
    unlisted: dict[Place, str] = {}
    for pause_s in (0.0, PAUSE_S):
        compared = await _compare(services, profile, copy.entries, entries)
        _, unclear = await split_restored(services.ledger, profile, rows, entries)
        places = {entry.key.place for entry in compared.missing}
        places |= {row.operation.key.place for row in unclear}
        places -= unlisted.keys()
        if not places:
            break
        if pause_s:
            hidden = words.entries(len(compared.missing))
            reason = f"it does not show {hidden} of the copy"
            services.on_event(Waiting("Discovr", pause_s, reason))
            await services.clock.sleep(pause_s)
        entries, refused = await look_up(services, entries, places)
        unlisted |= refused
    compared = await _compare(services, profile, copy.entries, entries)
    arrived, unclear = await split_restored(services.ledger, profile, rows, entries)
    # What is missing accounts for what is lacking.
    lacking = count_lacking(expected - len(compared.missing), listed, entries)
    return _Found(profile, entries, compared, arrived, unclear, lacking, unlisted)


async def _compare(
    services: Services, profile: str, copied: Sequence[Entry], there: Sequence[Entry]
) -> Comparison:
    """Compare; the ledger is asked about what is not there word for word."""
    first = compare_copy(copied, there)
    open_ = [*first.missing, *(e.copied for e in first.changed)]
    media = {entry.key.media for entry in (*open_, *(i[0] for i in first.impossible))}
    if not media and all(entry.count == 1 for entry in there):
        return first
    media |= {entry.key.media for entry in there if entry.count > 1}
    rows = await standing_rows(services.ledger, profile, media)
    labels = await recall_labels(services, profile)
    return compare_copy(copied, there, rows, labels)


async def _load(
    services: Services, plan: Restoration, found: _Found, run: int, stop: Stop | None
) -> Loader:
    """Send what is missing, and note in the ledger how the run ended."""
    ledger, clock, profile = services.ledger, services.clock, plan.profile
    waiting = found.waiting(plan)
    labels = await recall_labels(services, profile)
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
    refused = await ledger.rows(profile, outcome=Outcome.REJECTED, is_restored=True)
    unproved = await recall_unproved(ledger, profile, found.entries, labels, clock)
    counts, total = count_by_key(found.entries), len(plan.operations)
    services.on_event(Advanced(Stage.LOAD, 0, total))
    outcome = "stopped"
    try:
        await loader.load(
            [o for o in plan.operations if o.id not in waiting],
            unclear={row.operation.key for row in found.unclear},
            before={o.id: _before(counts.get(o.key, Count())) for o in plan.operations},
            viewings=counts,
            refused={row.operation.id for row in refused},
            unproved=unproved,
            names=plan.titles,
        )
        outcome = "stopped" if loader.is_stopping else "loaded"
    except ServiceError as error:
        error.message += f" Of {words.count(total, 'write')}: {loader.tally}."
        raise
    finally:
        end = {"operations": total, "failed": loader.tally.failed}
        end |= loader.tally._asdict()
        await ledger.finish_run(run, clock.now(), outcome, end)
    await _settle_older(services, plan, found, loader, run)
    if loader.is_stopping:
        tried = len(loader.settled)
        raise StoppedError(
            f"Stopped after {tried:,} of {words.entries(total)}: {loader.tally}."
        )
    arrived = words.entries(loader.tally.arrived)
    services.on_event(Finished(Stage.LOAD, f"{arrived} brought back"))
    return loader


async def _settle_older(
    services: Services, plan: Restoration, found: _Found, loader: Loader, run: int
) -> None:
    """Settle the intents of before: each was looked up again, or is not wanted."""
    ledger, now = services.ledger, services.clock.now()
    tried = {o.key for o in plan.operations if o.id in loader.settled}
    planned = {o.key for o in plan.operations}
    answered = [row for row in found.unclear if row.operation.key in tried]
    dropped = [
        row
        for row in found.unclear
        if row.operation.key not in planned
        and row.operation.key.place not in found.unlisted
    ]
    await close(ledger, answered, Settled.not_found_by(run), now)
    await close(ledger, dropped, Settled.not_wanted(), now)


def _before(count: Count) -> Before:
    return Before(count.viewings, max(count.minutes or (), default=None))


async def _check(
    services: Services, plan: Restoration, found: _Found, run: int, loader: Loader
) -> Restoration:
    """Read the profile back, and look for each entry that was to come back."""
    profile, ledger = plan.profile, services.ledger
    settled = {**found.waiting(plan), **loader.settled}
    expected = len(found.entries) + loader.tally.arrived
    entries: Sequence[Entry] = await read_target(
        services, Stage.VERIFY, expected=expected
    )
    lost = await _unseen(services, plan, entries)
    if lost:
        entries, _ = await look_up(services, entries, {o.key.place for o in lost})
        lost = await _unseen(services, plan, entries)
    mine = await ledger.rows(profile, run=run)
    unclear = [r for r in mine if r.outcome in (Outcome.PENDING, Outcome.UNKNOWN)]
    arrived, _ = await split_restored(services.ledger, profile, unclear, entries)
    await close(ledger, arrived, Settled.found_after(run), services.clock.now())
    settled |= {row.operation.id: Settled.found_after(run) for row in arrived}
    taken = {i for i, s in settled.items() if s.outcome is Outcome.APPLIED}
    done = replace(
        plan,
        run=run,
        settled=settled,
        unseen=tuple(o for o in lost if o.id in taken),
        cost=services.meter.read(),
    )
    if done.is_complete:
        now = services.clock.now()
        fact = {"count": len(entries), "at": now.isoformat()}
        await ledger.put_fact(profile, ENTRIES, fact, now)
    back = len(done.operations) - len(done.failed)
    whole = words.count(len(done.operations), "entry is", "entries are")
    services.on_event(Finished(Stage.VERIFY, f"{back:,} of {whole} back"))
    return done


async def _unseen(
    services: Services, plan: Restoration, entries: Sequence[Entry]
) -> list[Operation]:
    """Return what was to come back and is not listed, nor hidden behind another."""
    compared = await _compare(services, plan.profile, plan.copy.entries, entries)
    missing = {(e.key, e.updated_at) for e in compared.missing}
    return [
        operation
        for operation in plan.operations
        if operation.restored and (operation.key, operation.restored.at) in missing
    ]

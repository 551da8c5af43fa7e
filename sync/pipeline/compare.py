"""Compares what the source has with what the profile lists, after a run or alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sync.domain.evidence import as_the_persons, with_times_found
from sync.domain.reconcile import reconcile
from sync.domain.verify import Provenance, compare, surplus
from sync.domain.writes import Outcome, Settled
from sync.events import Stage
from sync.pipeline.missing import look_again
from sync.pipeline.prepare import read_target
from sync.pipeline.recovery import close, recall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.domain.entries import Entry
    from sync.domain.plays import Key
    from sync.domain.verify import Verification
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.result import Report
    from sync.pipeline.services import Services


async def check_written(services: Services, report: Report, run: int) -> Verification:
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
    dropped = [
        row
        for row in recovery.unclear
        if row.run != run and prepared.missing.tells_of(row)
    ]
    await close(ledger, dropped, Settled.not_there_after(run), now)
    rules = replace(prepared.rules, records=recovery.seasons, written=recovery.written)
    return await compare_sides(services, replace(prepared, rules=rules), entries)


async def compare_sides(
    services: Services, prepared: Prepared, entries: Sequence[Entry]
) -> Verification:
    """Compare what is wanted with these entries. Asks neither of the services."""
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

"""Whether the profile keeps what it is sent: what earlier runs left to tell it by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.domain.entries import by_key
from sync.domain.plan import Action
from sync.domain.writes import Settled
from sync.ledger.fact_names import PROBED
from sync.load.probe import Finding, Unproved, judge_row
from sync.pipeline.recovery import close

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from connectors.clock import Clock
    from sync.domain.entries import Entry
    from sync.domain.writes import Row
    from sync.ledger import Ledger

#: What tells most comes last.
_ORDER = (
    None,
    Finding.NOT_LISTED,
    Finding.HIDDEN,
    Finding.PROGRESS_LOST,
    Finding.LABEL_LOST,
    Finding.TIME_LOST,
    Finding.KEPT,
)


async def recall_unproved(
    ledger: Ledger,
    profile: str,
    existing: Iterable[Entry],
    labels: Collection[str],
    clock: Clock,
    *,
    is_agreed: bool = False,
) -> Unproved | None:
    """Tell by the ledger and what is listed whether it keeps all; None: it does.

    With ``is_agreed`` what is not listed is not looked for: the person has removed it.
    """
    if await ledger.get_fact(profile, PROBED):
        return None
    shelf = by_key(existing)

    async def note() -> None:
        await ledger.put_fact(profile, PROBED, value=True, at=clock.now())

    def told_by(row: Row) -> Finding | None:
        mine = shelf.get(row.operation.key, ())
        return judge_row(row, mine, labels) if mine or not is_agreed else None

    row = await ledger.added(profile, lambda row: _ORDER.index(told_by(row)))
    finding = told_by(row) if row else None
    if finding is Finding.KEPT:
        await note()
        return None
    if row is None or finding is None or not finding.is_fault:
        return Unproved(note=note)
    return Unproved(row, bool(shelf.get(row.operation.key)), note)


async def close_unseen(
    ledger: Ledger,
    rows: Iterable[Row],
    existing: Iterable[Entry],
    labels: Collection[str],
    at: datetime,
) -> None:
    """Wait no more for what earlier runs left open, and is neither found nor planned.

    What was sent may stand there otherwise, until an entry came back as it was sent.
    """
    shelf = by_key(existing)
    unseen = [
        row
        for row in rows
        if row.operation.action is not Action.ADD
        or judge_row(row, shelf.get(row.operation.key, ()), labels) is None
        or await ledger.get_fact(row.profile, PROBED)
    ]
    await close(ledger, unseen, Settled.not_wanted(), at)

"""The report of a profile's last run, kept in the ledger for those who ask later."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from connectors.errors import InputError
from sync.documents.left_out import UnmatchedDocument
from sync.documents.report import (
    BalanceDocument,
    MoveDocument,
    ReportDocument,
)
from sync.domain.balance import ON_DISCOVR
from sync.domain.plan import Fate
from sync.ledger.fact_names import BALANCE, LEFT_OUT, MOVE, UNDONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.ledger import Ledger

#: The fact that holds the report, and when it was written.
FACT = "report"


async def keep_report(ledger: Ledger, report: ReportDocument, at: datetime) -> None:
    """Keep it in place of the last one."""
    fact = {"at": at.isoformat(), "report": report.model_dump(mode="json")}
    await ledger.put_fact(report.profile, FACT, fact, at)


async def recall_report(
    ledger: Ledger, profile: str | None
) -> tuple[ReportDocument, datetime]:
    """Return the last report of a profile, and when it was written.

    Of what could not be carried over, and of the whole move, it tells as things stand
    now: a run that has nothing to write leaves no report, and still looks at them.
    """
    facts = await ledger.get_facts(profile) if profile else {}
    if profile is None or FACT not in facts:
        raise await _nothing_to_report(ledger, profile)
    report = ReportDocument.model_validate(facts[FACT]["report"])
    now: dict[str, object] = {}
    if LEFT_OUT in facts:
        left = UnmatchedDocument.model_validate(facts[LEFT_OUT])
        names = ("unmatched", "unsupported", "quarantined")
        now |= {name: getattr(left, name) for name in names}
    if move := to_move(facts, await ledger.fact_times(profile)):
        now["move"] = move
    at = datetime.fromisoformat(facts[FACT]["at"])
    return report.model_copy(update=now), at


def to_move(
    facts: Mapping[str, Any], times: Mapping[str, datetime]
) -> MoveDocument | None:
    """Return the whole move as it was last noted; None where nobody noted it."""
    # An earlier version noted no more than this, once all was settled.
    fact = facts.get(MOVE) or facts.get(BALANCE)
    if fact is None:
        return None
    fates = fact["fates"]
    balance = BalanceDocument(
        read=fact["read"],
        repeats=fact["repeats"],
        gone=fact.get("gone", 0),
        **{fate.value: fates.get(fate.value, 0) for fate in Fate},
    )
    at = datetime.fromisoformat(fact["at"]) if "at" in fact else times.get(BALANCE)
    undone: Mapping[str, Any] = facts.get(UNDONE) or {}
    is_undone = undone.get("writes") and at and at < times[UNDONE]
    return MoveDocument(
        on_discovr=sum(fates.get(fate.value, 0) for fate in ON_DISCOVR),
        balance=balance,
        at=at,
        undone=undone["run"] if is_undone else None,
    )


async def _nothing_to_report(ledger: Ledger, profile: str | None) -> InputError:
    runs = await ledger.runs(profile, limit=1) if profile else []
    if runs:
        return InputError(
            f"Run {runs[0].id} was broken off before it could report.",
            remedy="Run trakt2discovr migrate again: it goes on where it stopped.",
        )
    return InputError(
        "There is no run yet to report on.",
        remedy="Run trakt2discovr migrate first.",
    )

"""The report of a profile's last run, kept in the ledger for those who ask later."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from connectors.errors import InputError
from sync.documents.left_out import UnmatchedDocument
from sync.documents.move import MOVE_FACTS, recall_move
from sync.documents.report import ReportDocument
from sync.ledger.fact_names import LEFT_OUT

if TYPE_CHECKING:
    from sync.ledger import Ledger

#: The fact that holds the report, and when it was written.
FACT = "report"


async def keep_report(ledger: Ledger, report: ReportDocument, at: datetime) -> None:
    """Keep it in place of the last one."""
    fact = {"at": at.isoformat(), "report": report.model_dump(mode="json")}
    await ledger.put_fact(report.profile, FACT, fact, at)


async def has_report(ledger: Ledger, profile: str) -> bool:
    """Whether any run of a profile left a report."""
    return await ledger.get_fact(profile, FACT) is not None


async def recall_report(
    ledger: Ledger, profile: str | None
) -> tuple[ReportDocument, datetime]:
    """Return the last report of a profile, and when it was written.

    Of what could not be carried over, and of the whole move, it tells as things stand
    now: after the first, a run that has nothing to write leaves no report, and still
    looks at them.
    """
    wanted = (FACT, LEFT_OUT, *MOVE_FACTS)
    facts = await ledger.get_facts(profile, wanted) if profile else {}
    if profile is None or FACT not in facts:
        raise await _nothing_to_report(ledger, profile)
    report = ReportDocument.model_validate(facts[FACT]["report"])
    now: dict[str, object] = {}
    if LEFT_OUT in facts:
        left = UnmatchedDocument.model_validate(facts[LEFT_OUT])
        names = ("unmatched", "unsupported", "quarantined")
        now |= {name: getattr(left, name) for name in names}
    if move := await recall_move(ledger, profile, facts):
        now["move"] = move
    at = datetime.fromisoformat(facts[FACT]["at"])
    return report.model_copy(update=now), at


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

"""The report of a profile's last run, kept in the ledger for those who ask later."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from connectors.errors import InputError
from sync.documents.report import ReportDocument

if TYPE_CHECKING:
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
    """Return the last report of a profile, and when it was written."""
    fact = await ledger.get_fact(profile, FACT) if profile else None
    if fact is None:
        raise InputError(
            "There is no run yet to report on.",
            remedy="Run trakt2discovr migrate first.",
        )
    report = ReportDocument.model_validate(fact["report"])
    return report, datetime.fromisoformat(fact["at"])

"""Puts the report of the last run together from what is kept of it in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.documents.report_store import recall_report
from sync.ledger import Ledger
from sync.ledger.fact_names import recall_profile, wanted
from sync.report.data import ReportData

if TYPE_CHECKING:
    from sync.config import Settings

#: So many of the latest runs are listed.
_RUNS = 12


async def read_report(settings: Settings, *, is_brief: bool = False) -> ReportData:
    """Return the report of the last run; ``render_html`` makes a page of it.

    ``is_brief`` leaves out what only the page shows: every title, and the latest runs.
    Raises InputError where there was no run yet.
    """
    name = settings.discovr.profile
    async with await Ledger.open(settings.state.url) as ledger:
        report, at = await recall_report(ledger, await recall_profile(ledger, name))
        profile = report.profile
        return ReportData(
            report=report,
            at=at,
            histories=() if is_brief else await ledger.histories(profile),
            runs=() if is_brief else await ledger.runs(profile, limit=_RUNS),
            profile=wanted(name),
        )

"""Puts the report of the last run together from what is kept of it in the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sync.documents.report_store import recall_report
from sync.domain.plan import Fate
from sync.ledger import Ledger
from sync.ledger.fact_names import PROFILES, WATERMARK, recall_profile, wanted
from sync.report.data import ReportData

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sync.config import Settings
    from sync.domain.histories import TitleHistory
    from sync.domain.plays import Key

#: So many of the latest runs are listed.
_RUNS = 12


async def read_report(settings: Settings, *, is_brief: bool = False) -> ReportData:
    """Return the report of the whole move; ``render_html`` makes a page of it.

    ``is_brief`` leaves out what only the page shows: every title, and the latest runs.
    Raises InputError where there was no run yet.
    """
    name = settings.discovr.profile
    async with await Ledger.open(settings.state.url) as ledger:
        report, at = await recall_report(ledger, await recall_profile(ledger, name))
        profile = report.profile
        called = await ledger.get_facts(PROFILES)
        mark = await ledger.get_fact(profile, WATERMARK) or {}
        return ReportData(
            report=report,
            at=at,
            histories=() if is_brief else await read_histories(ledger, profile),
            runs=() if is_brief else await ledger.runs(profile, limit=_RUNS),
            profile=_name(profile, wanted(name), called),
            read_whole_at=_moment(mark.get("reconciled_at")),
        )


async def read_histories(ledger: Ledger, profile: str) -> list[TitleHistory]:
    """Return all titles; what any run wrote and stands is written, not there before."""
    histories = await ledger.histories(profile)
    there = {
        key
        for history in histories
        for key, fate in history.fates.items()
        if fate is Fate.ALREADY_THERE
    }
    there.update(key for history in histories for key in history.older)
    ours = await ledger.keys_applied(profile, there) if there else set()
    return [_with_ours(h, ours) if ours else h for h in histories]


def _with_ours(history: TitleHistory, ours: Collection[Key]) -> TitleHistory:
    def of_all(key: Key, fate: Fate) -> Fate:
        is_ours = fate is Fate.ALREADY_THERE and key in ours
        return Fate.WRITTEN if is_ours else fate

    older = {
        key: {at: of_all(key, fate) for at, fate in times.items()}
        for key, times in history.older.items()
    }
    fates = {key: of_all(key, fate) for key, fate in history.fates.items()}
    return replace(history, fates=fates, older=older)


def _name(profile: str, wanted: str, called: Mapping[str, str]) -> str:
    """Return what the settings call it, or else by what name anybody has."""
    names = (n for n, found in called.items() if found == profile and n != found)
    return wanted if wanted != profile and wanted else next(filter(None, names), wanted)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

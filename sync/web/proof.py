"""What the end of a run shows: the proof, the balance, and what is still open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.errors import InputError
from sync.pipeline.documents import report_document
from sync.pipeline.result import exit_code
from sync.report.account import (
    build_balance,
    build_head,
    build_points,
)
from sync.report.data import ReportData
from sync.report.reading import read_report
from sync.report.squares import Lacking

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sync.config import Settings
    from sync.documents.report import ReportDocument
    from sync.pipeline.result import Report
    from sync.report.account import BalanceView, Head


@dataclass(frozen=True, slots=True)
class Proof:
    """A few numbers of a report: the whole of it may be large.

    ``unmatched`` counts titles; ``failed`` writes, ``unsent`` those whose turn never
    came; ``points`` resume points. ``saved`` is what the defaults that arrived save.
    """

    head: Head
    balance: BalanceView
    run: int | None
    saved: int
    failed: int
    unsent: int
    unmatched: int
    points: int
    kept_copy: str
    is_undone: bool
    warnings: tuple[str, ...]

    @property
    def is_proved(self) -> bool:
        """Whether everything is in its place."""
        return self.head.is_proved

    @property
    def is_waiting(self) -> bool:
        """Whether nothing went wrong, and there is more to send."""
        return bool(self.unsent and not (self.failed or self.is_undone))


def proof_of(
    report: Report, profile: str, at: datetime, warnings: Sequence[str] = ()
) -> Proof:
    """Return that of a run that has just ended, with what it warned of."""
    code = exit_code(report, is_strict=False)
    document = report_document(report, "migrate", code, warnings=warnings, is_kept=True)
    return _proof(ReportData(document, at, profile=profile))


async def recall_proof(settings: Settings) -> Proof | None:
    """Return that of the last report; None where there is none."""
    try:
        return _proof(await read_report(settings, is_brief=True))
    except InputError:
        return None


def _proof(data: ReportData) -> Proof:
    report: ReportDocument = data.report
    failed, unsent = Lacking.of(report.failed)
    return Proof(
        head=build_head(data),
        balance=build_balance(data.move.balance, report.failed),
        run=report.run,
        saved=_saved(report),
        failed=failed,
        unsent=unsent,
        unmatched=len(report.unmatched),
        points=len(build_points(report.playback)),
        kept_copy=report.kept_copy.name if report.kept_copy else "",
        is_undone=data.move.undone is not None,
        warnings=report.warnings,
    )


def _saved(report: ReportDocument) -> int:
    """Count what the defaults save that arrived: each stands for the rest it covers."""
    lacking = [one.operation for one in report.failed]
    unsaved = sum(len(one.covers) - 1 for one in lacking if one.covers)
    unsaved -= sum(not one.progress for one in lacking)
    return max(0, report.saved - max(0, unsaved))

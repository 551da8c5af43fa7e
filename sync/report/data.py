"""What a report is made of: data alone; ``sync.report.reading`` gathers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sync.documents.report import ReportDocument
    from sync.domain.histories import TitleHistory
    from sync.ledger.records import Run


@dataclass(frozen=True, slots=True)
class ReportData:
    """The last report and when it was kept, with the titles and runs of its profile.

    ``profile`` is the name that the settings have for it. A rehearsal wrote to the
    stand-ins alone.
    """

    report: ReportDocument
    at: datetime
    histories: Sequence[TitleHistory] = ()
    runs: Sequence[Run] = ()
    profile: str = ""
    is_rehearsal: bool = False

"""What a report is made of: data alone; ``sync.report.reading`` gathers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.documents.move import MoveDocument
from sync.domain.balance import ON_DISCOVR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sync.documents.report import ReportDocument
    from sync.domain.histories import TitleHistory
    from sync.ledger.records import Run


_PROGRAM = "trakt2discovr"


@dataclass(frozen=True, slots=True)
class ReportData:
    """The last report and when it was kept, with the titles and runs of its profile.

    ``profile`` is the name that the settings have for it. A rehearsal wrote to the
    stand-ins alone. ``complete`` puts what stood before the command into those that
    words name. Both sides were last read whole at ``read_whole_at``. ``back`` is where
    a report leads that is served; a file leads nowhere.
    """

    report: ReportDocument
    at: datetime
    histories: Sequence[TitleHistory] = ()
    runs: Sequence[Run] = ()
    profile: str = ""
    is_rehearsal: bool = False
    complete: Callable[[str], str] | None = None
    read_whole_at: datetime | None = None
    back: str = ""

    @property
    def move(self) -> MoveDocument:
        """The whole move; of a report that has none, its own balance."""
        balance = self.report.balance
        there = sum(getattr(balance, fate.value) for fate in ON_DISCOVR)
        return self.report.move or MoveDocument(on_discovr=there, balance=balance)

    def say(self, words: str) -> str:
        """Return words with each command in them as it is typed for these sides."""
        if self.complete:
            return self.complete(words)
        sandboxed = words.replace(f"{_PROGRAM} ", f"{_PROGRAM} --sandbox ")
        return sandboxed if self.is_rehearsal else words

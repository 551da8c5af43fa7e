"""What stands in the Discovr profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from sync.domain.plays import Key

#: From here on Discovr counts an entry as completed (``patch-history-item``).
COMPLETED_FROM = 80.0

#: The ``imported`` label of everything that this program adds; only that is ours.
OUR_LABEL = "trakt"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the service lists it; repeats of a key are entries of their own.

    ``updated_at`` is the viewing time. A service may list repeats merged into one entry
    with ``count`` viewings. Entries carry no id of their own.
    """

    key: Key
    updated_at: datetime | None
    progress: float
    imported: str | None = None
    count: int = 1
    created_at: datetime | None = None

    @property
    def is_completed(self) -> bool:
        """Whether a reading client shows it as watched."""
        return self.progress >= COMPLETED_FROM

    @property
    def is_default(self) -> bool:
        """Whether it stands for a whole season."""
        return self.key.season is not None and self.key.episode is None

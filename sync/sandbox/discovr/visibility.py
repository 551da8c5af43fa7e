"""What Discovr's lists show of what is there: all of it, or less than that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sync.sandbox.discovr.quirks import DiscovrQuirks


class Numbered(Protocol):
    """An entry, known by the order of its creation."""

    @property
    def number(self) -> int:
        """The order of its creation."""


N = TypeVar("N", bound=Numbered)


@dataclass(slots=True)
class Lie:
    """How one kind of list lies; it may be changed while the service runs.

    ``lags_s``: an entry turns up so long after it came. ``ends_after``: so many entries
    are listed at most. ``readings``: so many readings lie, None: all.
    """

    lags_s: float = 0
    ends_after: int | None = None
    readings: int | None = None
    is_told: bool = True

    def begin(self) -> None:
        """Begin a reading: its first page is asked for."""
        self.is_told = self.readings is None or self.readings > 0
        if self.readings:
            self.readings -= 1


class Visibility:
    """Cuts what lists show; ``big`` and ``title`` say how."""

    def __init__(self, quirks: DiscovrQuirks, now: Callable[[], datetime]) -> None:
        readings = quirks.short_readings
        self.big = Lie(quirks.list_lags_s, quirks.list_ends_after, readings)
        self.title = Lie(quirks.title_lags_s, quirks.title_ends_after, readings)
        self._now = now
        self._came_at: dict[int, datetime] = {}

    def note(self, entry: Numbered) -> None:
        """Note when an entry came; what was there before is seen at once."""
        self._came_at.setdefault(entry.number, self._now())

    def cut(
        self, lie: Lie, entries: Sequence[N], *, is_first_page: bool
    ) -> Sequence[N]:
        """Return what a list shows of its entries."""
        if is_first_page:
            lie.begin()
        if not lie.is_told:
            return entries
        seen = entries
        if lie.lags_s:
            until = self._now() - timedelta(seconds=lie.lags_s)
            seen = [e for e in entries if self._came_at.get(e.number, until) <= until]
        return seen if lie.ends_after is None else seen[: lie.ends_after]

"""How many of the due profiles a worker moves into the queue: it is told the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

#: So often what is due is looked for, ...
DISPATCH_EVERY_S = 1.0
#: ... and so soon again where there was no room for more: a run that finds nothing new
#: is over long before the second is.
DISPATCH_SOON_S = 0.2
#: What is in the queue, as a multiple of the slots that are free.
AHEAD = 2
#: After so many runs in a row for which a service was down, no more are tried, ...
MISSES = 5
#: ... but one now and then, to see whether it is back.
PROBE_EVERY = timedelta(seconds=30)


@dataclass(slots=True)
class Dispatch:
    """Remembers whether a service is down.

    While it is, the others stay due, the longest first: each of them would only fail,
    and wait for longer and longer by itself.
    """

    _misses: int = 0
    _asked_at: datetime | None = None
    _probed_at: datetime | None = None
    _is_full: bool = False

    def note(self, *, is_down: bool) -> None:
        """Take in how a run ended."""
        self._misses = self._misses + 1 if is_down else 0

    def room(self, free: int, waiting: int, now: datetime) -> int:
        """Return how many to move, while so many slots are free and so many wait."""
        most = max(0, AHEAD * free - waiting)
        if self._misses < MISSES:
            self._is_full |= not most
            return most
        self._asked_at = now
        probed_at = self._probed_at
        # The clock may have been set back since.
        if not most or (probed_at and probed_at <= now < probed_at + PROBE_EVERY):
            return 0
        return 1

    def moved(self, number: int, room: int) -> None:
        """Take in how many there were. Of a kind with none due no probe is made."""
        if number and self._misses >= MISSES:
            self._probed_at = self._asked_at
        self._is_full |= number == room

    def pause_s(self) -> float:
        """Return when to look again, after a look at each kind."""
        is_full, self._is_full = self._is_full, False
        return DISPATCH_SOON_S if is_full else DISPATCH_EVERY_S

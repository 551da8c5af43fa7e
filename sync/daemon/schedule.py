"""When the next turn is due. Time and chance are passed in."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connectors.clock import Clock

#: Jitter, as a share of the interval and at most: many jobs of one interval spread.
_SPREAD, _MOST_SPREAD_S = 0.1, 600.0
#: The first wait after a service was down; it doubles up to the interval.
_FIRST_BACKOFF_S = 60.0
_MOST_DOUBLINGS = 16


class Pace:
    """How long to wait, from interval to interval and while a service is down."""

    def __init__(
        self,
        every: timedelta,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.every = every
        self._uniform = uniform

    def interval_s(self) -> float:
        """Return the seconds from the start of one turn to that of the next."""
        every_s = self.every.total_seconds()
        spread_s = min(every_s * _SPREAD, _MOST_SPREAD_S)
        return self._uniform(every_s - spread_s, every_s + spread_s)

    def backoff_s(self, failures: int, asked_s: float = 0.0) -> float:
        """Return the seconds to wait after so many turns that met a service down.

        ``asked_s`` is what the service asks for; that is kept in full.
        """
        doublings = min(failures - 1, _MOST_DOUBLINGS)
        longest = min(_FIRST_BACKOFF_S * 2**doublings, self.every.total_seconds())
        return max(asked_s, self._uniform(longest / 2, longest))


class Due:
    """A moment ahead, watched on two clocks: whichever reaches it first.

    The steady clock stands still while a machine sleeps, and the wall clock can be set
    back; neither must put a turn off.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._at = clock.now() + timedelta(seconds=seconds)
        self._steady_s = clock.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """Seconds to go; 0 once it is due."""
        by_wall = (self._at - self._clock.now()).total_seconds()
        by_steady = self._steady_s - self._clock.monotonic()
        return max(0.0, min(by_wall, by_steady))

    @property
    def at(self) -> datetime:
        """When it is due, as things stand."""
        return self._clock.now() + timedelta(seconds=self.left_s)

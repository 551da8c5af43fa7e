"""When nobody needs the page any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.clock import Clock

#: So long after the last request it ends by itself.
LONGEST_S = 3_600.0
#: So often it is looked whether what was going on still is.
_LOOK_AGAIN_S = 60.0


class Idle:
    """Counts from the last request, and not while anything is going on."""

    def __init__(self, clock: Clock, is_busy: Callable[[], bool]) -> None:
        self._clock = clock
        self._is_busy = is_busy
        self._last_s = clock.monotonic()

    def touch(self) -> None:
        """Note that somebody is there."""
        self._last_s = self._clock.monotonic()

    async def wait(self) -> None:
        """Return once nobody has been there for too long."""
        while True:
            if self._is_busy():
                self.touch()
            left_s = self._last_s + LONGEST_S - self._clock.monotonic()
            if left_s <= 0:
                return
            await self._clock.sleep(min(left_s, _LOOK_AGAIN_S))

"""The one entrance of a service that counts its callers by several budgets."""

from __future__ import annotations

import asyncio


class Entrance:
    """What all budgets of one service share.

    At most ``most`` requests are under way over all of them together. And whatever
    stands before the service (Cloudflare, say) knows none of its budgets: a pause that
    it asks for holds for all. Times are those of the steady clock.
    """

    def __init__(self, most: int) -> None:
        self._places = asyncio.Semaphore(most)
        self.paused_until = 0.0
        #: Nobody waits that long, so requests are refused until then.
        self.closed_until = 0.0

    async def enter(self) -> None:
        """Wait for a place: first come, first served."""
        await self._places.acquire()

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()

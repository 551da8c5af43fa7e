"""The queue as the fleet sees it: two verbs. Engines stand behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Sequence

    from sync.fleet.calendar import Kind


@dataclass(frozen=True, slots=True)
class Job:
    """Run this profile. ``key`` is its number; a higher priority goes first."""

    key: int
    kind: Kind
    priority: int = 0


class Queue(Protocol):
    """Holds minutes of work, and hands each job to one worker at a time.

    A job is handed out at least once: again, to another worker, where the first one
    died. It is never repeated for what its handler raises.
    """

    async def enqueue(self, jobs: Sequence[Job]) -> list[bool]:
        """Put jobs in; for each, whether it was taken.

        One is refused while a job with its key waits or runs, of whichever kind.
        """

    async def work(
        self,
        kind: Kind,
        slots: int,
        handle: Callable[[int], Awaitable[None]],
        stop: asyncio.Event,
    ) -> None:
        """Handle jobs of one kind, at most ``slots`` at once, until ``stop`` is set.

        Returns once those under way have ended. Whoever cancels it cancels them.
        """

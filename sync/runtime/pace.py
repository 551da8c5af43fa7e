"""The stages of a run in words, and how fast one goes, for all who show progress."""

from __future__ import annotations

import math
from collections import deque

from sync.events import Stage

#: What is said while a stage goes on.
STAGES = {
    Stage.EXTRACT: "Reading Trakt",
    Stage.READ: "Reading Discovr",
    Stage.CATALOGUE: "Looking up air dates",
    Stage.LOAD: "Writing to Discovr",
    Stage.VERIFY: "Reading it back",
    Stage.UNDO: "Undoing",
}
#: The stages that change anything.
WRITING = frozenset({Stage.LOAD, Stage.UNDO})
#: Whose waits hold a stage up.
HELD_UP_BY = {
    Stage.EXTRACT: {"Trakt"},
    Stage.READ: {"Discovr"},
    Stage.CATALOGUE: {"Trakt", "TMDB"},
    Stage.LOAD: {"Discovr"},
    Stage.VERIFY: {"Discovr"},
    Stage.UNDO: {"Discovr"},
}
#: What was done so long ago says nothing of the pace now.
WINDOW_S = 30.0
#: A pace is measured over that much time, at least.
LEAST_S = 1.5


class Pace:
    """How fast a stage goes, as measured, and how long the rest of it takes at that.

    Times are seconds of a steady clock. Waits that a service asks for do not count:
    half an hour of waiting makes nobody slow: the rest takes as long as the work in it,
    and whatever is left of the wait.
    """

    def __init__(self, now: float) -> None:
        self._paused_s = now
        self._wakes_at = now
        self._marks = deque([(0.0, 0)])

    def wait(self, now: float, seconds: float) -> None:
        """Stand still from now on, or longer if it stands still already."""
        wakes_at = max(self._wakes_at, now + seconds)
        self._paused_s += wakes_at - max(now, self._wakes_at)
        self._wakes_at = wakes_at

    def note(self, now: float, done: int) -> None:
        """Note how much is done by now."""
        worked = self._worked(now)
        self._marks.append((worked, done))
        while len(self._marks) > 2 and worked - self._marks[1][0] > WINDOW_S:
            self._marks.popleft()

    def left_s(self, now: float, total: int) -> float | None:
        """Return how long the rest takes; None while nothing can be said."""
        (since, before), (_, done) = self._marks[0], self._marks[-1]
        worked = self._worked(now) - since
        if done <= before or worked < LEAST_S:
            return None
        pause = max(0.0, self._wakes_at - now)
        return (total - done) * worked / (done - before) + pause

    def _worked(self, now: float) -> float:
        return max(now, self._wakes_at) - self._paused_s


def clock(seconds: float) -> str:
    """Write a time that runs down: ``0:07``, ``12:34``, ``1:02:03``."""
    whole = max(0, math.ceil(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

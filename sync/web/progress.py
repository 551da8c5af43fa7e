"""What a job has told so far, as anybody who opens the page finds it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sync.events import Advanced, Finished, Stage, Waiting, Warned
from sync.runtime.pace import HELD_UP_BY, STAGES, Pace, clock
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.events import Event

#: What the numbers of a stage count.
_UNITS = {
    Stage.EXTRACT: ("page", "pages"),
    Stage.READ: ("entry", "entries"),
    Stage.CATALOGUE: ("show", "shows"),
    Stage.LOAD: ("write", "writes"),
    Stage.VERIFY: ("entry", "entries"),
    Stage.UNDO: ("write", "writes"),
}
#: So many warnings and notes are kept.
_MOST = 50


class Line(NamedTuple):
    """One stage: ``share`` in percent, None while nobody knows how much it is."""

    words: str
    counted: str
    share: int | None
    left: str
    is_over: bool


@dataclass(slots=True)
class _Stage:
    pace: Pace
    done: int = 0
    total: int | None = None
    summary: str = ""


@dataclass(frozen=True, slots=True)
class _Wait:
    until: float
    reason: str


class Progress:
    """Takes the events of a run, and says in words where it stands."""

    def __init__(
        self, *, is_download: bool = False, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._is_download = is_download
        self._stages: dict[Stage, _Stage] = {}
        self._waits: dict[str, _Wait] = {}
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def on_event(self, event: Event) -> None:
        """Take one event."""
        now = self._now()
        if isinstance(event, Advanced):
            stage = self._stages.setdefault(event.stage, _Stage(Pace(now)))
            stage.done, stage.total = event.done, event.total
            stage.pace.note(now, event.done)
        elif isinstance(event, Finished):
            self._finish(event, now)
        elif isinstance(event, Waiting):
            self._wait(event, now)
        elif isinstance(event, Warned) and len(self.warnings) < _MOST:
            self.warnings.append(event.message)

    def has_begun(self, stage: Stage) -> bool:
        """Whether that stage was told of."""
        return stage in self._stages

    def done(self, stage: Stage) -> int:
        """How much of a stage is done."""
        return self._stages[stage].done if stage in self._stages else 0

    def lines(self) -> list[Line]:
        """Return the stages so far, in the order in which they began."""
        return [self._line(stage, found) for stage, found in self._stages.items()]

    def waits(self) -> list[str]:
        """Say for whom everyone waits, how much longer, and why."""
        now = self._now()
        return [
            f"Waiting {clock(wait.until - now)} for {service}: {wait.reason}"
            for service, wait in self._waits.items()
            if wait.until > now
        ]

    def spoken(self) -> str:
        """Say it in few words, for those who hear it: it changes a few times only."""
        if not self._stages:
            return ""
        stage, found = next(reversed(self._stages.items()))
        if found.summary:
            return found.summary
        words = self._words(stage)
        if not found.total:
            return words
        return f"{words}: {10 * (10 * found.done // found.total)} %"

    def _line(self, stage: Stage, found: _Stage) -> Line:
        words = self._words(stage)
        if found.summary:
            return Line(words, found.summary, 100, "", is_over=True)
        total, units = found.total, _UNITS[stage]
        counted = count(found.done, *units) if found.done else ""
        if not total:
            return Line(words, counted, None, "", is_over=False)
        left_s = found.pace.left_s(self._now(), total)
        left = "" if left_s is None else f"{clock(left_s)} left"
        counted = f"{found.done:,} of {count(total, *units)}"
        share = 100 * min(found.done, total) // total
        return Line(words, counted, share, left, is_over=False)

    def _words(self, stage: Stage) -> str:
        if self._is_download and stage is Stage.EXTRACT:
            return "Reading the download"
        return STAGES[stage]

    def _finish(self, event: Finished, now: float) -> None:
        stage = self._stages.setdefault(event.stage, _Stage(Pace(now)))
        if stage.summary and stage.summary != event.summary:
            if len(self.notes) < _MOST:
                self.notes.append(event.summary)
            return
        stage.summary = event.summary

    def _wait(self, event: Waiting, now: float) -> None:
        before = self._waits.get(event.service)
        if before is None or before.until < now + event.seconds:
            wait = _Wait(now + event.seconds, event.reason)
            self._waits[event.service] = wait
        for stage, found in self._stages.items():
            if event.service in HELD_UP_BY[stage]:
                found.pace.wait(now, event.seconds)

"""Progress on stderr: bars on a terminal, one plain line a stage elsewhere."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, NamedTuple, Self

from connectors.errors import ServiceError
from sync.cli.view.lines import say
from sync.cli.view.texts import clean, duration
from sync.errors import StoppedError
from sync.events import Advanced, Finished, Stage, Waiting, Warned
from sync.runtime import logs
from sync.runtime.pace import HELD_UP_BY, STAGES, WRITING, Pace, clock
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.progress import TaskID

    from sync.cli.view.bars import Bars
    from sync.events import Event

#: Without bars, waits for the same service are told no more often than this.
_TOLD_EVERY_S = 60.0


class _Wait(NamedTuple):
    """A service that makes everyone wait, until a time on the steady clock."""

    until: float
    reason: str


class Reporter:
    """Shows events. Use it as a context manager; ``pause`` before asking anything.

    Without ``has_bars`` there are none on a terminal either: logs go to it too.
    ``warnings`` keeps those that came; they are shown in any case. ``complete`` puts
    what stood before the command into those that words name.
    """

    def __init__(
        self,
        console: Console,
        *,
        is_quiet: bool,
        has_bars: bool = True,
        now: Callable[[], float] = time.monotonic,
        complete: Callable[[str], str] = str,
    ) -> None:
        self._console = console
        self._complete = complete
        self._is_quiet = is_quiet
        self._now = now
        self.warnings: list[str] = []
        self._tasks: dict[Stage, TaskID] = {}
        self._paces: dict[Stage, Pace] = {}
        self._waits: dict[str, _Wait] = {}
        self._load: Advanced | None = None
        self._told: dict[str, float] = {}
        self._bars: Bars | None = None
        if has_bars and not is_quiet and can_move(console):
            from sync.cli.view.bars import Bars  # noqa: PLC0415  # heavy

            self._bars = Bars(console, waits=self.waits, left=self.left)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: object, _trace: object) -> None:
        self.pause()
        load = self._load
        # Who was stopped hears the same in the error's own words.
        is_news = isinstance(error, ServiceError) and not isinstance(
            error, StoppedError
        )
        if load is not None and is_news and not self._is_quiet:
            total = count(load.total or load.done, "write")
            is_undo = load.stage is Stage.UNDO
            what = "taken back" if is_undo else "done; none of them is sent again"
            self.say(f"{load.done:,} of {total} {what}.")

    def pause(self) -> None:
        """Take the bars off the screen; the next event brings them back."""
        if self._bars is None:
            return
        self._bars.stop()
        for task in self._tasks.values():
            self._bars.remove_task(task)
        self._tasks.clear()

    def on_event(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Warned):
            event = Warned(self._complete(event.message))
            self.warnings.append(event.message)
            self._warn(event)
        if self._is_quiet:
            return
        if isinstance(event, Advanced):
            self._advance(event)
        elif isinstance(event, Finished):
            self._finish(event)
        elif isinstance(event, Waiting):
            self._wait(event)

    def say(self, line: str) -> None:
        """Print a line above the bars, quiet or not."""
        say(self._console, line)

    def waits(self) -> list[str]:
        """Say for whom everyone waits, how much longer, and why."""
        now = self._now()
        return [
            f"Waiting {clock(wait.until - now)} for {service}: {wait.reason}"
            for service, wait in self._waits.items()
            if wait.until > now
        ]

    def left(self, stage: Stage, total: float | None) -> str:
        """Say how long a stage takes from here, as far as that can be known."""
        pace = self._paces.get(stage)
        if pace is None or total is None:
            return ""
        left_s = pace.left_s(self._now(), int(total))
        return "" if left_s is None else f"{clock(left_s)} left"

    def _advance(self, event: Advanced) -> None:
        now = self._now()
        if event.stage in WRITING:
            self._load = event
        if event.stage not in self._paces:
            self._paces[event.stage] = Pace(now)
        self._paces[event.stage].note(now, event.done)
        if self._bars is None:
            return
        if event.stage not in self._tasks:
            words = STAGES[event.stage]
            self._tasks[event.stage] = self._bars.add_task(
                words, total=None, stage=event.stage
            )
        self._bars.update(
            self._tasks[event.stage], completed=event.done, total=event.total or None
        )
        self._bars.start()

    def _finish(self, event: Finished) -> None:
        self._paces.pop(event.stage, None)
        if event.stage in WRITING:
            self._load = None
        if self._bars and event.stage in self._tasks:
            self._bars.remove_task(self._tasks.pop(event.stage))
        self._say(event, event.summary)

    def _wait(self, event: Waiting) -> None:
        now = self._now()
        before = self._waits.get(event.service)
        if before is None or before.until < now + event.seconds:
            wait = _Wait(now + event.seconds, clean(event.reason))
            self._waits[event.service] = wait
        for stage, pace in self._paces.items():
            if event.service in HELD_UP_BY[stage]:
                pace.wait(now, event.seconds)
        told_at = self._told.get(event.service)
        is_news = told_at is None or now - told_at >= _TOLD_EVERY_S
        if self._bars is None and is_news:
            self._told[event.service] = now
            seconds = duration(event.seconds)
            waiting = f"Waiting {seconds} for {event.service}: {event.reason}"
            self._say(event, waiting)

    def _warn(self, event: Warned) -> None:
        self.say(f"Warning: {event.message}")

    def _say(self, _event: Finished | Waiting, sentence: str) -> None:
        self.say(sentence)


class LoggingReporter(Reporter):
    """Shows bars alike, and logs the rest."""

    def _warn(self, event: Warned) -> None:
        logs.tell("run.warning", event.message, level=logging.WARNING)

    def _say(self, event: Finished | Waiting, sentence: str) -> None:
        if isinstance(event, Finished):
            logs.tell(f"{event.stage}.finished", sentence)
        else:
            key, service = "service.waiting", event.service
            logs.tell(key, sentence, service=service, seconds=event.seconds)


def can_move(console: Console) -> bool:
    """Whether what was drawn can be drawn over."""
    return console.is_interactive and not os.environ.get("CI")

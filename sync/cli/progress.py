"""Progress on stderr: bars on a terminal, one plain line a stage elsewhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from sync import logs
from sync.events import Advanced, Finished, Stage, Waiting, Warned

if TYPE_CHECKING:
    from rich.console import Console

    from sync.events import Event

_WORDS = {
    Stage.EXTRACT: "reading Trakt",
    Stage.READ: "reading Discovr",
    Stage.CATALOGUE: "looking up air dates",
    Stage.LOAD: "writing to Discovr",
    Stage.VERIFY: "verifying",
}


class Reporter:
    """Shows events. Use it as a context manager; ``pause`` before asking anything.

    ``warnings`` keeps those that came; they are shown in any case.
    """

    def __init__(
        self, console: Console, *, is_quiet: bool, has_bars: bool = True
    ) -> None:
        self._console = console
        self._is_quiet = is_quiet
        self.warnings: list[str] = []
        self._tasks: dict[Stage, TaskID] = {}
        self._bars = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=is_quiet or not console.is_terminal or not has_bars,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def pause(self) -> None:
        """Take the bars off the screen; the next event brings them back."""
        self._bars.stop()
        for task in self._tasks.values():
            self._bars.remove_task(task)
        self._tasks.clear()

    def on_event(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Warned):
            self.warnings.append(event.message)
            self._warn(event)
        if self._is_quiet:
            return
        if isinstance(event, Advanced):
            self._advance(event)
        elif isinstance(event, Finished):
            self._finish(event)
        elif isinstance(event, Waiting):
            self._say(
                event,
                f"{event.service}: waiting {event.seconds:.0f} s, {event.reason}",
            )

    def _advance(self, event: Advanced) -> None:
        self._bars.start()
        if event.stage not in self._tasks:
            self._tasks[event.stage] = self._bars.add_task(_WORDS[event.stage])
        self._bars.update(
            self._tasks[event.stage], completed=event.done, total=event.total
        )

    def _finish(self, event: Finished) -> None:
        if event.stage in self._tasks:
            self._bars.remove_task(self._tasks.pop(event.stage))
        self._say(event, event.summary)

    def _warn(self, event: Warned) -> None:
        warning = f"Warning: {event.message}"
        self._console.print(warning, markup=False, soft_wrap=True)

    def _say(self, _event: Finished | Waiting, sentence: str) -> None:
        self._console.print(escape(sentence), highlight=False)


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

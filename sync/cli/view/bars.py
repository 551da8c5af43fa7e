"""The bars of the stages under way, on a terminal that can move them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from sync.events import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import Console, RenderableType

_UNITS = {
    Stage.EXTRACT: "pages",
    Stage.READ: "entries",
    Stage.CATALOGUE: "shows",
    Stage.LOAD: "writes",
    Stage.VERIFY: "entries",
    Stage.UNDO: "writes",
}


class Bars(Progress):
    """The stages under way, and below them whom they wait for."""

    def __init__(
        self,
        console: Console,
        *,
        waits: Callable[[], list[str]],
        left: Callable[[Stage, float | None], str],
    ) -> None:
        self._waits = waits
        super().__init__(
            TextColumn("{task.description:<20}"),
            BarColumn(bar_width=24),
            _Count(),
            _Left(left),
            console=console,
            transient=True,
            refresh_per_second=5,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return what is drawn: nothing in place of an empty table."""
        if self.tasks:
            yield self.make_tasks_table(self.tasks)
        for line in self._waits():
            yield Text(line, style="yellow", no_wrap=True, overflow="ellipsis")


class _Count(ProgressColumn):
    """How much is done; of how much, once that is known."""

    def render(self, task: Task) -> Text:
        done, unit = f"{int(task.completed):,}", _UNITS[task.fields["stage"]]
        if task.total is None:
            return Text(f"{done} {unit}" if task.completed else "")
        total = f"{int(task.total):,}"
        return Text(f"{done.rjust(len(total))} of {total} {unit}")


class _Left(ProgressColumn):
    """How long it takes from here."""

    def __init__(self, left: Callable[[Stage, float | None], str]) -> None:
        super().__init__()
        self._left = left

    def render(self, task: Task) -> Text:
        stage: Stage = task.fields["stage"]
        return Text(self._left(stage, task.total), no_wrap=True)

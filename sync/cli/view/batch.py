"""How far a fleet is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sync.cli.progress import can_move
from sync.cli.view.lines import say

if TYPE_CHECKING:
    from rich.console import Console

    from sync.documents.fleet import FleetStatusDocument

#: Without a bar so many looks go by without a word.
_TOLD_EVERY = 60


class Batch:
    """Shows how many profiles are brought over. Use it as a context manager."""

    def __init__(self, console: Console, *, is_quiet: bool) -> None:
        self._console = console
        self._is_quiet = is_quiet
        self._looks = 0
        self._bar: Progress | None = None
        if can_move(console) and not is_quiet:
            self._bar = Progress(
                TextColumn("Brought over"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(separator=" of "),
                TextColumn("{task.description}"),
                console=console,
                transient=True,
            )
            self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, status: FleetStatusDocument) -> None:
        """Show how it stands at this look, one of many a second apart."""
        done, rest = status.brought_over, _rest(status)
        if self._bar:
            self._bar.update(
                self._task, completed=done, total=status.profiles, description=rest
            )
        elif not self._is_quiet and self._looks % _TOLD_EVERY == 0:
            words = f"{done:,} of {status.profiles:,} brought over"
            say(self._console, ", ".join(filter(None, [words, rest])) + ".")
        self._looks += 1


def _rest(status: FleetStatusDocument) -> str:
    """Say what else is to be seen of a batch."""
    counts = (
        (status.running, "running"),
        (status.failing, "failing"),
        (status.paused, "paused"),
        (status.needs_login, "waiting for a login"),
    )
    return ", ".join(f"{number:,} {words}" for number, words in counts if number)

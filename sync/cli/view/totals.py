"""The totals of a run: every play read is in exactly one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.cli.view.lines import say
from sync.documents.words import say_read
from sync.domain.plan import Fate
from sync.runtime.words import count

if TYPE_CHECKING:
    from rich.console import Console

    from sync.pipeline.result import Report

_WORDS = {
    Fate.WRITTEN: "written, with an entry of their own",
    Fate.COVERED: "covered by a season default, one entry for all of a season",
    Fate.ALREADY_THERE: "already there",
    Fate.KEPT: "kept as you set it on Discovr",
    Fate.UNSUPPORTED: "not possible on Discovr",
    Fate.UNMATCHED: "unmatched",
    Fate.UNREADABLE: "unreadable",
    Fate.LEFT_OUT: "left out on request",
    Fate.FAILED: "failed",
}
_STYLES = {
    Fate.UNMATCHED: "yellow",
    Fate.UNREADABLE: "yellow",
    Fate.FAILED: "bold red",
}


def show_totals(console: Console, report: Report, *, is_plan: bool) -> None:
    """Show what was read, what proves it whole, and what becomes of it."""
    if console.is_terminal:
        say(console)  # what follows is the result, and no longer progress
    receipt = report.prepared.compared.extraction.receipt
    proof = "proved whole" if receipt.is_whole else "NOT proved whole"
    total, _ = report.balance()
    odd = total.fates[Fate.UNREADABLE]
    read = say_read(total.read, odd, receipt.source, receipt.pages)
    say(console, f"{read}, {proof}", style="bold")
    for line in (*receipt.doubts, *receipt.missing, *receipt.notes):
        say(console, line, indent=2, hang=4)
    width = len(f"{total.read:,}")
    for fate in dict.fromkeys((*_WORDS, *Fate)):
        number = total.fates[fate]
        if not number:
            continue
        words = _WORDS.get(fate, fate.value.replace("_", " "))
        is_future = is_plan and fate is Fate.WRITTEN
        line = f"{number:>{width},}  {'to be ' if is_future else ''}{words}"
        say(console, line, indent=2, hang=4 + width, style=_STYLES.get(fate, ""))
    if total.gone:
        removed = count(total.gone, "is kept", "are kept")
        say(console, f"({removed} so: removed on Discovr)", indent=2)
    if total.repeats:
        again = count(total.repeats, "is one more play", "are further plays")
        say(console, f"({again} of the same film or episode)", indent=2)

"""The totals of a run: every play read is in exactly one line."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sync.cli.view.lines import say
from sync.documents.words import say_read
from sync.domain.plan import Fate
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from sync.domain.balance import Balance
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
    for words, style, number in _lines(total):
        if not number:
            continue
        is_future = is_plan and words == _WORDS[Fate.WRITTEN]
        line = f"{number:>{width},}  {'to be ' if is_future else ''}{words}"
        say(console, line, indent=2, hang=4 + width, style=style)
    if total.gone:
        removed = count(total.gone, "is kept", "are kept")
        say(console, f"({removed} so: removed on Discovr)", indent=2)
    if total.repeats:
        again = count(total.repeats, "is one more play", "are further plays")
        say(console, f"({again} of the same film or episode)", indent=2)


def _lines(total: Balance) -> Iterator[tuple[str, str, int]]:
    """Return what has plays; what waits for its turn has not failed."""
    counts = total.fates - Counter({Fate.FAILED: total.unsent})
    for fate in dict.fromkeys((*_WORDS, *Fate)):
        words = _WORDS.get(fate, fate.value.replace("_", " "))
        yield words, _STYLES.get(fate, ""), counts[fate]
    yield "not sent yet", "yellow", total.unsent

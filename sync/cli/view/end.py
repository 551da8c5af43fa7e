"""How the end of a run looks: what arrived, what did not, the proof, and what next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.cli.view.kept import show_copy
from sync.cli.view.left_out import show_left_out_of, show_unread
from sync.cli.view.lines import heading, say, show_list, show_next
from sync.cli.view.plan import name_of
from sync.cli.view.playback import show_playback
from sync.cli.view.skipped import show_for_this_once, show_skipped
from sync.cli.view.texts import duration, join
from sync.cli.view.totals import show_totals
from sync.documents.words import say_there
from sync.domain.desired import NO_ANSWER
from sync.domain.histories import keys_of
from sync.pipeline.result import describe
from sync.runtime.words import count, entries

if TYPE_CHECKING:
    from rich.console import Console

    from sync.cli.context import Context
    from sync.pipeline.result import Report
    from sync.runtime.meter import Cost

_DIFFERENCES = {
    "missing": "watched, and not there",
    "doubled": "there more than once",
    "unexpected": "an entry of ours, and no longer on {}",
    "foreign": "labelled like ours, not written from here, and not on {}",
}


_LATER = (
    "What is only corrected on Trakt, such as an id or a number, is looked for once a "
    "week, when both sides are read whole."
)
_FOREIGN = (
    "What to do with those that were not written from here: remove them on Discovr if "
    "you do not want them; or run sync --prune with the state database of the machine "
    "that wrote them."
)


def show_report(console: Console, report: Report, context: Context, next_: str) -> None:
    """Show what arrived, what did not, the proof, the cost, and what to do next."""
    if report.is_refused:
        say(console, "Nothing was written.", style="bold")
        show_next(console, next_)
        return
    if not report.prepared.is_unchanged:
        show_totals(console, report, is_plan=report.run is None)
    if not context.is_quiet:
        if not report.prepared.is_unchanged:
            show_left_out_of(console, report, context, is_brief=True)
            show_skipped(console, report, context)
        show_playback(console, report, is_full=context.is_verbose, is_brief=True)
    _show_failed(console, report, context)
    _show_differences(console, report, context)
    say(console)
    _show_proof(console, report)
    show_unread(console, report, context)
    _show_stays(console, report)
    _show_run(console, report)
    show_for_this_once(console, context)
    show_next(console, next_)


def _show_failed(console: Console, report: Report, context: Context) -> None:
    if not report.failed:
        return
    heading(console, f"Not written: {entries(len(report.failed))}")
    whole = context.call("--json report")
    if context.is_quiet:
        say(console, f"All of them: {whole}", indent=2)
        return
    lines = []
    for operation in report.failed:
        settled = report.settled.get(operation.id)
        why = settled.detail or settled.outcome.value if settled else "not sent"
        lines.append(f"{name_of(report, operation.key)}: {why}")
    show_list(console, lines, whole=whole, is_full=context.is_verbose)


def _show_differences(console: Console, report: Report, context: Context) -> None:
    found = report.verification
    if found is None or found.is_clean:
        return
    heading(console, "Differences")
    source = report.prepared.origin.name
    lines = [
        f"{name_of(report, key)}: {words.format(source)}"
        for name, words in _DIFFERENCES.items()
        for key in getattr(found, name)
    ]
    whole = context.call("--json verify")
    if context.is_quiet:
        say(console, f"{len(lines):,}. All of them: {whole}", indent=2)
        return
    show_list(console, lines, whole=whole, is_full=context.is_verbose)


def _show_proof(console: Console, report: Report) -> None:
    if report.move and not report.prepared.is_unchanged:
        total = report.move.balance
        there = say_there(total.on_discovr, total.read)
        say(console, f"{there}.", style="bold")
    found, source = report.verification, report.prepared.origin.name
    if found is not None:
        read = f"{entries(found.entries)} read back"
        style = "bold green" if found.is_whole else "bold red"
        words = describe(found, source, report.unreadable)
        say(console, f"{words}, {read}", style=style)
    elif report.prepared.is_unchanged:
        words = f"Nothing has changed on {source} since the last run."
        say(console, words, style="bold")
    elif report.failed:
        say(console, "Not everything is in its place.", style="bold red")
    else:
        what = "All that could be read" if report.unreadable else "Everything"
        words = f"{what} of what changed is in its place: each write was answered."
        if not report.unreadable:
            words = "Everything that changed is in its place: each write was answered."
        say(console, words, style="bold green")
        say(console, _LATER)
    undone = report.undone
    if undone is not None:
        gone = len(undone.removed) + len(undone.restored)
        verb = "is" if gone == 1 else "are"
        say(console, f"{entries(gone)} taken back that {verb} no longer on {source}.")


def _show_stays(console: Console, report: Report) -> None:
    """Say what is not in this reading and stays, and why."""
    prepared, found = report.prepared, report.verification
    if waiting := len(prepared.stale.waiting):
        words = f"{entries(waiting)} of ours may be gone from there, and nothing is"
        say(console, f"{words} taken back: a record that cannot be read may be it.")
    if prepared.holding and (rest := len(keys_of(prepared.holding.unplaced))):
        them = count(rest, "film or episode", "films and episodes")
        say(
            console,
            f"Not in this reading: {them} of earlier runs. Nobody noted where they "
            "came from, so what was written for them stays.",
        )
    elif found and found.elsewhere:
        one, many = "entry of ours is", "entries of ours are"
        words = f"{count(len(found.elsewhere), one, many)} not in this reading"
        stay = "stays: it" if len(found.elsewhere) == 1 else "stay: it"
        say(console, f"{words} and {stay} does not say that any is gone.")
    if found and found.foreign:
        say(console, _FOREIGN)


def _show_run(console: Console, report: Report) -> None:
    show_copy(console, report.kept_copy)
    cost = report.cost
    if cost is None:
        return
    spent = describe_cost(cost)
    if report.run is None:
        say(console, f"It took {spent}.")
        return
    arrived = len(report.prepared.plan.operations) - len(report.failed)
    say(console, f"Run {report.run}: {entries(arrived)} written; it took {spent}.")


def describe_cost(cost: Cost) -> str:
    """Say how long it took, how many requests, and what slowed it down."""
    requests = [f"{s.requests:,} to {s.service}" for s in cost.services]
    spent = f"{duration(cost.took_s)} and {count(cost.requests, 'request')}"
    spent += f" ({join(requests)})" if requests else ""
    repeated = sum(service.retries for service in cost.services)
    again = f", {repeated:,} of them repeated" if repeated else ""
    limited = [s.service for s in cost.services if s.limited]
    waits = f"; {join(limited)} asked for a slower pace" if limited else ""
    return f"{spent}{again}{waits}"


def next_command(report: Report, context: Context, command: str) -> str:
    """Choose the one command that brings the person on from here."""
    prepared, found = report.prepared, report.verification
    unmatched = prepared.compared.desired.unmatched
    is_unasked = any(left.reason == NO_ANSWER for left in unmatched)
    # Who reads downloads may have no API to sync from.
    is_online = prepared.compared.extraction.receipt.requests
    if report.is_unread:
        return context.call("doctor" if is_online else "unmatched")
    if report.is_refused or is_unasked or not report.is_complete:
        return context.call("migrate") if command == "verify" else context.again
    if unmatched:
        return context.call("unmatched --out unmatched.toml")
    is_stale = prepared.stale.keys and not prepared.removals.rows
    if is_online and (is_stale or (found and found.unexpected)):
        return context.call("sync --prune")
    # No command here takes back what was not written from here.
    is_foreign = found and found.foreign
    if command == "sync" or not is_online or is_foreign:
        return context.call("report --html report.html")
    return context.call("sync")

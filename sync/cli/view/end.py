"""How the end of a run looks: what arrived, what did not, the proof, and what next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.cli.view.kept import show_copy
from sync.cli.view.left_out import show_left_out_of, show_unread
from sync.cli.view.lines import heading, say, show_list, show_next
from sync.cli.view.plan import name_all
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
    from sync.domain.plays import Key
    from sync.pipeline.result import Report
    from sync.runtime.meter import Cost

_DIFFERENCES = {
    "missing": "watched, and not there",
    "doubled": "there more than once",
    "unexpected": "an entry of ours, and for no play on {}",
    "foreign": "labelled like ours, not written from here, and not on {}",
}


_LATER = (
    "What is only corrected on Trakt, such as an id or a number, is looked for once a "
    "week, when both sides are read whole."
)
_PRUNE = "To take back those of ours: {}"
_UNDO = (
    "To take back those of ours, with all else that the run wrote: {}. Then carry it "
    "over again, as it is now: {}"
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
    if report.carried_out_by is not None:
        run = f"by run {report.carried_out_by}"
        say(console, f"This plan is carried out already, {run}: nothing was sent.")
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
    _show_stays(console, report, context)
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
    names = name_all(report, [operation.key for operation in report.failed])
    for operation, name in zip(report.failed, names, strict=True):
        settled = report.settled.get(operation.id)
        why = settled.detail or settled.outcome.value if settled else "not sent"
        lines.append(f"{name}: {why}")
    show_list(console, lines, whole=whole, is_full=context.is_verbose)


def _show_differences(console: Console, report: Report, context: Context) -> None:
    found = report.verification
    if found is None or found.is_clean:
        return
    heading(console, "Differences")
    source = report.prepared.origin.name
    lacked = report.prepared.stale.titles

    def tell(key: Key, name: str, words: str) -> str:
        title = lacked.get(key.media)
        if title and title.has_other_id and words == _DIFFERENCES["unexpected"]:
            words = f"an entry of ours under an earlier id of it, {key.media}"
        return f"{name}: {words.format(source)}"

    lines = [
        tell(key, name, words)
        for kind, words in _DIFFERENCES.items()
        for keys in [getattr(found, kind)]
        for key, name in zip(keys, name_all(report, keys), strict=True)
    ]
    whole = context.call("--json verify")
    if context.is_quiet:
        say(console, f"{len(lines):,}. All of them: {whole}", indent=2)
        return
    show_list(console, lines, whole=whole, is_full=context.is_verbose)


def is_unbegun(report: Report) -> bool:
    """Whether nothing was read, and nothing stands that a run has written."""
    found = report.verification
    is_read = report.prepared.is_unchanged or report.balance()[0].read
    is_any = report.run or report.undone or is_read
    return not is_any and found is not None and found.is_clean and not found.elsewhere


def _show_proof(console: Console, report: Report) -> None:
    if report.move and not is_unbegun(report) and not report.prepared.is_unchanged:
        total = report.move.balance
        there = say_there(total.on_discovr, total.read)
        say(console, f"{there}.", style="bold")
    found, source = report.verification, report.prepared.origin.name
    if is_unbegun(report):
        words = f"No play was read from {source}: nothing was carried over yet."
        say(console, words, style="bold")
        return
    if found is not None:
        read = f"{entries(found.entries)} read back"
        whole = "bold green" if found.is_clean else "bold yellow"
        style = whole if found.is_whole else "bold red"
        words = describe(found, source, is_partly_read=report.is_partly_read)
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


def _show_stays(console: Console, report: Report, context: Context) -> None:
    """Say what is not in this reading and stays, and why."""
    prepared, found = report.prepared, report.verification
    if refused := report.refused_before:
        lack = "play is" if refused == 1 else "plays are"
        say(
            console,
            f"{refused:,} {lack} not on Discovr, which refused an earlier run's write. "
            "That is tried again when both sides are read whole: once a week, or now "
            f"with {context.call('migrate')}",
            style="bold red",
        )
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
    if back := _take_back(report):
        words = _UNDO if back.startswith("undo") else _PRUNE
        say(console, words.format(context.call(back), context.call("migrate")))
    if found and found.foreign:
        say(console, _FOREIGN)


def _take_back(report: Report) -> str:
    """Name what takes back entries of ours that stand for no play; "" if none do.

    A download says nothing to ``sync``, so there it is the run that wrote them.
    """
    found, prepared = report.verification, report.prepared
    if not found or not found.unexpected:
        return ""
    if prepared.compared.extraction.receipt.requests:
        return "sync --prune"
    run = prepared.stale.run_of(found.unexpected)
    return f"undo {run}" if run else ""


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
    words = _next(report, command)
    return context.call(words) if words else context.again


def _next(report: Report, command: str) -> str | None:
    """Name it without what stands before; None is the same once more."""
    prepared, found = report.prepared, report.verification
    unmatched = prepared.compared.desired.unmatched
    is_unasked = any(left.reason == NO_ANSWER for left in unmatched)
    # Who reads downloads may have no API to sync from.
    is_online = prepared.compared.extraction.receipt.requests
    is_stale = prepared.stale.keys and not prepared.removals.rows
    # No command here takes back what was not written from here.
    is_foreign = found and found.foreign
    is_last = command == "sync" or not is_online or is_foreign
    again = "migrate" if command == "verify" else None
    too_much = _take_back(report)
    choices: tuple[tuple[object, str | None], ...] = (
        (report.carried_out_by is not None, "verify"),
        (command == "verify" and is_unbegun(report), "migrate"),
        (report.is_unread, "doctor" if is_online else "unmatched"),
        (report.is_refused or is_unasked or not report.is_complete, again),
        (command == "verify" and too_much, too_much),
        (unmatched, "unmatched --out unmatched.toml"),
        (is_online and is_stale, "sync --prune"),
        (too_much, too_much),
        (is_last, "report --html report.html"),
    )
    return next((words for holds, words in choices if holds), "sync")

"""How plans and reports look to a person: plain words, no meaning by colour alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from sync.domain.balance import Column
from sync.domain.plays import Key, Kind
from sync.results import describe

if TYPE_CHECKING:
    from rich.console import Console

    from sync.documents import (
        LeftOutDocument,
        ProfilesDocument,
        UndoDocument,
        UnmatchedDocument,
    )
    from sync.domain.balance import Balance
    from sync.domain.desired import LeftOut
    from sync.domain.plan import SeasonNote
    from sync.domain.plays import Title
    from sync.results import Report

#: A list longer than this is cut; the whole of it is in --json and in ``unmatched``.
MOST_LINES = 40
#: And a title longer than this.
MOST_LETTERS = 80

_WORDS = {
    Column.WRITTEN: "written",
    Column.ALREADY_THERE: "already there",
    Column.COVERED: "covered by a season default",
    Column.KEPT: "kept as you set them on Discovr",
    Column.UNSUPPORTED: "not possible on Discovr (specials)",
    Column.UNMATCHED: "unmatched",
    Column.UNREADABLE: "unreadable",
    Column.FAILED: "failed",
}


def show_plan(
    console: Console, report: Report, rate: float, *, is_full: bool = False
) -> None:
    """Show what would be written, and why; in full, the reason of every season."""
    plan = report.prepared.plan
    _show_receipt(console, report)
    _show_titles(console, report, is_full=is_full)
    _show_left_out(console, report)
    _show_balance(console, report, is_plan=True)
    _show_playback(console, report)
    writes = len(plan.operations)
    saved = f" (season defaults save {plan.saved:,})" if plan.saved else ""
    if writes:
        pace = f"{_duration(writes / rate)} at {rate:g} a second"
        console.print(f"{writes:,} writes{saved}, {pace}.")
    else:
        console.print("Nothing to write: everything is there already.")


def show_report(console: Console, report: Report) -> None:
    """Show what arrived, what did not, and the proof."""
    _show_receipt(console, report)
    _show_balance(console, report, is_plan=report.run is None)
    _show_left_out(console, report)
    for operation in report.failed[:MOST_LINES]:
        settled = report.settled.get(operation.id)
        title = report.prepared.desired.titles[operation.key.media].label
        why = settled.detail or settled.outcome.value if settled else "not sent"
        console.print(f"  failed: {_clean(title)} {operation.key}: {escape(why)}")
    _show_playback(console, report)
    verification = report.verification
    if verification is None:
        if report.prepared.plan.operations:
            console.print("Nothing was written.")
        return
    for name in ("missing", "doubled", "unexpected"):
        for key in getattr(verification, name)[:MOST_LINES]:
            known = report.prepared.desired.titles.get(key.media)
            label = _clean(known.label) if known else ""
            console.print(f"  {name}: {label} {key}")
    console.print(describe(verification))
    if not report.is_complete:
        console.print("Next: trakt2discovr migrate (again); it sends nothing twice.")


def show_left_out(console: Console, document: UnmatchedDocument) -> None:
    """Show what the last run could not carry over, with all known ids."""
    groups = {"unmatched": document.unmatched, "not possible": document.unsupported}
    for name, group in groups.items():
        for left in group:
            console.print(f"{name}: {_left_out_line(left)}")
    for record in document.quarantined:
        console.print(f"unreadable: {escape(record.where)}: {escape(record.reason)}")
    if not any((document.unmatched, document.unsupported, document.quarantined)):
        console.print("The last run carried everything over.")


def show_undone(console: Console, document: UndoDocument) -> None:
    """Show what was taken back, and what was left alone and why."""
    for left in document.left_alone:
        key = Key(left.key.media, left.key.season, left.key.episode)
        console.print(f"  left alone: {key}: {escape(left.reason)}")
    console.print(
        f"Run {document.run} is taken back: {document.removed:,} entries removed, "
        f"{document.restored:,} set back, {document.gone:,} were gone already, "
        f"{len(document.left_alone):,} left alone."
    )


def show_profiles(console: Console, document: ProfilesDocument) -> None:
    """List profiles, one a line: id, then name."""
    for profile in document.profiles:
        console.print(f"{escape(profile.id)}  {escape(profile.name)}")
    if not document.profiles:
        console.print("The account has no profile yet: create one on Discovr first.")


def _show_receipt(console: Console, report: Report) -> None:
    receipt = report.prepared.extraction.receipt
    proof = "proved whole" if receipt.is_whole else "NOT proved whole"
    console.print(
        f"{receipt.plays:,} plays read from {receipt.source} on {receipt.pages:,} "
        f"pages: {proof}."
    )
    for line in (*receipt.doubts, *receipt.missing, *receipt.notes):
        console.print(f"  {escape(line)}")


def _show_balance(console: Console, report: Report, *, is_plan: bool) -> None:
    total, _ = report.balance()
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_row(f"{total.read:,}", "plays read, of which")
    for column in Column:
        if count := total.columns[column]:
            is_future = is_plan and column is Column.WRITTEN
            words = "to be written" if is_future else _WORDS[column]
            table.add_row(f"{count:,}", words)
    console.print(table)
    if total.repeats:
        console.print(
            f"{total.repeats:,} of them are further plays of the same film or episode."
        )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    return f"about {minutes:,} minute{'s' * (minutes != 1)}"


def _show_titles(console: Console, report: Report, *, is_full: bool) -> None:
    _, titles = report.balance()
    notes: dict[str, list[SeasonNote]] = {}
    for note in report.prepared.plan.seasons:
        notes.setdefault(note.season.media, []).append(note)
    labels = {title: media for media, title in report.prepared.desired.titles.items()}
    shows = sorted(
        (t for t in titles if t.kind is Kind.SHOW and t in labels),
        key=lambda t: t.label,
    )
    for show in shows[:MOST_LINES]:
        of_show = notes.get(labels[show], [])
        console.print(_show_line(show, titles[show], of_show))
        for note in of_show:
            # A season that went whole into its default needs no explanation.
            if is_full or note.writes > 1 or note.late:
                season = f"season {note.season.season}"
                console.print(f"  {season}: {escape(note.reason)}")
    if len(shows) > MOST_LINES:
        console.print(f"... and {len(shows) - MOST_LINES:,} more shows (--json: all).")


def _show_line(show: Title, part: Balance, notes: list[SeasonNote]) -> str:
    writes = sum(note.writes for note in notes)
    saved = sum(note.saved for note in notes)
    saving = f" ({saved} saved)" if saved else ""
    episodes = sum(note.watched for note in notes)
    seasons = f"{len(notes)} season{'s' * (len(notes) != 1)}"
    again = f" in {part.read} plays" if part.read > episodes else ""
    return (
        f"{_clean(show.label)}: {seasons}, {episodes} episodes{again} -> "
        f"{writes} {'entry' if writes == 1 else 'entries'}{saving}"
    )


def _show_playback(console: Console, report: Report) -> None:
    """Show what becomes of the resume points."""
    result = report.playback
    if result is None:
        return
    points = result.plan.chosen
    if points:
        done = len(result.written)
        state = f"{done:,} of {len(points):,} carried over" if done else "to be written"
        seen = "" if result.seen is None else f", {result.seen:,} seen there again"
        console.print(f"{len(points):,} resume points: {state}{seen}.")
    for resume, reason in result.failed:
        label = escape(resume.point.label)
        console.print(f"  resume point failed: {label}: {escape(reason)}")
    for left in result.plan.left[:MOST_LINES]:
        line = f"{left.point.label} at {left.point.progress:g} %: {left.reason}"
        console.print(f"  no resume point: {escape(line)}")
    if result.error is not None:
        console.print(f"Resume points: {escape(str(result.error))}")


def _show_left_out(console: Console, report: Report) -> None:
    for name, group in (
        ("unmatched", report.prepared.desired.unmatched),
        ("not possible", report.prepared.unsupported),
    ):
        for left in group[:MOST_LINES]:
            console.print(f"  {name}: {_desired_line(left)}")
    for record in report.prepared.extraction.quarantined[:MOST_LINES]:
        console.print(f"  unreadable: {escape(f'{record.where}: {record.reason}')}")


def _desired_line(left: LeftOut) -> str:
    return _line(left.title.label, left.plays, left.reason, left.title.ids.known())


def _left_out_line(left: LeftOutDocument) -> str:
    year = f" ({left.title.year})" if left.title.year else ""
    return _line(left.title.title + year, left.plays, left.reason, left.title.ids)


def _clean(text: str) -> str:
    """Make a title fit for a terminal: no control characters, and not without end."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return escape(shown if len(shown) <= MOST_LETTERS else f"{shown[:MOST_LETTERS]}...")


def _line(label: str, plays: int, reason: str, ids: dict[str, int | str]) -> str:
    known = ", ".join(f"{name} {value}" for name, value in ids.items()) or "no ids"
    count = f"{plays} play{'s' * (plays != 1)}"
    return f"{_clean(label)}: {count}; {escape(f'{reason} [{known}]')}"

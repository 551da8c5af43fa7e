"""The report of a run as Markdown. Nothing that a title says can become markup."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from sync.documents.words import say_move, say_read, say_time, say_verified
from sync.domain.balance import ON_DISCOVR
from sync.domain.plan import Fate
from sync.domain.plays import Key, Kind
from sync.report.squares import UNSENT, Lacking, lines_of
from sync.report.watched import count_fates
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sync.documents.left_out import LeftOutDocument
    from sync.documents.move import BalanceDocument
    from sync.documents.report import (
        KeyDocument,
        ReportDocument,
        TitleReport,
    )
    from sync.domain.histories import TitleHistory

#: A longer list is cut; the whole of it is in ``--json``.
MOST_LINES = 200

#: All that can begin or end markup, or make a link of what looks like an address.
_MARKUP = {mark: f"\\{mark}" for mark in "\\`*_{}[]()#+-.!|~:@$^="}
#: Not every renderer knows these with a backslash, and raw HTML does the most harm.
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ESCAPES = str.maketrans(_MARKUP | _HTML)
#: Cc: line breaks and other controls; Cf: marks that turn the direction of a line.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
#: Of those these two only join letters, as emoji and several scripts need.
_JOINERS = {"\u200c", "\u200d"}


def escape(text: str) -> str:
    """Make text that stays text, on one line, wherever it stands in Markdown."""
    printable = (
        c if c in _JOINERS or unicodedata.category(c) not in _UNPRINTABLE else " "
        for c in text
    )
    return " ".join("".join(printable).split()).translate(_ESCAPES)


def render(
    report: ReportDocument, at: datetime, histories: Sequence[TitleHistory] = ()
) -> str:
    """Return the report as Markdown: tables of GitHub's flavour, nothing else of it.

    ``histories`` are all titles that are known; without them it shows those of the run.
    """
    move = report.move
    names = {h.media: h.title.label for h in histories if h.media} | report.names
    sections = [
        _head(report, at),
        _balance(move.balance if move else report.balance, report),
        _shows(histories) if histories else _titles(report.titles),
        _left_out("Unmatched", report.unmatched),
        _left_out("Not possible on Discovr", report.unsupported),
        _left_out("Left out on request", report.left_out),
        _failures(report, names),
        _waiting(report, names),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(report: ReportDocument, at: datetime) -> str:
    receipt = report.receipt
    proof = "proved whole" if receipt.is_whole else "**not** proved whole"
    run = f"run {report.run}, " if report.run is not None else ""
    total = report.move.balance if report.move else report.balance
    read = say_read(total.read, total.unreadable, escape(receipt.source))
    there = [f"**{say_move(report.move)}**", ""] if report.move else []
    lines = [
        f"# Watch history: from {escape(report.source.name)} to Discovr",
        "",
        *there,
        f"{report.command}, {run}{say_time(at)}",
        "",
        f"- {read}, {proof}",
        f"- {_arrived(report)}; season defaults saved {report.saved:,}",
        f"- {_proof(report)}",
    ]
    if kept := report.kept_copy:
        lines.append(f"- the profile as it was before is kept: {escape(kept.name)}")
    return "\n".join(lines)


def _arrived(report: ReportDocument) -> str:
    writes, lost = count(report.writes, "write"), len(report.failed)
    if not lost:
        return writes
    unsent = Lacking.of(report.failed).unsent
    waiting = f", {unsent:,} {UNSENT.name}" if unsent else ""
    again = "run it again for the rest"
    return f"{report.writes - lost:,} of {writes} arrived{waiting}: {again}"


def _proof(report: ReportDocument) -> str:
    found = report.verification
    if found is None:
        return "not verified"
    is_partly_read = bool(report.balance.unreadable) or not report.receipt.is_whole
    return say_verified(found, report.source.name, is_partly_read=is_partly_read)


def _balance(balance: BalanceDocument, report: ReportDocument) -> str:
    counts = {fate: getattr(balance, fate.value) for fate in Fate}
    lines = lines_of(counts, balance.unsent, Lacking.of(report.failed))
    rows = [(f"{plays:,}", line.name) for line, plays in lines.items()]
    table = _table(("Plays", "What became of them"), rows)
    plays, kept = (
        count(balance.read, "play"),
        count(balance.gone, "is kept", "are kept"),
    )
    again = f"{balance.repeats:,} of them further ones of the same film or episode."
    gone = f" {kept}: removed on Discovr." if balance.gone else ""
    return f"## Balance\n\n{plays}, {again}{gone}\n\n{table}"


def _shows(histories: Sequence[TitleHistory]) -> str:
    rows = []
    for history in sorted(histories, key=lambda history: history.title.label):
        if history.title.kind is Kind.SHOW:
            fates = count_fates([history])
            there = sum(fates[fate] for fate in ON_DISCOVR)
            name = _name(history.title.name, history.title.year)
            rows.append((name, f"{fates.total():,}", f"{there:,}"))
    if not rows:
        return ""
    columns = ("Show", "Plays", "On Discovr")
    return f"## Shows\n\n{_table(columns, rows[:MOST_LINES])}{_more(rows)}"


def _titles(titles: Sequence[TitleReport]) -> str:
    rows = []
    for part in titles:
        writes = sum(season.writes for season in part.seasons)
        saved = sum(season.saved for season in part.seasons)
        if part.seasons:
            name = _name(part.title.title, part.title.year)
            rows.append((name, f"{part.balance.read:,}", f"{writes:,}", f"{saved:,}"))
    if not rows:
        return ""
    columns = ("Show", "Plays", "Entries", "Saved")
    return f"## Shows\n\n{_table(columns, rows[:MOST_LINES])}{_more(rows)}"


def _left_out(heading: str, group: Sequence[LeftOutDocument]) -> str:
    if not group:
        return ""
    rows = [
        (
            _name(left.title.title, left.title.year),
            f"{left.plays:,}",
            escape(left.reason),
            escape(", ".join(f"{name} {i}" for name, i in left.title.ids.items())),
        )
        for left in group
    ]
    columns = ("Title", "Plays", "Why", "Known ids")
    return f"## {heading}\n\n{_table(columns, rows[:MOST_LINES])}{_more(rows)}"


def _failures(report: ReportDocument, names: Mapping[str, str]) -> str:
    lines = [
        f"- {_place(failed.operation.key, names)}: "
        f"{escape(failed.detail or failed.outcome)}"
        for failed in report.failed
        if not failed.is_unsent
    ]
    lines += [
        f"- unreadable: {escape(f'{record.where}: {record.reason}')}"
        for record in report.quarantined
    ]
    if not lines:
        return ""
    return "## Failed\n\n" + "\n".join(lines[:MOST_LINES]) + _more(lines)


def _waiting(report: ReportDocument, names: Mapping[str, str]) -> str:
    waiting = [one.operation.key for one in report.failed if one.is_unsent]
    if not waiting:
        return ""
    lines = [f"- {_place(key, names)}" for key in waiting[:MOST_LINES]]
    heading = f"## {UNSENT.name.capitalize()}\n\n"
    return heading + "\n".join(lines) + _more(waiting)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _name(title: str, year: int | None) -> str:
    return escape(f"{title} ({year})" if year else title)


def _place(key: KeyDocument, names: Mapping[str, str]) -> str:
    return escape(Key(key.media, key.season, key.episode).said(names))


def _more(rows: Sequence[object]) -> str:
    more = len(rows) - MOST_LINES
    return f"\n\nAnd {more:,} more." if more > 0 else ""

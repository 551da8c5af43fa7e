"""What cannot be carried over, why, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.cli.view.lines import heading, say
from sync.cli.view.texts import clean, glue, title
from sync.domain.desired import (
    EPISODE_ZERO,
    NO_ANSWER,
    NO_ID,
    NO_KEY,
    SPECIAL,
    LeftOut,
)
from sync.domain.plays import Kind, Title
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from sync.cli.context import Context
    from sync.pipeline.result import Report
    from sync.ports import Quarantined

_OF_FILES = "make the download again, or correct it"
_OF_TRAKT = "look at the play on Trakt, and correct or remove it there"
#: Titles that are named of each reason; -v names all.
FEW = 12


def show_left_out_of(
    console: Console, report: Report, context: Context, *, is_brief: bool = False
) -> None:
    """Show what is not carried over by its reason, with what to do about each.

    In brief after a run: the plan has said the rest, and one next step is enough.
    """
    prepared = report.prepared
    groups: dict[str, list[LeftOut]] = {}
    for left in (*prepared.compared.desired.unmatched, *prepared.unsupported):
        groups.setdefault(left.reason, []).append(left)
    unreadable = [
        q for q in prepared.compared.extraction.quarantined if not q.is_unsupported
    ]
    for record in prepared.compared.extraction.quarantined:
        if record.is_unsupported:
            left = LeftOut(_title_of(record), 1, record.reason)
            groups.setdefault(record.reason, []).append(left)
    if not groups and not unreadable:
        return
    heading(console, "Cannot go to Discovr")
    for reason, group in groups.items():
        plays = sum(left.plays for left in group)
        say(console, f"{count(plays, 'play')}: {reason}", indent=2, hang=4)
        show_titles(console, group, is_full=context.is_verbose)
        advice = "" if is_brief else _advice(reason, report, context)
        if advice:
            say(console, f"What to do: {advice}", indent=4, hang=6)
    if unreadable:
        is_file = not prepared.compared.extraction.receipt.requests
        remedy = _OF_FILES if is_file else _OF_TRAKT
        _show_unreadable(console, unreadable, is_full=context.is_verbose, remedy=remedy)


def show_titles(console: Console, group: Sequence[LeftOut], *, is_full: bool) -> None:
    """Name the titles of one reason: all of them in full, else the first."""
    shown = group if is_full else group[:FEW]
    names = [_name(left, is_full=is_full) for left in shown]
    more = len(group) - len(shown)
    if more:
        names.append(f"and {count(more, 'more title')}")
    if is_full:
        for name in names:
            say(console, name, indent=4, hang=6)
    else:
        say(console, ", ".join(names), indent=4, hang=4)


def _name(left: LeftOut, *, is_full: bool) -> str:
    name = title(left.title.label)
    times = f" x{left.plays:,}" if left.plays > 1 else ""
    if not is_full:
        return f"{name}{times}"
    known = left.title.ids.known().items()
    ids = ", ".join(f"{catalogue} {number}" for catalogue, number in known)
    return f"{name}{times} [{clean(ids) or 'no ids'}]"


def _advice(reason: str, report: Report, context: Context) -> str:
    if reason == NO_ID:
        listed = glue(context.call("unmatched --out unmatched.toml"))
        return (
            f"after the run, {listed} lists them: fill in their TMDB ids there, or "
            "the word skip, and run it again"
        )
    if reason == NO_KEY:
        return "set [tmdb] api_key in the config, which costs nothing, and run it again"
    if reason == NO_ANSWER:
        return "run it again once TMDB answers"
    if reason in (SPECIAL, EPISODE_ZERO):
        return f"nothing; they stay on {report.prepared.origin.name}"
    return ""


def show_unread(console: Console, report: Report, context: Context) -> None:
    """Say in one line how much is there that could not be read."""
    if number := report.unreadable:
        them = count(number, "record")
        words = f"{them} could not be read"
        if report.is_unread and number > 1:
            words = f"None of the {them} could be read"
        count_as, what = ("It counts", "it") if number == 1 else ("They count", "them")
        names = context.call("unmatched")
        say(console, f"{words}. {count_as} as watched there: {names} names {what}.")


def _title_of(record: Quarantined) -> Title:
    return record.title or Title(record.kind or Kind.FILM, record.where)


def _show_unreadable(
    console: Console, records: Sequence[Quarantined], *, is_full: bool, remedy: str
) -> None:
    number = count(len(records), "record")
    say(console, f"{number} that cannot be read as a play:", indent=2)
    shown = records if is_full else records[:FEW]
    for record in shown:
        say(console, f"{record.where}: {record.reason}", indent=4, hang=6)
    if len(shown) < len(records):
        more = len(records) - len(shown)
        say(console, f"... and {more:,} more (-v names them)", indent=4)
    for advice in dict.fromkeys(record.remedy or remedy for record in records):
        say(console, f"What to do: {advice.rstrip('.')}.", indent=4, hang=6)

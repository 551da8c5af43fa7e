"""How the smaller results look: what was left out, taken back, or found as profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.cli.view.kept import show_copy
from sync.cli.view.lines import say, show_list, show_next
from sync.cli.view.texts import clean, duration, name_runs, title
from sync.domain.plays import Key
from sync.runtime.words import count, entries

if TYPE_CHECKING:
    from rich.console import Console

    from sync.cli.context import Context
    from sync.documents.base import ProfilesDocument
    from sync.documents.left_out import LeftOutDocument, UnmatchedDocument
    from sync.documents.report import (
        UndoDocument,
    )
    from sync.pipeline.undo import UndoOutline


def show_left_out(console: Console, document: UnmatchedDocument) -> None:
    """Show what the last run did not carry over, with all known ids, uncut."""
    groups = {
        "unmatched": document.unmatched,
        "not possible": document.unsupported,
        "left out on request": document.left_out,
    }
    for name, group in groups.items():
        for left in group:
            say(console, f"{name}: {_left_out_line(left)}", hang=4)
    for record in document.quarantined:
        what = "not possible" if record.is_unsupported else "unreadable"
        say(console, f"{what}: {record.where}: {record.reason}", hang=4)
        if record.remedy:
            words = record.remedy.rstrip(".")
            say(console, f"What to do: {words}.", indent=4, hang=6)
    if not any((*groups.values(), document.quarantined)):
        say(console, "The last run carried everything over.")


def show_undone(
    console: Console, document: UndoDocument, context: Context, next_: str
) -> None:
    """Show what was taken back, what was left alone and why, and what to do next."""
    names = {media: title(name) for media, name in document.names.items()}
    keys = [(left.key, left.reason) for left in document.left_alone]
    lines = [
        f"left alone: {Key(key.media, key.season, key.episode).said(names)}: {reason}"
        for key, reason in keys
    ]
    whole = "--json has them all"
    show_list(console, lines, whole=whole, is_full=context.is_verbose)
    if not (document.removed or document.restored or document.gone or lines):
        say(console, "Nothing was taken back.")
        return
    show_copy(console, document.kept_copy)
    runs = document.runs or (document.run,)
    are = "is" if len(runs) == 1 else "are"
    say(
        console,
        f"{name_runs(runs).capitalize()} {are} taken back: "
        f"{entries(document.removed)} removed, "
        f"{document.restored:,} set back, {document.gone:,} were gone already, "
        f"{len(document.left_alone):,} left alone.",
    )
    show_next(console, context.call(next_))


def undo_question(outlook: UndoOutline) -> str:
    """Ask whether to take that back; say what it is about, and how long it takes."""
    writes = count(outlook.writes, "write")
    about = f"in {count(outlook.titles, 'title')}, in about {duration(outlook.seconds)}"
    return f"Take back the {writes} of {name_runs(outlook.runs)}, {about}?"


def show_profiles(console: Console, document: ProfilesDocument) -> None:
    """List profiles, one a line: id, then name."""
    for profile in document.profiles:
        say(console, f"{clean(profile.id)}  {title(profile.name)}")
    if not document.profiles:
        say(console, "The account has no profile yet: create one on Discovr first.")


def _left_out_line(left: LeftOutDocument) -> str:
    year = f" ({left.title.year})" if left.title.year else ""
    known = ", ".join(f"{name} {value}" for name, value in left.title.ids.items())
    name = title(left.title.title + year)
    return f"{name}: {count(left.plays, 'play')}; {left.reason} [{known or 'no ids'}]"

"""How a copy of the profile, and what is brought back of one, look on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.cli.view.lines import heading, say, show_list, show_next
from sync.cli.view.texts import glue, title
from sync.documents.words import say_time
from sync.runtime.words import entries

if TYPE_CHECKING:
    from rich.console import Console

    from sync.cli.context import Context
    from sync.documents.report import KeptCopyDocument
    from sync.domain.entries import Entry
    from sync.pipeline.copies import KeptCopy
    from sync.pipeline.restore import Restoration


def show_copy(console: Console, kept: KeptCopy | KeptCopyDocument | None) -> None:
    """Say where the profile is kept as it was before, in one line."""
    if kept is None:
        return
    what = "What it touches of the profile" if kept.is_part else "The profile"
    words = f"{what} as it was before ({entries(kept.entries)}):"
    # A path is not broken, so that it can be copied.
    say(console, f"{words} {glue(str(kept.path))}")


def show_restore_plan(
    console: Console, restoration: Restoration, *, is_full: bool
) -> None:
    """Show what differs between a copy and the profile."""
    copy, compared = restoration.copy, restoration.compared
    whose = f"the profile {title(copy.called)}"
    if copy.places is not None:
        whose = f"what {copy.command} touched of {whose}"
    when = say_time(copy.at)
    say(console, f"A copy of {whose} as it was on {when}: {entries(len(copy.entries))}")

    def name_of(entry: Entry) -> str:
        return title(restoration.name(entry.key))

    missing = [f"{name_of(entry)}: {_describe(entry)}" for entry in compared.missing]
    changed = [
        f"{name_of(now)}: {_says(copied)} in the copy, {_says(now)} now"
        for copied, now in compared.changed
    ]
    impossible = [
        f"{name_of(entry)}: {_describe(entry)}: {why}"
        for entry, why in compared.impossible
    ]
    parts = {
        "Missing": missing,
        "Changed since, and left as they are": changed,
        "Not possible": impossible,
    }
    for name, lines in parts.items():
        if lines:
            heading(console, f"{name}: {entries(len(lines))}")
            whole = "-v names them all"
            show_list(console, lines, whole=whole, is_full=is_full)
    say(console)
    say(console, f"There as in the copy: {entries(len(compared.there))}.")


def show_restored(
    console: Console, restoration: Restoration, context: Context, spent: str, next_: str
) -> None:
    """Show what came of it, and what to do next."""
    reasons = restoration.failed
    failed = [
        f"{title(restoration.name(operation.key))}: {reasons[operation.id]}"
        for operation in restoration.operations
        if operation.id in reasons
    ]
    if failed:
        heading(console, f"Not brought back: {entries(len(failed))}")
        whole = "-v names them all"
        show_list(console, failed, whole=whole, is_full=context.is_verbose)
        say(console)
    show_copy(console, restoration.kept_copy)
    if restoration.run is not None:
        back = len(restoration.operations) - len(failed)
        words = f"Run {restoration.run}: {entries(back)} brought back; it took {spent}."
        say(console, words)
    elif restoration.operations:
        say(console, "Nothing was written.", style="bold")
    else:
        say(console, "Nothing is missing.", style="bold")
    show_next(console, next_)


def _describe(entry: Entry) -> str:
    label = f"label {title(entry.imported)}" if entry.imported else "no label"
    return f"{_says(entry)}, {label}"


def _says(entry: Entry) -> str:
    at = f"of {say_time(entry.updated_at)}" if entry.updated_at else "without a time"
    return f"{entry.progress:g} % {at}"

"""Sentences that the terminal, Markdown and the page say alike."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Protocol

from sync.runtime.words import count, name_runs

if TYPE_CHECKING:
    from collections.abc import Sized
    from datetime import datetime

    from sync.documents.move import MoveDocument

    class Found(Protocol):
        """The differences between two sides, by kind."""

        @property
        def missing(self) -> Sized:
            """What was watched and is not there."""

        @property
        def doubled(self) -> Sized:
            """What is there more than once."""

        @property
        def unexpected(self) -> Sized:
            """What we wrote, and stands for no play."""

        @property
        def foreign(self) -> Sized:
            """What is labelled like ours, and is not."""


#: Where many times stand, it is said once for all of them.
ALL_UTC = "All times are UTC."


def say_time(at: datetime) -> str:
    """Write a time, to the minute: in UTC wherever it is read, and it says so."""
    return f"{at.astimezone(UTC).isoformat(' ', 'minutes')[:16]} UTC"


def say_read(read: int, unreadable: int, source: str, pages: int = 0) -> str:
    """Say how many plays were read; there is one count, the unreadable included."""
    where = f" on {count(pages, 'page')}" if pages else ""
    odd = f", {unreadable:,} of them unreadable" if unreadable else ""
    return f"{count(read, 'play')} read from {source}{where}{odd}"


def say_there(on_discovr: int, read: int) -> str:
    """Say the number that a person who moves wants to know first."""
    plays = count(read, "play is", "plays are")
    share = f" ({say_share(on_discovr, read)})" if read else ""
    return f"{on_discovr:,} of {plays} on Discovr{share}"


def say_move(move: MoveDocument) -> str:
    """Say it of the whole move; what was taken back since it was counted first."""
    read, there = move.balance.read, move.on_discovr
    if move.undone is None:
        return say_there(there, read)
    until = f"on Discovr until {say_undone(move)}"
    if move.left is None:
        return f"{there:,} of {count(read, 'play was', 'plays were')} {until}"
    were = f"{there:,} {'was' if there == 1 else 'were'}"
    return f"{say_there(move.left, read)}; {were} {until}"


def say_undone(move: MoveDocument) -> str:
    """Say which runs were taken back since it was counted."""
    runs = move.undone_runs or (move.undone or 0,)
    were = "were" if len(runs) > 1 else "was"
    return f"{name_runs(runs)} {were} taken back{' in part' if move.in_part else ''}"


def say_verified(found: Found, source: str, *, is_partly_read: bool = False) -> str:
    """Say what a comparison found, in one sentence.

    Not "everything" if some was not read, nor "in its place" alone if there is more.
    """
    what = "all that could be read" if is_partly_read else "everything"
    gone, foreign = len(found.unexpected), len(found.foreign)
    if found.missing or found.doubled:
        counts = {
            "missing": len(found.missing),
            "doubled": len(found.doubled),
            "unexpected": gone,
            "foreign": foreign,
        }
        named = ", ".join(
            f"{count:,} {name}" for name, count in counts.items() if count
        )
        return f"verified: not everything is in its place ({named})"
    more = []
    if gone:
        ours = count(gone, "entry of ours stands", "entries of ours stand")
        more.append(f"{ours} for no play on {source}")
    if foreign:
        is_ = count(foreign, "is", "are")
        more.append(f"{is_} labelled like ours and not written from here")
    if more:
        return f"verified: {what} is in its place, and there is more: {'; '.join(more)}"
    return f"verified: {what} is in its place"


def say_share(part: int, whole: int) -> str:
    """Say it in percent; 100 % is all of them, and 0 % is none."""
    percent = round(100 * part / whole)
    if part and not percent:
        return "< 1 %"
    return f"{min(percent, 99) if part < whole else percent} %"

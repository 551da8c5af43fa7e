"""Sentences that the terminal, Markdown and the page say alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.runtime.words import count

if TYPE_CHECKING:
    from sync.documents.move import MoveDocument


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
    """Say it of the whole move, unless it was taken back since it was counted."""
    if move.undone is None:
        return say_there(move.on_discovr, move.balance.read)
    plays = count(move.balance.read, "play was", "plays were")
    until = f"until run {move.undone} was taken back"
    return f"{move.on_discovr:,} of {plays} on Discovr {until}"


def say_share(part: int, whole: int) -> str:
    """Say it in percent; 100 % is all of them, and 0 % is none."""
    percent = round(100 * part / whole)
    if part and not percent:
        return "< 1 %"
    return f"{min(percent, 99) if part < whole else percent} %"

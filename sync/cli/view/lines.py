"""Lines that fit the terminal: indented, wrapped at words, cut where a list is long."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from sync.cli.view.texts import GLUE, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

#: A list longer than this is cut; what follows says where the whole of it is.
MOST_LINES = 40
#: No line is wrapped to less.
NARROWEST = 20
#: What is never broken, as it is there to be copied: a path, an address.
_WHOLE = re.compile(r"[(\"']*(?:\w+:)?(?:~|\.{1,2})?[/\\]\S")


def say(
    console: Console,
    text: str = "",
    *,
    indent: int = 0,
    hang: int | None = None,
    style: str = "",
) -> None:
    """Print a line; what does not fit goes on below it, under ``hang``.

    It is broken between words; within one only where it fits into no line, and is no
    path or address.
    """
    rest = Text(_tidy(text))
    margin, below = indent, indent if hang is None else hang
    while True:
        room = max(NARROWEST, console.width - margin)
        part = _first_line(rest, console, room)
        rest = rest[len(part) :]
        part.rstrip()
        part.plain = part.plain.replace(GLUE, " ")
        shown = Text.assemble(" " * margin, part) if part else Text()
        console.print(shown, style=style, soft_wrap=True)
        if not rest.plain.strip():
            return
        rest = rest[len(rest) - len(rest.plain.lstrip(f" {GLUE}")) :]
        margin = below


def _tidy(text: str) -> str:
    return GLUE.join(map(clean, text.split(GLUE)))


def _first_line(text: Text, console: Console, room: int) -> Text:
    word = text.plain.partition(" ")[0]
    if cell_len(word) <= room:
        return text.wrap(console, room)[0]
    if _WHOLE.match(word):
        return text[: len(word)]
    loose = text.copy()
    loose.plain = word.replace(GLUE, " ") + text.plain[len(word) :]
    return loose.wrap(console, room)[0]


def heading(console: Console, text: str) -> None:
    """Print the title of a part, after an empty line."""
    say(console)
    say(console, text, style="bold")


def show_list(
    console: Console,
    lines: Sequence[str],
    *,
    whole: str,
    is_full: bool = False,
    indent: int = 2,
    say_one: Callable[[str], None] | None = None,
) -> None:
    """Print a list; a long one is cut, and ``whole`` says where all of it is."""
    shown = lines if is_full else lines[:MOST_LINES]
    for line in shown:
        if say_one:
            say_one(line)
        else:
            say(console, line, indent=indent, hang=indent + 2)
    if len(shown) < len(lines):
        more = len(lines) - len(shown)
        say(console, f"... and {more:,} more: {whole}", indent=indent)


def show_next(console: Console, command: str) -> None:
    """Show the one command to go on with, on a line of its own to copy it from."""
    line = Text.assemble("Next: ", (_tidy(command), "bold"))
    console.print(line, soft_wrap=True)

"""Lines that fit the terminal: indented, wrapped at words, cut where a list is long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sync.cli.view.texts import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

#: A list longer than this is cut; what follows says where the whole of it is.
MOST_LINES = 40
#: No line is wrapped to less.
NARROWEST = 20


def say(
    console: Console,
    text: str | Text = "",
    *,
    indent: int = 0,
    hang: int | None = None,
    style: str = "",
) -> None:
    """Print a line; what does not fit goes on below it, under ``hang``."""
    rest = Text(clean(text)) if isinstance(text, str) else text
    margin, below = indent, indent if hang is None else hang
    while True:
        part = rest.wrap(console, max(NARROWEST, console.width - margin))[0]
        rest = rest[len(part) :]
        part.rstrip()
        shown = Text.assemble(" " * margin, part) if part else Text()
        console.print(shown, style=style, soft_wrap=True)
        if not rest.plain.strip():
            return
        rest = rest[len(rest) - len(rest.plain.lstrip()) :]
        margin = below


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
    line = Text.assemble("Next: ", (command, "bold"))
    console.print(line, soft_wrap=True)

"""How words, numbers and titles look on a terminal: plain, and safe to print."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len, set_cell_size

from sync.runtime.escapes import JOINERS
from sync.runtime.words import duration, join, name_runs, seasons

__all__ = [
    "GLUE",
    "MOST_CELLS",
    "clean",
    "duration",
    "glue",
    "join",
    "name_runs",
    "pad",
    "seasons",
    "title",
]

#: Stands for a space at which no line is broken; ``say`` prints it as one. It is for
#: private use, so that nobody else's text has it.
GLUE = "\ue000"
#: A title longer than this is cut wherever it is shown.
MOST_CELLS = 80
#: Marks of direction belong to scripts, and move no cursor.
_HARMLESS = frozenset(f"{JOINERS}\u200e\u200f\u2068\u2069")
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


def clean(text: str) -> str:
    """Replace what could command a terminal; every kind of blank becomes a space.

    So does the end of a line: what somebody else wrote stays on ours.
    """
    return "".join(map(_clean_letter, text))


def glue(text: str) -> str:
    """Keep words on one line that are there to be copied: a path, a command."""
    return text.replace(" ", GLUE)


def title(text: str, cells: int = MOST_CELLS) -> str:
    """Make a title of somebody else's fit into a line of ours.

    One that is written from right to left is isolated, so that the numbers after it
    stay where they belong.
    """
    shown = clean(text)
    if cell_len(shown) > cells:
        cut = set_cell_size(shown, cells - 3)
        words = cut.rpartition(" ")[0].rstrip(" ,;:-(")
        # A word is cut only where there is little else to show.
        is_much = cell_len(words) > cells // 2
        shown = f"{words if is_much else cut.rstrip()}..."
    if any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in shown):
        return f"\N{FIRST STRONG ISOLATE}{shown}\N{POP DIRECTIONAL ISOLATE}"
    return shown


def pad(text: str, cells: int) -> str:
    """Fill with spaces up to that many cells, which are not letters (CJK, emoji)."""
    return text + " " * (cells - cell_len(text))


def _clean_letter(letter: str) -> str:
    if letter.isprintable() or letter in _HARMLESS:
        return letter
    if letter in "\t\n" or unicodedata.category(letter) == "Zs":
        return " "
    return "\N{REPLACEMENT CHARACTER}"

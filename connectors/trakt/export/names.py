"""What the name of a member may tell: its page number, and a hint at what it holds.

Names are read here and shown in messages; no path is ever made from one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

#: What a browser appends to the second download of one name.
_COPY = re.compile(r" ?\(\d+\)$")
_NUMBERED = re.compile(r"^(?P<series>.*?)[-_ ]?(?<!\d)(?P<page>\d{1,5})$")
#: Backups are often named after the day; that is no page number.
_DATED = re.compile(r"(?:19|20)\d\d[-_.]?\d\d[-_.]?\d\d")
_HISTORY = re.compile(r"(?:^|[^a-z])history(?:$|[^a-z])")
_SCRIPT = re.compile(r"(?:^|[^a-z])history_(?:movies|shows|episodes)$")
_HARMLESS = re.compile(
    r"(?:^|[^a-z])(?:ratings|watchlist|collection|likes|comments|notes|network|hidden"
    r"|playback|user|settings|profile|stats|followers|following|friends|favorites"
    r"|recommendations|recommended|watched[-_](?:movies|shows))(?:$|[^a-z])"
)
#: A list's name is the person's own, and may well say "history".
_LIST = re.compile(r"^(?:lists?)-")


class Hint(Enum):
    """What a member holds, to judge by its name alone."""

    HISTORY = "history"
    HARMLESS = "nothing that was watched"
    NONE = "anything"


@dataclass(frozen=True, slots=True)
class Name:
    """The base name of a member, taken apart; ``page`` is None without a number."""

    text: str
    suffix: str
    series: str
    page: int | None
    hint: Hint

    @property
    def order(self) -> tuple[str, int, str]:
        """Sorts the pages of one series by their number, not as text."""
        return (self.series, 1 if self.page is None else self.page, self.text)

    @property
    def layout(self) -> str:
        """Return the layout in which history goes by this name."""
        if self.series == "watched-history":
            return "flat"
        if self.series == "history" and self.page is not None:
            return "nested"
        return "backup script" if _SCRIPT.search(self.series) else "json"


def parse_name(base: str) -> Name:
    """Take a base name apart."""
    path = PurePosixPath(base)
    stem = _COPY.sub("", path.stem.strip()).lower()
    match = None if _DATED.search(stem) else _NUMBERED.match(stem)
    series, page = (match["series"], int(match["page"])) if match else (stem, None)
    text, suffix = to_printable(base), path.suffix.lower()
    return Name(text, suffix, to_printable(series), page, _hint(stem))


def to_printable(text: str) -> str:
    """Return a short form without control characters, fit for a terminal."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(shown) <= 80 else f"{shown[:79]}…"


def _hint(stem: str) -> Hint:
    if _LIST.search(stem):
        return Hint.HARMLESS
    if _HISTORY.search(stem):
        return Hint.HISTORY
    return Hint.HARMLESS if _HARMLESS.search(stem) else Hint.NONE

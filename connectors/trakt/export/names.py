"""What the name of a file says of it, before anything of it is read."""

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
#: Named as one of these, and not as what was watched.
_ASIDE = re.compile(
    r"^(?!.*(?:watched|seen|viewed|history|plays|scrobbl))"
    r".*(?<![a-z])(?:ratings?|watchlist|collection|likes|comments|notes|hidden"
    r"|favou?rites|recommendations|recommended)(?![a-z])"
)
#: A list's name is the person's own, and may well say "history".
_LIST = re.compile(r"^(?:lists?)[-_ ]")
#: What export tools write into the name: ``export_shows_history``, ``history_movies``.
_SAID = {
    "movie": re.compile(
        r"(?:^|[^a-z])(?:movies|films)(?:$|[^a-z])"
        r"|(?:history|watched|export)[-_ ](?:movie|film)(?:$|[^a-z])"
        r"|(?:^|[^a-z])(?:movie|film)[-_ ](?:history|watched|export)"
    ),
    "episode": re.compile(
        r"(?:^|[^a-z])(?:shows|episodes|series|tv)(?:$|[^a-z])"
        r"|(?:history|watched|export)[-_ ](?:show|episode)(?:$|[^a-z])"
        r"|(?:^|[^a-z])(?:show|episode)[-_ ](?:history|watched|export)"
    ),
}

_SHEETS = frozenset({".xlsx", ".xls", ".ods", ".numbers"})
#: What was packed from history alone, to judge by its name; a zip may be any download.
_PACKED = frozenset({".gz", ".tgz", ".tar", ".7z", ".rar", ".xz", ".bz2"})
_ARCHIVES = frozenset({".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".xz", ".bz2"})


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
    def is_list(self) -> bool:
        """Whether it is a list of the person's, whatever that is called."""
        return _LIST.search(self.series) is not None

    @property
    def is_aside(self) -> bool:
        """Whether it says ratings, watchlist or the like, and not watched."""
        return _ASIDE.search(self.series) is not None

    @property
    def is_packed(self) -> bool:
        """Whether it is history that was packed by itself."""
        return self.hint is Hint.HISTORY and self.suffix in _PACKED

    @property
    def is_sheet(self) -> bool:
        """Whether it is a spreadsheet as a program saves it for itself."""
        return self.suffix in _SHEETS

    @property
    def is_archive(self) -> bool:
        """Whether it says that others are packed inside."""
        return self.suffix in _ARCHIVES

    @property
    def kind(self) -> str | None:
        """Return what the name says that the plays are of: movie, episode, or None."""
        said = [kind for kind, form in _SAID.items() if form.search(self.series)]
        return said[0] if len(said) == 1 else None

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
    if match and not _is_numbered(stem, match["series"]):
        match = None
    series, page = (match["series"], int(match["page"])) if match else (stem, None)
    text, suffix = to_printable(base), path.suffix.lower()
    return Name(text, suffix, to_printable(series), page, _hint(stem))


def _is_numbered(stem: str, series: str) -> bool:
    """Whether the number is that of a page: a name stands before it, set apart."""
    is_apart = stem[len(series) : len(series) + 1] in {"-", "_", " "}
    return bool(series) and (is_apart or _HISTORY.search(series) is not None)


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

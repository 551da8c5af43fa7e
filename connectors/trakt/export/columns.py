"""The columns of flat rows, however a tool spells them.

``movie.ids.tmdb``, ``movie/ids/tmdb``, ``movie_ids_tmdb`` and ``MovieIdsTmdb`` are one
column: names are compared by their letters and digits alone.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from connectors.trakt.lenient import is_nothing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Row = dict[str, Any]

ID_NAMES = ("trakt", "imdb", "tmdb", "tvdb")
TIMES = ("watchedat", "datewatched", "watcheddate", "watchedon")
TYPES = (
    "type",
    "kind",
    "media",
    "mediatype",
    "itemtype",
    "contenttype",
    "titletype",
    "entitytype",
)
SEASONS = ("season", "seasonnumber", "episodeseason", "episodeseasonnumber")
EPISODES = ("episode", "episodenumber", "number", "episodeepisode")
PLAYS = ("plays", "playcount", "timeswatched")
WATCHED_FLAGS = ("iswatched", "watched")
#: Marks of a row that is about something other than a play.
ELSEWHERE = ("listedat", "watchlistedat", "iswatchlisted", "ratedat", "rating")
FILM = ("movie", "film")
SHOW = ("show", "series", "tvshow")
EPISODE = ("episode",)
_OTHER_MARKS = re.compile(r"[^a-z0-9]")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_WATCHED = frozenset({"watch", "watched", "seen", "played", "view", "viewed"})
_WHEN = frozenset({"at", "on", "date", "time", "datetime", "timestamp", "day", "last"})
#: The same where nothing sets the words apart.
_JOINED = re.compile(
    r"(?:last|first|date|time)*(?:watched|seen|viewed|played)(?:at|on|date|time)+"
    r"|(?:last|date|time)(?:watched|seen|viewed|played)"
)
#: A full time, as no other cell of a row looks.
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
#: What else rows of titles have the time of.
_OTHER_TIMES = re.compile(
    r"creat|updat|modif|add|list|rat|collect|releas|premier|air|publish|import|export"
    r"|sync|birth|expir|paus|hidden|follow|like|comment|drop|start"
)
#: What may be a time, in whatever notation: at least a year, or seconds since 1970.
_SEEMS_A_TIME = re.compile(r"\d{4}")
#: Words that may say so too, in a table that is of films or episodes and of plays.
_BARE_TIMES = frozenset({"date", "datetime", "time", "timestamp", "when"})
_BARE_TIMES |= {"watched", "viewed", "seen", "played"}


@lru_cache(maxsize=4096)
def squash(name: str) -> str:
    """Return the name of a column without case and marks."""
    return _OTHER_MARKS.sub("", name.lower())


class Columns(Row):
    """The fields of a row by column; ``raw`` is the row as it came."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        super().__init__()
        self.raw = raw
        self._more: list[tuple[str, Any]] = []

    def spell(self, column: str) -> str:
        """Return the name of a column as the file writes it."""
        names = [n for n in self.raw if squash(n) == column]
        filled = [n for n in names if not is_nothing(self.raw[n])]
        return next((n.strip() for n in (*filled, *names)), column)

    def put(self, column: str, value: Any) -> None:
        """Add a field; a second one of the same name stands behind the first."""
        if self.setdefault(column, value) != value:
            self._more.append((column, value))

    def every(self, *columns: str) -> Iterator[Any]:
        """Yield all that the row holds in any of the columns."""
        for column in columns:
            if column in self:
                yield self[column]
                yield from (value for name, value in self._more if name == column)


def to_columns(row: Mapping[str, Any]) -> Columns:
    """Return the fields that hold something, by column; objects are flattened."""
    found = Columns(row)
    for name, value in row.items():
        if isinstance(value, dict):
            for inner, one in to_columns(value).items():
                found.put(squash(name) + inner, one)
        elif not is_nothing(value):
            found.put(squash(name), value)
    return found


def has_time(names: Iterable[object]) -> bool:
    """Whether one of the columns says when something was watched."""
    return any(isinstance(n, str) and squash(n) in TIMES for n in names)


def has_times(document: Any) -> bool:
    """Whether a document tells times of watching somewhere, whatever it calls them."""
    return next(tell_times(document), None) is not None


def tell_times(document: Any, name: str = "") -> Iterator[str]:
    """Yield the times of watching that a document tells, whatever it calls them.

    ``name`` is what it stands under.
    """
    if isinstance(document, list):
        for value in document:
            yield from tell_times(value, name)
    elif isinstance(document, dict):
        is_timed = _seems_timed(name)
        for inner, value in document.items():
            yield from tell_times(value, name if is_timed else inner)
    elif _seems_timed(name) and _SEEMS_A_TIME.search(str(document)):
        yield str(document)


@lru_cache(maxsize=4096)
def _seems_timed(name: str) -> bool:
    """Whether a name seems to be that of a time of watching."""
    words = {word.lower() for word in _WORDS.findall(name)}
    is_apart = not (words.isdisjoint(_WATCHED) or words.isdisjoint(_WHEN))
    is_listed = {"watch", "list"} <= words
    joined = _JOINED.fullmatch(squash(name)) is not None
    return joined or (is_apart and not is_listed)


def find_unknown_times(
    names: Iterable[str], first: Iterable[str] = (), *, is_of_plays: bool
) -> list[str]:
    """Return the columns that seem to be times of watching and are not known.

    A word such as ``date`` is one only where the table may be of plays by its name; so
    is a name in another language, where the ``first`` row has a time in its column.
    """
    names = list(names)
    columns = {squash(name): name for name in names}
    named = [name for name in columns.values() if _seems_timed(name)]
    ids = [column for name in ID_NAMES for column in id_columns("", name)]
    is_of_titles = any(column in columns for column in (*TYPES, *SEASONS, *ids))
    is_elsewhere = any(column in columns for column in ELSEWHERE)
    if named or is_elsewhere or not (is_of_plays and is_of_titles):
        return named
    bare = [name for column, name in columns.items() if column in _BARE_TIMES]
    return bare or [
        name
        for name, cell in zip(names, first, strict=False)
        if _STAMP.match(cell) and not _OTHER_TIMES.search(squash(name))
    ]


def get(row: Row, *names: str) -> Any:
    """Return the first of several fields that is there."""
    for name in names:
        if name in row:
            return row[name]
    return None


def id_columns(prefix: str, name: str) -> tuple[str, ...]:
    """Return the columns that hold one id of what the prefix stands for."""
    ends = (name, f"{name}id", f"ids{name}", f"id{name}", f"ids{name}id")
    return tuple(f"{prefix}{end}" for end in ends)


def has_prefix(row: Row, prefixes: tuple[str, ...]) -> bool:
    """Whether the row has ids or a name of its own for what the prefixes stand for."""
    return not _own_columns(prefixes).isdisjoint(row)


@cache
def _own_columns(prefixes: tuple[str, ...]) -> frozenset[str]:
    return frozenset(
        column
        for prefix in prefixes
        for column in (
            f"{prefix}title",
            f"{prefix}name",
            *(c for name in ID_NAMES for c in id_columns(prefix, name)),
        )
    )

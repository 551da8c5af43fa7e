"""Flat rows, of JSON or of a table, as the plays that the API would have sent.

Ids at the root of an ``episode`` row are the episode's own, as Trakt's importer takes
them; those of a ``show`` row are the show's, even if it names an episode.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from connectors.trakt.export.values import (
    UnusableError,
    is_nothing,
    to_instant,
    to_number,
    to_text,
)
from connectors.trakt.models import HistoryItem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Row = dict[str, Any]

TIMES = ("watched_at", "date_watched")
#: Marks of a row that is about something other than a play.
_ELSEWHERE = ("listed_at", "watchlisted_at", "is_watchlisted", "rated_at", "rating")
_OTHER_ACTIONS = frozenset({"watchlist", "rating", "ratings", "list", "collection"})
_KINDS = {
    "movie": "movie",
    "film": "movie",
    "show": "show",
    "series": "show",
    "tv series": "show",
    "tv show": "show",
    "season": "season",
    "episode": "episode",
}
_ALL_IDS = ("trakt", "imdb", "tmdb", "tvdb")
_NESTED = ("movie", "show", "episode")
_FLAT = {"title", "name", "show_title", "ids", "season", "episode"}
_FLAT |= {f"{n}{end}" for n in _ALL_IDS for end in ("", "_id")}


def find_time(row: Mapping[str, Any]) -> object:
    """Return what the row says about when it was watched, or None."""
    return next((row[t] for t in TIMES if to_text(row.get(t))), None)


def is_play(row: Mapping[str, Any]) -> bool:
    """Whether a row is about a play, and not a rating or a wish.

    Without a time, and with nothing else to be about, it is a play that lacks its time.
    """
    if str(row.get("action") or "").lower() in _OTHER_ACTIONS:
        return False
    return find_time(row) is not None or not any(row.get(k) for k in _ELSEWHERE)


def is_flat(row: Mapping[str, Any]) -> bool:
    """Whether the title stands in the row itself and not in an object of its own.

    A row that names no title at all is left to the form of the API.
    """
    if any(isinstance(row.get(k), dict) for k in _NESTED):
        return False
    return not _FLAT.isdisjoint(row) or isinstance(row.get("id"), (dict, str))


def read_row(raw: Mapping[str, Any]) -> HistoryItem:
    """Read a flat row; raises UnusableError."""
    row = {k: v for k, v in raw.items() if not is_nothing(v)}
    parts = {
        "watched_at": to_instant(find_time(row)),
        "action": to_text(row.get("action")),
        **_read_parts(row),
    }
    return HistoryItem.model_validate(parts)


def _read_parts(row: Row) -> Row:
    season = to_number(_get(row, "season", "season_number"), "season")
    number = to_number(_get(row, "episode", "episode_number", "number"), "episode")
    kind = _find_kind(row, has_numbers=season is not None and number is not None)
    ids, show_ids = _read_ids(row, ""), _read_ids(row, "show_")
    if not ids and not show_ids and not _get(row, "title", "name", "show_title"):
        raise UnusableError("names no title and no id")
    if kind == "movie":
        return {"type": kind, "movie": _to_title(row, ids, "title", "name")}
    if kind == "show":
        show_ids = ids
    show = _to_title(row, show_ids, "show_title", "title", "name")
    if season is None or number is None:
        if kind == "episode":
            raise UnusableError("names an episode without season and number")
        return {"type": kind, "show": show}
    title = to_text(row.get("episode_title"))
    episode: Row = {"season": season, "number": number, "title": title}
    if kind == "episode":
        episode["ids"] = ids
    return {"type": "episode", "show": show, "episode": episode}


def _find_kind(row: Row, *, has_numbers: bool) -> str:
    said = to_text(row.get("type"))
    if said is None:
        return "episode" if has_numbers or "show_title" in row else "movie"
    if (kind := _KINDS.get(said.lower())) is None:
        raise UnusableError("is of a type that is neither film nor episode")
    return kind


def _to_title(row: Row, ids: Row, *names: str) -> Row:
    year = to_number(_get(row, "show_year", "year"), "year")
    return {"title": to_text(_get(row, *names)), "year": year, "ids": ids}


def _read_ids(row: Row, prefix: str) -> Row:
    """Read ids at the root, with or without ``_id``, or in an object of their own."""
    own = _get(row, f"{prefix}ids", f"{prefix}id")
    ids: Row = {}
    if isinstance(own, dict):
        ids = {k: v for k, v in own.items() if k in _ALL_IDS and not is_nothing(v)}
    elif isinstance(own, str) and own.startswith("tt"):
        ids = {"imdb": own}
    for name in _ALL_IDS:
        if (found := _get(row, f"{prefix}{name}", f"{prefix}{name}_id")) is not None:
            ids[name] = found
    return {k: _to_id(v, k) for k, v in ids.items()}


def _to_id(value: object, name: str) -> object:
    return to_text(value) if name == "imdb" else to_number(value, f"{name} id")


def _get(row: Row, *names: str) -> Any:
    """Return the first of several fields that is there."""
    for name in names:
        if name in row:
            return row[name]
    return None


# Tables


def read_header(text: str) -> list[str]:
    """Return the column names of a table, or nothing when it is none."""
    first = text.lstrip().partition("\n")[0].strip()
    columns = next(csv.reader([first], delimiter=_find_delimiter(first)), [])
    return [c.strip().lower() for c in columns] if len(columns) > 1 else []


def read_table(text: str) -> Iterator[Row | None]:
    """Yield the rows of a table by column name; None for one that is cut short.

    Raises csv.Error.
    """
    stream = io.StringIO(text.lstrip(), newline="")
    columns = read_header(text)
    delimiter = _find_delimiter(stream.readline())
    for cells in csv.reader(stream, delimiter=delimiter):
        if cells:
            is_whole = len(cells) >= len(columns)
            yield dict(zip(columns, cells, strict=False)) if is_whole else None


def _find_delimiter(line: str) -> str:
    return max(",;\t", key=line.count)

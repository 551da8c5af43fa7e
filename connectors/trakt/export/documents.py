"""What a member is, told from its content alone."""

from __future__ import annotations

import codecs
from enum import Enum, auto
from typing import Any

from connectors.decoding import decode
from connectors.trakt.export.columns import has_time

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as that of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: How plain letters begin where there is no mark: which of four bytes are zero.
_ZEROS: dict[tuple[bool, ...], str] = {
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
}


class Kind(Enum):
    """The documents of a download or backup that matter here."""

    HISTORY = auto()
    WATCHED = auto()
    PLAYBACK = auto()
    TRAKTEXPORT = auto()
    ACTIVITIES = auto()
    TOTALS = auto()
    OWNER = auto()
    ERRORS = auto()
    OTHER = auto()
    EMPTY = auto()


def to_utf8(data: bytes) -> bytes:
    """Drop the byte order mark, and narrow what is wider. Raises UnicodeError."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            rest = data[len(mark) :]
            return rest if encoding == "utf-8" else rest.decode(encoding).encode()
    wide = _ZEROS.get(tuple(not byte for byte in data[:4]))
    return data.decode(wide).encode() if wide else data


def read_lines(data: bytes) -> list[Any] | None:
    """Read JSON lines: a record in each; None where it is something else."""
    lines = [line for line in data.splitlines() if line.strip()]
    if len(lines) < 2:
        return None
    try:
        found = [decode(line) for line in lines]
    except (ValueError, RecursionError):
        return None
    return found if all(isinstance(one, (dict, list)) for one in found) else None


def flatten(document: Any) -> Any:
    """Join pages that stand in a list as lists of their own."""
    if not isinstance(document, list) or not document:
        return document
    is_paged = all(isinstance(page, list) for page in document)
    return [item for page in document for item in page] if is_paged else document


def recognise(document: list[Any] | dict[str, Any]) -> Kind:
    """Tell a JSON document by its keys.

    In a list the first entry may be damaged, or about something else, so all are asked
    before it is taken for no history.
    """
    if isinstance(document, dict):
        return _recognise_object(document)
    if not document:
        return Kind.EMPTY
    kinds = {_recognise_item(item) for item in document}
    for kind in (Kind.HISTORY, Kind.WATCHED, Kind.PLAYBACK, Kind.ERRORS):
        if kind in kinds:
            return kind
    return Kind.OTHER


def _recognise_item(item: object) -> Kind:
    if not isinstance(item, dict):
        return Kind.OTHER
    if has_time(item):
        return Kind.HISTORY
    if "last_watched_at" in item:
        return Kind.WATCHED
    if "paused_at" in item and "progress" in item:
        return Kind.PLAYBACK
    return Kind.ERRORS if "endpoint" in item and "error" in item else Kind.OTHER


def _holds_stamps(group: dict[str, Any]) -> bool:
    """Whether it holds nothing but times, as the last activities do."""
    return all(value is None or isinstance(value, str) for value in group.values())


def _recognise_object(document: dict[str, Any]) -> Kind:
    if isinstance(document.get("history"), list):
        return Kind.TRAKTEXPORT
    if has_time(document):
        return Kind.HISTORY
    groups = [document.get(name) for name in ("movies", "episodes")]
    parts = [g for g in groups if isinstance(g, dict)]
    is_stamped = any("watched_at" in part for part in parts)
    has_both = len(parts) == len(groups)
    if (is_stamped and all(map(_holds_stamps, parts))) or (
        has_both and "all" in document
    ):
        return Kind.ACTIVITIES
    if has_both and all("plays" in part for part in parts):
        return Kind.TOTALS
    if isinstance(document.get("user"), dict) or "username" in document:
        return Kind.OWNER
    return Kind.OTHER

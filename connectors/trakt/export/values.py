"""Single values as files write them: instants, numbers, and the bounds of sense."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.trakt.models import EpisodeModel, HistoryItem, TitleModel

#: How Trakt answers for "watched, date unknown"; files write the word.
UNKNOWN_DATE = datetime(1970, 1, 1, tzinfo=UTC)
#: The first films; people do date a play to the release.
EARLIEST = datetime(1888, 1, 1, tzinfo=UTC)
#: Ids and numbers of the services are 64-bit.
_MOST = 2**63 - 1
MOST_SEASON = 9_999
MOST_EPISODE = 99_999
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_LONG = b"0" * len(str(_MOST))
_DATE = re.compile(r"\d{4}-\d\d-\d\d$")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d")
_NUMBER = re.compile(r"[+-]?\d{1,19}(?:\.0*)?$")
_NUMERIC = frozenset({"id", "season", "number", "year", "trakt", "tmdb", "tvdb"})
_NOTHING = frozenset({"", "null", "none", "nan", "n/a"})


class UnusableError(Exception):
    """One item or row is set aside. The text goes on after "it"."""


def to_instant(value: object) -> datetime:
    """Read an instant in UTC; without a zone it is UTC, without a time noon."""
    text = value.strip() if isinstance(value, str) else ""
    if text.lower() == "unknown":
        return UNKNOWN_DATE
    if _DATE.match(text):
        # Noon keeps the day in most zones; midnight would move it for half the world.
        text = f"{text}T12:00"
    if not _INSTANT.match(text):
        raise UnusableError("has no readable time of watching")
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            return instant.replace(tzinfo=UTC)
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnusableError("has no readable time of watching") from None


def to_number(value: object, name: str) -> int | None:
    """Read a whole number as a table may write it; nothing stays nothing."""
    if is_nothing(value):
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _NUMBER.match(value.strip()):
        return int(value.strip().partition(".")[0])
    raise UnusableError(f"has a {name} that is no whole number")


def to_text(value: object) -> str | None:
    """Read a text or a number as text; an empty one and a word for nothing are None."""
    if is_nothing(value) or isinstance(value, (dict, list, bool)):
        return None
    return str(value).strip()


def is_nothing(value: object) -> bool:
    """Whether a field is empty, or holds what tables write into empty fields."""
    return value is None or str(value).strip().lower() in _NOTHING


def clean(value: object, name: str = "") -> object:
    """Drop null keys at every depth and half characters, and refuse wrong booleans.

    pydantic takes ``true`` for 1 when it converts, and stumbles over a lone surrogate,
    as a title that was cut within an emoji ends with.
    """
    if isinstance(value, dict):
        return {k: clean(v, k) for k, v in value.items() if v is not None}
    if isinstance(value, str) and not value.isascii():
        return value.encode(errors="replace").decode()
    if isinstance(value, bool) and name in _NUMERIC:
        raise UnusableError(f"has a {name} that is no whole number")
    return value


def has_odd_numbers(data: bytes) -> bool:
    """Whether JSON may hold a negative number, or one of 64 bits or more.

    A look at the bytes costs far less than one at each of the ten numbers of each play.
    """
    digits = data.translate(_DIGITS_TO_ZERO, delete=b" \t\r\n")
    return b":-" in digits or _LONG in digits


def check_sense(item: HistoryItem, latest: datetime) -> None:
    """Refuse absurd dates and numbers; ``latest`` bounds the future."""
    check_instant(item.watched_at, latest)
    if item.id is not None and not 0 < item.id <= _MOST:
        raise UnusableError("has an id out of range")
    for part in (item.movie, item.show, item.episode):
        if part is not None:
            _check_ids(part)
    if item.episode is not None:
        _check_numbers(item.episode)


def check_instant(instant: datetime, latest: datetime) -> None:
    """Refuse a time at which nothing can have been watched."""
    if not EARLIEST <= instant <= latest:
        raise UnusableError(f"is dated in the year {instant.year}")


def _check_ids(title: TitleModel | EpisodeModel) -> None:
    ids = title.ids
    lowest = min(ids.trakt or 1, ids.tmdb or 1, ids.tvdb or 1)
    highest = max(ids.trakt or 1, ids.tmdb or 1, ids.tvdb or 1)
    if lowest < 0 or highest > _MOST:
        raise UnusableError("has an id out of range")


def _check_numbers(episode: EpisodeModel) -> None:
    if not 0 <= episode.season <= MOST_SEASON:
        raise UnusableError("has a season number out of range")
    if not 0 <= episode.number <= MOST_EPISODE:
        raise UnusableError("has an episode number out of range")

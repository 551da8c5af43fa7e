"""What is to be left out, as a person writes it: a moment, a kind, a list of titles."""

from __future__ import annotations

import calendar
import csv
import difflib
import re
import tomllib
from datetime import UTC, date, datetime, time
from typing import Any

from sync.domain.filters import Only

_FORMS = "write it like 2020-01-31, which is midnight UTC, or 2020-01-31T18:00+01:00"
_YEAR_FIRST = re.compile(r"(\d{4})(?:\D{1,2}(\d{1,2}))?(?:\D{1,2}(\d{1,2}))?\D*")
_YEAR_LAST = re.compile(r"(\d{1,2})\D{1,2}(\d{1,2})\D{1,2}(\d{4})\D*")
_OTHER_WORDS = {
    Only.FILMS: ("film", "movie", "movies"),
    Only.SHOWS: ("show", "series", "tv", "episodes"),
}


def parse_since(value: object) -> datetime | None:
    """Read a date or an instant; without a zone it is meant in UTC.

    Raises ValueError with a sentence that names the nearest right way to write it.
    """
    if value is None:
        return None
    moment = _read(value)
    if moment is None:
        near = _nearest_day(str(value))
        hint = f"did you mean {near}?" if near else _FORMS
        raise ValueError(f"{str(value)!r} is no date; {hint}")
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"{str(value)!r} is out of range; {_FORMS}") from None


def _read(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def _nearest_day(text: str) -> str:
    """Return the day that was probably meant, empty if there is none."""
    text = text.strip()
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day = (int(part or 1) for part in match.groups())
    elif match := _YEAR_LAST.fullmatch(text):
        day, month, year = map(int, match.groups())
        if month > 12:
            day, month = month, day
    else:
        return ""
    if not (1 <= month <= 12 and 1 <= day <= 31 and year):
        return ""
    last = calendar.monthrange(year, month)[1]
    return date(year, month, min(day, last)).isoformat()


def parse_only(value: object) -> object:
    """Read the one kind that is wanted. Raises ValueError, naming the nearest one."""
    if value is None or isinstance(value, Only):
        return value
    text = str(value).strip().casefold()
    for only, words in _OTHER_WORDS.items():
        if text == only:
            return only
        if text in words or difflib.get_close_matches(text, (only, *words), n=1):
            raise ValueError(
                f"{str(value)!r} is no choice; did you mean {only.value!r}?"
            )
    known = " and ".join(repr(only.value) for only in Only)
    raise ValueError(f"{str(value)!r} is no choice; there are {known}")


def parse_titles(value: object) -> object:
    """Read a list as the environment holds it: with commas, or lines, between.

    A title with a comma stands in quotes there, or all of it is an array as in TOML.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            found: Any = tomllib.loads(f"titles = {text}")["titles"]
        except (ValueError, RecursionError):
            raise ValueError(
                'it is no list; write it like ["Breaking Bad", "tmdb:603"]'
            ) from None
        return found
    rows = csv.reader(text.splitlines(), skipinitialspace=True)
    return tuple(name for row in rows for part in row if (name := part.strip()))

"""Fields as they come: what cannot be read carries nothing, and is absent."""

from __future__ import annotations

import math
import re

from connectors.fields import MOST

LAST_YEAR = 9_999
#: What tables and scripts write into a field that is empty.
_NOTHING = frozenset({"", "null", "none", "nan", "n/a", "undefined"})
_NUMBER = re.compile(r"[+-]?\d{1,19}(?:\.0*)?", re.ASCII)
_IMDB = re.compile(r"tt\d{1,12}", re.ASCII)


def is_nothing(value: object) -> bool:
    """Whether a field is empty, or holds what tables write into empty fields."""
    if value is None or value in ([], {}):
        return True
    return isinstance(value, (str, float)) and str(value).strip().lower() in _NOTHING


def to_whole(value: object) -> int | None:
    """Read a whole number as JSON or a table may write it, ``1388.0`` included."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() else None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return int(value.strip().partition(".")[0])
    return None


def to_number(value: object) -> int | None:
    """Read a whole number; one that nobody can hold is the last that can be held."""
    number = to_whole(value)
    return None if number is None else max(-MOST, min(number, MOST))


def to_id(value: object) -> int | None:
    """Read a numeric id; zero is how some say that there is none."""
    number = to_whole(value)
    return number if number is not None and 0 < number <= MOST else None


def to_year(value: object) -> int | None:
    """Read a year."""
    number = to_whole(value)
    return number if number is not None and 0 < number <= LAST_YEAR else None


def to_text(value: object) -> str | None:
    """Read a text, or a number as text; half characters are replaced.

    A title that was cut within an emoji ends with such a half.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if is_nothing(value) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    try:
        return str(value).strip().encode(errors="replace").decode()
    except ValueError:  # a number of thousands of digits
        return None


def to_imdb(value: object) -> str | None:
    """Read an id of IMDb; any other text would make one title of many."""
    text = to_text(value)
    return text if text and _IMDB.fullmatch(text) else None

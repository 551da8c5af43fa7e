"""Times of watching as records and files write them, and the bounds of sense."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from connectors.trakt.sense import UnusableError

#: How Trakt answers for "watched, date unknown"; files write the word.
UNKNOWN_DATE = datetime(1970, 1, 1, tzinfo=UTC)
#: The first films; people do date a play to the release.
EARLIEST = datetime(1888, 1, 1, tzinfo=UTC)
#: A clock can be wrong, and a time zone can be forgotten; what lies further ahead of
#: the clock was not watched then.
AHEAD = timedelta(days=1)

NO_TIME = "has no readable time of watching in watched_at"
#: Day and month can be told apart only where the year comes first or the month has a
#: name: 01/02/2024 is two days.
UNCLEAR_TIME = f"{NO_TIME}: write it with the year first, as 2024-01-31T20:15:00Z"

_SET_OR_CORRECT = (
    "If this machine's clock is behind, set it right; if not, correct the date on "
    "Trakt, or in the file. Then run it again."
)

_DATE = re.compile(
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"
    r"(?:[Tt ,]\s*(?P<time>\S.*))?",
    re.ASCII,
)
_NAMED = re.compile(
    r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?"
    r"(?:(?P<day>\d{1,2})[\s-]+(?P<month>[A-Za-z]{3,9})"
    r"|(?P<month2>[A-Za-z]{3,9})\s+(?P<day2>\d{1,2}))\.?,?[\s-]+(?P<year>\d{4})"
    r"(?:[T ,]\s*(?P<time>\S.*))?",
    re.ASCII | re.IGNORECASE,
)
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_TIME = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d(?:[.,]\d+)?))?"
    r"\s*+(?P<half>[AaPp][Mm])?\s*+"
    r"(?P<zone>[Zz]|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d)?",
    re.ASCII,
)


def to_instant(value: object) -> datetime:
    """Read an instant in UTC; without a zone it is UTC, without a time noon.

    Raises UnusableError; nothing that could be two days is read as one of them.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    text = value.strip() if isinstance(value, str) else ""
    if text.lower() == "unknown":
        return UNKNOWN_DATE
    if not text:
        raise UnusableError(NO_TIME)
    try:
        instant = datetime.fromisoformat(_to_iso(text))
        if instant.tzinfo is None:
            return instant.replace(tzinfo=UTC)
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnusableError(UNCLEAR_TIME) from None


def _to_iso(text: str) -> str:
    if match := _DATE.fullmatch(text):
        month = int(match["month"])
    elif match := _NAMED.fullmatch(text):
        month = _to_month(match["month"] or match["month2"])
    else:
        raise ValueError("no date")
    parts = match.groupdict()
    day = int(parts["day"] or parts.get("day2") or 0)
    # Noon keeps the day in most zones; midnight would move it for half the world.
    time = _to_time(parts["time"]) if parts["time"] else "12:00"
    return f"{int(parts['year']):04d}-{month:02d}-{day:02d}T{time}"


def _to_month(name: str) -> int:
    word = name.lower()
    for number, month in enumerate(_MONTHS, 1):
        if word in (month, month[:3]) or (word == "sept" and number == 9):
            return number
    raise ValueError("no month")


def _to_time(text: str) -> str:
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError("no time")
    hour, half, zone = int(match["hour"]), match["half"], match["zone"] or ""
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("no hour")
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    second = (match["second"] or "00").replace(",", ".")
    if zone in ("Z", "z", "UTC", "GMT"):
        zone = "+00:00"
    return f"{hour:02d}:{match['minute']}:{second}{zone}"


def check_instant(instant: datetime, latest: datetime) -> None:
    """Refuse a time at which nothing can have been watched."""
    if not EARLIEST <= instant <= latest:
        raise misdated(instant, latest)


def misdated(
    instant: datetime, latest: datetime, *, is_by_trakt: bool = False
) -> UnusableError:
    """Say why nothing can have been watched then: too early, or later than ``latest``.

    ``is_by_trakt`` tells that it was Trakt's own clock that ``latest`` was read from.
    """
    if instant <= latest:
        return UnusableError(f"is dated in the year {instant.year}")
    whose = "Trakt's" if is_by_trakt else "this machine's"
    reason = f"is dated {instant:%Y-%m-%d}, ahead of {whose} clock"
    return UnusableError(reason, "" if is_by_trakt else _SET_OR_CORRECT)

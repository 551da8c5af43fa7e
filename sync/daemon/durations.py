"""How often the job runs, as people write it: 90s, 30m, 6h, 1d."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WRITTEN = re.compile(r"([0-9]{1,7})([smhd])")
#: More often is of no use to anybody, and the services are not ours.
SHORTEST = timedelta(minutes=1)
#: Well within the 90 days after which Discovr's login ends unnoticed.
LONGEST = timedelta(days=30)


def parse_interval(value: object) -> timedelta:
    """Read an interval. Raises ValueError with a sentence that shows an example."""
    if isinstance(value, timedelta):
        return value
    match = _WRITTEN.fullmatch(str(value).strip().lower())
    if not match:
        raise ValueError(f"{value!r} is no interval; write it like 90s, 30m, 6h or 1d")
    number, unit = match.groups()
    interval = timedelta(**{_UNITS[unit]: int(number)})
    if not SHORTEST <= interval <= LONGEST:
        raise ValueError(f"{value} is out of range: from 1m to 30d, for example 6h")
    return interval


def describe_interval(interval: timedelta) -> str:
    """Write an interval as it would be read."""
    seconds = round(interval.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"

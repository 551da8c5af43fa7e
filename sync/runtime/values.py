"""Values that are written as text: intervals, where to listen, whom to tell."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from connectors.urls import is_loopback

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WRITTEN = re.compile(r"([0-9]{1,7})([smhd])")
#: More often is of no use to anybody, and the services are not ours.
SHORTEST = timedelta(minutes=1)
#: Well within the 90 days after which Discovr's login ends unnoticed.
LONGEST = timedelta(days=30)

_EXAMPLE = "write it like 127.0.0.1:9464"
_HERE = "127.0.0.1"


class Address(NamedTuple):
    """An address of this machine, by number; port 0 is any free one."""

    host: str
    port: int

    @property
    def is_private(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """The address as a browser takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def parse_address(value: object) -> Address:
    """Read an address. Raises ValueError with a sentence that shows an example.

    A name is refused, but for localhost: whoever means all interfaces says 0.0.0.0.
    """
    if isinstance(value, tuple):
        return Address(*value)
    host, _, port = str(value).strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if host in {"", "localhost"}:
        host = _HERE
    try:
        ipaddress.ip_address(host)
        number = int(port) if port.isascii() and port.isdigit() else -1
    except ValueError:
        number = -1
    if not 0 <= number <= 65_535:
        raise ValueError(f"{value!r} is no address to listen on; {_EXAMPLE}")
    return Address(host, number)


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


#: Where one address of several ends, in a text that holds them all. It is looked for
#: where such a gap begins, not at each place of a long one.
_NEXT_URL = re.compile(r"(?<![\s,])[\s,]++(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://.")
#: What Apprise sends over plain http, by the scheme of the address.
_PLAIN_HTTP = frozenset({"apprise", "form", "gotify", "json", "xml"})


def split_urls(value: object) -> object:
    """Read a list of addresses as the environment holds it: spaces or commas between.

    What is no text is left to whoever checks it.
    """
    if not isinstance(value, str):
        return value
    return tuple(filter(None, _NEXT_URL.split(value.strip())))


def url_problem(url: str) -> str | None:
    """Say what is wrong with an address of Apprise, and nothing that stands in it."""
    found = _SCHEME.match(url)
    if found is None:
        return "is none of Apprise, such as tgram://TOKEN/CHAT or jsons://HOST/PATH"
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return "has a host that cannot be read"
    scheme = found[1].lower()
    if scheme in _PLAIN_HTTP and not is_loopback(host):
        return (
            "would go over plain http, which is for this machine alone: write "
            f"{scheme}s:// if the service there has a certificate"
        )
    return None

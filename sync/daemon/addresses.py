"""Where the job listens: HOST:PORT, or a port of this machine alone."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from connectors.urls import is_loopback

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

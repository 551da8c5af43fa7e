"""Whether who asks means this machine: the defence of a server on loopback.

A page in a browser can call its own host by our address (DNS rebinding); then the name
that was asked for is its own, and none of ours.
"""

from __future__ import annotations

import ipaddress
import re
from functools import partial
from typing import TYPE_CHECKING

from connectors.urls import is_loopback

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sync.runtime.values import Address

#: What browsers send: no name of a user, and of a port its number.
_HOST = re.compile(
    r"(?:\[(?P<number>[0-9a-f:.]+)\]|(?P<name>[^\[\]:@]*))(?::[0-9]{0,5})?"
)


def are_ours(
    asked: Iterable[str], address: Address, hosts: Collection[str] = ()
) -> bool:
    """Tell whether all Host headers name what listens at ``address``.

    Any port will do: a tunnel may have another one. ``hosts`` are further names.
    """
    is_ours = partial(_is_ours, address, {host.lower() for host in hosts})
    return all(map(is_ours, asked))


def _is_ours(address: Address, hosts: Collection[str], asked: str) -> bool:
    name = _without_port(asked.strip().lower())
    if name is None:
        return False
    if name == address.host or name.removesuffix(".") in hosts or is_loopback(name):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    # All interfaces have addresses that nobody told us; a number cannot be rebound.
    return ipaddress.ip_address(address.host).is_unspecified


def _without_port(host: str) -> str | None:
    """Return the name; None for what is no host with a port or without one."""
    found = _HOST.fullmatch(host)
    return found and (found["number"] or found["name"])

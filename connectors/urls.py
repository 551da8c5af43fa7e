"""Which addresses may be talked to. Light enough for the settings to import."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from connectors.errors import ConfigError

_LABEL = r"(?!xn--)[a-z0-9_-]{1,63}"
#: A name as nearly every host has; to look at another costs an import.
_PLAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")


def check_base_url(url: str, setting_name: str) -> None:
    """Refuse an address that would send tokens in the clear, or is none.

    Plain http is for loopback only. The message names the setting and never its
    value, which may hold a password.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not is_host(host) or parts.scheme not in {"http", "https"}:
        raise ConfigError(
            f"{setting_name} is not a web address.",
            remedy="Write it as https://host, with a path if there is one.",
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError(
            f"{setting_name} holds more than a host and a path.",
            remedy="Leave out user name, password, query and fragment.",
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigError(
            f"{setting_name} uses plain http, which would send tokens in the clear.",
            remedy="Use https; plain http is for this machine (127.0.0.1) only.",
        )


def is_host(host: str) -> bool:
    """Whether a host may have that name; others break what looks them up."""
    if _PLAIN.fullmatch(host):
        return True
    try:
        host.encode("idna").decode("idna")
    except UnicodeError:
        return False
    return host.isprintable() and " " not in host


def is_loopback(host: str) -> bool:
    """Tell whether that host is this machine: ``localhost``, 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

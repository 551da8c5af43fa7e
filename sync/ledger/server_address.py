"""The address of a PostgreSQL server: what libpq is told, and what is wrong with it.

All of it is said before a server is asked, and without the address in it: where a part
of it is not what it should be, that may be the rest of a password.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import TYPE_CHECKING

from sqlalchemy.exc import ArgumentError

from connectors.errors import ConfigError
from sync.ledger.address import LOGIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import URL

#: What SQLAlchemy calls PostgreSQL through psycopg.
DRIVER = "postgresql+psycopg"
#: Options that say where and who: their words are in every message.
PLACE = frozenset({"host", "port", "user", "password", "dbname"})
#: Options of libpq for another use than ours.
_NOT_OURS = frozenset({"replication"})
_HIGHEST_PORT = 65_535


def read_server(url: str, address: URL, setting: str) -> Mapping[str, str]:
    """Return what an address says, by the names of libpq. Raises ConfigError."""
    _check_options(address, setting)
    _check_signs(url, address, setting)
    dialect = address.set(drivername=DRIVER).get_dialect()()
    try:
        _, found = dialect.create_connect_args(address)
    except (ArgumentError, ValueError):  # which it lets out for [::1]:1 named twice
        raise _bad_hosts(setting) from None
    told = {name: str(value) for name, value in found.items()}
    _check_letters(told, setting)
    hosts = told.get("host", "").split(",")
    ports = [*told.get("port", "").split(","), *_typed_ports(address)]
    # A percent sign is of an IPv6 address, or else of a socket that was written so.
    names = [host for host in hosts if not host.startswith("/")]
    if any(set("[] ") & set(h) or ("%" in h and ":" not in h) for h in names):
        raise _bad_hosts(setting)
    if not all(port == "" or _is_port(port) for port in ports):
        raise ConfigError(
            f"The setting {setting} has a port that is no number from 1 to "
            f"{_HIGHEST_PORT:,}.",
            remedy="Correct the port, or leave it out.",
        )
    return told


def place_of(told: Mapping[str, str]) -> str:
    """Say where a database is, in words that hold no secret."""
    port = f":{told['port']}" if "port" in told else ""
    host = told.get("host") or "the local socket"
    return f"{told.get('dbname') or told.get('user') or 'postgres'} on {host}{port}"


def _check_options(url: URL, setting: str) -> None:
    """Refuse an option that the driver does not know."""
    try:
        from psycopg import pq  # noqa: PLC0415  # the driver is an extra
    except ImportError as error:
        raise ConfigError(
            "A PostgreSQL state database needs the driver psycopg.",
            remedy="Install it: pip install 'trakt2discovr[postgres]'.",
        ) from error
    known = {o.keyword.decode() for o in pq.Conninfo.get_defaults()} - _NOT_OURS
    for name, value in url.query.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            # What is cut off at an @ may be the rest of a password.
            named = "" if "@" in str(value) else f": {name}"
            raise ConfigError(
                f"The setting {setting} has an option that PostgreSQL does not "
                f"take{named}.",
                remedy=f"Did you mean {near[0]}?" if near else "Leave it out.",
            )
        if not isinstance(value, str) and name not in {"host", "port"}:
            raise ConfigError(
                f"The setting {setting} gives the option {name} twice.",
                remedy="Leave one of them out.",
            )


def _check_letters(told: Mapping[str, str], setting: str) -> None:
    if any(unicodedata.category(c) in {"Cc", "Cs"} for v in told.values() for c in v):
        raise ConfigError(
            f"The setting {setting} holds a character that no address can hold.",
            remedy="Leave out line ends and the like, also those that are written as "
            "%0A or %00.",
        )


def _check_signs(url: str, address: URL, setting: str) -> None:
    """Refuse what SQLAlchemy takes for a host, or drops, as it stands behind a sign."""
    login = LOGIN.match(url)
    place, _, options = url[login.end() if login else 0 :].partition("?")
    # Without a password an option may well hold one, as in user=me@tenant.
    if "@" in place or ("@" in options and address.password is not None):
        raise ConfigError(
            f"The setting {setting} has an @ too many: it may be of the password.",
            remedy="Write each @ in user, password or option as %40, each / of user or "
            "password as %2F and each ? as %3F.",
        )
    if re.search(r"\][^:/]", place):
        raise _bad_hosts(setting)


def _typed_ports(address: URL) -> list[str]:
    """Return the ports as they were typed: a 0 is none to SQLAlchemy."""
    typed = address.query.get("port", ())
    several = (typed,) if isinstance(typed, str) else typed
    ports = [port for some in several for port in some.split(",")]
    return ports if address.port is None else [*ports, str(address.port)]


def _is_port(text: str) -> bool:
    return text.isdecimal() and text.isascii() and 0 < int(text[:9]) <= _HIGHEST_PORT


def _bad_hosts(setting: str) -> ConfigError:
    return ConfigError(
        f"The setting {setting} names hosts and ports in a way that cannot be read.",
        remedy="Write one as HOST:PORT, an IPv6 address in brackets; several as "
        "?host=HOST:PORT&host=HOST:PORT, and a socket as ?host=/FOLDER.",
    )

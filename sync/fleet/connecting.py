"""What asyncpg is told of an address that is written for libpq.

It knows fewer options, and takes the others for settings of the server, which refuses
them. What changes nothing here is left out; the rest is refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from connectors.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTING = "[fleet] url"
#: asyncpg reads these as libpq does, and only behind the ``?`` of an address.
_SAME = frozenset(
    {
        "gsslib",
        "krbsrvname",
        "passfile",
        "service",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslnegotiation",
        "sslpassword",
        "sslrootcert",
        "target_session_attrs",
    }
)
#: How it finds and keeps a connection is its own affair, and its text is UTF-8.
_NEEDLESS = frozenset(
    {
        "client_encoding",
        "fallback_application_name",
        "gssdelegation",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "load_balance_hosts",
        "sslcompression",
        "tcp_user_timeout",
    }
)
#: With these values an option asks for no more than asyncpg does by itself.
_FINE = {
    "channel_binding": {"disable", "prefer"},
    "gssencmode": {"disable", "prefer"},
    "sslcertmode": {"allow"},
    "sslsni": {"1"},
}
#: What helps with some of the others.
_INSTEAD = {
    "channel_binding": "Write prefer; sslmode=verify-full proves the server as well.",
    "hostaddr": "Name that address as the host.",
    "sslcrldir": "Name one file by sslcrl.",
}
#: A connection is there by then, unless the address says another time.
_CONNECTED_WITHIN_S = 10.0
#: No transaction stays open for longer, so that a worker that is frozen in one does not
#: keep the others from its rows. To renew a login takes less.
_IDLE_FOR = "5min"


def connecting(told: Mapping[str, str]) -> dict[str, Any]:
    """Return what asyncpg is called with. Raises ConfigError.

    ``told`` is what the address says, by the names of libpq.
    """
    options = {n: v for n, v in told.items() if n in _SAME}
    if options.get("sslrootcert") == "system":
        raise _refused("sslrootcert=system", "Name a file with the authorities.")
    taken = {"host", "port", "user", "password", "dbname", "connect_timeout"}
    taken |= _SAME | _NEEDLESS | {"application_name", "options"}
    for name, value in told.items():
        if name not in taken and value not in _FINE.get(name, ()):
            raise _refused(name, _INSTEAD.get(name, "Leave it out."))
    settings = {"application_name": "trakt2discovr"}
    settings |= {n: told[n] for n in ("application_name", "options") if n in told}
    return {
        "dsn": f"postgresql://?{urlencode(options, quote_via=quote)}",
        "host": _listed(told.get("host")),
        "port": _ports(told.get("port")),
        "user": told.get("user"),
        "password": told.get("password"),
        "database": told.get("dbname"),
        "timeout": _timeout(told.get("connect_timeout")),
        "server_settings": {
            **settings,
            "timezone": "UTC",
            "idle_in_transaction_session_timeout": _IDLE_FOR,
        },
    }


def _listed(hosts: str | None) -> list[str] | None:
    return [host or "localhost" for host in hosts.split(",")] if hosts else None


def _ports(ports: str | None) -> list[int] | int | None:
    if not ports:
        return None
    found = [int(port or 5432) for port in ports.split(",")]
    return found[0] if len(found) == 1 else found


def _timeout(text: str | None) -> float:
    """Return how long a connection may take; to libpq none is what is not above 0."""
    try:
        seconds = int(text or 0)
    except ValueError:
        raise ConfigError(
            f"The setting {SETTING} has a connect_timeout that is no number.",
            remedy="Give it whole seconds, or leave it out.",
        ) from None
    return min(float(seconds), 86_400.0) if seconds > 0 else _CONNECTED_WITHIN_S


def _refused(option: str, remedy: str) -> ConfigError:
    return ConfigError(
        f"The setting {SETTING} has an option that a fleet cannot follow: {option}.",
        remedy=remedy,
    )

"""The settings and the software: what can be judged without looking any further."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib import metadata
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from connectors.http.transport import user_agent
from connectors.urls import is_loopback
from sync.checkup.findings import Finding, ok, problem, warning
from sync.config import ENV_PREFIX, Settings, exposed_secrets
from sync.domain.rules import Mode
from sync.runtime.shell import quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHECK = "config"
_PACKAGES = ("aiohttp", "pydantic", "sqlalchemy")
#: UPSERT and RETURNING, which the state database is written with.
_OLDEST_SQLITE = (3, 35)
#: More in flight at once, or more a second, only meets the limits sooner.
_MOST_AT_ONCE = 16
_MOST_A_SECOND = 50
_ADDRESSES = (
    ("trakt", "api_url"),
    ("trakt", "auth_url"),
    ("discovr", "api_url"),
    ("tmdb", "api_url"),
    ("pharen", "api_url"),
)


def check_config(settings: Settings, place: Path | None) -> Iterator[Finding]:
    """Say where the settings come from, and what in them looks wrong."""
    found = list(_suspicious(settings, place))
    where = str(place) if place else "no file, all from the environment and defaults"
    count = sum(n.startswith(ENV_PREFIX) and "__" in n for n in os.environ)
    more = f", {count} from the environment" if place and count else ""
    yield ok(CHECK, f"{where}{more}: every key is known")
    yield from found


def check_software() -> Iterator[Finding]:
    """Name the versions that a report of a fault needs."""
    known = [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    versions = ", ".join([*known, f"SQLite {sqlite3.sqlite_version}"])
    program = user_agent().replace("/", " ")
    text = f"{program} on Python {platform.python_version()} ({versions})"
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        oldest = ".".join(map(str, _OLDEST_SQLITE))
        yield problem(
            "versions",
            f"{text}: SQLite is older than {oldest}",
            "Use a Python that brings a newer SQLite, or PostgreSQL in [state] url.",
        )
    else:
        yield ok("versions", text)


def _suspicious(settings: Settings, place: Path | None) -> Iterator[Finding]:
    yield from _loads(settings)
    yield from _addresses(settings)
    yield from _missing(settings)
    if exposed := exposed_secrets(settings, place):
        yield warning(CHECK, exposed, f"Run: chmod 600 {quote(str(place))}")


def _loads(settings: Settings) -> Iterator[Finding]:
    for section in ("trakt", "discovr"):
        if getattr(settings, section).concurrency > _MOST_AT_ONCE:
            yield warning(
                CHECK,
                f"[{section}] concurrency is more than {_MOST_AT_ONCE}, which gains "
                "nothing and meets limits sooner",
                "Lower it, or leave it out: the default is fast enough.",
            )
    discovr = settings.discovr
    is_here = is_loopback(urlsplit(discovr.api_url).hostname or "")
    if discovr.requests_per_second > _MOST_A_SECOND and not is_here:
        yield warning(
            CHECK,
            f"[discovr] requests_per_second is more than {_MOST_A_SECOND}; Discovr "
            "documents no limit and may block what comes too fast",
            "Lower it, or leave it out: the default is 5.",
        )


def _addresses(settings: Settings) -> Iterator[Finding]:
    usual = Settings()
    for section, key in _ADDRESSES:
        url = getattr(getattr(settings, section), key)
        default = getattr(getattr(usual, section), key)
        host = urlsplit(url).hostname or ""
        if host != urlsplit(default).hostname and not is_loopback(host):
            yield warning(
                CHECK,
                f"[{section}] {key} leads to {host}: that is where logins are sent",
                "Leave it out, unless that is what you want.",
            )


def _missing(settings: Settings) -> Iterator[Finding]:
    trakt = settings.trakt
    if trakt.client_id is not None and trakt.client_secret is None:
        yield warning(
            CHECK,
            "[trakt] client_secret is not set, so the Trakt login cannot be renewed",
            "Copy it from your application's page on Trakt.",
        )
    has_dates = trakt.client_id is not None or settings.tmdb.api_key is not None
    if not has_dates and settings.history.collapse is not Mode.OFF:
        yield warning(
            CHECK,
            "nobody is there to ask for air dates, so each episode becomes an entry "
            "of its own",
            "Set [tmdb] api_key.",
        )

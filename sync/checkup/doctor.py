"""The check-up: what depends on nothing runs at once, the findings keep their order."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.clock import SystemClock
from connectors.errors import ConfigError, ServiceError
from connectors.http.client import RetryPolicy
from connectors.http.pacing import OpenPacer
from sync.checkup.config import CHECK as CONFIG
from sync.checkup.config import check_config, check_software
from sync.checkup.discovr import DiscovrCheckup
from sync.checkup.findings import (
    Finding,
    Verdict,
    from_error,
    ok,
    problem,
    unchecked,
    warning,
)
from sync.checkup.heard import Heard
from sync.checkup.logins import NO_LOGIN
from sync.checkup.notify import check_notify
from sync.checkup.others import check_pharen, check_tmdb, reach_tmdb
from sync.checkup.parts import check_parts
from sync.checkup.state import (
    TOKENS,
    check_database,
    check_files,
    check_token_store,
)
from sync.checkup.trakt import TraktCheckup
from sync.ports import CheckedSource, origin_of
from sync.runtime.concurrency import run_all
from sync.runtime.words import count
from sync.wiring.clients import TRAKT, Clients
from sync.wiring.logins import SERVICES, how_to_log_in, missing_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import aiohttp

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.ports import Source
    from sync.wiring.logins import Service

CLOCK = "clock"
#: A person waits: one more try, and no rest that a service asks for.
_QUICK = RetryPolicy(attempts=2, wait_max_s=1.0, longest_pause_s=0.0)
_TIMEOUT_S = 15.0
#: Times decide which play is new and what a season default covers.
_MOST_SKEW = timedelta(minutes=2)
#: Where the logins are in the database of a fleet, this machine may need none.
_OF_A_FLEET: Mapping[Service, str] = {
    "trakt": "The fleet does without. For a profile that it does not run: "
    "trakt2discovr login trakt",
    "discovr": "The fleet does without, but for profiles whose login is shared: "
    "trakt2discovr fleet login --shared. For one that it does not run: trakt2discovr "
    "login discovr",
}
_REST = ("state", "logins", "services")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings in order, and how many requests each service was sent for them."""

    findings: tuple[Finding, ...]
    requests: Mapping[str, int] = field(default_factory=dict)


async def examine(
    settings: Settings | ConfigError,
    place: Path | None = None,
    *,
    clock: Clock | None = None,
    session: aiohttp.ClientSession | None = None,
    source: Source | None = None,
) -> Diagnosis:
    """Check everything; ``place`` is the config file. A wrong config ends it early.

    Writes nothing to a service, nor to the state; a login that has run out may be
    renewed. A ``source`` of the caller's is asked for its own checks in place of Trakt.
    """
    if isinstance(settings, ConfigError):
        why = f"it depends on {CONFIG}"
        rest = (unchecked(name, why) for name in _REST)
        found = (from_error(CONFIG, settings), *_check_program(), *rest)
        return Diagnosis(found)
    here = [*check_config(settings, place), *check_notify(settings), *_check_program()]
    tokens = check_token_store(settings)
    database = await check_database(settings)
    local = [*here, *database, *await check_files(settings), *tokens]
    if any(finding.verdict is Verdict.PROBLEM for finding in tokens):
        why = f"it depends on {TOKENS}"
        return Diagnosis((*local, unchecked("services", why)))
    clock = clock or SystemClock()
    heard = Heard(clock)
    async with AsyncExitStack() as stack:
        clients = Clients(
            settings,
            stack,
            session=session,
            clock=clock,
            # The quota is looked at before each group of requests; the pacer of a run
            # would wait for the next window instead.
            pacers={TRAKT: OpenPacer(clock=clock)},
            retry=_QUICK,
            timeout_s=_TIMEOUT_S,
            on_answer=heard.listen,
        )
        services = await _check_services(clients, heard, source)
        requests = {s.service: s.requests for s in clients.meter.read().services}
        services = [_possible(settings, finding) for finding in services]
        return Diagnosis((*local, *_clock(heard), *services), requests)


def _possible(settings: Settings, finding: Finding) -> Finding:
    """Advise no sign-in for which a key is missing, or that a fleet does without."""
    for service in SERVICES:
        is_advised = f"login {service}" in (finding.remedy or "")
        if is_advised and missing_keys(settings, service):
            return replace(finding, remedy=how_to_log_in(settings, service))
        if is_advised and finding.text == NO_LOGIN and settings.fleet.is_used():
            return warning(
                finding.check, f"{NO_LOGIN} of your own", _OF_A_FLEET[service]
            )
    return finding


def _check_program() -> Iterator[Finding]:
    yield from check_software()
    yield from check_parts(Path.cwd())


async def _check_services(
    clients: Clients, heard: Heard, source: Source | None
) -> list[Finding]:
    trakt, discovr = TraktCheckup(clients, heard), DiscovrCheckup(clients, heard)
    on_source, on_discovr, reached, on_pharen = await run_all(
        trakt.run() if source is None else _check_source(source),
        discovr.run(),
        reach_tmdb(clients.settings),
        check_pharen(clients),
    )
    seasons = [*trakt.seasons, *discovr.seasons]
    on_tmdb = await check_tmdb(clients, heard, reached, seasons)
    return [*on_source, *on_discovr, *reached, *on_tmdb, *on_pharen]


async def _check_source(source: Source) -> list[Finding]:
    """Ask a source of the caller's; one that has no checks is said to have none."""
    name = origin_of(source).name
    if not isinstance(source, CheckedSource):
        return [unchecked(name, "it has no checks of its own")]
    try:
        checks = await source.check()
    except ServiceError as error:
        return [from_error(name, error)]
    return [
        problem(f"{name} {c.name}", c.text, c.remedy)
        if c.remedy
        else ok(f"{name} {c.name}", c.text)
        for c in checks
    ]


def _clock(heard: Heard) -> list[Finding]:
    skews = heard.skews
    if not skews:
        return [unchecked(CLOCK, "no service has told its time")]
    wrong = {name: skew for name, skew in skews.items() if abs(skew) > _MOST_SKEW}
    if not wrong:
        apart = max(abs(skew) for skew in skews.values())
        within = f"within {max(1, round(apart.total_seconds()))} s"
        return [ok(CLOCK, f"{within} of {', '.join(skews)}")]
    named = ", ".join(_skew(name, skew) for name, skew in wrong.items())
    remedy = "Set the clock of this machine, best by NTP: times decide what is new."
    return [warning(CLOCK, f"this machine is {named}", remedy)]


def _skew(name: str, skew: timedelta) -> str:
    minutes = round(abs(skew).total_seconds() / 60)
    where = "behind" if skew > timedelta(0) else "ahead of"
    return f"{count(minutes, 'minute')} {where} {name}"

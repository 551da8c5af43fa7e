"""Once a day a job asks Discovr whether its login still holds, if no run did.

A run that finds nothing new asks Discovr nothing, so that a login that was withdrawn
would look healthy for a week. One request tells, in the first run of each day (UTC) in
which no other has asked; until it is known better, or somebody has signed in again, the
answer holds for the runs in between as well.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from connectors.auth.tokens import fingerprint
from connectors.discovr.auth import choose_profile, list_profiles, refresh_token
from connectors.errors import AuthError, ConfigError, ServiceError
from connectors.http.client import RetryPolicy
from sync.ledger import Ledger
from sync.ledger.fact_names import ENTRIES, LOOKED
from sync.runtime import logs
from sync.wiring.clients import DISCOVR, Clients
from sync.wiring.logins import how_to_log_in

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.events import Event
    from sync.pipeline.result import Report

#: A request that fails is not sent again before the next day.
_ONCE = RetryPolicy(attempts=1)


@dataclass(frozen=True, slots=True)
class Look:
    """When Discovr was last asked, and what it said if that was no good.

    ``refused`` is a digest of the login that this is about; with ``is_config`` it is
    the profile that has gone.
    """

    at: datetime
    refused: str = ""
    message: str = ""
    remedy: str = ""
    is_config: bool = False

    def check(self, digest: str) -> None:
        """Raise what was found, if it was about that login."""
        if self.refused == digest:
            kind = ConfigError if self.is_config else AuthError
            raise kind(self.message, remedy=self.remedy, service=DISCOVR)

    async def keep(self, ledger: Ledger, profile: str) -> None:
        """Note it in the ledger."""
        fact = asdict(self) | {"at": self.at.isoformat()}
        await ledger.put_fact(profile, LOOKED, fact, self.at)

    @classmethod
    async def recall(cls, ledger: Ledger, profile: str) -> Look | None:
        """Read back the last one; before the first, a run that wrote stands for it."""
        facts = await ledger.get_facts(profile, (LOOKED, ENTRIES))
        if look := facts.get(LOOKED):
            return cls(**look | {"at": datetime.fromisoformat(look["at"])})
        if run := facts.get(ENTRIES):
            return cls(datetime.fromisoformat(run["at"]))
        return None


async def look_at_login(
    settings: Settings,
    report: Report,
    *,
    clock: Clock,
    session: aiohttp.ClientSession | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> None:
    """Ask Discovr whether the login holds, if nobody has asked it anything today.

    Raises AuthError where it does not, and ConfigError where the profile has gone. That
    Discovr cannot be reached is logged: nothing had to be written to it.
    """
    profile, now = report.prepared.profile, clock.now()
    async with (
        await Ledger.open(settings.state.url) as ledger,
        AsyncExitStack() as stack,
    ):
        if _has_asked(report):
            await Look(now).keep(ledger, profile)
            return
        clients = Clients(
            settings,
            stack,
            session=session,
            clock=clock,
            on_event=on_event,
            retry=_ONCE,
        )
        log_in = how_to_log_in(settings, "discovr")
        token = refresh_token(clients.store, clients.discovr_token, log_in=log_in)
        digest, last = fingerprint(token), await Look.recall(ledger, profile)
        if last is None or last.at.date() != now.date():
            # Before it is sent: whatever becomes of it, it was today's. What was
            # refused stays so until somebody answers.
            last = replace(last, at=now) if last else Look(now)
            await last.keep(ledger, profile)
            if answer := await _ask(clients, Look(now, digest), profile):
                last = answer
                await last.keep(ledger, profile)
        last.check(digest)


async def _ask(clients: Clients, look: Look, profile: str) -> Look | None:
    """Ask once; return what was said, None if nobody answered."""
    try:
        choose_profile(await list_profiles(clients.identity()), profile)
    except (AuthError, ConfigError) as error:
        return replace(
            look,
            message=error.message,
            remedy=error.remedy,
            is_config=isinstance(error, ConfigError),
        )
    except ServiceError as error:
        logs.tell("login.unseen", error.message, level=logging.WARNING)
        return None
    return replace(look, refused="")


def _has_asked(report: Report) -> bool:
    services = report.cost.services if report.cost else ()
    return any(spent.service == DISCOVR and spent.requests for spent in services)

"""Signs a profile of the fleet in, whoever shows its person the code."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from sync import login as use_case
from sync.fleet.logins import open_store
from sync.fleet.runner import settings_of
from sync.wiring.clients import Clients

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sync.documents.login import LoginDocument
    from sync.events import Event
    from sync.fleet.open import Fleet
    from sync.fleet.profiles import Profile
    from sync.login import Screen
    from sync.runtime.stop import Stop
    from sync.wiring.logins import Service


def needed(profile: Profile) -> tuple[Service, ...]:
    """Return the services that a profile needs a login for."""
    return ("discovr",) if profile.file else ("trakt", "discovr")


def lacking(profile: Profile, logins: Mapping[str, bool]) -> tuple[Service, ...]:
    """Return the services that it has no login for, or one that was refused.

    ``logins`` is of ``standing_of``.
    """
    return tuple(s for s in needed(profile) if not logins.get(s))


def asked(profile: Profile, logins: Mapping[str, bool]) -> tuple[Service, ...]:
    """Return what to sign in to: what it lacks, or all where nothing is known."""
    return lacking(profile, logins) or needed(profile)


async def sign_in(
    fleet: Fleet,
    profile: Profile,
    service: Service,
    screen: Screen,
    stop: Stop,
    *,
    on_event: Callable[[Event], None] | None = None,
) -> LoginDocument:
    """Show a code, wait until it is approved, and store the login. ServiceError."""
    store = await open_store(
        fleet.database, fleet.vault(), profile.id, clock=fleet.clock
    )
    async with AsyncExitStack() as stack:
        clients = Clients(
            settings_of(fleet.settings, profile),
            stack,
            clock=fleet.clock,
            on_event=on_event,
            store=store,
        )
        if service == "trakt":
            return await use_case.login_trakt(clients, screen, stop)
        return await use_case.login_discovr(clients, screen, stop)

"""Signs a profile of the fleet in, whoever shows its person the code."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from sync import login as use_case
from sync.fleet.logins import SHARED, open_store
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

    Logins = Mapping[int, Mapping[str, bool]]


def needed(profile: Profile) -> tuple[Service, ...]:
    """Return the services that a profile needs a login for."""
    return ("discovr",) if profile.file else ("trakt", "discovr")


def lacking(profile: Profile, logins: Logins) -> tuple[Service, ...]:
    """Return the services that it has no login for, or one of its own that was refused.

    ``logins`` is of ``standing_of``. What serves all is not its person's to renew.
    """
    own, shared = logins[profile.id], logins[SHARED]
    return tuple(s for s in needed(profile) if not own.get(s, s in shared))


def asked(profile: Profile, logins: Logins) -> tuple[Service, ...]:
    """Return what to sign in to: what it lacks, else what it has, else all."""
    own = tuple(s for s in needed(profile) if s in logins[profile.id])
    return lacking(profile, logins) or own or needed(profile)


def waits_for_shared(profile: Profile, logins: Logins) -> bool:
    """Whether it lives by the login that serves all, and that was refused."""
    own, shared = logins[profile.id], logins[SHARED]
    return any(s not in own and not good for s, good in shared.items())


async def sign_in(
    fleet: Fleet,
    profile: Profile | None,
    service: Service,
    screen: Screen,
    stop: Stop,
    *,
    on_event: Callable[[Event], None] | None = None,
) -> LoginDocument:
    """Show a code, wait until it is approved, and store the login. ServiceError.

    Without a ``profile`` it is the login that serves all.
    """
    owner = profile.id if profile else SHARED
    store = await open_store(fleet.database, fleet.vault(), owner, clock=fleet.clock)
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

"""Signs a profile of the fleet in, whoever shows its person the code."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from connectors.errors import AuthError
from sync import login as use_case
from sync.fleet.calendar import State
from sync.fleet.limit import DISCOVR_LIMIT, SharedLimit, SharedPacer, all_limits
from sync.fleet.logins import SHARED, ending_by, open_store, standing_of
from sync.fleet.runner import settings_of
from sync.runtime.shell import quote_last
from sync.wiring.clients import DISCOVR, Clients
from sync.wiring.logins import WARN_BEFORE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Container, Mapping
    from datetime import datetime

    from sync.documents.login import LoginDocument, LogoutDocument
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

    ``logins`` is of ``standing_of``. What serves all is not its person's to renew,
    wherever the operator keeps it.
    """
    own = logins[profile.id]
    return tuple(
        s
        for s in needed(profile)
        if not own.get(s, profile.is_shared and s == "discovr")
    )


def asked(
    profile: Profile, logins: Logins, ending: Container[int] = ()
) -> tuple[Service, ...]:
    """Return what to sign in to: what it lacks or is ``ending``, else what it has.

    Else all that it needs. ``ending`` is of ``ending_by``.
    """
    if lacks := lacking(profile, logins):
        return lacks
    if profile.id in ending:
        return ("discovr",)
    own = tuple(s for s in needed(profile) if s in logins[profile.id])
    return own or needed(profile)


async def soon_ending(fleet: Fleet) -> dict[int, datetime]:
    """Return whose login to Discovr ends so soon that it is time to sign in again."""
    return await ending_by(fleet.database, fleet.clock.now() + WARN_BEFORE)


def waits_for_shared(profile: Profile, logins: Logins) -> bool:
    """Whether all that it lacks is a good login that serves all.

    Where the database holds none, that of the workers' machine may do.
    """
    if not profile.is_shared or "discovr" in logins[profile.id]:
        return False
    is_good = logins[SHARED].get("discovr", profile.state is not State.NEEDS_LOGIN)
    return not is_good and not lacking(profile, logins)


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
    async with _clients(fleet, profile, on_event) as clients:
        if service == "trakt":
            user = profile.user if profile else None
            document = await use_case.login_trakt(clients, screen, stop, user=user)
        else:
            name = profile.profile if profile else None
            document = await use_case.login_discovr(
                clients, screen, stop, owner_of=name
            )
    if profile:
        await _require_kept(fleet, profile, service)
    return document


async def _require_kept(fleet: Fleet, profile: Profile, service: Service) -> None:
    """Make sure that the login is there: the table may have changed. AuthError."""
    if service in (await standing_of(fleet.database, [profile]))[profile.id]:
        return
    name = profile.profile
    if await fleet.profiles.get(profile.id) is None:
        raise AuthError(
            f"{name} was removed from the fleet meanwhile, so nothing was kept.",
            remedy="See who is left: trakt2discovr fleet list",
            service=service.title(),
        )
    raise AuthError(
        f"The table names another source for {name} by now, so this login to "
        f"{service.title()} was not kept.",
        remedy=f"Log in again: trakt2discovr fleet login {quote_last(name)}",
        service=service.title(),
    )


async def sign_out_for_all(fleet: Fleet) -> LogoutDocument:
    """Forget the login that serves all, and end it at Discovr. ServiceError."""
    async with _clients(fleet, None) as clients:
        return await use_case.logout_discovr(clients)


@asynccontextmanager
async def _clients(
    fleet: Fleet,
    profile: Profile | None,
    on_event: Callable[[Event], None] | None = None,
) -> AsyncIterator[Clients]:
    owner = profile.id if profile else SHARED
    store = await open_store(
        *(fleet.database, fleet.vault(), owner),
        source=profile.source if profile else None,
        clock=fleet.clock,
    )
    pacers = await _pacers(fleet)
    async with AsyncExitStack() as stack:
        for pacer in pacers.values():
            stack.push_async_callback(pacer.close)
        yield Clients(
            settings_of(fleet.settings, profile),
            stack,
            clock=fleet.clock,
            on_event=on_event,
            store=store,
            pacers=pacers,
        )


async def _pacers(fleet: Fleet) -> dict[str, SharedPacer]:
    """Return the limit to Discovr that the workers share, once one of them has made it.

    How high it is their config says, and not that of this machine.
    """
    known = {limit.name for limit in await all_limits(fleet.database)}
    if DISCOVR_LIMIT not in known:
        return {}
    limit = SharedLimit(fleet.database, DISCOVR_LIMIT)
    return {DISCOVR: SharedPacer(limit, clock=fleet.clock)}

"""Signing in on a second screen, choosing a profile, and signing out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from connectors.auth.device import CodeExpiredError, wait_for_approval
from connectors.auth.tokens import fingerprint
from connectors.discovr import auth as discovr
from connectors.discovr.device import revoke
from connectors.errors import AuthError, ConfigError, ServiceError
from connectors.http.client import RetryPolicy
from connectors.trakt import auth as trakt
from connectors.trakt.device import account_name
from sync.documents.base import ProfileDocument
from sync.documents.login import LoginDocument, LogoutDocument
from sync.errors import StoppedError
from sync.runtime.shell import quote_last

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from connectors.auth.device import Device, DeviceCode
    from connectors.auth.tokens import StoredToken
    from connectors.discovr.models import Profile
    from sync.runtime.stop import Stop
    from sync.wiring.clients import Clients

#: Polling is its own repetition.
_ONCE = RetryPolicy(attempts=1)
_TRAKT_KEYS = "[trakt] access_token and refresh_token"
_DISCOVR_KEYS = "[discovr] refresh_token"
#: Before the names of a Trakt account.
_NAME = "name:"
_KEPT = "You are logged in to Discovr, and the login is kept."


class Screen(Protocol):
    """The person in front of the program."""

    def invite(self, code: DeviceCode) -> None:
        """Show where to go and which code to enter."""

    def tell(self, problem: ServiceError) -> None:
        """Say what went wrong; the sign-in goes on nevertheless."""

    async def choose(self, profiles: Sequence[Profile]) -> Profile | None:
        """Ask for one of several profiles; None if nobody can be asked."""


async def login_trakt(
    clients: Clients, screen: Screen, stop: Stop, *, user: str | None = None
) -> LoginDocument:
    """Sign in to Trakt and store the login. Raises a ServiceError.

    Where a ``user`` is named, nobody else's login is stored.
    """
    token = await _approved(clients, clients.trakt_device(_ONCE), screen)
    if user:
        await _require_user(clients, token, user)
    origin = trakt.origin_of(clients.trakt_tokens)
    await _keep(clients, trakt.SERVICE, token, origin, stop)
    notes = _superseded(_TRAKT_KEYS) if origin else []
    account = None
    try:
        account = await account_name(clients.trakt().http)
    except ServiceError as error:
        notes.append(f"Trakt did not name the account: {error}")
    return LoginDocument(service="trakt", account=account, notes=tuple(notes))


async def _require_user(clients: Clients, token: StoredToken, user: str) -> None:
    owner = await clients.trakt(access=token.access_token).owner()
    names = {n.removeprefix(_NAME) for n in owner if n.startswith(_NAME)}
    if user.lower() in names:
        return
    await _problem(_revoke_trakt(clients, token))
    raise AuthError(
        f"You signed in to Trakt as {' or '.join(sorted(names)) or 'nobody by name'}, "
        f"and this is for {user}, so nothing was kept. Sign out of Trakt there first.",
        remedy="Correct the user in the table, if that is wrong, and add it again "
        f"(trakt2discovr fleet add FILE.csv). If not, log in again as {user}.",
        service="Trakt",
    )


async def login_discovr(
    clients: Clients,
    screen: Screen,
    stop: Stop,
    *,
    profile: str | None = None,
    owner_of: str | None = None,
) -> LoginDocument:
    """Sign in to Discovr, store the login, then choose a profile and store that too.

    Where an ``owner_of`` a profile of a fleet is looked for, nobody else's is stored.

    The profile is the one named here (by id or name), that of the settings, the only
    one there is, or the one that is picked on the screen. Raises a ServiceError.
    """
    token = await _approved(clients, clients.discovr_device(_ONCE), screen)
    if owner_of:
        await _require_profile(clients, token, owner_of)
    configured = clients.discovr_token
    origin = fingerprint(configured) if configured else None
    await _keep(clients, discovr.SERVICE, token, origin, stop)
    preset = clients.settings.discovr.profile
    try:
        profiles = await discovr.list_profiles(clients.identity())
        chosen = await _choose(profiles, profile or preset, screen)
    except StoppedError:
        raise  # it says so itself
    except ServiceError as error:
        # Whoever hears of the profile alone would sign in again, and again.
        error.message = f"{_KEPT} {error.message}"
        raise
    if chosen is not None:
        extra = {**token.extra, discovr.PROFILE: chosen.id}
        token = token.model_copy(update={"extra": extra})
        await _keep(clients, discovr.SERVICE, token, origin, stop)
    notes = _superseded(_DISCOVR_KEYS) if origin else []
    return LoginDocument(
        service="discovr",
        profile=_document(chosen) if chosen else None,
        profiles=tuple(map(_document, profiles)),
        expires_at=token.expires_at,
        notes=(*notes, *_profile_notes(profiles, chosen, preset)),
    )


async def _require_profile(clients: Clients, token: StoredToken, name: str) -> None:
    profiles = await discovr.list_profiles(clients.identity(token.refresh_token))
    try:
        discovr.choose_profile(profiles, name)
    except ConfigError as error:
        message = error.message
    else:
        return
    known = discovr.name_profiles(profiles)
    raise AuthError(
        f"{message} So nothing was kept. This account has: {known}. If one of these is "
        "meant, the fleet's table needs its id. Else sign out of Discovr there first.",
        remedy="Log in again, with the account that has it: trakt2discovr fleet login "
        f"--service discovr {quote_last(name)}",
        service="Discovr",
    )


async def logout_trakt(clients: Clients) -> LogoutDocument:
    """Revoke the Trakt login in force; forget the stored one in any case."""
    configured = clients.trakt_tokens
    async with clients.store.lock(trakt.SERVICE):
        token = trakt.token_in_force(clients.store, configured, clients.clock.now())
        problem = await _problem(_revoke_trakt(clients, token)) if token else None
        clients.store.delete(trakt.SERVICE)
    return _gone(
        "trakt",
        problem,
        was_there=bool(token),
        keys=_TRAKT_KEYS if any(configured) else None,
    )


async def logout_discovr(clients: Clients) -> LogoutDocument:
    """Revoke the Discovr login in force; forget the stored one in any case."""
    configured = clients.discovr_token
    async with clients.store.lock(discovr.SERVICE):
        token = configured or clients.store.load(discovr.SERVICE)
        problem = await _problem(revoke(clients.identity())) if token else None
        clients.store.delete(discovr.SERVICE)
    return _gone(
        "discovr",
        problem,
        was_there=bool(token),
        keys=_DISCOVR_KEYS if configured else None,
    )


async def _approved(clients: Clients, device: Device, screen: Screen) -> StoredToken:
    """Sign in; a code that runs out is replaced once, for whoever was late."""
    clients.store.check()
    try:
        return await _try_code(clients, device, screen)
    except CodeExpiredError as error:
        screen.tell(error)
    return await _try_code(clients, device, screen)


async def _try_code(clients: Clients, device: Device, screen: Screen) -> StoredToken:
    code = await device.start()
    screen.invite(code)
    return await wait_for_approval(
        device, code, clock=clients.clock, on_fault=screen.tell
    )


async def _keep(
    clients: Clients,
    service: str,
    token: StoredToken,
    origin: str | None,
    stop: Stop,
) -> None:
    # Under the lock: a run that renews the old login at this moment would put its
    # descendant in the place of the new one.
    with stop.heeded():
        async with clients.store.lock(service):
            kept = token.model_copy(update={"origin": origin})
            clients.store.save(service, kept)


async def _choose(
    profiles: Sequence[Profile], wanted: str | None, screen: Screen
) -> Profile | None:
    if wanted:
        return discovr.choose_profile(list(profiles), wanted)
    if len(profiles) == 1:
        return profiles[0]
    return await screen.choose(profiles) if profiles else None


def _profile_notes(
    profiles: Sequence[Profile], chosen: Profile | None, preset: str | None
) -> list[str]:
    if not profiles:
        return [
            "The account has no profile yet: create one on Discovr, then log in again."
        ]
    if chosen is None:
        return ["No profile is chosen yet: put one of them into [discovr] profile."]
    if preset is None:
        line = f'[discovr] profile = "{chosen.id}"'
        return [f"Later runs write to this profile; in the config it would be {line}"]
    if chosen == discovr.choose_profile(list(profiles), preset):
        return []
    line = f'[discovr] profile = "{preset}"'
    return [f"{line} in the config goes first: change it to {chosen.id}, or remove it."]


def _superseded(keys: str) -> list[str]:
    return [f"This login takes the place of {keys} in the config, which can go."]


async def _revoke_trakt(clients: Clients, token: StoredToken) -> None:
    await clients.trakt_device().revoke(token)


async def _problem(work: Awaitable[None]) -> ServiceError | None:
    try:
        await work
    except ServiceError as error:
        return error
    return None


def _gone(
    service: Literal["trakt", "discovr"],
    problem: ServiceError | None,
    *,
    was_there: bool,
    keys: str | None,
) -> LogoutDocument:
    is_dead = problem is None or isinstance(problem, AuthError)
    notes = [problem.message] if problem else []
    if not is_dead:
        notes.append(
            f"So {service.title()} may go on accepting the login that is forgotten "
            "here: disconnect this app in your settings there."
        )
    if keys:
        notes.append(f"The config still holds {keys}: remove that too.")
    return LogoutDocument(
        service=service,
        was_logged_in=was_there,
        is_revoked=was_there and is_dead,
        notes=tuple(notes),
    )


def _document(profile: Profile) -> ProfileDocument:
    return ProfileDocument(id=profile.id, name=profile.name)

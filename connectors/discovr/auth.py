"""Discovr's login: a long-lived refresh token, and session tokens of 30 minutes.

A session token is bound to one profile; each mint opens a new session (reference:
``/api-reference/auth/session-token``).
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from connectors.auth.tokens import fingerprint
from connectors.discovr.models import Profile, ProfileList, SessionAnswer
from connectors.errors import (
    AuthError,
    ConfigError,
    ContractError,
    LoginRefusedError,
    RejectedError,
    WrongTokenKindError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connectors.auth.tokens import StoredToken, TokenStore
    from connectors.clock import Clock
    from connectors.http.client import HttpClient

SERVICE = "discovr"
#: As people call it.
_NAME = "Discovr"
#: Where the store keeps the id of the chosen profile, among the extras of a login.
PROFILE = "profile"
_PROFILES = TypeAdapter(ProfileList)
_SESSION = TypeAdapter(SessionAnswer)
_LOG_IN = "Log in: trakt2discovr login discovr"
#: A session is renewed this long before it ends, so that no write meets its end.
_MARGIN = timedelta(minutes=2)
#: The year 2200.
_LATEST_STAMP = 7_258_118_400


def token_in_force(store: TokenStore, configured: str | None) -> StoredToken | None:
    """Return the stored login, unless the settings hold one that it does not replace.

    None if the one in force is that of the settings, or if there is none.
    """
    stored = store.load(SERVICE)
    if stored is None or (configured and stored.origin != fingerprint(configured)):
        return None
    return stored


def refresh_token(
    store: TokenStore, configured: str | None, *, log_in: str = _LOG_IN
) -> str:
    """Return the refresh token in force, of the store or of the settings.

    ``log_in`` is what whoever has none is told.
    """
    stored = token_in_force(store, configured)
    token = stored.refresh_token if stored else configured
    if not token:
        raise AuthError(
            "There is no Discovr login.",
            remedy=f"{log_in} (or set TRAKT2DISCOVR_DISCOVR__REFRESH_TOKEN)",
            service=_NAME,
        )
    return token


def stored_profile(store: TokenStore, configured: str | None) -> str | None:
    """Return the id of the profile that was chosen with the login in force."""
    stored = token_in_force(store, configured)
    return stored.extra.get(PROFILE) if stored else None


class IdentityAuth:
    """The refresh token as bearer, for ``/profiles`` and for minting sessions.

    ``log_in`` is what a person without a good login is told.
    """

    def __init__(
        self, store: TokenStore, configured: str | None, *, log_in: str = _LOG_IN
    ) -> None:
        self._store = store
        self._configured = configured
        self._log_in = log_in

    async def headers(self) -> Mapping[str, str]:
        """Return the Authorization header."""
        token = refresh_token(self._store, self._configured, log_in=self._log_in)
        return {"Authorization": f"Bearer {token}"}

    async def renew(self, rejected: Mapping[str, str], refusal: AuthError) -> None:
        """Refuse: Discovr documents no renewal, after 90 days one logs in again."""
        del rejected
        is_over = isinstance(refusal, LoginRefusedError)
        kind = LoginRefusedError if is_over else AuthError
        raise kind(
            "Discovr does not accept the login.",
            remedy=self._log_in,
            service=_NAME,
        )


class SessionAuth:
    """A session token of one profile, minted when first needed and before it ends.

    ``profile`` is an id or a name; ``profile_id`` is known once a session was minted.
    One guide says that the identity token is for profiles' lists too, against all other
    pages; if the service insists on it, it is used where no profile can be mistaken.
    """

    def __init__(
        self,
        identity: HttpClient,
        identity_auth: IdentityAuth,
        profile: str,
        *,
        clock: Clock,
    ) -> None:
        self._identity = identity
        self._identity_auth = identity_auth
        self._profile = profile
        self._clock = clock
        self._minting = asyncio.Lock()
        self._session: SessionAnswer | None = None
        self._uses_identity = False
        self._is_recalled = False
        self.profile_id: str | None = None
        #: As the account lists it; None where that was not read.
        self.profile_name: str | None = None

    def recall(self, profile_id: str) -> None:
        """Take an id that was found before; it is looked up if it has gone."""
        if self.profile_id is None:
            self.profile_id, self._is_recalled = profile_id, True

    async def headers(self) -> Mapping[str, str]:
        """Return the Authorization header of a session that has time left."""
        async with self._minting:
            if self._session is None or self._ends_soon(self._session):
                self._session = await self._mint()
        if self._uses_identity:
            return await self._identity_auth.headers()
        return _bearer(self._session)

    async def renew(self, rejected: Mapping[str, str], refusal: AuthError) -> None:
        """Mint again after a 401, unless another caller has done so already."""
        async with self._minting:
            if isinstance(refusal, WrongTokenKindError):
                await self._turn_to_identity(refusal)
            elif self._session is None or _bearer(self._session) == dict(rejected):
                self._session = await self._mint()

    async def _turn_to_identity(self, refusal: WrongTokenKindError) -> None:
        if self._uses_identity:
            raise refusal
        profiles = await list_profiles(self._identity)
        if len(profiles) > 1:
            raise ConfigError(
                "Discovr wants the account's own token for the history, which names no "
                f"profile, and this account has {len(profiles)}.",
                remedy="Nothing was written. Report this: the service has changed.",
            )
        self._uses_identity = True

    @property
    def ends_at(self) -> datetime | None:
        """When the session ends; None before one was minted. Raises ContractError."""
        return _end(self._session) if self._session else None

    @property
    def token(self) -> str | None:
        """The token of the session in force; None before one was minted."""
        return self._session.session_token if self._session else None

    @property
    def uses_identity(self) -> bool:
        """Whether Discovr insisted on the identity token for a profile's lists."""
        return self._uses_identity

    def _ends_soon(self, session: SessionAnswer) -> bool:
        return self._clock.now() >= _end(session) - _MARGIN

    async def _mint(self) -> SessionAnswer:
        if self.profile_id is None:
            self.profile_id = await self._find_profile()
        try:
            response = await self._identity.request(
                "POST",
                "/auth/session-token",
                json={"profileId": self.profile_id},
                repeatable=True,  # a second session is harmless
            )
        except RejectedError:
            if not self._is_recalled:
                raise
            self.profile_id, self._is_recalled = None, False
            return await self._mint()
        return response.parse(_SESSION)

    async def _find_profile(self) -> str:
        profiles = await list_profiles(self._identity)
        chosen = choose_profile(profiles, self._profile)
        self.profile_name = chosen.name
        return chosen.id


async def list_profiles(identity: HttpClient) -> list[Profile]:
    """Return the profiles of the account, newest first."""
    response = await identity.request("GET", "/profiles")
    return response.parse(_PROFILES).profiles


def choose_profile(profiles: list[Profile], wanted: str) -> Profile:
    """Find a profile by id, else by name without regard to case; never guess."""
    known = name_profiles(profiles)
    found = [p for p in profiles if p.id == wanted] or [
        p for p in profiles if p.name.casefold() == wanted.casefold()
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(
            f"{len(found)} Discovr profiles are called {wanted!r}.",
            remedy=f"Give its id by --profile, or in [discovr] profile: {known}.",
        )
    raise ConfigError(
        f"This Discovr account has no profile {wanted!r}.",
        remedy=f"Give one of these by --profile, or in [discovr] profile: {known}.",
    )


def name_profiles(profiles: Iterable[Profile]) -> str:
    """List them by name and id, to choose one."""
    known = ", ".join(f"{p.name} ({p.id})" for p in profiles) or "none"
    # A name is the person's own, or whoever's: it must not steer a terminal.
    return "".join(c if c.isprintable() else "?" for c in known)


def _end(session: SessionAnswer) -> datetime:
    if not 0 < session.expires_at < _LATEST_STAMP:
        raise ContractError(
            "Discovr's session ends at a time that cannot be read.", service="Discovr"
        )
    return datetime.fromtimestamp(session.expires_at, UTC)


def _bearer(session: SessionAnswer) -> dict[str, str]:
    return {"Authorization": f"Bearer {session.session_token}"}

"""Trakt's login: which token is in force, and its renewal.

Refresh tokens are single-use and rotate, so a new pair is stored before it is used, and
one process at a time renews.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.auth.tokens import StoredToken, fingerprint
from connectors.errors import AuthError, LoginRefusedError, RejectedError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from datetime import datetime

    from connectors.auth.tokens import TokenStore
    from connectors.clock import Clock
    from connectors.http.client import HttpClient, Response
    from connectors.trakt.models import TokenAnswer

#: How a host says that it does not have that route.
_NO_ROUTE = (404, 405)

SERVICE = "trakt"
#: As people call it.
_NAME = "Trakt"
#: By what a login shows, in what is stored beside it, that it is the same one renewed.
_LOGIN = "login"
REDIRECT_URI = "urn:ietf:wg:oauth:2.0:oob"
_LOG_IN = "Log in: trakt2discovr login trakt"
_OR_FILE = (
    "To carry over a download instead, which needs no login to Trakt: trakt2discovr "
    "migrate FILE"
)


class TraktAuth:
    """Gives each request its bearer token and renews it once it runs out.

    A pair from the settings counts until it was renewed: the store then holds its
    descendant, recognised by the fingerprint of what it descends from. ``log_in`` is
    what a person without a good login is told.
    """

    def __init__(
        self,
        hosts: OauthHosts,
        store: TokenStore,
        *,
        client_id: str,
        client_secret: str | None,
        configured: tuple[str | None, str | None] = (None, None),
        clock: Clock,
        log_in: str = _LOG_IN,
    ) -> None:
        self._hosts = hosts
        self._log_in = log_in
        self._store = store
        self._client = (client_id, client_secret)
        self._configured = configured
        self._clock = clock
        self._renewal = asyncio.Lock()
        self._token: StoredToken | None = None

    async def headers(self) -> Mapping[str, str]:
        """Return the Authorization header, renewed first if it is about to run out."""
        token = self._token or self._choose()
        if token.access_token is None or self._runs_out(token):
            token = await self._renew(token)
        self._token = token
        return _bearer(token)

    async def renew(self, rejected: Mapping[str, str], refusal: AuthError) -> None:
        """Renew after a 401, unless another caller has done so already."""
        del refusal
        token = self._token or self._choose()
        if _bearer(token) == dict(rejected):
            self._token = await self._renew(token)

    def mark(self) -> str | None:
        """Return what tells this login from any other and outlives its renewals.

        None where it cannot be renewed, or an earlier version stored it and it was not
        renewed since.
        """
        return _mark(self._token or self._choose())

    def _choose(self) -> StoredToken:
        token = token_in_force(self._store, self._configured, self._clock.now())
        if token is None:
            raise AuthError(
                "There is no Trakt login.",
                remedy=f"{self._log_in.rstrip('.')}. {_OR_FILE}",
                service=_NAME,
            )
        return token

    def _runs_out(self, token: StoredToken) -> bool:
        if token.expires_at is None:
            return False
        lifetime = token.expires_at - token.obtained_at
        margin = min(timedelta(minutes=10), lifetime / 10)
        return self._clock.now() >= token.expires_at - margin

    async def _renew(self, spent: StoredToken) -> StoredToken:
        async with self._renewal, self._store.lock(SERVICE):
            current = self._choose()
            if current.access_token and current.access_token != spent.access_token:
                return current
            if not current.refresh_token:
                raise AuthError(
                    "The Trakt login has run out.",
                    remedy=self._log_in,
                    service=_NAME,
                )
            # Whoever is stopped now waits: with the answer the old token is spent.
            return await _to_its_end(self._refresh_and_save(current))

    async def _refresh_and_save(self, spent: StoredToken) -> StoredToken:
        renewed = await self._refresh(spent)
        self._store.save(SERVICE, renewed)
        return renewed

    async def _refresh(self, token: StoredToken) -> StoredToken:
        client_id, client_secret = self._client
        if not client_secret:
            raise AuthError(
                "The Trakt login has run out, and renewing it needs the client secret.",
                remedy="Set [trakt] client_secret, or log in again.",
                service=_NAME,
            )
        body = {
            "refresh_token": token.refresh_token,
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uri": REDIRECT_URI,
            "grant_type": "refresh_token",
        }
        try:
            # Repeatable: a resend after a lost answer is refused at worst, and then a
            # new login is what is needed anyway.
            response = await self._hosts.post("/oauth/token", body)
        except (RejectedError, AuthError) as error:
            is_spent = isinstance(error, LoginRefusedError)
            kind = LoginRefusedError if is_spent else AuthError
            raise kind(
                "Trakt refuses to renew the login.",
                remedy=self._log_in,
                service=_NAME,
            ) from None
        # Whoever looks at a login needs no models.
        from pydantic import TypeAdapter  # noqa: PLC0415

        from connectors.trakt.models import TokenAnswer  # noqa: PLC0415

        answer = response.parse(TypeAdapter(TokenAnswer))
        renewed = stored_token(answer, token.origin, self._clock.now())
        mark = _mark(token) or fingerprint(token.refresh_token or "")
        return renewed.model_copy(update={"extra": {_LOGIN: mark}})


async def _to_its_end(work: Coroutine[None, None, StoredToken]) -> StoredToken:
    """Do it even where whoever waits is cancelled, who waits nevertheless."""
    task = asyncio.ensure_future(work)
    is_cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            is_cancelled = True
    if is_cancelled:
        if not task.cancelled():
            task.exception()  # nobody asks for it any more
        raise asyncio.CancelledError
    return task.result()


def token_in_force(
    store: TokenStore, configured: tuple[str | None, str | None], now: datetime
) -> StoredToken | None:
    """Return the stored login, unless the settings hold one that it does not replace.

    ``configured`` is the access and the refresh token of the settings.
    """
    stored, origin = store.load(SERVICE), origin_of(configured)
    if origin is None or (stored is not None and stored.origin == origin):
        return stored
    access, refresh = configured
    return StoredToken(
        access_token=access, refresh_token=refresh, obtained_at=now, origin=origin
    )


def origin_of(configured: tuple[str | None, str | None]) -> str | None:
    """Return by what a login shows that it replaces the configured one, if any."""
    access, refresh = configured
    token = refresh or access
    return fingerprint(token) if token else None


def stored_token(answer: TokenAnswer, origin: str | None, now: datetime) -> StoredToken:
    """Turn Trakt's token object into what the store keeps."""
    lifetime = answer.expires_in
    return StoredToken(
        access_token=answer.access_token,
        refresh_token=answer.refresh_token,
        # By the clock that it is looked at by; without an end until it is refused.
        expires_at=now + timedelta(seconds=lifetime) if lifetime else None,
        obtained_at=now,
        origin=origin,
        extra={_LOGIN: fingerprint(answer.refresh_token or answer.access_token)},
    )


def _mark(token: StoredToken) -> str | None:
    # What cannot be renewed is soon replaced by another one: it marks no account.
    is_lasting = token.refresh_token is not None
    return token.extra.get(_LOGIN) or token.origin if is_lasting else None


def _bearer(token: StoredToken) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.access_token}"}


class OauthHosts:
    """Asks the sign-in host, or the data host where the first has no such route.

    The first host that knows a route is kept to: from then on a 404 is about what was
    asked for.
    """

    def __init__(self, *hosts: HttpClient) -> None:
        self._hosts = hosts

    async def post(
        self, path: str, body: Mapping[str, str | None], *, expect_json: bool = True
    ) -> Response:
        """Send a call that carries its own credentials; a repeat does no harm.

        Raises a ServiceError, and nothing else.
        """
        host, *others = self._hosts
        try:
            response = await host.request(
                "POST",
                path,
                json=body,
                repeatable=True,
                authorize=False,
                expect_json=expect_json,
            )
        except RejectedError as error:
            if not others or error.status not in _NO_ROUTE:
                self._hosts = (host,)
                raise
        else:
            self._hosts = (host,)
            return response
        self._hosts = tuple(others)
        return await self.post(path, body, expect_json=expect_json)

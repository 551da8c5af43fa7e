"""Trakt's sign-in by device code, and its end (reference: docs.trakt.tv, device)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from connectors.auth.device import CodeExpiredError, CodeRefusedError, DeviceCode
from connectors.errors import AuthError, ConfigError, RejectedError, ServiceError
from connectors.fields import Interval, Lifetime
from connectors.trakt.auth import stored_token
from connectors.trakt.models import Model, TokenAnswer

if TYPE_CHECKING:
    from connectors.auth.tokens import StoredToken
    from connectors.clock import Clock
    from connectors.http.client import HttpClient
    from connectors.trakt.auth import OauthHosts

_AGAIN = "Log in again: trakt2discovr login trakt"
#: The words for the answers that end the waiting.
_REFUSALS = {
    404: "Trakt does not know the code.",
    409: "The code was used already, and the answer to that was lost.",
    418: "The access was refused on Trakt's page.",
}
_EXPIRED, _PENDING = 410, 400


class _Code(Model):
    device_code: str
    user_code: str
    verification_url: str
    expires_in: Lifetime = 600
    interval: Interval = 5


class Account(Model):
    """Who is signed in, and whether as a paying member; None: Trakt does not say."""

    username: str | None = None
    vip: bool | None = None


class _Settings(Model):
    user: Account = Account()


_CODE = TypeAdapter(_Code)
_TOKEN = TypeAdapter(TokenAnswer)
_SETTINGS = TypeAdapter(_Settings)


class TraktDevice:
    """Trakt's side of a sign-in."""

    def __init__(
        self, hosts: OauthHosts, *, client_id: str, client_secret: str, clock: Clock
    ) -> None:
        self._hosts = hosts
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock

    async def start(self) -> DeviceCode:
        """Ask for a code."""
        try:
            response = await self._hosts.post(
                "/oauth/device/code", {"client_id": self._client_id}
            )
        except (AuthError, RejectedError) as error:
            raise _refused_client(error) from None
        answer = response.parse(_CODE)
        return DeviceCode(
            secret=answer.device_code,
            user_code=answer.user_code,
            lifetime_s=answer.expires_in,
            interval_s=answer.interval,
            address=answer.verification_url,
        )

    async def poll(self, code: DeviceCode) -> StoredToken | None:
        """Return the login, None while nobody has approved the code.

        Raises CodeExpiredError or AuthError when waiting longer is of no use.
        """
        body = {
            "code": code.secret,
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        try:
            response = await self._hosts.post("/oauth/device/token", body)
        except AuthError as error:
            raise _refused_client(error) from None
        except RejectedError as error:
            # Whatever the body says: while a code is pending there often is none.
            if error.status == _PENDING:
                return None
            raise _refused_code(error) from None
        return stored_token(response.parse(_TOKEN), None, self._clock.now())

    async def revoke(self, token: StoredToken) -> None:
        """Withdraw a login, which frees the one app that a free account may connect."""
        body = {
            "token": token.access_token or token.refresh_token,
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        try:
            await self._hosts.post("/oauth/revoke", body, expect_json=False)
        except AuthError as error:
            raise _refused_client(error) from None


async def read_account(http: HttpClient) -> Account:
    """Return whose login it is."""
    response = await http.request("GET", "/users/settings")
    return response.parse(_SETTINGS).user


async def account_name(http: HttpClient) -> str | None:
    """Return the name of the signed-in account, None if Trakt does not say."""
    return (await read_account(http)).username


def _refused_client(error: ServiceError) -> ConfigError:
    return ConfigError(
        "Trakt does not accept the client id or the client secret.",
        remedy="Copy both from your application's page on Trakt into [trakt] "
        "client_id and client_secret.",
        service="Trakt",
        status=error.status,
    )


def _refused_code(error: RejectedError) -> ServiceError:
    if error.status == _EXPIRED:
        return CodeExpiredError("The code ran out.", remedy=_AGAIN, service="Trakt")
    if error.status not in _REFUSALS:
        return error
    message = _REFUSALS[error.status]
    return CodeRefusedError(
        message, remedy=_AGAIN, service="Trakt", status=error.status
    )

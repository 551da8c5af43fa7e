"""Discovr's sign-in by device code, and its end (docs.discovr.media, device codes).

Two generations of its documentation disagree on the poll route, on the name of the
picture and on the form of the user code: each form is accepted.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AliasChoices, ConfigDict, Field, TypeAdapter

from connectors.auth.device import CodeRefusedError, DeviceCode
from connectors.auth.tokens import StoredToken
from connectors.discovr.models import Instant, Model
from connectors.errors import (
    AuthError,
    ConfigError,
    ContractError,
    RejectedError,
    ServiceError,
)
from connectors.fields import Lenient, LifetimeMs

if TYPE_CHECKING:
    from connectors.clock import Clock
    from connectors.http.client import HttpClient

#: What the documentation suggests.
INTERVAL_S = 5.0
#: A picture of that many pixels can be read at any length of the address.
_PICTURE_PX = 600
_LIFETIME = timedelta(days=90)
_AGAIN = "Log in again: trakt2discovr login discovr"
_NO_ROUTE = (404, 405)
#: Documented is 401 for both; 403 and 410 are what others use.
_REFUSED = (401, 403, 410)


class _Code(Model):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    device_code: Annotated[str, Field(alias="deviceCode")]
    user_code: Annotated[str, Field(alias="userCode")]
    expires_in_ms: Annotated[LifetimeMs, Field(alias="expiresIn")] = 600_000
    #: A data URL of a PNG: a QR code with the only copy of the address.
    picture: Annotated[
        str, Field(validation_alias=AliasChoices("authQRCode", "qrCode"))
    ]


class _Approved(Model):
    refresh_token: Annotated[str, Field(alias="refreshToken", min_length=1)]
    public_id: Annotated[str | None, Lenient, Field(alias="publicId")] = None
    expires_at: Annotated[Instant | None, Lenient, Field(alias="expiresAt")] = None


_CODE = TypeAdapter(_Code)
#: Whatever brings no token says that nobody has approved the code yet.
_POLL: TypeAdapter[Any] = TypeAdapter(
    Annotated[_Approved | Any, Field(union_mode="left_to_right")]
)


class DiscovrDevice:
    """Discovr's side of a sign-in."""

    def __init__(self, http: HttpClient, *, client_id: str, clock: Clock) -> None:
        self._http = http
        self._client_id = client_id
        self._clock = clock
        self._route = ("POST", "poll")

    async def start(self) -> DeviceCode:
        """Ask for a code."""
        try:
            response = await self._http.request(
                "POST",
                "/auth/device-codes",
                params={"size": _PICTURE_PX},
                json={"clientID": self._client_id},
                repeatable=True,  # a code that nobody approves is harmless
                authorize=False,
            )
        except (AuthError, ConfigError, RejectedError) as error:
            if not _is_refusal(error):
                raise
            raise _refused_client(error) from None
        answer = response.parse(_CODE)
        return DeviceCode(
            secret=answer.device_code,
            user_code=answer.user_code,
            lifetime_s=answer.expires_in_ms / 1000,
            interval_s=INTERVAL_S,
            picture=_png(answer.picture),
        )

    async def poll(self, code: DeviceCode) -> StoredToken | None:
        """Return the login, None while nobody has approved the code.

        Raises AuthError when waiting longer is of no use.
        """
        method, name = self._route
        try:
            response = await self._http.request(
                method,
                f"/auth/device-codes/{code.secret}/{name}",
                label=f"/auth/device-codes/.../{name}",
                repeatable=True,
                authorize=False,
            )
        except (AuthError, ConfigError, RejectedError) as error:
            if not _is_refusal(error):
                raise
            return await self._judge(error, code)
        answer = response.parse(_POLL) if response.body else None
        return self._stored(answer) if isinstance(answer, _Approved) else None

    async def _judge(self, error: ServiceError, code: DeviceCode) -> StoredToken | None:
        is_unknown = error.status in _NO_ROUTE
        if is_unknown and self._route[0] == "POST":
            self._route = ("GET", "token")
            return await self.poll(code)
        if is_unknown or error.status in _REFUSED:
            raise CodeRefusedError(
                "Discovr does not accept the code: it was refused, or it ran out.",
                remedy=_AGAIN,
                service="Discovr",
                status=error.status,
            ) from None
        return None

    def _stored(self, answer: _Approved) -> StoredToken:
        now = self._clock.now()
        return StoredToken(
            refresh_token=answer.refresh_token,
            expires_at=answer.expires_at or now + _LIFETIME,
            obtained_at=now,
            extra={"public_id": answer.public_id} if answer.public_id else {},
        )


async def revoke(identity: HttpClient) -> None:
    """Withdraw the login that the client sends."""
    await identity.request(
        "DELETE", "/auth/session", repeatable=True, expect_json=False
    )


def _png(data_url: str) -> bytes:
    with suppress(ValueError):
        return base64.b64decode(data_url.rpartition(",")[2], validate=True)
    raise ContractError(
        "Discovr sent no picture that can be read, and only that says where to go.",
        service="Discovr",
    )


def _is_refusal(error: ServiceError) -> bool:
    """Tell a refusal of Discovr from what is wrong on the way to it."""
    return error.status is not None and error.status >= 400


def _refused_client(error: ServiceError) -> ConfigError:
    return ConfigError(
        "Discovr does not accept the client id.",
        remedy="Copy it from Discovr's dashboard into [discovr] client_id.",
        service="Discovr",
        status=error.status,
    )

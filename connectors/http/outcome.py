"""How a request ended, as one of our errors: whether it may go again, what helps.

A fault of a request that may be repeated is transient. A write is transient only when
it certainly had no effect; whatever is unclear has an unknown outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from connectors.errors import (
    AuthError,
    BlockedError,
    ConfigError,
    ContractError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    ServiceError,
    TransientError,
    UnknownOutcomeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.http.response import Response

#: What the layers below raise; ``tests/http_suite/test_faults.py`` lists each one.
FAULTS = (aiohttp.ClientError, HttpProcessingError, OSError)
_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)
_UNTRUSTED = (
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ServerFingerprintMismatch,
)
_UNREADABLE_ADDRESS = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)
_READS = frozenset({"GET", "HEAD"})
_WITHOUT_BODY = frozenset({204, 205})
_PASSING = frozenset({408, 425, 429})
_UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of a service. ``label`` alone stands for it in messages."""

    service: str
    method: str
    label: str
    setting: str
    is_repeatable: bool
    expects_json: bool

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing, so that a redirect may be followed."""
        return self.method in _READS


def judge_fault(call: Call, fault: BaseException) -> ServiceError:
    """Name what became of a request that got no (whole) answer."""
    if isinstance(fault, _UNTRUSTED):
        return ConfigError(
            f"The certificate of {call.service} could not be verified.",
            remedy=f"Check {call.setting}, the clock of this machine and any proxy.",
            service=call.service,
        )
    if isinstance(fault, _UNREADABLE_ADDRESS):
        return ConfigError(
            f"{call.setting} does not lead to a usable address.", service=call.service
        )
    if isinstance(fault, _NEVER_SENT):
        return TransientError(
            f"{call.service} could not be reached for {call.label}.",
            remedy=f"Check the network and {call.setting}, then run it again.",
            service=call.service,
        )
    if isinstance(fault, TimeoutError):
        return _unclear(call, f"{call.service} did not answer {call.label} in time.")
    return _unclear(
        call, f"The connection to {call.service} broke during {call.label}."
    )


def judge_answer(
    call: Call,
    response: Response,
    asked_s: float | None,
    explain: Callable[[Response], ServiceError | None] | None,
) -> ServiceError | None:
    """Name what is wrong with an answer; None if it is what was asked for.

    ``asked_s`` is its Retry-After; ``explain`` knows the service's own sentences.
    """
    if response.status < 300:
        return _judge_body(call, response)
    if response.status < 400:
        return _unusable_redirect(call, response)
    error = explain(response) if explain else None
    error = error or _judge_status(call, response, asked_s)
    if not isinstance(error, TransientError) or call.is_repeatable:
        return error
    is_refused = isinstance(error, RateLimitedError) and response.status < 500
    if is_refused or (response.status == _UNAVAILABLE and asked_s is not None):
        return error
    return _unclear(call, error.message, response.status)


def redirect_target(call: Call, response: Response, asked: URL) -> URL | ServiceError:
    """Return where a read goes on, if that is on the very same origin."""
    try:
        target = asked.join(URL(response.headers["Location"]))
        origin = target.origin()
    except (KeyError, ValueError):
        return _unusable_redirect(call, response)
    # A user name in an address stands in the place of the login.
    if (target.raw_user, target.raw_password) != (None, None):
        return _unusable_redirect(call, response)
    if call.is_read and origin == asked.origin():
        return target
    return ConfigError(
        f"{call.service} redirects {call.label} to {origin}, which is not followed: "
        "no login is taken along to another address.",
        remedy=f"Correct {call.setting}.",
        service=call.service,
        status=response.status,
    )


def _judge_body(call: Call, response: Response) -> ServiceError | None:
    if response.is_cut:
        return _endless(call, response)
    has_body = response.status not in _WITHOUT_BODY and call.method != "HEAD"
    if not call.expects_json or not has_body or response.is_json():
        return None
    message = f"{call.service} answered {call.label} with something that is not JSON."
    return _unclear(call, message, response.status)


def _endless(call: Call, response: Response) -> ServiceError:
    """Asking again would bring as much again, so that is done by nobody."""
    message = f"{call.service} sends far more for {call.label} than there can be."
    kind = ContractError if call.is_repeatable else UnknownOutcomeError
    return kind(message, service=call.service, status=response.status)


def _judge_status(
    call: Call, response: Response, asked_s: float | None
) -> ServiceError:
    status = response.status
    message = f"{_say_status(call, status)}."
    known: dict[int, type[ServiceError]] = {
        401: AuthError,
        403: BlockedError,
        404: NotFoundError,
    }
    if status == 429 or (status >= 500 and asked_s is not None):
        return RateLimitedError(
            message, retry_after_s=asked_s, service=call.service, status=status
        )
    if status in _PASSING or status >= 500:
        return TransientError(message, service=call.service, status=status)
    kind = known.get(status, RejectedError)
    remedy = None
    if kind is AuthError:
        remedy = f"Log in again: trakt2discovr login {call.service.lower()}"
    return kind(message, remedy=remedy, service=call.service, status=status)


def _say_status(call: Call, status: int) -> str:
    """Say what a status means to a person, with the status for whoever helps her."""
    service, label = call.service, call.label
    match status:
        case 401:
            return f"{service} does not accept the login for {label} (status 401)"
        case 403:
            return f"{service} does not allow {label} (status 403)"
        case 404:
            return f"{service} has nothing at {label} (status 404)"
        case 429:
            return f"{service} asks for fewer requests (status 429 for {label})"
    if status >= 500:
        return f"{service} has trouble (status {status} for {label})"
    return f"{service} answered {label} with status {status}"


def _unusable_redirect(call: Call, response: Response) -> ServiceError:
    return ContractError(
        f"{call.service} answered {call.label} with status {response.status} and no "
        "usable address to go on.",
        service=call.service,
        status=response.status,
    )


def _unclear(call: Call, message: str, status: int | None = None) -> ServiceError:
    kind = TransientError if call.is_repeatable else UnknownOutcomeError
    return kind(message, service=call.service, status=status)

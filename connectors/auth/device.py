"""Signing in by a code that a person approves on a second screen (RFC 8628)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from connectors.errors import AuthError, RateLimitedError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.auth.tokens import StoredToken
    from connectors.clock import Clock

#: Added to the interval each time a service says that it is asked too often.
SLOWER_S = 5.0


class CodeRefusedError(AuthError):
    """The code is of no use any more: it was refused, or nobody approved it in time."""


class CodeExpiredError(CodeRefusedError):
    """Nobody approved the code in time; a new one can be asked for at once."""


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """A sign-in under way: ``user_code`` is for the person, ``secret`` for polling.

    Without an ``address`` only the ``picture`` says where to go, a QR code as a PNG.
    """

    secret: str = field(repr=False)
    user_code: str = field(repr=False)
    lifetime_s: float
    interval_s: float
    address: str | None = None
    picture: bytes = field(default=b"", repr=False)


class Device(Protocol):
    """The calls of a sign-in, each made once: the waiting is done here."""

    async def start(self) -> DeviceCode:
        """Ask for a code."""

    async def poll(self, code: DeviceCode) -> StoredToken | None:
        """Return the login, None while nobody has approved the code.

        Raises AuthError, or CodeExpiredError, when waiting longer is of no use.
        """


async def wait_for_approval(
    device: Device,
    code: DeviceCode,
    *,
    clock: Clock,
    on_fault: Callable[[TransientError], None],
) -> StoredToken:
    """Poll until the code is approved. Raises CodeExpiredError once its time is over.

    A passing fault is told to ``on_fault``, and the waiting goes on.
    """
    ends_at = clock.monotonic() + code.lifetime_s
    interval_s = wait_s = code.interval_s
    while clock.monotonic() + wait_s < ends_at:
        await clock.sleep(wait_s)
        wait_s = interval_s
        try:
            token = await device.poll(code)
        except RateLimitedError as error:
            interval_s += SLOWER_S
            wait_s = max(interval_s, error.retry_after_s or 0)
            on_fault(error)
        except TransientError as error:
            on_fault(error)
        else:
            if token is not None:
                return token
    raise CodeExpiredError("The code ran out before it was approved.")

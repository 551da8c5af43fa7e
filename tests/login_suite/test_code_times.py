"""How long a code is waited for, and how often it is asked about, whatever is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from connectors.auth.device import CodeExpiredError, wait_for_approval
from connectors.discovr.device import DiscovrDevice
from connectors.http.client import HttpClient
from connectors.trakt.auth import OauthHosts
from connectors.trakt.device import TraktDevice
from tests.clocks import FakeClock
from tests.hostile import Hostile, Told

if TYPE_CHECKING:
    from collections.abc import Callable

    from yarl import URL

    from connectors.auth.device import Device

TRAKT = {"device_code": "d", "user_code": "U", "verification_url": "https://t.test"}
DISCOVR = {"deviceCode": "d", "userCode": "U", "qrCode": "x,AAAA"}
TIMES = (5e-324, 1e-9, 0.5, 1, 5, 30, 59, 60, 3_600, 3_601, 600_000, 1e9)


class Pending:
    """A service that gives a code, and lets nobody in."""

    def __init__(self, code: Any) -> None:
        self._code = code
        self.polls = -1

    def __call__(self, _method: str, _url: URL) -> Told:
        self.polls += 1
        return Told(b"{}", 400) if self.polls else Told(json.dumps(self._code).encode())


def trakt(http: HttpClient, clock: FakeClock) -> Device:
    return TraktDevice(
        OauthHosts(http), client_id="i", client_secret="made-up", clock=clock
    )


def discovr(http: HttpClient, clock: FakeClock) -> Device:
    return DiscovrDevice(http, client_id="i", clock=clock)


CODES = [
    *((trakt, TRAKT | {"interval": time}) for time in TIMES),
    *((trakt, TRAKT | {"expires_in": time}) for time in TIMES),
    *((discovr, DISCOVR | {"expiresIn": time}) for time in TIMES),
]
Made: TypeAlias = "Callable[[HttpClient, FakeClock], Device]"


def asking(service: Pending, clock: FakeClock) -> HttpClient:
    session = Hostile(service).session
    return HttpClient("S", "https://s.test", session=session, clock=clock)


@pytest.mark.parametrize(("made", "code"), CODES)
async def test_the_times_of_a_code_are_within_bounds(
    made: Made, code: dict[str, Any]
) -> None:
    clock = FakeClock()
    begun = await made(asking(Pending(code), clock), clock).start()
    assert 1 <= begun.interval_s <= 30
    assert 60 <= begun.lifetime_s <= 86_400


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (trakt, TRAKT | {"expires_in": 1e-9, "interval": 1e9}),
        (trakt, TRAKT | {"interval": 1e-9}),
        (trakt, TRAKT | {"expires_in": 1e9, "interval": 1e9}),
        (discovr, DISCOVR | {"expiresIn": 1e-9}),
    ],
)
async def test_nobody_is_asked_without_pause_or_without_end(
    made: Made, code: dict[str, Any]
) -> None:
    clock, service = FakeClock(), Pending(code)
    device = made(asking(service, clock), clock)
    begun = await device.start()
    with pytest.raises(CodeExpiredError):
        await wait_for_approval(device, begun, clock=clock, on_fault=lambda _: None)
    assert 1 <= service.polls <= clock.monotonic() <= 86_400

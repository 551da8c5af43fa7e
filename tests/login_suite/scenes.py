"""A sign-in under test: the stand-ins, the program, and a person on a moved clock."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sync.config import Settings
from sync.runtime.stop import Stop
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn
from sync.wiring.clients import Clients
from tests.standins import hand_clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from aiohttp import web

    from connectors.auth.device import DeviceCode
    from connectors.auth.tokens import StoredToken
    from connectors.discovr.models import Profile
    from connectors.errors import ServiceError
    from sync.sandbox.server.faults import Fault
    from sync.sandbox.server.server import SeenRequest, StandIn
    from tests.clocks import FakeClock

KEYS = Credentials()
START = "/oauth/device/code"
POLL = "/oauth/device/token"
CODES = "/auth/device-codes"


@dataclass
class Person:
    """Looks at the screen; ``answers`` are what she does for one code after another."""

    answers: list[Callable[[], object]] = field(default_factory=list)
    wanted: str | None = None
    codes: list[DeviceCode] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)

    def invite(self, code: DeviceCode) -> None:
        self.codes.append(code)
        if self.answers:
            self.answers.pop(0)()

    def tell(self, problem: ServiceError) -> None:
        self.told.append(problem.message)

    async def choose(self, profiles: Sequence[Profile]) -> Profile | None:
        self.asked.append([profile.name for profile in profiles])
        return next((p for p in profiles if p.name == self.wanted), None)


@dataclass
class Scene:
    """Both services, and the program pointed at them, on one clock."""

    trakt: TraktStandIn
    discovr: DiscovrStandIn
    clock: FakeClock
    folder: Path
    stack: AsyncExitStack
    stop: Stop = field(default_factory=Stop)

    def sections(self) -> dict[str, dict[str, Any]]:
        return {
            "trakt": {
                "client_id": KEYS.trakt_client_id,
                "client_secret": KEYS.trakt_client_secret,
                "api_url": self.trakt.url,
                "auth_url": self.trakt.url,
            },
            "discovr": {
                "client_id": KEYS.discovr_client_id,
                "api_url": self.discovr.url,
                "requests_per_second": 1000,
            },
            "state": {"tokens": self.folder / "tokens.json"},
        }

    def wiring(self, **changes: dict[str, Any]) -> Clients:
        sections = self.sections()
        for name, keys in changes.items():
            sections[name] |= keys
        settings = Settings.model_validate(sections)
        return Clients(settings, self.stack, clock=self.clock)

    def stored(self, service: str) -> StoredToken | None:
        return self.wiring().store.load(service)

    def gaps(self, seen: Sequence[SeenRequest]) -> list[float]:
        """Seconds between requests."""
        times = [request.at for request in seen]
        return [(later - earlier).total_seconds() for earlier, later in pairwise(times)]


@asynccontextmanager
async def scene(
    folder: Path,
    *,
    trakt: dict[str, Any] | None = None,
    profiles: Sequence[str] = ("Me", "Kids"),
    **discovr: Any,
) -> AsyncIterator[Scene]:
    clock = hand_clock()
    async with (
        TraktStandIn(
            synthetic_account(3), quirks=TraktQuirks(**trakt or {}), now=clock.now
        ) as trakt_server,
        DiscovrStandIn(
            quirks=DiscovrQuirks(**discovr), profiles=profiles, now=clock.now
        ) as discovr_server,
        AsyncExitStack() as stack,
    ):
        yield Scene(trakt_server, discovr_server, clock, folder, stack)


def spoil(service: StandIn, path: str, faults: Sequence[Fault | None]) -> None:
    """Let these faults befall the next requests below that path, None for none."""
    left = list(faults)

    def plan(request: web.Request, _number: int) -> Fault | None:
        return left.pop(0) if left and request.path.startswith(path) else None

    service.faults = plan

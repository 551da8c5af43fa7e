"""A profile to carry resume points to, and spoilt answers."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sync.pipeline.playback import carry_playback, plan_playback
from sync.pipeline.prepare import prepare
from sync.sandbox.account.account import Account
from sync.sandbox.account.sample import sample_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.wiring.bootstrap import build
from tests.clocks import FakeClock
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from sync.pipeline.playback import PlaybackPlan, PlaybackResult
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.services import Services
    from sync.runtime.stop import Stop
    from sync.sandbox.server.faults import Fault
    from sync.sandbox.server.server import StandIn
    from tests.worlds import World

NOON = datetime(2026, 10, 2, 12, tzinfo=UTC)
FILM, SHOW = "MV_974576", "TV_136315"  # Conclave, The Bear


@dataclass
class Bench:
    """An account, a profile, and everything between them."""

    world: World
    services: Services
    prepared: Prepared
    clock: FakeClock

    async def plan(self) -> PlaybackPlan:
        return await plan_playback(self.services, self.prepared)

    async def carry(self, stop: Stop | None = None) -> PlaybackResult:
        return await carry_playback(self.services, self.prepared, stop=stop)

    def points(self) -> list[tuple[str, int | None, int | None, float | None]]:
        """What stands in Continue Watching, repeats included."""
        return sorted(
            (p.media, p.season, p.episode, p.progress)
            for p in self.world.discovr.playback()
        )

    def writes(self) -> list[str]:
        seen = self.world.discovr.requests(path="/profile/playback")
        return [request.method for request in seen if request.method != "GET"]

    def pause(self, name: str, progress: float, at: datetime, *place: int) -> None:
        title = self.world.account.find(name)
        episode = title.episode(*place) if place else None
        self.world.account.pause(title, progress, at, episode)


@asynccontextmanager
async def bench(
    folder: Path, *, account: Account | None = None, **quirks: Any
) -> AsyncIterator[Bench]:
    """Open an account with the sample's titles and, by default, nothing else."""
    clock = FakeClock(NOON)
    account = account or Account(sample_account().titles)
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(
            world(account, folder, discovr=DiscovrQuirks(**quirks))
        )
        services = await stack.enter_async_context(build(place.settings, clock=clock))
        prepared = await prepare(services)
        yield Bench(place, services, prepared, clock)


def spoil(
    service: StandIn, fault: Fault, method: str, path: str, *, times: int | None = 1
) -> None:
    """Let the first answers to one call go wrong; None: all of them."""
    left = times

    def plan(request: web.Request, _number: int) -> Fault | None:
        nonlocal left
        if request.method != method or request.path != path or left == 0:
            return None
        left = None if left is None else left - 1
        return fault

    service.faults = plan


def without_playback(services: Services) -> Services:
    """Return them with the step switched off."""
    history = services.settings.history.model_copy(update={"playback": False})
    settings = services.settings.model_copy(update={"history": history})
    return replace(services, settings=settings)

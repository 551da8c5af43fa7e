"""Stand-ins that tell of every request, around one account, and what is left there."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from aiohttp import web
from pydantic import SecretStr

from sync.domain.plays import Key, to_minute
from sync.ledger.hold import TAKE_OVER_S
from sync.load.loader import LOOK_UP_WAITS_S
from sync.pipeline import run as pipeline
from sync.pipeline.copy_file import read_copy
from sync.pipeline.prepare import prepare
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.server.server import StandIn
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt.stand_in import TraktStandIn
from sync.wiring.bootstrap import build
from tests.clocks import FakeClock
from tests.safety.stalls import giving_up
from tests.worlds import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection
    from pathlib import Path

    from sync.domain.plan import Operation
    from sync.pipeline.restore import Restoration
    from sync.pipeline.result import Report
    from sync.pipeline.undo import Undone
    from sync.sandbox.account.account import Account
    from sync.sandbox.discovr.history import StoredEntry
    from sync.sandbox.server.server import Handler
    from tests.postgres import PostgresServer

#: When every arena opens: after the last play of any account.
OPENED_AT = datetime(2026, 11, 15, 12, tzinfo=UTC)

#: Is told of a request, and may say that it is to have no effect.
Hook: TypeAlias = "Callable[[web.Request, Phase], bool]"


class Phase(Enum):
    """Where a request stands when its hook is called."""

    BEFORE = "before it has an effect"
    DONE = "after it had its effect, before the answer"


class Viewing(NamedTuple):
    """One viewing that a POST brought."""

    key: Key
    minute: datetime


class Mark(NamedTuple):
    """What an entry says. Without a minute it was set meanwhile, at no viewing time."""

    key: Key
    minute: datetime | None
    is_completed: bool
    viewings: int


class HookedStandIn(StandIn):
    """Calls ``hook`` around the effect of each request that is to have one.

    It may prevent the effect by returning true.
    """

    hook: Hook | None = None

    async def _answer(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        if self.hook and self.hook(request, Phase.BEFORE):
            return web.Response(status=500)
        response = await super()._answer(request, handler)
        await self.landed(request, response)
        if self.hook:
            self.hook(request, Phase.DONE)
        return response

    async def landed(self, request: web.Request, response: web.StreamResponse) -> None:
        """Take note of what has taken effect."""


class HookedTrakt(HookedStandIn, TraktStandIn):
    """Trakt, with a hook."""


class HookedTmdb(HookedStandIn, TmdbStandIn):
    """TMDB, with a hook."""


class HookedDiscovr(HookedStandIn, DiscovrStandIn):
    """Discovr, with a hook, and a list of all that was appended to its history.

    What was removed again is not in it. The list tells what is there twice even where
    repeats are listed as one; ``theirs`` are the viewings that the person added.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.appended: list[Viewing] = []
        self.theirs: list[Viewing] = []
        #: What each entry was made of, by its number.
        self._made_of: defaultdict[int, list[Viewing]] = defaultdict(list)

    async def landed(self, request: web.Request, response: web.StreamResponse) -> None:
        if response.status >= 300:
            return
        if (request.method, request.path) == ("POST", "/profile/history"):
            body = json.loads(await request.read())
            key = Key(body["mediaId"], body.get("season"), body.get("episode"))
            at = datetime.fromisoformat(body["updatedAt"])
            viewing = Viewing(key, to_minute(at))
            self.appended.append(viewing)
            numbers = [entry.number for entry in self.entries() if entry.key == key]
            if numbers and not self.quirks.applied_late_s:
                self._made_of[max(numbers)].append(viewing)
        elif request.method == "DELETE":
            self._forget_what_went()

    def person_adds(self, key: Key, **options: Any) -> StoredEntry:
        entry = super().person_adds(key, **options)
        if (entry.progress or 0) >= 80:
            at = options.get("at") or entry.updated_at
            self.theirs.append(Viewing(key, to_minute(at)))
        return entry

    def person_removes(self, key: Key, *, profile: str | None = None) -> None:
        super().person_removes(key, profile=profile)
        self._forget_what_went()

    def _forget_what_went(self) -> None:
        entries = self.entries()
        for number in self._made_of.keys() - {entry.number for entry in entries}:
            for viewing in self._made_of.pop(number):
                self.appended.remove(viewing)
        there = {entry.key for entry in entries}
        self.appended = [viewing for viewing in self.appended if viewing.key in there]
        self.theirs = [viewing for viewing in self.theirs if viewing.key in there]

    def doubled(self) -> dict[Viewing, int]:
        """Return the viewings that were appended more than once."""
        return {v: n for v, n in Counter(self.appended).items() if n > 1}


class LateClock(FakeClock):
    """A clock that lets late effects take place while a look-up is waited for."""

    settle: Callable[[], Any] | None = None

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        is_look_up = seconds >= min(LOOK_UP_WAITS_S) and seconds != TAKE_OVER_S
        if self.settle and is_look_up:
            await self.settle()


@dataclass
class Arena(World):
    """A world in virtual time, with hooks. ``server`` keeps the state, else a file."""

    trakt: HookedTrakt
    discovr: HookedDiscovr
    tmdb: HookedTmdb
    clock: FakeClock = field(default_factory=lambda: LateClock(OPENED_AT))
    server: PostgresServer | None = None

    def __post_init__(self) -> None:
        self.opened_at = to_minute(self.clock.now())
        if self.server:
            self.state_url = self.server.url()

    def lose_the_ledger(self) -> None:
        """Throw all of the state away."""
        if self.server:
            self.server.empty()
        for file in self.folder.glob("state.sqlite3*"):
            file.unlink()

    def tell(self, hook: Hook | None) -> None:
        """Have every service call ``hook``."""
        self.trakt.hook = self.discovr.hook = self.tmdb.hook = hook

    async def migrate(self, *files: Path, **options: Any) -> Report:
        async with build(self.settings, clock=self.clock, files=files) as services:
            return await pipeline.migrate(services, confirm=_agree, **options)

    async def sync(self, **options: Any) -> Report:
        async with build(self.settings, clock=self.clock) as services:
            return await pipeline.sync(services, confirm=_agree, **options)

    async def undo(self, run: int | None = None, **options: Any) -> Undone:
        async with build(self.settings, clock=self.clock) as services:
            return await pipeline.undo(services, run, **options)

    async def restore(self, copy: Path, **options: Any) -> Restoration:
        async with build(
            self.settings, clock=self.clock, needs_source=False
        ) as services:
            return await pipeline.restore(
                services, copy, read_copy(copy), confirm=_agree, **options
            )

    async def operations(self) -> tuple[Operation, ...]:
        """Plan, and return what would be written."""
        async with build(self.settings, clock=self.clock, is_dry=True) as services:
            return (await prepare(services, is_dry=True)).plan.operations

    def marks(self) -> Counter[Mark]:
        """Return what stands in the profile, as far as two runs can agree on it."""
        return Counter(map(self._mark, self.discovr.entries()))

    def _mark(self, entry: StoredEntry) -> Mark:
        is_set = entry.updated_at >= self.opened_at
        return Mark(
            entry.key,
            None if is_set else to_minute(entry.updated_at),
            (entry.progress or 0) >= 80,
            entry.count,
        )

    def environment(self) -> dict[str, str]:
        """Return the settings as the environment carries them."""
        return {
            f"TRAKT2DISCOVR_{section}__{key}".upper(): _plain(value)
            for section, keys in self.settings.model_dump().items()
            for key, value in keys.items()
            if value is not None
        }


@asynccontextmanager
async def arena(
    account: Account,
    folder: Path,
    *,
    own: Collection[tuple[Key, float, datetime]] = (),
    discovr: DiscovrQuirks | None = None,
    clock: FakeClock | None = None,
    **options: Any,
) -> AsyncIterator[Arena]:
    """Open an arena; ``own`` is what the person has on Discovr: key, progress, time."""
    clock = clock or LateClock(OPENED_AT)
    async with AsyncExitStack() as stack:
        place = Arena(
            account=account,
            trakt=HookedTrakt(account, now=clock.now),
            discovr=HookedDiscovr(
                catalogue=account.titles,
                quirks=discovr or DiscovrQuirks(),
                now=clock.now,
            ),
            tmdb=HookedTmdb(account.titles, now=clock.now),
            folder=folder,
            clock=clock,
            **options,
        )
        for service in (place.trakt, place.discovr, place.tmdb):
            await stack.enter_async_context(service)
        if isinstance(clock, LateClock):
            clock.settle = place.discovr.settle
        stack.enter_context(giving_up(clock))
        for key, progress, at in own:
            place.discovr.person_adds(key, progress=progress, at=at)
        yield place


async def _agree(_plan: object) -> bool:
    return True


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return json.dumps(value)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

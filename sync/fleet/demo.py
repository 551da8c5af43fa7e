"""A fleet on this machine alone: stand-ins, a private database, workers, a proof."""

from __future__ import annotations

import asyncio
import sys
from bisect import bisect_left
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import tomlkit
from pydantic import SecretStr

from connectors.auth.tokens import StoredToken
from connectors.errors import TransientError
from connectors.files import replace_file
from sync import api
from sync.config import Settings
from sync.fleet.logins import open_store
from sync.fleet.open import Fleet, init, open_fleet
from sync.fleet.profiles import TRAKT, NewProfile
from sync.fleet.server import database_url
from sync.fleet.watch import Totals
from sync.pipeline.result import exit_code
from sync.runtime.words import count
from sync.sandbox.account.sample import sample_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from sync.sandbox.account.account import Account
    from sync.sandbox.discovr.lists import Profile as DiscovrProfile

WORKERS, SLOTS = 3, 4
#: What Discovr's stand-in lets through in a second, and what the workers share.
RATE = 200.0
_EVERY = timedelta(hours=6)
_LOOK_S = 0.5
#: A profile takes seconds; whoever is not done by then never will be.
_LONGEST_S = 120.0
_LONGEST_EACH_S = 30.0
#: What a worker has under way is settled in seconds.
_LONGEST_END_S = 60.0
#: All profiles of the demonstration belong to one account, whose reads are many.
_READS = 10_000


@dataclass(frozen=True, slots=True)
class Proof:
    """What stands in the profiles at the end, as the stand-in counts it."""

    profiles: int
    whole: int
    entries: int
    twice: int
    requests: int
    refused: int
    most_in_a_second: int

    @property
    def is_good(self) -> bool:
        """Whether everything is there, and nothing twice."""
        return self.whole == self.profiles and not self.twice


@dataclass
class Demo:
    """The stand-ins, and the workers that run against them."""

    folder: Path
    names: list[str]
    tell: Callable[[str], None]
    account: Account = field(default_factory=sample_account)
    workers: list[asyncio.subprocess.Process] = field(default_factory=list)
    has_killed: bool = False
    #: What plays Discovr.
    stand_in: type[DiscovrStandIn] = DiscovrStandIn
    #: Workers that had to be killed in the end.
    unwilling: int = 0

    async def run(self) -> Proof:
        """Bring every profile over, with a worker killed on the way."""
        async with AsyncExitStack() as stack:
            discovr = await self._serve(stack)
            settings = await self._settings(stack, discovr)
            place = (await init(settings)).place
            self.tell(f"A private database is up: {place}.")
            fleet = await stack.enter_async_context(open_fleet(settings))
            await self._add(fleet)
            await stack.enter_async_context(self._working())
            await self._until_in_step(fleet)
            await self._dismiss()
            self.tell("All in step. Every profile is read back now, and compared.")
            return await self._prove(fleet, discovr)

    def load(self) -> str:
        """Say how much there is to carry."""
        return f"{count(len(self.account.plays), 'play')} each"

    def trakt_token(self, name: str) -> str:
        """Return what Trakt knows the person by whose profile has that name."""
        del name  # all profiles belong to one account
        return Credentials().trakt_access_token

    async def _serve(self, stack: AsyncExitStack) -> DiscovrStandIn:
        self.trakt_url, self.tmdb_url = await self.serve_sources(stack)
        quirks = DiscovrQuirks(requests_per_second=RATE)
        discovr = self.stand_in(
            catalogue=self.account.titles, profiles=self.names, quirks=quirks
        )
        return await stack.enter_async_context(discovr)

    async def serve_sources(self, stack: AsyncExitStack) -> tuple[str, str]:
        """Serve what is read, and return the addresses of Trakt and of TMDB."""
        trakt = TraktStandIn(self.account, quirks=TraktQuirks(get_limit=_READS))
        tmdb = TmdbStandIn(self.account.titles)
        for service in (trakt, tmdb):
            await stack.enter_async_context(service)
        return trakt.url, tmdb.api_url

    async def database_url(self, stack: AsyncExitStack) -> str:
        """Start the database that all of it is in, and say where it is."""
        return await stack.enter_async_context(database_url(None, self.folder))

    async def _settings(
        self, stack: AsyncExitStack, discovr: DiscovrStandIn
    ) -> Settings:
        known = Credentials()
        url = await self.database_url(stack)
        sections = {
            "trakt": {
                "client_id": known.trakt_client_id,
                "client_secret": known.trakt_client_secret,
                "api_url": self.trakt_url,
                "auth_url": self.trakt_url,
            },
            "discovr": {"client_id": known.discovr_client_id, "api_url": discovr.url},
            "tmdb": {"api_key": known.tmdb_api_key, "api_url": self.tmdb_url},
            "fleet": {
                "url": url,
                "key_file": str(self.folder / "fleet.key"),
                "requests_per_second": RATE,
            },
            "state": {
                "url": url,
                "tokens": str(self.folder / "tokens.json"),
            },
        }
        replace_file(self._config, tomlkit.dumps(sections))
        return Settings.model_validate(sections)

    @property
    def _config(self) -> Path:
        return self.folder / "config.toml"

    async def _add(self, fleet: Fleet) -> None:
        now = fleet.clock.now()
        new = [NewProfile(name, TRAKT, _EVERY) for name in self.names]
        await fleet.profiles.add(new, now)
        refresh_token, vault = Credentials().discovr_refresh_token, fleet.vault()
        discovr = StoredToken(refresh_token=refresh_token, obtained_at=now)
        for profile in await fleet.profiles.all():
            own = self.trakt_token(profile.profile)
            store = await open_store(fleet.database, vault, profile.id)
            await store.keep("trakt", StoredToken(access_token=own, obtained_at=now))
            await store.keep("discovr", discovr)
        self.tell(f"{count(len(new), 'profile')} added, with {self.load()} to carry.")

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        try:
            for _ in range(WORKERS):
                await self._hire()
            workers, profiles = count(WORKERS, "worker"), count(SLOTS, "profile")
            self.tell(f"{workers} started, {profiles} each at once.")
            yield
        finally:
            await self._dismiss()

    async def _hire(self) -> None:
        number = len(self.workers) + 1
        log = (self.folder / f"worker-{number}.log").open("wb")
        with log:
            self.workers.append(
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "sync", "-c", str(self._config)),
                    *("fleet", "work", "--slots", str(SLOTS)),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )

    async def _dismiss(self) -> None:
        running = [w for w in self.workers if w.returncode is None]
        for worker in running:
            with suppress(ProcessLookupError):
                worker.terminate()
        if running:
            ends = [asyncio.create_task(worker.wait()) for worker in running]
            await asyncio.wait(ends, timeout=_LONGEST_END_S)
        for worker in running:
            if worker.returncode is None:
                self.unwilling += 1
                worker.kill()
                await worker.wait()

    async def _until_in_step(self, fleet: Fleet) -> None:
        left_s = self.longest_s()
        said = -1
        while left_s > 0:
            totals = await self.totals(fleet)
            if totals.in_step != said:
                said = totals.in_step
                self.tell(
                    f"{said} of {len(self.names)} in step, {totals.running} running."
                )
            if totals.in_step == len(self.names):
                return
            await self.disturb(fleet)
            await fleet.clock.sleep(_LOOK_S)
            left_s -= _LOOK_S
        raise TransientError(
            "The demonstration did not come to its end in time.",
            remedy="Try it with fewer, by --profiles.",
        )

    def longest_s(self) -> float:
        """Return after how long they will never be in step."""
        return _LONGEST_S + _LONGEST_EACH_S * len(self.names)

    async def totals(self, fleet: Fleet) -> Totals:
        """Return how far they are."""
        return Totals.of(await fleet.profiles.count(fleet.clock.now()))

    async def disturb(self, fleet: Fleet) -> None:
        """Kill the worker that has most to lose, once, and hire another one."""
        totals = await self.totals(fleet)
        if self.has_killed or totals.in_step < len(self.names) // 4:
            return
        running = Counter(p.worker for p in await fleet.profiles.all() if p.worker)
        for place, runs in running.most_common():
            for worker in self.workers:
                if place.endswith(f":{worker.pid}") and worker.returncode is None:
                    worker.kill()
                    await worker.wait()
                    lost = count(runs, "run")
                    self.tell(f"A worker with {lost} under way was killed (SIGKILL).")
                    await self._hire()
                    self.has_killed = True
                    return

    async def _prove(self, fleet: Fleet, discovr: DiscovrStandIn) -> Proof:
        seen = sorted(request.at.timestamp() for request in discovr.seen)
        requests, most = len(seen), max(in_a_second(seen), default=0)
        refused = sum(request.status == 429 for request in discovr.seen)
        entries = twice = whole = 0
        for profile in discovr.profiles:
            there = [entry.key for entry in discovr.entries(profile.id)]
            entries += len(there)
            twice += len(there) - len({*there})
            whole += await self.is_whole(fleet, discovr, profile)
        return Proof(len(self.names), whole, entries, twice, requests, refused, most)

    async def is_whole(
        self, fleet: Fleet, discovr: DiscovrStandIn, profile: DiscovrProfile
    ) -> bool:
        """Read a profile back, as anybody can: trakt2discovr verify."""
        del discovr
        own = self.trakt_token(profile.name)
        report = await api.verify(_signed_in(fleet.settings, profile.name, own))
        return exit_code(report, is_strict=False) == 0


def in_a_second(seen: Sequence[float]) -> Iterator[int]:
    """Count for each of these times, in order, what the second up to it holds."""
    for number, at in enumerate(seen, 1):
        yield number - bisect_left(seen, at - 1.0)


def _signed_in(settings: Settings, profile: str, trakt_token: str) -> Settings:
    """Return the settings of one profile, with the logins that the stand-ins know."""
    known = Credentials()
    discovr = {
        "profile": profile,
        "refresh_token": SecretStr(known.discovr_refresh_token),
        "requests_per_second": RATE,
    }
    trakt = {"access_token": SecretStr(trakt_token)}
    return settings.model_copy(
        update={
            "trakt": settings.trakt.model_copy(update=trakt),
            "discovr": settings.discovr.model_copy(update=discovr),
        }
    )

"""A year of ``sync`` every six hours over a living account, on a moved clock."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import AuthError, TransientError, UnknownOutcomeError
from sync.config import Settings
from sync.domain.plays import Key, to_minute
from sync.errors import IncompleteReadError
from sync.login import login_discovr, login_trakt
from sync.pipeline import run as pipeline
from sync.runtime.stop import Stop
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.faults import Fault, fault_mix, seeded_faults
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.wiring.bootstrap import build
from sync.wiring.clients import Clients
from tests.login_suite.scenes import KEYS, Person
from tests.long import choose
from tests.safety.accounts import mixed_account
from tests.safety.arena import HookedDiscovr, HookedTmdb, HookedTrakt, LateClock
from tests.safety.reading import own_entry, shown, watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sync.pipeline.result import Report
    from sync.sandbox.account.account import Account, Play
    from sync.sandbox.server.server import StandIn

BEGIN = datetime(2025, 11, 15, 12, tzinfo=UTC)
EVERY = timedelta(hours=6)
#: No waiting for what is slow or late: time is moved by hand.
MIX = fault_mix(slow_s=0, late_s=0)


@dataclass
class Year:
    """The services, the program, and the person who uses all of them."""

    account: Account
    trakt: HookedTrakt
    discovr: HookedDiscovr
    tmdb: HookedTmdb
    clock: LateClock
    folder: Path
    draw: random.Random
    runs: Counter[str] = field(default_factory=Counter)
    logins: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)

    @property
    def settings(self) -> Settings:
        sections: dict[str, dict[str, Any]] = {
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
            "tmdb": {"api_key": KEYS.tmdb_api_key, "api_url": self.tmdb.api_url},
            "state": {
                "url": f"sqlite:///{self.folder / 'state.sqlite3'}",
                "tokens": self.folder / "tokens.json",
            },
        }
        return Settings.model_validate(sections)

    # The program.

    async def log_in(self, service: str) -> None:
        self.logins[service] += 1
        async with AsyncExitStack() as stack:
            wiring = Clients(self.settings, stack, clock=self.clock)
            person = Person(wanted="Me")
            if service == "trakt":
                await login_trakt(wiring, person, Stop())
            else:
                await login_discovr(wiring, person, Stop())

    async def run(self) -> None:
        """One scheduled run; whoever reads that a login is lost logs in."""
        try:
            report = await self._sync()
        except AuthError as error:
            self.runs["login lost"] += 1
            with suppress(TransientError):  # the next run says it again
                await self.log_in(str(error.service).lower())
        except (TransientError, IncompleteReadError, UnknownOutcomeError):
            self.runs["service down"] += 1
        else:
            kind = "changes" if report.prepared.since else "everything"
            is_nothing = report.prepared.is_unchanged
            self.runs["nothing new" if is_nothing else kind] += 1
            assert report.balance()[0].is_even
        finally:
            await self.discovr.settle()
        assert self.discovr.doubled() == {}

    async def _sync(self) -> Report:
        async with build(self.settings, clock=self.clock) as services:
            before = [len(s.seen) for s in (self.trakt, self.discovr, self.tmdb)]
            report = await pipeline.sync(services, confirm=agree, prune=True)
            # An answer that went wrong, and a renewed login, are asked for again.
            if report.prepared.is_unchanged and self.trakt.faults is None:
                after = [len(s.seen) for s in (self.trakt, self.discovr, self.tmdb)]
                spent = [a - b for a, b in zip(after, before, strict=True)]
                asked = [s for s in self.trakt.seen[before[0] :] if s.status == 200]
                reads = [s for s in asked if s.method == "GET"]
                assert (len(reads), spent[1:]) == (1, [0, 0])
            return report

    # The person.

    async def live(self, hours: float) -> None:
        """Let time pass, and do what one does in an evening."""
        self.clock.advance(hours * 3600)
        for share, act in (
            (0.5, self.watch_the_next_episode),
            (0.06, self.watch_a_film),
            (0.03, self.back_date),
            (0.02, self.add_without_a_date),
            (0.03, self.remove_a_play),
            (0.03, self.edit_a_play),
            (0.05, self.watch_on_discovr),
            (0.03, self.un_mark_on_discovr),
        ):
            if self.draw.random() < share:
                self.events[act.__name__] += 1
                act()

    def _episode(self) -> tuple[Any, int, int]:
        show = self.draw.choice([t for t in self.account.titles if t.seasons])
        season = self.draw.choice(show.seasons)
        return show, season.number, self.draw.choice(season.episodes).number

    def _play(self) -> Play:
        return self.draw.choice(list(self.account.plays))

    def watch_the_next_episode(self) -> None:
        show, season, number = self._episode()
        self.account.add_play(show, self.clock.now(), season=season, number=number)

    def watch_a_film(self) -> None:
        film = self.draw.choice([t for t in self.account.titles if not t.seasons])
        self.account.add_play(film, self.clock.now())

    def back_date(self) -> None:
        show, season, number = self._episode()
        at = self.clock.now() - timedelta(days=self.draw.randint(30, 900))
        self.account.add_play(show, at, season=season, number=number)

    def add_without_a_date(self) -> None:
        show, season, number = self._episode()
        self.account.add_play(show, None, season=season, number=number)

    def remove_a_play(self) -> None:
        if len(self.account.plays) > 10:
            self.account.remove_play(self._play().id)

    def edit_a_play(self) -> None:
        at = self.clock.now() - timedelta(days=self.draw.randint(0, 400))
        self.account.move_play(self._play().id, at, keeps_id=self.draw.random() < 0.5)

    def watch_on_discovr(self) -> None:
        play = self._play()
        media = {t.name: t for t in self.account.titles}[play.title.name].ids.tmdb
        if media and play.episode and play.episode.season:
            key = Key(f"TV_{media}", play.episode.season, play.episode.number)
            self.discovr.person_sets(key, 100, at=self.clock.now())

    def un_mark_on_discovr(self) -> None:
        entries = [e for e in self.discovr.entries() if e.key.episode]
        if entries:
            key = self.draw.choice(entries).key
            self.discovr.person_sets(key, 5, at=self.clock.now())

    # Trouble.

    @asynccontextmanager
    async def trouble(self) -> AsyncIterator[None]:
        """Now and then a service is down, or some of its answers go wrong."""
        dice = self.draw.random()
        service: StandIn = self.draw.choice([self.trakt, self.discovr, self.tmdb])
        if dice < 0.04:
            service.faults = lambda _request, _number: Fault.answer(503)
            self.events["a service was down"] += 1
        elif dice < 0.14:
            seed = self.draw.randint(0, 10**6)
            service.faults = seeded_faults(seed, 0.3, mix=MIX)
            self.events["answers went wrong"] += 1
        yield
        service.faults = None


async def agree(_report: Report) -> bool:
    return True


@asynccontextmanager
async def year(folder: Path, seed: int) -> AsyncIterator[Year]:
    clock = LateClock(BEGIN)
    account, _ = mixed_account(copies=3)
    account._now = clock.now
    now: Callable[[], datetime] = clock.now
    async with (
        HookedTrakt(
            account, quirks=TraktQuirks(approves_after_polls=1), now=now
        ) as trakt,
        HookedDiscovr(
            catalogue=account.titles,
            quirks=DiscovrQuirks(approves_after_polls=1),
            profiles=("Me", "Kids"),
            now=now,
        ) as discovr,
        HookedTmdb(account.titles, now=now) as tmdb,
    ):
        clock.settle = discovr.settle
        it = Year(
            account,
            trakt,
            discovr,
            tmdb,
            clock,
            folder,
            random.Random(seed),  # noqa: S311  # repeatable on purpose
        )
        await it.log_in("trakt")
        await it.log_in("discovr")
        yield it


def missing(it: Year) -> set[Key]:
    entries = it.discovr.entries()
    completed = shown(it.account, entries).surely
    return {
        key
        for key, times in watched(it.account).items()
        if key not in completed and not is_kept(it, key, max(times))
    }


def is_kept(it: Year, key: Key, latest: datetime) -> bool:
    own = own_entry(key, it.discovr.entries())
    is_open = own is not None and (own.progress or 0) < 80
    return is_open and own is not None and to_minute(own.updated_at) > latest


@pytest.mark.parametrize("days", choose([7], [21], [365]))
async def test_a_year_of_runs_keeps_every_law(days: int, tmp_path: Path) -> None:
    async with year(tmp_path, seed=7) as it:
        turns = int(timedelta(days=days) / EVERY)
        for _ in range(turns):
            await it.live(EVERY / timedelta(hours=1))
            async with it.trouble():
                await it.run()
        await it.run()
        if it.logins["discovr"] > 1:
            await it.run()
        assert not missing(it)
        ours = {e.key for e in it.discovr.entries() if e.imported == "trakt"}
        explicit = {k for k in ours if k.episode or k.media.startswith("MV")}
        assert sum(it.runs.values()) >= turns
        assert it.runs["nothing new"] > turns / 4
        report(it, days, explicit)


def report(it: Year, days: int, entries: set[Key]) -> None:
    """Print what the year took; pytest shows it with -s, and in the whole suite."""
    asked = {
        "Trakt": len(it.trakt.seen),
        "Discovr": len(it.discovr.seen),
        "TMDB": len(it.tmdb.seen),
    }
    lines = [
        f"{days} days, {sum(it.runs.values())} runs: {dict(it.runs)}",
        f"the person: {dict(it.events)}; logins {dict(it.logins)}",
        f"requests: {asked}; {len(entries)} entries of ours at the end",
    ]
    print("\n".join(lines))  # noqa: T201  # the figures are the point

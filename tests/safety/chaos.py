"""A fleet of real processes to which something happens every few seconds.

What stands in the profiles at the end is judged by a reading of our own, which shares
no mistake with the program.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Any

import psutil

from connectors.errors import ServiceError, TransientError
from sync.fleet.demo import Demo
from sync.sandbox.account.account import Account
from tests.postgres import PostgresServer, running
from tests.safety.reading import media_of, shown, watched

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AsyncExitStack
    from datetime import datetime

    from sync.domain.plays import Key
    from sync.fleet.open import Fleet
    from sync.fleet.watch import Totals
    from sync.sandbox.discovr.history import StoredEntry
    from sync.sandbox.discovr.lists import Profile
    from sync.sandbox.discovr.stand_in import DiscovrStandIn

#: Longer than the engine waits for word of a worker, by one of its looks and more.
FROZEN_S = 45.0
#: A restart costs all workers some seconds.
_KINDS = {"kill": 4, "freeze": 4, "cut": 4, "term": 4, "restart": 1}
_CHANCE = 0.25
#: So long the database may be away, and a worker take to end.
_TRIES, _TRY_S = 60, 0.5
_LONGEST_START_S = 300.0
_LONGEST_END_S = 60.0
#: Of so many of the frozen the server ends the sessions, as of who is silent: their
#: locks are free then. Of the others they stay, and whoever comes is told so.
_SILENCED = 0.5
_HELD = """
SELECT profile, epoch FROM t2d_holder
WHERE profile = ANY($1) AND pid = $2 AND released_at IS NULL
"""
_NOW_HELD = "SELECT profile, epoch FROM t2d_holder WHERE profile = ANY($1)"
_SILENCE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND client_port = ANY($1::int[])
AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """How many viewings are missing, how many are shown that never were, and twice.

    ``wrong_time``: entries at a time at which nothing that they stand for was watched.
    """

    lost: int = 0
    too_much: int = 0
    twice: int = 0
    wrong_time: int = 0


def judge(account: Account, entries: Sequence[StoredEntry]) -> Judged:
    """Compare what was watched with what every client shows, and what any may show."""
    keys, times = [entry.key for entry in entries], watched(account)
    wanted = times.keys()
    touched, ids = {key.media for key in (*keys, *wanted)}, media_of(account)
    titles = [t for t in account.titles if ids.get(t.name) in touched]
    read = shown(Account(titles), entries)
    return Judged(
        lost=len(wanted - read.surely),
        too_much=len(read.maybe - wanted),
        twice=len(keys) - len({*keys}),
        wrong_time=_wrong_times(times, entries),
    )


def _wrong_times(
    times: Mapping[Key, Sequence[datetime]], entries: Sequence[StoredEntry]
) -> int:
    """Count entries that have another minute than anything they stand for.

    A default stands for its season, and has the time of some viewing of that. What was
    watched without a date has the same one on both services: 1970.
    """
    known: defaultdict[Key, set[datetime]] = defaultdict(set)
    for key, all_times in times.items():
        for one in {key, key._replace(episode=None)}:
            known[one] |= {*map(_minute, all_times)}
    return sum(_minute(e.updated_at) not in known[e.key] for e in entries)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


class Chaos(Demo):
    """Every few seconds something happens to a worker, or to the database."""

    def trouble(self, seed: int, times: int, *, first: Sequence[str] = ()) -> None:
        """Let something happen so many times at most, spread over all of the work.

        It begins with what is named, the rest is drawn.
        """
        self._first = [*first]
        self._chance = random.Random(seed)  # noqa: S311  # repeatable on purpose
        self._times = times
        self._frozen: dict[int, asyncio.Task[None]] = {}
        self._ended: set[int] = set()
        self.progress = 0.0
        self.happened: list[str] = []
        #: The endings of workers that nobody had ended, and runs that others took over.
        self.gone: list[int] = []
        self.taken_over = 0
        #: Sessions of the frozen that the server ended.
        self.silenced = 0
        #: From when to when the database was away.
        self.away: list[tuple[float, float]] = []
        self.faults: dict[str, Judged] = {}

    async def database_url(self, stack: AsyncExitStack) -> str:
        """Start a server that can be restarted."""
        self._server: PostgresServer = stack.enter_context(running())
        stack.callback(self._keep_log)
        return self._server.url()

    def _keep_log(self) -> None:
        with suppress(OSError):
            shutil.copyfile(self._server.log, self.folder / "postgres.log")

    async def _serve(self, stack: AsyncExitStack) -> DiscovrStandIn:
        discovr = await super()._serve(stack)
        self._ids = {profile.name: profile.id for profile in discovr.profiles}
        return discovr

    def account_of(self, name: str) -> Account:
        """Return what the person has watched whose profile has that name."""
        del name  # all profiles belong to one account
        return self.account

    async def totals(self, fleet: Fleet) -> Totals:
        """Return how far they are, as soon as the database can say."""
        found: Totals = await patiently(fleet, lambda: super(Chaos, self).totals(fleet))
        self.progress = self.share() * found.in_step / len(self.names)
        return found

    def share(self) -> float:
        """Return how much of all trouble comes before everybody is in step."""
        return 1.0

    async def disturb(self, fleet: Fleet) -> None:
        """Let something happen, if it is time for it."""
        await self._replace()
        is_early = len(self.happened) > self._times * self.progress
        if is_early or self._chance.random() > _CHANCE:
            return
        awake = [
            w
            for w in self.workers
            if w.returncode is None and w.pid not in self._frozen
        ]
        if not awake:
            return
        kinds = {k: n for k, n in _KINDS.items() if k != "freeze" or len(awake) > 1}
        (what,) = self._chance.choices([*kinds], [*kinds.values()])
        if self._first:
            what = self._first.pop(0)
        if await getattr(self, f"_{what}")(fleet, self._chance.choice(awake)):
            self.happened.append(what)

    async def _kill(self, _fleet: Fleet, victim: asyncio.subprocess.Process) -> bool:
        return await self._end(victim, victim.kill)

    async def _term(self, _fleet: Fleet, victim: asyncio.subprocess.Process) -> bool:
        return await self._end(victim, victim.terminate)

    async def _end(
        self, victim: asyncio.subprocess.Process, how: Callable[[], None]
    ) -> bool:
        """End a worker, and hire another one; return whether it did as it was told."""
        self._ended.add(victim.pid)
        with suppress(ProcessLookupError):
            how()
        is_willing = True
        try:
            await asyncio.wait_for(victim.wait(), _LONGEST_END_S)
        except TimeoutError:
            is_willing = False
            self.unwilling += 1
            victim.kill()
            await victim.wait()
        await self._hire()
        return is_willing

    async def _freeze(self, fleet: Fleet, victim: asyncio.subprocess.Process) -> bool:
        with suppress(ProcessLookupError):
            victim.send_signal(signal.SIGSTOP)
        is_silenced = self._chance.random() < _SILENCED
        waking = self._wake_later(fleet, victim.pid, is_silenced=is_silenced)
        self._frozen[victim.pid] = asyncio.create_task(waking)
        return True

    async def _wake_later(self, fleet: Fleet, pid: int, *, is_silenced: bool) -> None:
        try:
            await fleet.clock.sleep(_TRY_S)  # what it had sent has arrived by then
            ids = [self._ids[name] for name in await _runs_of(fleet, pid)]
            held = await _epochs(fleet, _HELD, ids, pid)
            if is_silenced:
                await self._silence(fleet, pid)
            await fleet.clock.sleep(FROZEN_S)
            now = await _epochs(fleet, _NOW_HELD, [*held])
            self.taken_over += sum(now[of] > epoch for of, epoch in held.items())
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            del self._frozen[pid]

    async def _silence(self, fleet: Fleet, pid: int) -> None:
        """End the sessions by which a worker holds profiles."""
        ports: list[int] = []
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(pid).net_connections("tcp")
            there = self._server.port
            ports += [c.laddr.port for c in found if c.raddr and c.raddr.port == there]
        ended = await patiently(fleet, lambda: fleet.database.rows(_SILENCE, ports))
        self.silenced += len(ended)

    async def _cut(self, fleet: Fleet, _victim: object) -> bool:
        statement = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database() "
            "AND random() < 0.5"
        )
        await patiently(fleet, lambda: fleet.database.rows(statement))
        return True

    async def _restart(self, fleet: Fleet, _victim: object) -> bool:
        began = fleet.clock.now().timestamp()
        try:
            with suppress(CalledProcessError):  # it takes its time, or had ended
                await asyncio.to_thread(self._server.stop)
            has_stopped = not await asyncio.to_thread(self._server.is_running)
            await self._start_again(fleet)
        finally:
            self.away.append((began, fleet.clock.now().timestamp()))
        return has_stopped

    async def _start_again(self, fleet: Fleet) -> None:
        """Start the server until it answers; its port may be lent for a moment.

        One that has much to recover is there long before it answers.
        """
        ends_at = fleet.clock.monotonic() + _LONGEST_START_S
        while True:
            if not await asyncio.to_thread(self._server.is_running):
                with suppress(CalledProcessError):
                    await asyncio.to_thread(self._server.start)
            if await asyncio.to_thread(self._server.answers):
                return
            if fleet.clock.monotonic() > ends_at:
                raise TransientError(
                    "The database does not come back.", remedy="See its log."
                )
            await fleet.clock.sleep(_TRY_S)

    async def _replace(self) -> None:
        """Do what an init system does: start what has ended by itself once more."""
        for worker in [*self.workers]:
            if worker.returncode is not None and worker.pid not in self._ended:
                self._ended.add(worker.pid)
                self.gone.append(worker.returncode)
                await self._hire()

    async def _dismiss(self) -> None:
        frozen, tasks = [*self._frozen], [*self._frozen.values()]
        for pid, task in zip(frozen, tasks, strict=True):
            task.cancel()
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        await asyncio.gather(*tasks, return_exceptions=True)
        await super()._dismiss()

    async def is_whole(
        self, fleet: Fleet, discovr: DiscovrStandIn, profile: Profile
    ) -> bool:
        """Judge a profile by what every client shows, and what any may."""
        del fleet
        judged = judge(self.account_of(profile.name), discovr.entries(profile.id))
        if judged != Judged():
            self.faults[profile.name] = judged
        return not judged.lost and not judged.too_much


async def patiently(fleet: Fleet, ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask the database until it answers; it may be restarting."""
    for left in reversed(range(_TRIES)):
        try:
            return await ask()
        except ServiceError:
            if not left:
                raise
            await fleet.clock.sleep(_TRY_S)
    return None


async def _runs_of(fleet: Fleet, pid: int) -> list[str]:
    """Return the names of the profiles that a worker is running."""
    found = await patiently(fleet, fleet.profiles.all)
    return [p.profile for p in found if (p.worker or "").endswith(f":{pid}")]


async def _epochs(fleet: Fleet, statement: str, *values: Any) -> dict[str, int]:
    """Return by profile how often it was taken to hold."""
    rows = await patiently(fleet, lambda: fleet.database.rows(statement, *values))
    return {row["profile"]: row["epoch"] for row in rows}

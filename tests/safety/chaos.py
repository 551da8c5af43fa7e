"""A fleet of real processes to which something happens every few seconds.

What stands in the profiles at the end is judged by a reading of our own, which shares
no mistake with the program.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from contextlib import suppress
from dataclasses import dataclass
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Any

from connectors.errors import ServiceError
from sync.fleet.demo import Demo
from sync.sandbox.account.account import Account
from tests.postgres import PostgresServer, running
from tests.safety.reading import media_of, shown, watched

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AsyncExitStack

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
_STARTS = 10
_LONGEST_END_S = 60.0


@dataclass(frozen=True, slots=True)
class Judged:
    """How many viewings are missing, how many are shown that never were, and twice."""

    lost: int = 0
    too_much: int = 0
    twice: int = 0


def judge(account: Account, entries: Sequence[StoredEntry]) -> Judged:
    """Compare what was watched with what every client shows, and what any may show."""
    keys, wanted = [entry.key for entry in entries], watched(account).keys()
    touched, ids = {key.media for key in (*keys, *wanted)}, media_of(account)
    titles = [t for t in account.titles if ids.get(t.name) in touched]
    read = shown(Account(titles), entries)
    return Judged(
        lost=len(wanted - read.surely),
        too_much=len(read.maybe - wanted),
        twice=len(keys) - len({*keys}),
    )


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
        self.faults: dict[str, Judged] = {}

    async def database_url(self, stack: AsyncExitStack) -> str:
        """Start a server that can be restarted."""
        self._server: PostgresServer = stack.enter_context(running())
        return self._server.url()

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
        await getattr(self, f"_{what}")(fleet, self._chance.choice(awake))
        self.happened.append(what)

    async def _kill(self, _fleet: Fleet, victim: asyncio.subprocess.Process) -> None:
        await self._end(victim, victim.kill)

    async def _term(self, _fleet: Fleet, victim: asyncio.subprocess.Process) -> None:
        await self._end(victim, victim.terminate)

    async def _end(
        self, victim: asyncio.subprocess.Process, how: Callable[[], None]
    ) -> None:
        self._ended.add(victim.pid)
        how()
        try:
            await asyncio.wait_for(victim.wait(), _LONGEST_END_S)
        except TimeoutError:
            self.happened.append("did not end")
            victim.kill()
        await self._hire()

    async def _freeze(self, fleet: Fleet, victim: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            victim.send_signal(signal.SIGSTOP)
        task = asyncio.create_task(self._wake_later(fleet, victim.pid))
        self._frozen[victim.pid] = task

    async def _wake_later(self, fleet: Fleet, pid: int) -> None:
        try:
            await fleet.clock.sleep(_TRY_S)  # what it had sent has arrived by then
            held = await _runs_of(fleet, pid)
            await fleet.clock.sleep(FROZEN_S)
            self.taken_over += len(held - await _runs_of(fleet, pid))
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            del self._frozen[pid]

    async def _cut(self, fleet: Fleet, _victim: object) -> None:
        statement = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database() "
            "AND random() < 0.5"
        )
        await patiently(fleet, lambda: fleet.database.rows(statement))

    async def _restart(self, fleet: Fleet, _victim: object) -> None:
        await asyncio.to_thread(self._server.stop)
        for left in reversed(range(_STARTS)):
            try:
                await asyncio.to_thread(self._server.start)
            except CalledProcessError:  # its port may be lent for a moment
                if not left:
                    raise
                await fleet.clock.sleep(_TRY_S)
            else:
                return

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


async def _runs_of(fleet: Fleet, pid: int) -> set[int]:
    """Return the profiles that a worker is running."""
    found = await patiently(fleet, fleet.profiles.all)
    return {p.id for p in found if (p.worker or "").endswith(f":{pid}")}

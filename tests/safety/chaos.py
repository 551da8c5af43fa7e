"""A fleet of real processes to which something happens every few seconds."""

from __future__ import annotations

import os
import random
import signal
from typing import TYPE_CHECKING

from sync.fleet.demo import Demo

if TYPE_CHECKING:
    from sync.fleet.open import Fleet

#: Longer than the engine waits for word of a worker.
FROZEN_S = 33.0


class Chaos(Demo):
    """Every few seconds something happens to a worker, or to the database."""

    def trouble(self, seed: int, times: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311
        self._left = times
        self._frozen: dict[int, float] = {}
        self.happened: list[str] = []

    async def disturb(self, fleet: Fleet) -> None:
        now = fleet.clock.monotonic()
        for pid, until in [*self._frozen.items()]:
            if now >= until:
                del self._frozen[pid]
                os.kill(pid, signal.SIGCONT)
        if self._left <= 0 or self._chance.random() > 0.25:
            return
        self._left -= 1
        what = self._chance.choice(["kill", "freeze", "cut", "term"])
        awake = [
            w
            for w in self.workers
            if w.returncode is None and w.pid not in self._frozen
        ]
        if what == "cut":
            await fleet.database.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database() "
                "AND random() < 0.5"
            )
        elif not awake:
            return
        elif what == "freeze":
            victim = self._chance.choice(awake)
            victim.send_signal(signal.SIGSTOP)
            self._frozen[victim.pid] = now + FROZEN_S
        else:
            victim = self._chance.choice(awake)
            victim.kill() if what == "kill" else victim.terminate()
            await victim.wait()
            await self._hire()
        self.happened.append(what)

    async def _dismiss(self) -> None:
        for pid in self._frozen:
            os.kill(pid, signal.SIGCONT)
        self._frozen.clear()
        await super()._dismiss()

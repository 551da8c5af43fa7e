"""Many people brought over and kept in step, beside trouble of all kinds; and judged.

``scripts/thousand`` runs it: over an hour for 1,000 of them on two processors.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import platform
import random
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import TransientError
from sync.fleet import demo
from tests.safety.chaos import Chaos, patiently
from tests.safety.people import People, Viewing, serving, sizes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AsyncExitStack

    from sync.fleet.demo import Proof
    from sync.fleet.open import Fleet
    from sync.fleet.watch import Totals
    from sync.sandbox.account.account import Account
    from sync.sandbox.discovr.stand_in import DiscovrStandIn

#: The part of all trouble that comes before everybody is in step.
_FIRST = 0.85
#: So often each of them watches one thing more.
_ROUNDS = 2
_LOOK_S = 1.0
_LONGEST_ROUND_S = 3_600.0
#: The use of the limit is counted in pieces of so many seconds.
_PIECE_S = 10.0
_MOST_OVER, _LEAST_USED = 1.1, 0.9
#: Of fewer pieces the use says nothing, and of less trouble who took over.
_FEWEST, _MANY = 12, 100
_MOST_KINDS = {"kill", "freeze", "cut", "term", "restart"}
_HISTORY = "/profile/history"
_LONGEST_S = 3 * 3_600.0
#: How a worker ends that met a fault of ours.
_BUG = 1
_ENDING = re.compile(r"Person \d+: ([a-z_ ]+)\.")
#: How no run of theirs may end: somebody would have to look at it.
_NEVER = {"bug", "guard", "refused", "config", "login", "unbegun"}


class Crowd(Chaos):
    """People whose accounts hold so many plays each."""

    def __init__(
        self, folder: Path, sizes: Sequence[int], tell: Callable[[str], None], seed: int
    ) -> None:
        self.people = People.of(sizes, seed)
        names = [*self.people.accounts]
        super().__init__(folder, names, tell, self.people.everything)
        self._sizes, self._seed = sizes, seed
        self._draw = random.Random(seed)  # noqa: S311  # repeatable on purpose
        self._rounds = 0
        self.seconds: dict[str, float] = {}
        self.proof: Proof | None = None
        self.used: list[float] = []
        self.over: list[int] = []
        #: Until when every slot of every worker has had something to bring over.
        self._busy_until = 0.0

    async def serve_sources(self, stack: AsyncExitStack) -> tuple[str, str]:
        """Serve Trakt, which tells them apart, and TMDB by another process."""
        self._sources = await stack.enter_async_context(
            serving(self._sizes, self._seed)
        )
        return self._sources.urls

    def load(self) -> str:
        """Say how much all of them have."""
        return f"{sum(self._sizes):,} plays in all"

    def trakt_token(self, name: str) -> str:
        """Return a token of each person's own."""
        return self.people.token(name)

    def account_of(self, name: str) -> Account:
        """Return what that person has watched."""
        return self.people.accounts[name]

    def longest_s(self) -> float:
        """Return after how long they will never be in step."""
        return _LONGEST_S

    def share(self) -> float:
        """Leave some trouble for when they are kept in step."""
        return _FIRST

    async def totals(self, fleet: Fleet) -> Totals:
        """Return how far they are."""
        found = await super().totals(fleet)
        if found.needs_login or not self._sources.is_there:
            reason = "A login is refused, or what serves Trakt has ended."
            raise TransientError(reason, remedy="See the logs.")
        if len(self.names) - found.in_step > demo.WORKERS * demo.SLOTS:
            self._busy_until = fleet.clock.now().timestamp()
        return found

    async def _until_in_step(self, fleet: Fleet) -> None:
        began = time.monotonic()
        await super()._until_in_step(fleet)
        self.seconds["brought over"] = time.monotonic() - began
        began = time.monotonic()
        for self._rounds in range(_ROUNDS):
            await self._keep_in_step(fleet)
        self.seconds["kept in step"] = time.monotonic() - began

    async def _keep_in_step(self, fleet: Fleet) -> None:
        """Let each of them watch one thing more, and wait until all of it is there."""
        await self._wait(fleet, lambda found: any(p.running_since for p in found))
        now, titles = fleet.clock.now(), self.people.everything.titles
        viewings = [Viewing.drawn(self._draw, n, titles, now) for n in self.names]
        for viewing in viewings:
            self.people.watch(viewing)
        await self._sources.watch(viewings)
        since = fleet.clock.now()
        await patiently(fleet, lambda: fleet.profiles.change(self.names, "due", since))

        def behind(found: Sequence[Any]) -> int:
            late: int = sum(not p.last_ok_at or p.last_ok_at < since for p in found)
            done = self._rounds + 1 - late / len(found)
            self.progress = _FIRST + (1 - _FIRST) * done / _ROUNDS
            return late

        await self._wait(fleet, behind, is_disturbed=True)
        self.tell(f"All kept in step, {self._rounds + 1} of {_ROUNDS}.")

    async def _wait(
        self,
        fleet: Fleet,
        is_open: Callable[[Sequence[Any]], int],
        *,
        is_disturbed: bool = False,
    ) -> None:
        left_s = _LONGEST_ROUND_S
        while is_open(await patiently(fleet, fleet.profiles.all)):
            await self._replace()
            if left_s <= 0:
                raise TransientError(
                    "They were not kept in step.", remedy="See the logs."
                )
            if is_disturbed:
                await self.disturb(fleet)
            await fleet.clock.sleep(_LOOK_S)
            left_s -= _LOOK_S

    async def _prove(self, fleet: Fleet, discovr: DiscovrStandIn) -> Proof:
        seen = sorted(request.at.timestamp() for request in discovr.seen)
        taken = [r for r in discovr.seen if r.status not in {None, 429}]
        writes = (
            r.at.timestamp() for r in taken if r.method == "POST" and r.path == _HISTORY
        )
        first = min(writes, default=self._busy_until)
        self.used = used([r.at.timestamp() for r in taken], first, self._busy_until)
        self.over = [n for n in demo.in_a_second(seen) if n > _MOST_OVER * demo.RATE]
        began = time.monotonic()
        self.proof = await super()._prove(fleet, discovr)
        self.seconds["judged"] = time.monotonic() - began
        return self.proof

    def endings(self) -> Counter[str]:
        """Count how runs ended, as the workers said."""
        paths = self.folder.glob("worker-*.log")
        logs = (path.read_text("utf-8", errors="replace") for path in paths)
        return Counter(ending for text in logs for ending in _ENDING.findall(text))

    def wrong(self) -> list[str]:
        """Say what does not hold."""
        if self.proof is None:
            return ["it did not come to its end"]
        is_long = len(self.used) >= _FEWEST
        ended = {worker.returncode for worker in self.workers}
        missing = _MOST_KINDS - {*self.happened} if self._times >= _MANY else set()
        checks = {
            "profiles that are not whole, or have something twice": self.faults,
            f"seconds with more than {_MOST_OVER:.0%} of the limit": self.over,
            f"less than {_LEAST_USED:.0%} of the limit used": is_long
            and statistics.fmean(self.used) < _LEAST_USED,
            "runs that ended as none should": self.endings().keys() & _NEVER,
            "workers that met a bug": _BUG in ended,
            "workers that did not end": self.unwilling,
            "trouble of a kind that never came": missing,
            "nobody took over from who was frozen": not self.taken_over
            if "freeze" in self.happened and self._times >= _MANY
            else False,
        }
        return [words for words, is_so in checks.items() if is_so]


def used(seen: Sequence[float], first: float, last: float) -> list[float]:
    """Return which part of the limit was used in each piece of that time."""
    pieces = Counter(int((at - first) // _PIECE_S) for at in seen if first <= at < last)
    whole = int((last - first) // _PIECE_S)
    return [pieces[n] / (_PIECE_S * demo.RATE) for n in range(whole)]


def _document(crowd: Crowd, sizes: Sequence[int], terms: dict[str, Any]) -> Any:
    """Return all that a reader needs to judge the figures."""
    proof, pieces = crowd.proof, sorted(crowd.used)
    deciles = [sorted(sizes)[(len(sizes) - 1) * n // 10] for n in range(11)]
    return {
        "terms": {**terms, "workers": demo.WORKERS, "slots": demo.SLOTS},
        "machine": f"{os.cpu_count()} processors, Python {platform.python_version()}",
        "sizes": {"all": sum(sizes), "deciles": deciles},
        "proof": {name: getattr(proof, name) for name in proof.__slots__}
        if proof
        else None,
        "seconds": {name: round(spent) for name, spent in crowd.seconds.items()},
        "limit": {
            "used": round(statistics.fmean(pieces), 3) if pieces else None,
            "used in the median piece": round(statistics.median(pieces or [0]), 3),
            "used in the worst piece": round(min(pieces, default=0), 3),
            "pieces": len(pieces),
            "windows that are over": len(crowd.over),
        },
        "happened": dict(Counter(crowd.happened)),
        "runs taken over from who was frozen": crowd.taken_over,
        "workers that ended by themselves": dict(Counter(crowd.gone)),
        "endings": dict(crowd.endings()),
        "faults": {name: str(judged) for name, judged in crowd.faults.items()},
        "wrong": crowd.wrong(),
    }


@click.command()
@click.option("--people", default=1_000, show_default=True)
@click.option("--most", default=20_000, show_default=True, help="Plays of the largest.")
@click.option("--rate", default=150.0, show_default=True, help="Requests a second.")
@click.option("--trouble", default=150, show_default=True, help="Kills, freezes, cuts.")
@click.option("--seed", default=1, show_default=True)
def main(people: int, most: int, rate: float, trouble: int, seed: int) -> None:
    """Bring many people over beside trouble of all kinds; print what stands then.

    Where something is wrong, the folder with the logs stays.
    """
    demo.RATE = rate
    sizes = sizes_of(people, most, seed)
    terms = {"people": people, "rate": rate, "trouble": trouble, "seed": seed}
    folder = Path(tempfile.mkdtemp(prefix="thousand-"))
    crowd = Crowd(folder, sizes, partial(click.echo, err=True), seed)
    crowd.trouble(seed, times=trouble)
    # Looking through all of this now and then would make Discovr's stand-in wait.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100_000)
    is_through = False
    try:
        asyncio.run(crowd.run())
        is_through = True
    finally:
        click.echo(json.dumps(_document(crowd, sizes, terms), indent=2))
        if not is_through or crowd.wrong():
            click.echo(f"See the logs in {folder}.", err=True)
            sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()

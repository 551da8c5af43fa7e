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
import signal
import statistics
import sys
import tempfile
import time
import traceback
from bisect import bisect_left, bisect_right
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from connectors.errors import TransientError
from sync.fleet import demo
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from tests.safety.chaos import Chaos, patiently
from tests.safety.people import People, Viewing, serving, sizes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AsyncExitStack

    from connectors.clock import Clock
    from sync.fleet.demo import Proof
    from sync.fleet.open import Fleet
    from sync.fleet.watch import Totals
    from sync.sandbox.account.account import Account
    from sync.sandbox.server.server import SeenRequest

#: The part of all trouble that comes before everybody is in step.
_FIRST = 0.85
#: So often each of them watches one thing more.
_ROUNDS = 2
#: The stand-ins go before the workers: Discovr's counts by its own clock, and where it
#: has to wait, what came in order seems to come at once.
_NICE = 5
#: It is new to them if it can be: somebody may have watched nearly all there is.
_DRAWS = 20
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
#: How no run of theirs may end: somebody would have to look at it. A database that is
#: away for a moment is none of these, but "down".
_NEVER = {"bug", "guard", "refused", "config", "login", "unbegun", "state"}
_INCOMPLETE = "incomplete"
#: So often it is looked how late the event loop is, which Discovr's stand-in is in.
_LAG_EVERY_S = 0.05
_NONE: Mapping[str, str] = {}


class Piece(NamedTuple):
    """Some seconds in which there was work: requests, and how long no database."""

    requests: int
    away_s: float


class Lag(NamedTuple):
    """How late the event loop was, and when."""

    seconds: float = 0.0
    at: str = ""


class TerseDiscovr(DiscovrStandIn):
    """Remembers of a request when it came, what it asked for, and its status.

    The rest would be gigabytes in an hour.
    """

    def _note(self, seen: SeenRequest, status: int | None) -> None:
        terse = replace(
            seen,
            path=sys.intern(seen.path),
            query=_NONE,
            headers=_NONE,
            body=None,
            status=status,
        )
        for index in range(len(self.seen) - 1, -1, -1):
            if self.seen[index] is seen:
                self.seen[index] = terse
                return


class Crowd(Chaos):
    """People whose accounts hold so many plays each."""

    def __init__(
        self, folder: Path, sizes: Sequence[int], tell: Callable[[str], None], seed: int
    ) -> None:
        self.people = People.of(sizes, seed)
        names = [*self.people.accounts]
        super().__init__(folder, names, tell, self.people.everything)
        self.stand_in = TerseDiscovr
        self._sizes, self._seed = sizes, seed
        self._draw = random.Random(seed)  # noqa: S311  # repeatable on purpose
        self._rounds = 0
        self.seconds: dict[str, float] = {}
        self.proof: Proof | None = None
        #: What went wrong with the run itself.
        self.errors: list[str] = []
        self.pieces: list[Piece] = []
        #: The most requests of any second that ended in this one, where too many.
        self.over: dict[str, int] = {}
        self.lag = Lag()
        #: How much of what they watch in the rounds they had never watched.
        self.new = 0
        #: When it was looked, and whether more were to be brought over than can be at
        #: once: what those want of the limit, the ones kept in step do not.
        self._looks: list[tuple[float, bool]] = []

    async def serve_sources(self, stack: AsyncExitStack) -> tuple[str, str]:
        """Serve Trakt, which tells them apart, and TMDB by another process."""
        self._sources = await stack.enter_async_context(
            serving(self._sizes, self._seed)
        )
        return self._sources.urls

    async def _hire(self) -> None:
        await super()._hire()
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, self.workers[-1].pid, _NICE)

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
        wanted = min(found.due, found.to_bring_over)
        is_busy = wanted > demo.WORKERS * demo.SLOTS
        self._looks.append((fleet.clock.now().timestamp(), is_busy))
        return found

    def fail(self, error: BaseException) -> None:
        """Keep what went wrong."""
        self.tell("".join(traceback.format_exception(error)))
        self.errors.append("".join(traceback.format_exception_only(error)).strip())

    async def _until_in_step(self, fleet: Fleet) -> None:
        """Go on to the end, or as far as it goes: what stands then is judged."""
        measuring = asyncio.create_task(self._measure_lag(fleet.clock))
        try:
            await self._bring_over_and_keep(fleet)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001
            self.fail(error)  # it is told in the end
        finally:
            measuring.cancel()

    async def _measure_lag(self, clock: Clock) -> None:
        while True:
            began = clock.monotonic()
            await clock.sleep(_LAG_EVERY_S)
            late_s = clock.monotonic() - began - _LAG_EVERY_S
            self.lag = max(self.lag, Lag(round(late_s, 3), clock.now().isoformat()))

    async def _bring_over_and_keep(self, fleet: Fleet) -> None:
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
        viewings = await self._draw_viewings(fleet.clock.now())
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

    async def _draw_viewings(self, now: datetime) -> list[Viewing]:
        """Draw one for each of them; what they have watched before needs no write."""
        viewings = []
        for name in self.names:
            for _ in range(_DRAWS):
                titles = self.people.everything.titles
                viewing = Viewing.drawn(self._draw, name, titles, now)
                is_new = self.people.is_new(viewing)
                if is_new:
                    break
            self.new += is_new
            viewings.append(viewing)
            await asyncio.sleep(0)  # Discovr's stand-in does not wait for all of it
        return viewings

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
        first = min(writes, default=None)
        if first is not None:
            at = sorted(r.at.timestamp() for r in taken)
            self.pieces = pieces_of(at, self._looks, self.away, first)
        for at_s, n in zip(seen, demo.in_a_second(seen), strict=True):
            if n > _MOST_OVER * demo.RATE:
                second = datetime.fromtimestamp(int(at_s), UTC).isoformat()
                self.over[second] = max(n, self.over.get(second, 0))
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
        broken = [f"it broke off: {error}" for error in self.errors]
        if self.proof is None:
            return [*broken, "it was not judged"]
        is_long = len(self.pieces) >= _FEWEST
        ended = {worker.returncode for worker in self.workers}
        missing = _MOST_KINDS - {*self.happened} if self._times >= _MANY else set()
        checks = {
            "profiles that are not whole, or hold what they should not": self.faults,
            f"seconds with more than {_MOST_OVER:.0%} of the limit": self.over,
            f"less than {_LEAST_USED:.0%} of the limit used": is_long
            # The limit lives in that database: nobody can take a slot while it is away.
            and use_of(self.pieces, is_away_left_out=True) < _LEAST_USED,
            "runs that ended as none should": self.endings().keys() & _NEVER,
            "workers that met a bug": _BUG in ended,
            "workers that did not end": self.unwilling,
            "trouble of a kind that never came": missing,
            "nobody took over from who was frozen": not self.taken_over
            if "freeze" in self.happened and self._times >= _MANY
            else False,
        }
        return [*broken, *(words for words, is_so in checks.items() if is_so)]


def pieces_of(
    seen: Sequence[float],
    looks: Sequence[tuple[float, bool]],
    away: Sequence[tuple[float, float]],
    first: float,
) -> list[Piece]:
    """Cut the time from ``first`` on into pieces; leave out those with too little work.

    There was enough if every look said so: those within a piece, the last one before it
    and the first one after it.
    """
    times, found = [at for at, _ in looks], []
    last = times[-1] if times else first
    for number in range(int((last - first) // _PIECE_S)):
        begins = first + number * _PIECE_S
        ends = begins + _PIECE_S
        before, after = bisect_right(times, begins) - 1, bisect_left(times, ends)
        if before < 0 or not all(is_busy for _, is_busy in looks[before : after + 1]):
            continue
        requests = bisect_left(seen, ends) - bisect_left(seen, begins)
        away_s = sum(max(0.0, min(ends, to) - max(begins, at)) for at, to in away)
        found.append(Piece(requests, away_s))
    return found


def use_of(pieces: Sequence[Piece], *, is_away_left_out: bool) -> float:
    """Return which part of the limit was used in these pieces."""
    away_s = sum(piece.away_s for piece in pieces) if is_away_left_out else 0.0
    seconds = len(pieces) * _PIECE_S - away_s
    requests = sum(piece.requests for piece in pieces)
    return requests / (seconds * demo.RATE) if seconds else 0.0


def _limit(crowd: Crowd) -> dict[str, Any]:
    """Return how much of the limit was used, and whether more than that."""
    pieces = crowd.pieces
    used = [piece.requests / (_PIECE_S * demo.RATE) for piece in pieces]
    away = sum(to - at for at, to in crowd.away)
    shares = {
        "used": use_of(pieces, is_away_left_out=False),
        "used while the database was there": use_of(pieces, is_away_left_out=True),
        "used in the median piece": statistics.median(used or [0]),
        "used in the worst piece": min(used, default=0),
    }
    return {
        **{name: round(share, 3) if used else None for name, share in shares.items()},
        "pieces": len(pieces),
        "seconds without a database": round(away, 1),
        "seconds within pieces without a database": round(
            sum(piece.away_s for piece in pieces), 1
        ),
        "windows that are over": crowd.over,
        "longest lag of the stand-in": crowd.lag._asdict(),
    }


def _document(crowd: Crowd, sizes: Sequence[int], terms: dict[str, Any]) -> Any:
    """Return all that a reader needs to judge the figures."""
    proof, endings = crowd.proof, crowd.endings()
    deciles = [sorted(sizes)[(len(sizes) - 1) * n // 10] for n in range(11)]
    return {
        "terms": {**terms, "workers": demo.WORKERS, "slots": demo.SLOTS},
        "machine": f"{os.cpu_count()} processors, Python {platform.python_version()}",
        "sizes": {"all": sum(sizes), "deciles": deciles},
        "proof": {name: getattr(proof, name) for name in proof.__slots__}
        if proof
        else None,
        "seconds": {name: round(spent) for name, spent in crowd.seconds.items()},
        "limit": _limit(crowd),
        "watched in the rounds for the first time": crowd.new,
        "happened": dict(Counter(crowd.happened)),
        "sessions ended of who was frozen": crowd.silenced,
        "runs taken over from who was frozen": crowd.taken_over,
        "workers that ended by themselves": dict(Counter(crowd.gone)),
        "workers that did not end": crowd.unwilling,
        "endings": dict(endings),
        "faults": {name: str(judged) for name, judged in crowd.faults.items()},
        "error": crowd.errors,
        "runs that ended incomplete": endings[_INCOMPLETE],
        "wrong": crowd.wrong(),
    }


def _spare_pauses() -> None:
    """Keep the collector from making Discovr's stand-in wait.

    What there is now stays, so it is never looked through again. What comes is looked
    through twice while it is young, some milliseconds each, and then left alone.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 0, 100_000)


def _run(crowd: Crowd) -> None:
    """Run it to its end, whatever that is: also a signal has one.

    In the background a shell lets no SIGINT through.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        asyncio.run(crowd.run())
    except BaseException as error:  # noqa: BLE001  # Ctrl-C too: an hour has a result
        crowd.fail(error)


@click.command()
@click.option("--people", default=1_000, show_default=True)
@click.option("--most", default=20_000, show_default=True, help="Plays of the largest.")
@click.option("--rate", default=150.0, show_default=True, help="Requests a second.")
@click.option("--trouble", default=150, show_default=True, help="Kills, freezes, cuts.")
@click.option("--seed", default=1, show_default=True)
def main(people: int, most: int, rate: float, trouble: int, seed: int) -> None:
    """Bring many people over beside trouble of all kinds; print what stands then.

    The result is kept in a file, too. Where something is wrong, the folder with the
    logs stays.
    """
    demo.RATE = rate
    sizes = sizes_of(people, most, seed)
    terms = {"people": people, "rate": rate, "trouble": trouble, "seed": seed}
    folder = Path(tempfile.mkdtemp(prefix="thousand-"))
    crowd = Crowd(folder, sizes, partial(click.echo, err=True), seed)
    crowd.trouble(seed, times=trouble)
    _spare_pauses()
    _run(crowd)
    result = folder / "result.json"
    result.write_text(json.dumps(_document(crowd, sizes, terms), indent=2), "utf-8")
    click.echo(result.read_text("utf-8"))
    if crowd.wrong():
        click.echo(f"See the logs in {folder}.", err=True)
        sys.exit(1)
    kept = shutil.move(result, folder.with_suffix(".json"))
    shutil.rmtree(folder)
    click.echo(f"The result is kept in {kept}.", err=True)


if __name__ == "__main__":
    main()

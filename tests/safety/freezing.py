"""A run that stands still at one moment, and goes on after another one has ended."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sync.ledger import BusyError, Ledger, StateError
from tests.clocks import FakeClock

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Awaitable, Callable, Coroutine
    from datetime import datetime

    from aiohttp import web

    from tests.login_suite.programs import Program
    from tests.safety.arena import Arena, Mark, Phase

#: A run that is refused meanwhile takes no time of its own; so long it stands at least.
STANDS_S = 60.0


@dataclass
class Moment:
    """Request ``number``, counted from 0 over all services: a hook.

    Calls ``freeze`` at that moment, once. What is under way there has its effect.
    """

    number: int
    phase: Phase
    freeze: Callable[[], None]
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    seen: int = 0

    def __call__(self, _request: web.Request, phase: Phase) -> bool:
        if phase is self.phase:
            if self.seen == self.number:
                self.freeze()
                self.reached.set()
            self.seen += 1
        return False


def stop(program: Program) -> None:
    """Freeze a program, and return once it stands still."""
    program.kill(signal.SIGSTOP)
    wait_until_stopped(program.pid)


def wait_until_stopped(pid: int) -> None:
    """Return once a process stands still."""
    state = Path(f"/proc/{pid}/stat")
    # Its name stands in brackets, and may hold anything.
    while state.read_text("utf-8").rpartition(") ")[2][0] not in "TZ":
        os.sched_yield()


def cut_off(place: Arena) -> None:
    """Take the lock from whoever holds it: its file, or its session."""
    if place.server is not None:
        place.server.end_sessions()
    for path in place.folder.glob("*.lock"):
        path.unlink()


class SplitClock(FakeClock):
    """A wall clock that goes on while the machine sleeps, and the steady one stops."""

    asleep_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.asleep_s)


class ThreadedRun:
    """A run in a thread of its own, on a clock of its own, that can be frozen.

    It ends with what comes of it, and that may be that another run has the profile. Its
    ledger has yet another thread, which may see that the session has ended before
    another run begins: a StateError.
    """

    def __init__(
        self, place: Arena, work: Callable[[Arena], Coroutine[Any, Any, object]]
    ) -> None:
        self.clock = SplitClock(place.clock.now())
        self._place, self._work = replace(place, clock=self.clock), work
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stands, self._goes = threading.Event(), threading.Event()
        self.ended = asyncio.create_task(asyncio.to_thread(asyncio.run, self._run()))

    def freeze(self) -> None:
        """Let it stand still between two turns of its loop."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stand)
        self._stands.wait()

    def thaw(self, seconds: float, *, was_asleep: bool) -> None:
        """Let it go on so much later."""
        if was_asleep:
            self.clock.asleep_s = seconds
        else:
            self.clock.advance(seconds)
        self._goes.set()

    async def _run(self) -> object:
        self._loop = asyncio.get_running_loop()
        try:
            return await self._work(self._place)
        except (BusyError, StateError) as error:
            return error

    def _stand(self) -> None:
        self._stands.set()
        self._goes.wait()


class Stood(NamedTuple):
    """A run that stood still, and what came of it.

    ``left`` is what the other run had left: the writes so far, and what stood in the
    profile. None: the moment never came. ``had_profile``: it held it at that moment.
    """

    outcome: object
    left: tuple[int, Counter[Mark]] | None
    had_profile: bool

    @property
    def was_replaced(self) -> bool:
        """Whether it was told that the profile is no longer its own."""
        return isinstance(self.outcome, BusyError | StateError)


async def stand_still(
    place: Arena,
    work: Callable[[Arena], Coroutine[Any, Any, object]],
    number: int,
    phase: Phase,
    meanwhile: Callable[[], Awaitable[object]],
    *,
    was_asleep: bool,
    keeps_lock: bool = False,
) -> Stood:
    """Freeze a run at that moment, let another one run meanwhile, and wake the first.

    With ``keeps_lock`` the profile stays with the one that is frozen.
    """
    first = ThreadedRun(place, work)
    moment = Moment(number, phase, first.freeze)
    place.tell(moment)
    reached = asyncio.create_task(moment.reached.wait())
    await asyncio.wait([first.ended, reached], return_when=asyncio.FIRST_COMPLETED)
    reached.cancel()
    place.tell(None)
    if not moment.reached.is_set():
        outcome = await first.ended
        if isinstance(outcome, BusyError | StateError):
            raise outcome  # nobody had touched it
        return Stood(outcome, None, had_profile=False)
    place.clock.advance(first.clock.monotonic())
    began = place.clock.monotonic()
    try:
        had_profile = await _is_held(place)
        if not keeps_lock:
            cut_off(place)
        await meanwhile()
        left = place.writes(), place.marks()
    finally:
        place.clock.advance(STANDS_S)
        first.thaw(place.clock.monotonic() - began, was_asleep=was_asleep)
    stood = Stood(await first.ended, left, had_profile)
    if not keeps_lock and (had_profile or stood.was_replaced):
        assert (place.writes(), place.marks()) == left, "the woken one wrote more"
    return stood


async def _is_held(place: Arena) -> bool:
    async with await Ledger.open(place.settings.state.url) as ledger:
        try:
            await ledger.check_free(place.discovr.profiles[0].id)
        except BusyError:
            return True
    return False

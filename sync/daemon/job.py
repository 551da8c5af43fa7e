"""The job that stays and repeats: one turn at a time, until somebody stops it."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from connectors.errors import ServiceError
from sync.daemon.schedule import Due, Pace
from sync.daemon.state import JobState
from sync.daemon.turn import PASSING, Ending, Turn, failed_turn, finished_turn
from sync.errors import BugError, StoppedError
from sync.events import Spent, Warned
from sync.runtime import logs
from sync.runtime.values import describe_interval

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime, timedelta

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.daemon.turn import Result
    from sync.events import Event
    from sync.runtime.stop import Stop

#: The clocks are looked at this often, so that a machine that slept is soon noticed.
_SLICE_S = 60.0
#: A watcher gets no longer than this, so that a turn is never late for one.
_LONGEST_LOOK_S = 60.0
#: ... at the end of the job no longer than this, as somebody waits for that,
_LAST_LOOK_S = 5.0
#: ... and this, once it was told to end.
_LAST_WORDS_S = 1.0
#: So soon a job that waits for a migration sees that there was one.
_LOOK_AGAIN_S = 60.0
#: What a new sign-in may mend; it is noticed within a slice.
_MENDED_BY_LOGIN = frozenset({Ending.LOGIN, Ending.CONFIG})
#: The key and the level of the line that says how a turn ended; of others it failed.
_LINES = {
    Ending.DONE: ("run.finished", logging.INFO),
    Ending.INCOMPLETE: ("run.finished", logging.WARNING),
    Ending.BUSY: ("run.skipped", logging.INFO),
    Ending.DOWN: ("run.postponed", logging.WARNING),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What the next turn goes by; read anew on request."""

    settings: Settings
    every: timedelta
    prune: bool = False


#: One run, by the terms; it tells of its events.
Run: TypeAlias = "Callable[[Terms, Callable[[Event], None]], Awaitable[Result]]"


class Job:
    """Runs at once and then on every interval; nothing but a stop ends it.

    An error ends its turn alone. Even a bug does: a run builds everything anew and what
    it wrote is in the ledger, while a process that is started again and again would ask
    the services far more often than one that waits for its next turn. ``watchers`` are
    told whenever something has changed; whatever they raise, or how long they take,
    ends and delays no turn. ``login`` tells the logins that are kept from others: after
    one that was lost, another brings the next turn forward. ``complete`` puts commands
    in words for the person as they have to be typed here.
    """

    def __init__(  # noqa: PLR0913  # what a job is made of, each once
        self,
        terms: Terms,
        *,
        read: Callable[[], Terms],
        run: Run,
        stop: Stop,
        clock: Clock,
        watchers: Sequence[Callable[[Job], Awaitable[None]]] = (),
        login: Callable[[Settings], str] = lambda _: "",
        uniform: Callable[[float, float], float] = random.uniform,
        complete: Callable[[str], str] = str,
    ) -> None:
        self.terms = terms
        self.clock = clock
        self.state = JobState(terms.every, clock.now())
        self._read = read
        self._run = run
        self._stop = stop
        self._watchers = watchers
        self._login = login
        #: The logins with which the last turn failed, None where others mend nothing.
        self._lost: str | None = None
        self._uniform = uniform
        self._complete = complete
        self._is_changed = False

    async def stay(self) -> NoReturn:
        """Repeat until a signal or a cancellation. Raises StoppedError for the former.

        A turn under way settles first; while nothing is, it ends at once.
        """
        every = describe_interval(self.terms.every)
        logs.tell("job.started", f"Runs now, and then every {every}.", every=every)
        try:
            while True:
                await self._take_turn()
                if self._stop.is_requested:
                    raise StoppedError("Stopped after a run; the state is intact.")
                await self._wait()
        except asyncio.CancelledError:
            if not self._stop.is_requested:
                raise
            place = "in a run" if self.state.running_since else "between two runs"
            raise StoppedError(f"Stopped {place}; the state is intact.") from None
        finally:
            self.state.stopped_at = self.clock.now()
            self.state.running_since = None
            await self._tell()

    def reload(self) -> None:
        """Read the terms anew, for the next turn; wrong ones leave the old in force.

        This starts nothing. A shorter interval brings the next turn forward, to that
        interval from now.
        """
        try:
            terms = self._read()
        except ServiceError as error:
            self.state.refusal = f"The configuration was not taken over: {error}"
            logs.tell("config.refused", self.state.refusal, level=logging.ERROR)
        else:
            self.terms, self.state.every = terms, terms.every
            self.state.refusal = None
            due = Due(self.clock, self._pace().interval_s())
            if self.state.due and due.left_s < self.state.due.left_s:
                self.state.due = due
            logs.tell("config.reloaded", "The configuration counts from the next run.")
        self._is_changed = True

    async def _take_turn(self) -> None:
        state, terms = self.state, self.terms
        started_at, started_s = self.clock.now(), self.clock.monotonic()
        state.begin(started_at)
        logs.turn.set(state.turns)
        logs.tell("run.started", f"Run {state.turns} begins.")
        await self._tell()
        turn = await self._attempt(terms, started_at)
        is_mended = turn.ending in _MENDED_BY_LOGIN
        self._lost = self._login(self.terms.settings) if is_mended else None
        turn = turn.with_remedy(self._complete)
        is_known = _is_same(turn, state.telling)
        state.end(turn)
        state.due = Due(self.clock, self._wait_s(turn, started_s))
        _log(turn, state.due.at, is_known=is_known)
        await self._tell()
        logs.turn.set(None)

    async def _attempt(self, terms: Terms, started_at: datetime) -> Turn:
        try:
            result = await self._run(terms, self._note)
        except StoppedError:
            raise
        except ServiceError as error:
            failure = error
        except Exception as bug:  # noqa: BLE001  # see the docstring of the class
            logs.trace(bug)
            failure = BugError(bug)
        else:
            return finished_turn(result, started_at, self.clock.now())
        return failed_turn(failure, started_at, self.clock.now(), stays=True)

    def _wait_s(self, turn: Turn, started_s: float) -> float:
        """Return how long to wait from now; a turn that took too long leaves 0."""
        if turn.ending is Ending.DOWN:
            return self._pace().backoff_s(self.state.outages, turn.asked_s)
        if turn.ending is Ending.UNBEGUN:
            return _LOOK_AGAIN_S  # which asks nobody
        took_s = self.clock.monotonic() - started_s
        return max(0.0, self._pace().interval_s() - took_s)

    async def _wait(self) -> None:
        while self.state.due and (left_s := self.state.due.left_s):
            await self.clock.sleep(min(left_s, _SLICE_S))
            if self._is_signed_in():
                logs.tell("login.found", "Somebody has signed in: it runs now.")
                return
            if self._is_changed:
                await self._tell()

    def _is_signed_in(self) -> bool:
        """Tell whether somebody has signed in since the turn that needed it."""
        return self._lost not in (None, self._login(self.terms.settings))

    async def _tell(self) -> None:
        self._is_changed = False
        longest_s = _LAST_LOOK_S if self.state.stopped_at else _LONGEST_LOOK_S
        for watcher in self._watchers:
            looking = asyncio.ensure_future(watcher(self))
            is_late = False
            try:
                _, late = await asyncio.wait({looking}, timeout=longest_s)
                is_late = bool(late)
            finally:
                # Ctrl-C ends it too, and then it did not take too long.
                await _end(looking, is_late=is_late)

    def _pace(self) -> Pace:
        return Pace(self.terms.every, self._uniform)

    def _note(self, event: Event) -> None:
        if isinstance(event, Spent):
            self.state.add(event)
        elif isinstance(event, Warned):
            self.state.warnings += (self._complete(event.message),)


async def _end(looking: asyncio.Future[None], *, is_late: bool) -> None:
    """Let a watcher go, and say what became of it if that is no use to anybody.

    It looks on in a task of its own, which is where its exceptions stay.
    """
    if not looking.done():
        looking.cancel()
        await asyncio.wait({looking}, timeout=_LAST_WORDS_S)
        if is_late:
            logs.tell("watcher.late", "Telling how the job is took too long.")
    elif not looking.cancelled() and (fault := looking.exception()):
        logs.trace(fault)
        said = f"Telling how the job is failed ({type(fault).__name__})."
        logs.tell("watcher.failed", said, level=logging.WARNING)


def _is_same(turn: Turn, before: Turn | None) -> bool:
    """Tell whether that was said before; an outage in between changes nothing."""
    if before is None or not turn.is_failure:
        return False
    return (turn.ending, turn.message) == (before.ending, before.message)


def _log(turn: Turn, next_at: datetime, *, is_known: bool) -> None:
    """Say how a turn ended and when the next one is; what is known, less loudly."""
    when = next_at.astimezone().isoformat(timespec="seconds")
    facts = {
        "ending": turn.ending.value,
        "run": turn.run,
        "plays": turn.plays,
        "written": turn.written,
        "remedy": turn.remedy,
        "next_run_at": next_at.isoformat(),
    }
    said = turn.message
    if turn.remedy and turn.ending not in PASSING:
        said = f"{said} {turn.remedy.rstrip('.')}."
    key, level = _LINES.get(turn.ending, ("run.failed", logging.ERROR))
    if turn.ending is Ending.BUSY:
        said = f"Skipped. {said}"
    if is_known:
        level, said = logging.INFO, f"As before: {turn.message}"
    logs.tell(key, f"{said} The next run is at {when}.", level=level, **facts)

"""One thing that goes on behind the page: any tab may watch it, and none owns it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from connectors.errors import ServiceError
from sync.errors import BugError, StoppedError, UnwritableError
from sync.runtime import logs
from sync.runtime.stop import Stop
from sync.web.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from connectors.auth.device import DeviceCode
    from connectors.discovr.models import Profile
    from sync.daemon.turn import Result
    from sync.events import Event
    from sync.pipeline.undo import UndoOutline
    from sync.web.planned import Planned


class Kind(StrEnum):
    """What a job does."""

    TRAKT = "trakt"  # signs in there
    DISCOVR = "discovr"  # the same
    PROFILES = "profiles"
    READ = "read"
    CARRY = "carry"
    UNDO = "undo"


class Bell:
    """Wakes everybody who waits for something to change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake them."""
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def wait(self, seconds: float) -> None:
        """Return once it rings, or after that time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)


class Job:
    """It is a Screen for a sign-in, and asks before it writes.

    ``asks`` is what it waits for an answer to. ``error`` says how it ended, where that
    was not well.
    """

    def __init__(
        self, kind: Kind, number: int, bell: Bell, *, is_download: bool = False
    ) -> None:
        self.kind = kind
        self.number = number
        self.stop_request = Stop()
        self.progress = Progress(is_download=is_download)
        self.code: DeviceCode | None = None
        #: How often something was said of the sign-in: a code runs out, a poll fails.
        self.told = 0
        self.problem = ""
        self.asks: Planned | UndoOutline | None = None
        self.was_asked = self.was_agreed = False
        self.error: ServiceError | None = None
        self.result: Result | None = None
        self.is_over = False
        self._bell = bell
        self._answer: asyncio.Future[bool] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_working(self) -> bool:
        """Whether it does something, rather than to wait for the person."""
        return not (self.is_over or self.asks or self.code)

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop, and finishes what is under way."""
        return self.stop_request.is_requested and not self.is_over

    def start(
        self, work: Coroutine[Any, Any, None], then: Callable[[Job], None]
    ) -> None:
        """Do the work; ``then`` is called at its end, however that is."""
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(lambda task: self._end(task, then))

    def on_event(self, event: Event) -> None:
        """Take an event of the run."""
        self.progress.on_event(event)
        self._bell.ring()

    async def ask(self, asked: Any) -> bool:
        """Show a plan, and wait for the answer."""
        self.asks, self.was_asked = asked, True
        self._answer = asyncio.get_running_loop().create_future()
        self._bell.ring()
        try:
            self.was_agreed = await self._answer
        finally:
            self.asks = self._answer = None
            self._bell.ring()
        return self.was_agreed

    def answer(self, *, is_yes: bool) -> None:
        """Answer what it asks; without a question it does nothing."""
        if self._answer and not self._answer.done():
            self._answer.set_result(is_yes)

    def stop(self) -> None:
        """Stop in good order: what is under way is finished and settled."""
        self.stop_request.request()
        if self._answer:
            self.answer(is_yes=False)
        elif self._task and not self.stop_request.is_heeded:
            self._task.cancel()
        self._bell.ring()

    async def wait(self) -> None:
        """Return once it is over."""
        if self._task:
            await asyncio.wait([self._task])
            # What is called at the end has its turn first.
            await asyncio.sleep(0)

    def invite(self, code: DeviceCode) -> None:
        """Show where to go and which code to enter."""
        self.code, self.problem = code, ""
        self.told += 1
        self._bell.ring()

    def tell(self, problem: ServiceError) -> None:
        """Say what went wrong; the sign-in goes on nevertheless."""
        if problem.message != self.problem:
            self.problem = problem.message
            self.told += 1
        self._bell.ring()

    async def choose(self, profiles: Sequence[Profile]) -> Profile | None:
        """Leave it open: the page shows them once the login is kept."""
        del profiles
        return None

    def _end(self, task: asyncio.Task[None], then: Callable[[Job], None]) -> None:
        self.is_over, self.code = True, None
        if task.cancelled():
            when = "after" if self.stop_request.was_heeded else "before"
            self.error = StoppedError(f"Stopped {when} writing; the state is intact.")
        elif error := task.exception():
            self.error = _in_words(error)
        then(self)
        self._bell.ring()


def _in_words(error: BaseException) -> ServiceError:
    """Return what a person can be told; here bugs become words."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, OSError) and error.errno in UnwritableError.causes:
        return UnwritableError(error)
    if isinstance(error, Exception):
        logs.trace(error)
        return BugError(error)
    raise error

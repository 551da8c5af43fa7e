"""A profile that this run holds: what tells, before a write, that it still does.

A machine that sleeps, a frozen process, a lost connection or a shared folder can take
the lock away from a run that knows nothing of it. So each taking of a profile has an
epoch, which the database counts on: a newer one makes an older one stale.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sync.ledger.errors import BusyError, StateError
from sync.ledger.plain import to_instant
from sync.ledger.records import Holder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from connectors.clock import Clock
    from connectors.errors import ServiceError
    from sync.ledger.plain import Plain

#: A write may leave so long after the lock was last seen to be held.
FRESH_S = 2.0
#: So long a run waits that takes over from one that did not give the profile back: what
#: that one may still send has left by then, and arrived.
TAKE_OVER_S = FRESH_S + 1.0
#: A database that needs longer than ``FRESH_S`` for its answer is asked so often.
_MOST_LOOKS = 5

_READ = """
SELECT host, pid, command, since FROM t2d_holder
WHERE profile = :profile AND released_at IS NULL
"""
_TAKE = """
INSERT INTO t2d_holder (profile, host, pid, command, since, epoch, released_at)
VALUES (:profile, :host, :pid, :command, :since, 1, NULL)
ON CONFLICT (profile) DO UPDATE SET
host = excluded.host, pid = excluded.pid, command = excluded.command,
since = excluded.since, epoch = t2d_holder.epoch + 1, released_at = NULL
RETURNING epoch
"""
_LOOK = "SELECT epoch FROM t2d_holder WHERE profile = :profile"
_GIVE_BACK = """
UPDATE t2d_holder SET released_at = :at WHERE profile = :profile AND epoch = :epoch
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks: a machine that sleeps may stop the steady one."""

    steady_s: float
    wall: datetime

    @classmethod
    def of(cls, clock: Clock) -> Moment:
        """Look at both clocks."""
        return cls(clock.monotonic(), clock.now())

    def is_fresh(self, now: Moment) -> bool:
        """Whether next to no time has passed since; a clock set back does not tell."""
        passed = now.steady_s - self.steady_s, (now.wall - self.wall).total_seconds()
        return all(0 <= seconds < FRESH_S for seconds in passed)


class Hold:
    """A profile held by this run.

    ``confirm`` may be called as often as one likes: it asks the database only where
    neither it nor a write to the ledger did so a moment ago.
    """

    def __init__(
        self, profile: str, clock: Clock, look: Callable[[Hold], Awaitable[None]]
    ) -> None:
        self.profile = profile
        self._clock = clock
        self._epoch = 0
        self._seen: Moment | None = None
        self._lost: ServiceError | None = None
        self._line = asyncio.Lock()
        self._look = look

    async def confirm(self) -> None:
        """Return if the profile was held a moment ago; call it before each write.

        Raises BusyError where another run has taken it over, StateError where it cannot
        be known; from then on it always does.
        """
        if self._is_sure():
            return
        async with self._line:
            for _ in range(_MOST_LOOKS):
                if self._is_sure():
                    return
                await self._look(self)
            if not self._is_sure():
                raise StateError(
                    "The state database takes too long to say whether this run still "
                    f"holds the profile {self.profile}.",
                    remedy="Run it again when it answers faster; nothing is done "
                    "twice.",
                )

    def _is_sure(self) -> bool:
        if self._lost:
            raise self._lost
        return self._seen is not None and self._seen.is_fresh(Moment.of(self._clock))

    def take(self, sender: Plain, holder: Holder) -> Holder | None:
        """Count the epoch on; return who had the profile and did not give it back."""
        began = Moment.of(self._clock)
        previous = read_holder(sender, self.profile)
        rows = sender.rows(_TAKE, {"profile": self.profile, **asdict(holder)})
        ((self._epoch,),) = rows
        self._seen = began
        return previous

    def check(self, sender: Plain, *, keeps: bool) -> None:
        """Raise BusyError if another run has taken it over.

        With ``keeps`` none can before this transaction ends.
        """
        began = Moment.of(self._clock)
        look = f"{_LOOK}{sender.keeping}" if keeps else _LOOK
        if sender.rows(look, {"profile": self.profile}) != [(self._epoch,)]:
            taker = read_holder(sender, self.profile)
            self.lose(BusyError(self.profile, taker, is_taken_over=True))
        if self._lost:
            raise self._lost
        self._seen = began

    def lose(self, error: ServiceError) -> None:
        """Note why it is not held any more."""
        self._lost = self._lost or error

    def give_back(self, sender: Plain, at: datetime) -> None:
        """Note that it is free, unless another run has it by now."""
        values = {"profile": self.profile, "epoch": self._epoch, "at": at}
        sender.rows(_GIVE_BACK, values)


def read_holder(sender: Plain, profile: str) -> Holder | None:
    """Return who took a profile and did not give it back; it may have died since."""
    for host, pid, command, since in sender.rows(_READ, {"profile": profile}):
        return Holder(host, pid, command, to_instant(since))
    return None

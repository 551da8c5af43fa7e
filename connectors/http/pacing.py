"""When the next request to a service may go.

aiolimiter was considered: its bucket lets a full burst through first, and it has
neither a pause nor a rate that adapts nor a clock that tests can move. What is needed
is small, so it is here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Protocol, runtime_checkable

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from connectors.clock import SystemClock
from connectors.http.retry import LONGEST_PAUSE_S, server_time
from connectors.words import count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connectors.clock import Clock
    from connectors.http.entrance import Entrance

#: Waits from here on are worth telling.
TOLD_FROM_S = 1.0
_TOO_MANY = 429
#: What Trakt calls its quotas for reads: by user, and by client id and address.
AUTHED, UNAUTHED = "AUTHED_API_GET_LIMIT", "UNAUTHED_API_GET_LIMIT"


class RestingError(Exception):
    """No slot for so many seconds, which is longer than anybody should wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no slot for {seconds:.0f} s")
        self.seconds = seconds


class Pacer(Protocol):
    """Hands out slots, one per attempt."""

    async def acquire(self) -> None:
        """Wait for a slot: first come, first served.

        May raise RestingError while a pause has more than ``LONGEST_PAUSE_S`` left.
        """

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from what came of a slot: once per slot, status 0 if no answer came."""

    def pause(self, seconds: float) -> None:
        """Hand out no slot before that time is over."""


@runtime_checkable
class ReservingPacer(Pacer, Protocol):
    """One of two that a caller may choose between."""

    def reserve(self) -> float:
        """Return 0 where the next ``acquire`` finds a slot, which may be kept for it.

        Else return the seconds until one may be free.
        """


class OpenPacer:
    """No limit of its own; keeps the pauses. The base of the others.

    The head of the line holds the lock while it waits, which makes the line fair, and
    a waiter that is cancelled leaves it without having taken anything. Pacers with one
    ``entrance`` share it: a slot of theirs is a place there too.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        on_wait: Callable[[float, str], None] | None = None,
        entrance: Entrance | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._on_wait = on_wait
        self._entrance = entrance
        self._line = asyncio.Lock()
        self._paused_until = 0.0
        self._in_flight = 0

    async def acquire(self) -> None:
        """Wait for a slot: first come, first served."""
        async with self._line:
            await self._until_free()
            while self._entrance is not None:
                await self._entrance.enter()
                if self._wait() is None:
                    break
                # Who has to wait after all must not keep a place from the others.
                self._entrance.leave()
                await self._until_free()
            self._in_flight += 1
            self._take(self._clock.monotonic())

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from what came of a slot: once per slot, status 0 if no answer came."""
        if self._entrance is not None and self._in_flight:
            self._entrance.leave()
        self._in_flight = max(0, self._in_flight - 1)
        self._learn(status, headers)

    def pause(self, seconds: float) -> None:
        """Hand out no slot before that time is over."""
        until = self._clock.monotonic() + max(0.0, seconds)
        self._paused_until = max(self._paused_until, until)

    async def _until_free(self) -> None:
        while (wait := self._wait()) is not None:
            check_pause(self._pause_s(self._clock.monotonic()))
            seconds, reason = wait
            if self._on_wait and reason and seconds >= TOLD_FROM_S:
                self._on_wait(seconds, reason)
            await self._clock.sleep(seconds)

    def _pause_s(self, now: float) -> float:
        paused_until = self._paused_until
        if self._entrance is not None:
            paused_until = max(paused_until, self._entrance.paused_until)
        return paused_until - now

    def _wait(self) -> tuple[float, str] | None:
        now = self._clock.monotonic()
        pause_s, slot_s = self._pause_s(now), self._slot_at(now) - now
        if max(pause_s, slot_s) <= 0:
            return None
        if pause_s >= slot_s:
            return pause_s, "the service asked for a pause"
        return slot_s, self._reason()

    def _slot_at(self, now: float) -> float:
        """Return when the next slot is free, on the steady clock."""
        return now

    def _take(self, now: float) -> None:
        """Note that a slot was handed out."""

    def _learn(self, status: int, headers: Mapping[str, str]) -> None:
        """Adapt to what the service says."""

    def _reason(self) -> str:
        """Say why a slot is not free yet; nothing to say: that is the pace itself."""
        return ""


class AdaptiveRate:
    """A rate that halves when it is refused, and climbs back.

    It climbs back soon to just below what was refused, and from there so slowly that
    a limit which nobody announces is found, kept to, and rarely hit again.
    """

    #: The slowest pace, as a part of the configured one.
    FLOOR = 1 / 64
    #: How far below a refused rate should be fine, and how far above it the refusal is
    #: out of date, as a part of it. Doubled, up to ``WIDEST``, while it is not fine.
    MARGIN, WIDEST = 0.02, 0.5
    #: Seconds in which a halved rate is regained up to there, ...
    REGAIN_S = 2.0
    #: ... in which the margin is crossed after that (a wide one sooner), ...
    PATIENCE_S = 120.0
    #: ... and in which a rate beyond it would double, at the growth of the moment.
    GROWTH_S = 30.0

    def __init__(
        self,
        full: float,
        *,
        now: float | None = None,
        refused: float | None = None,
        margin: float = MARGIN,
    ) -> None:
        if not full > 0:
            raise ValueError("the rate has to be above zero")
        self.full = full
        self.now = full if now is None else now
        #: The rate that was refused last, and how far below it should be fine.
        self.refused = full if refused is None else refused
        self.margin = margin

    def refuse(self) -> None:
        """Halve it."""
        is_below = self.now < self.refused * (1 - self.margin / 2)
        self.margin = min(2 * self.margin, self.WIDEST) if is_below else self.MARGIN
        self.refused = self.now
        self.now = max(self.now / 2, self.full * self.FLOOR)

    def climb(self) -> None:
        """Take one good answer in, which is ``1 / now`` seconds."""
        self.now = min(self._climbed(), self.full)

    def _climbed(self) -> float:
        fine = self.refused * (1 - self.margin)
        if self.now < fine:
            return min(self.now + fine / 2 / self.REGAIN_S / self.now, fine)
        if self.now < self.refused * (1 + self.margin):
            crossed_s = self.PATIENCE_S * self.MARGIN / self.margin
            return self.now + self.refused * self.margin / crossed_s / self.now
        return self.now + 1 / self.GROWTH_S


class RatePacer(OpenPacer):
    """Evenly spaced slots, at a rate that halves on 429 and climbs back.

    A window of w seconds holds at most ``(w + CATCH_UP_S) * rate + 1`` slots: the
    catch-up makes good what a late event loop has lost, and is too small for a burst.
    Both together never fill a service's second beyond the rate: a service that counts
    by its own seconds would refuse what comes a moment too early.
    """

    CATCH_UP_S = 0.02
    #: The part of the rate that is used.
    SHARE = 0.98

    def __init__(
        self,
        rate: float,
        *,
        clock: Clock | None = None,
        on_wait: Callable[[float, str], None] | None = None,
    ) -> None:
        super().__init__(clock=clock, on_wait=on_wait)
        self._rate = AdaptiveRate(rate)
        self._next_at = 0.0
        #: Answers still to come to what was sent at the rate before the last halving.
        self._stale = 0

    @property
    def rate(self) -> float:
        """Slots a second, for now."""
        return self._rate.now

    def _slot_at(self, now: float) -> float:
        del now
        return self._next_at

    def _take(self, now: float) -> None:
        earliest = max(self._next_at, now - self.CATCH_UP_S)
        self._next_at = earliest + 1 / (self.rate * self.SHARE)

    def _learn(self, status: int, headers: Mapping[str, str]) -> None:
        del headers
        is_stale = self._stale > 0
        self._stale = max(0, self._stale - 1)
        if is_refusal(status) and not is_stale:
            self._rate.refuse()
            self._stale = self._in_flight
        elif is_good(status):
            self._rate.climb()


def check_pause(seconds: float) -> None:
    """Raise RestingError where a pause has so much left that nobody should wait."""
    if seconds > LONGEST_PAUSE_S:
        raise RestingError(seconds)


def is_refusal(status: int) -> bool:
    """Whether the service says that the pace is too high."""
    return status == _TOO_MANY


def is_good(status: int) -> bool:
    """Whether an answer says nothing against the pace."""
    return 200 <= status < 500 and status != _TOO_MANY


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("no such date in UTC") from None


class RateLimit(BaseModel):
    """Trakt's ``X-Ratelimit``; what is out of these bounds is not believed."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    name: str = ""
    limit: Annotated[int, Field(ge=1, le=10_000, strict=True)]
    period: Annotated[int, Field(ge=1, le=3_600, strict=True)]
    remaining: Annotated[int, Field(strict=True)] | None = None
    until: Annotated[datetime, AfterValidator(_aware)] | None = None


class QuotaPacer(OpenPacer):
    """At most ``limit`` slots in any window of ``period_s``, as fast as one likes.

    A log of the last ``limit`` sending times slides along, so short walks go at full
    speed. Limit and period follow the ``X-Ratelimit`` header. Other processes may use
    up the same quota: once what remains is spoken for, the line rests until the
    service's window ends. With a ``bucket``, what the header says of Trakt's other one
    is not about this quota.

    Who may choose between two quotas asks ``reserve`` first.
    """

    #: Requests travel at different speeds: the service may see them closer together.
    MARGIN_S = 1.0

    def __init__(
        self,
        limit: int = 500,
        period_s: float = 300.0,
        *,
        clock: Clock | None = None,
        on_wait: Callable[[float, str], None] | None = None,
        entrance: Entrance | None = None,
        bucket: str = "",
    ) -> None:
        super().__init__(clock=clock, on_wait=on_wait, entrance=entrance)
        if limit < 1 or not period_s > 0:
            raise ValueError("limit and period have to be above zero")
        self._sent: deque[float] = deque(maxlen=limit)
        self._bucket = bucket
        #: Slots that were reserved, and not taken yet.
        self._reserved = 0
        self.limit = limit
        self.period_s = period_s

    def reserve(self) -> float:
        """Reserve a slot that is free now, for the next ``acquire``: returns 0.

        Else return the seconds until one may be free. For who asks for a slot in any
        case, reservations are not in the way.
        """
        wait, now = self._wait(), self._clock.monotonic()
        slot_s = self._free_at(now, self._reserved) - now
        wait_s = max(slot_s, wait[0] if wait else 0.0)
        if wait_s <= 0:
            self._reserved += 1
        return max(0.0, wait_s)

    def _slot_at(self, now: float) -> float:
        return self._free_at(now, 0)

    def _free_at(self, now: float, ahead: int) -> float:
        """Return when a slot is free for who comes after so many others."""
        index = len(self._sent) + ahead - self.limit
        if index < 0:
            return now
        sent_at = self._sent[index] if index < len(self._sent) else now
        return sent_at + self.period_s + self.MARGIN_S

    def _take(self, now: float) -> None:
        self._reserved = max(0, self._reserved - 1)
        self._sent.append(now)

    def _learn(self, status: int, headers: Mapping[str, str]) -> None:
        del status
        told = read_rate_limit(headers.get("X-Ratelimit"))
        if told is None or self._is_of_another(told.name):
            return
        if told.limit != self.limit:
            self.limit = told.limit
            self._sent = deque(self._sent, maxlen=told.limit)
        self.period_s = float(told.period)
        if told.remaining is None or told.until is None:
            return
        if told.remaining <= self._in_flight:
            left = told.until - server_time(headers, self._clock.now())
            self.pause(min(left.total_seconds(), self.period_s))

    def _is_of_another(self, name: str) -> bool:
        others = {AUTHED, UNAUTHED} - {self._bucket}
        return bool(self._bucket) and name.upper() in others

    def _reason(self) -> str:
        verb = "is" if self.limit == 1 else "are"
        requests = count(self.limit, "request")
        return f"{requests} in {self.period_s:.0f} s {verb} used up"


def read_rate_limit(value: str | None) -> RateLimit | None:
    """Read the quota for reads that Trakt announces; None for anything else."""
    if not value:
        return None
    try:
        told = RateLimit.model_validate_json(value)
    except ValueError:  # a header may hold what is no text at all
        return None
    # The quota for writes comes under the same header and is none of ours.
    return told if not told.name or "GET" in told.name.upper() else None

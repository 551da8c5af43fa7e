"""What Trakt tells anybody, asked for without a login wherever that is enough.

Calls without a login have a quota of their own, by client id and address. What does
not fit there goes through the quota of the signed-in user, once nothing else of that
one is needed: no call waits while either has room.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.errors import AuthError, BlockedError, ConfigError, RejectedError
from connectors.http.pacing import TOLD_FROM_S, ReservingPacer
from connectors.trakt.client import TraktClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.clock import Clock
    from connectors.http.client import HttpClient
    from connectors.http.pacing import Pacer
    from connectors.trakt.models import Season

#: How Trakt, or Cloudflare before it, may turn away a call without a login.
_REFUSALS = (AuthError, BlockedError, ConfigError)
_BOTH_USED_UP = "Trakt's quotas for reads are used up"


@dataclass(frozen=True, slots=True)
class Budget:
    """A client, and the pacer that it asks."""

    http: HttpClient
    pacer: Pacer

    def reserve(self) -> float:
        """Reserve a slot: 0, or the seconds until there may be one."""
        # A pacer that knows none of this is asked by the client itself alone.
        pacer = self.pacer
        return pacer.reserve() if isinstance(pacer, ReservingPacer) else 0.0


class PublicClient:
    """Reads that need no login. All of them are safe to repeat.

    ``signed_in`` is what takes over where calls without a login are refused, and what
    does not fit into their quota from ``open_overflow`` on. The first refusal settles
    for good that a login is wanted: streams of 401 may end in a ban. So the first call
    goes alone.
    """

    def __init__(
        self,
        public: Budget,
        signed_in: Budget | None = None,
        *,
        clock: Clock,
        on_wait: Callable[[float, str], None] | None = None,
    ) -> None:
        self._public = public
        self._signed_in = signed_in
        self._clock = clock
        self._on_wait = on_wait
        self._line, self._trial = asyncio.Lock(), asyncio.Lock()
        self._is_tried = False
        self._is_login_wanted = False
        self._overflow = asyncio.Event()

    def open_overflow(self) -> None:
        """Let calls use the signed-in quota too: what it was kept for is done."""
        self._overflow.set()

    async def seasons(self, show: int) -> list[Season]:
        """Return every season of a show with its episodes and ``first_aired``.

        Raises RejectedError where a login is wanted and there is none.
        """
        if not self._is_tried:
            async with self._trial:
                if not self._is_tried:
                    try:
                        return await self._ask(show)
                    finally:
                        self._is_tried = True
        return await self._ask(show)

    async def _ask(self, show: int) -> list[Season]:
        while True:
            budget = await self._turn()
            try:
                return await TraktClient(budget.http).seasons(show)
            except _REFUSALS as refusal:
                if budget is not self._public or refusal.status not in (401, 403):
                    raise
                self._is_login_wanted = True

    async def _turn(self) -> Budget:
        """Wait until a budget has room; the one without a login comes first."""
        async with self._line:
            while True:
                if self._is_login_wanted and self._signed_in is None:
                    raise RejectedError(
                        "Trakt wants a login even for what it tells anybody.",
                        remedy="Log in: trakt2discovr login trakt",
                        service="Trakt",
                    )
                waits = []
                for budget in self._open_budgets():
                    wait_s = budget.reserve()
                    if not wait_s:
                        return budget
                    waits.append(wait_s)
                await self._wait_for_room(min(waits, default=None))

    def _open_budgets(self) -> list[Budget]:
        found = [] if self._is_login_wanted else [self._public]
        if self._signed_in is not None and self._overflow.is_set():
            found.append(self._signed_in)
        return found

    async def _wait_for_room(self, seconds: float | None) -> None:
        """Wait that long, or until another budget opens; None: only for that."""
        if seconds is not None and seconds >= TOLD_FROM_S and self._on_wait:
            self._on_wait(seconds, _BOTH_USED_UP)
        waits: list[asyncio.Future[object]] = []
        if seconds is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep(seconds)))
        if not self._overflow.is_set():
            waits.append(asyncio.ensure_future(self._overflow.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

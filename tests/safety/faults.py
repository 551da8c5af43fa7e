"""Every way in which an answer goes wrong, and a service that is away for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sync.sandbox.server.faults import Fault, fault_mix
from tests.safety.arena import OPENED_AT
from tests.safety.stalls import stall

if TYPE_CHECKING:
    from aiohttp import web

    from sync.sandbox.server.faults import FaultPlan
    from sync.sandbox.server.server import StandIn

#: How many of the answers.
SHARE = 0.3
#: Late effects wait for the clock of the arena, not for this.
MIX = (
    *fault_mix(slow_s=0.001, late_s=60),
    Fault.answer(429),
    Fault.answer(429, retry_after=2),
    Fault.answer(503, retry_after=OPENED_AT + timedelta(minutes=1)),
    Fault.html(takes_effect=False),
    Fault.slow(0.001, takes_effect=False),
    stall(takes_effect=True),
    stall(takes_effect=False),
)
#: What all answers are while a service is away.
AWAY = (
    Fault.answer(503),
    Fault.answer(502, html=True),
    Fault.cloudflare(503),
    Fault.cut_before(),
    stall(takes_effect=False),
)


def outage(service: StandIn, begins: int, lasts: int, fault: Fault) -> FaultPlan:
    """Let a service be away from its so-manyth request from now on."""
    first = service._arrived + begins

    def plan(_request: web.Request, number: int) -> Fault | None:
        return fault if first <= number < first + lasts else None

    return plan

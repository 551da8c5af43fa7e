"""Every way in which an answer goes wrong."""

from __future__ import annotations

from datetime import timedelta

from sync.sandbox.server.faults import Fault, fault_mix
from tests.safety.arena import OPENED_AT

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
)

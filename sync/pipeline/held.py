"""The profile, held for one run: nothing is written to it but under its lock."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sync.load.guarded import guarded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sync.pipeline.services import Services


@asynccontextmanager
async def held(
    services: Services, profile: str, command: str
) -> AsyncIterator[Services]:
    """Hold the profile; work with the services that this gives, and no others.

    Their target writes only while the lock is known to be held. Raises BusyError.
    """
    clock = services.clock
    lock = services.ledger.profile_lock(
        profile, command=command, at=clock.now(), clock=clock
    )
    async with lock as hold:
        yield replace(services, target=guarded(services.target, hold.confirm))

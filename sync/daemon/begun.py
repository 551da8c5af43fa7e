"""Whether a person has carried anything over yet, for a job that waits for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.errors import UnbegunError
from sync.ledger import Ledger
from sync.ledger.fact_names import BALANCE, recall_profile

if TYPE_CHECKING:
    from sync.config import Settings

#: The commands whose runs carry plays over; one that brings a copy back does not.
_CARRIES = frozenset({"migrate", "sync", "apply"})


async def require_begun(settings: Settings) -> None:
    """Raise UnbegunError where nothing was, and ``after_migrate`` wants it.

    A migration that was broken off counts: the next run only goes on with it.
    """
    if not settings.sync.after_migrate:
        return
    ledger = Ledger(settings.state.url, is_read_only=True)
    async with ledger:
        if (await ledger.describe()).version is not None:
            profile = await recall_profile(ledger, settings.discovr.profile)
            if profile and await _is_begun(ledger, profile):
                return
    raise UnbegunError


async def _is_begun(ledger: Ledger, profile: str) -> bool:
    # A run that found everything in its place leaves no number, but a balance.
    is_settled = await ledger.get_fact(profile, BALANCE) is not None
    return is_settled or bool(await ledger.runs(profile, limit=1, commands=_CARRIES))

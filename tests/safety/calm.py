"""What an undisturbed run leaves, run once for all worlds that end alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.safety.accounts import mixed_account
from tests.safety.arena import arena

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from sync.sandbox.discovr.quirks import DiscovrQuirks
    from tests.safety.arena import Mark, Viewing


class Calm(NamedTuple):
    """What stands in the profile, and every viewing that a POST brought."""

    marks: Counter[Mark]
    appended: frozenset[Viewing]


_known: dict[tuple[object, ...], Calm] = {}


async def calm(
    folder: Path, history: dict[str, str], quirks: DiscovrQuirks, copies: int = 1
) -> Calm:
    """Return what a first run leaves of so many copies of the mixed account.

    Of Discovr's ways only these two make a difference, which ``test_calm`` holds.
    """
    key = (*history.items(), quirks.repeats, quirks.patch_moves_time, copies)
    if key not in _known:
        _known[key] = await run_calmly(folder, history, quirks, copies)
    return _known[key]


async def run_calmly(
    folder: Path, history: dict[str, str], quirks: DiscovrQuirks, copies: int = 1
) -> Calm:
    """Return the same, always from a run of its own."""
    account, own = mixed_account(copies)
    async with arena(
        account, folder, own=own, discovr=quirks, history=history
    ) as place:
        assert (await place.migrate()).is_complete
        return Calm(place.marks(), frozenset(place.discovr.appended))

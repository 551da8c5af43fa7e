"""The air dates of a run that leaves everything else as it is."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sync.ledger.errors import StateError
from sync.ledger.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sync.ledger.records import CachedShow


class ShowCache:
    """Reads what catalogues said from a ledger that is only read, and keeps more of it.

    What is kept is public, and costs requests to get again. That it cannot be kept (a
    disk that is full, a folder that may not be written to) stops nobody.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def get_shows(
        self, source: str, ids: Sequence[int]
    ) -> Mapping[int, CachedShow]:
        """Return what ``source`` said of these shows, however old it is."""
        return await self._ledger.get_shows(source, ids)

    async def put_shows(self, source: str, cached: Mapping[int, CachedShow]) -> None:
        """Keep it, in a state that is made for it if there is none yet."""
        with suppress(StateError):
            async with await Ledger.open(self._ledger.url) as ledger:
                await ledger.put_shows(source, cached)


def shows_of(ledger: Ledger, *, is_dry: bool) -> Ledger | ShowCache:
    """Return where a run keeps air dates; in a dry one the ledger is only read."""
    return ShowCache(ledger) if is_dry else ledger

"""Open ledgers that one run after the other uses: a connection each, and its thread.

A run holds its profile by a lock of the very session that its ledger writes in, so it
has a connection to itself. Opening one costs more than a run that finds nothing new.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

from sync.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class LedgerPool:
    """Lends ledgers of one database; there are as many as are lent at once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free: list[Ledger] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._free:
            await self._free.pop().close()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Ledger]:
        """Lend a ledger; one under which something went wrong is not lent again."""
        ledger = self._free.pop() if self._free else await Ledger.open(self._url)
        is_fine = False
        try:
            yield ledger
            is_fine = True
        finally:
            if is_fine:
                self._free.append(ledger)
            else:
                await ledger.close()

"""The history, read once: for the page to show, and for the run that follows."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sync.extract.files import FileSource
from sync.extract.trakt import TraktSource
from sync.wiring.clients import Clients

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.events import Event
    from sync.ports import Extraction, Receipt
    from sync.web.choice import Choice

    OnPage = Callable[[int, int], None]

#: What was read so long ago is read again before it is planned on.
FRESH_S = 3600.0


class HeldFiles(FileSource):
    """Files that are read the first time, and held from then on."""

    held: Extraction | None = None

    async def extract(self, on_page: OnPage) -> Extraction:
        """Return what was read; read it where nothing was."""
        if self.held is None:
            self.held = await super().extract(on_page)
        return self.held


class HeldAccount(TraktSource):
    """The account, read the first time and held from then on."""

    held: Extraction | None = None

    async def extract(self, on_page: OnPage) -> Extraction:
        """Return what was read; read it where nothing was."""
        if self.held is None:
            self.held = await super().extract(on_page)
        elif self._take:
            # Air dates are asked for while the profile is being read.
            self._take(list(self.held.plays))
        return self.held


@dataclass(slots=True)
class Reading:
    """A source that is open, and what it gave. ``accepts``: incomplete will do."""

    choice: Choice
    source: HeldFiles | HeldAccount
    began_s: float
    _stack: AsyncExitStack
    accepts: bool = False

    @classmethod
    def open(
        cls,
        settings: Settings,
        choice: Choice,
        tell: Callable[[Event], None],
        clock: Clock,
    ) -> Reading:
        """Open the source. Raises ConfigError, or InputError for a missing file."""
        stack, began_s = AsyncExitStack(), clock.monotonic()
        if choice.is_download:
            return cls(choice, HeldFiles(choice.files, clock), began_s, stack)
        clients = Clients(settings, stack, clock=clock, on_event=tell)
        most = settings.trakt.concurrency
        source = HeldAccount(clients.trakt(), concurrency=most, clock=clock)
        return cls(choice, source, began_s, stack)

    @property
    def receipt(self) -> Receipt | None:
        """The proof of what was read, once it was."""
        held = self.source.held
        return replace(held.receipt, plays=held.read) if held else None

    @property
    def unreadable(self) -> int:
        """How many records are there and could not be read."""
        held = self.source.held
        return sum(not q.is_unsupported for q in held.quarantined) if held else 0

    @property
    def is_usable(self) -> bool:
        """Whether a plan can be made of it: it is proved whole, or accepted."""
        return bool(self.receipt and (self.receipt.is_whole or self.accepts))

    def is_fresh(self, now_s: float) -> bool:
        """Whether it was read a short while ago."""
        return self.source.held is not None and now_s - self.began_s < FRESH_S

    async def close(self) -> None:
        """Let go of the plays and of the connections."""
        self.source.held = None
        await self._stack.aclose()

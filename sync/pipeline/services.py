"""What a run works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.domain.desired import NO_ID, NO_KEY
from sync.ports import origin_of
from sync.runtime.late import late

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.domain.origin import Origin
    from sync.events import Event
    from sync.ledger import Ledger
    from sync.ports import Source, Target
    from sync.runtime.meter import Meter
    from sync.transform.air_dates import Catalogue
    from sync.transform.resolve import Resolver

if TYPE_CHECKING:
    from sync.extract.handed import Handed
else:
    # What a source of ours never uses.
    (Handed,) = late("sync.extract.handed", "Handed")


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a run works with, wired by ``bootstrap``.

    ``address`` tells the service of the target from others. ``copies`` is the folder
    for copies of the profile as it was; None: none are kept. ``is_brought``: the source
    is the caller's own.
    """

    settings: Settings
    source: Source
    target: Target
    ledger: Ledger
    clock: Clock
    catalogue: Catalogue
    resolver: Resolver
    on_event: Callable[[Event], None]
    meter: Meter
    address: str = ""
    copies: Path | None = None
    is_brought: bool = False

    @property
    def origin(self) -> Origin:
        """What the source is called."""
        return origin_of(self.source)

    @property
    def handed(self) -> Handed | None:
        """What looks at all that the source hands over; None for one of ours."""
        return Handed(self.origin.name, self.clock.now()) if self.is_brought else None

    @property
    def no_id(self) -> str:
        """Why a title that comes without a TMDB id stays without one."""
        return NO_ID if self.settings.tmdb.api_key else NO_KEY

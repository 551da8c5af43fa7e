"""What titles are called, by Discovr's ids: kept before anything is written for them.

The histories hold names too, but are kept once all is settled. What a run that was
stopped or killed has written would have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.domain.desired import label_by_media
from sync.ledger.fact_names import LACKED_TITLES, NAMES

if TYPE_CHECKING:
    from collections.abc import Collection

    from sync.ledger import Ledger
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.services import Services


async def keep_names(services: Services, prepared: Prepared) -> None:
    """Note what is called how of all that was read; what is known already is not."""
    names = {**prepared.noted, **label_by_media(prepared.whole.desired.titles)}
    if names != prepared.noted:
        now = services.clock.now()
        await services.ledger.put_fact(prepared.profile, NAMES, names, now)


async def recall_noted(ledger: Ledger, profile: str) -> dict[str, str]:
    """Return the names of all titles that runs of this profile have met."""
    return await ledger.get_fact(profile, NAMES) or {}


async def recall_names(
    ledger: Ledger, profile: str, wanted: Collection[str]
) -> dict[str, str]:
    """Name these ids, as far as any run has met them."""
    noted = await recall_noted(ledger, profile)
    names = {media: noted[media] for media in wanted if media in noted}
    if rest := {*wanted} - names.keys():
        # What an earlier version wrote: it noted names with the histories alone.
        _, of_sources = await ledger.holdings(profile)
        lacked = await ledger.get_fact(profile, LACKED_TITLES) or {}
        names |= {media: lacked[media][1] for media in rest & lacked.keys()}
        known = (history for of_source in of_sources.values() for history in of_source)
        titles = {h.media: h.title for h in known if h.media in rest}
        names |= label_by_media({m: title for m, title in titles.items() if m})
    return names

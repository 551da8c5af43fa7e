"""What a run need not look at, title by title: nothing of it changed on either side.

What is told of a title is exact only where all of it stands alone. So whatever cannot
be read, is stale or was left out has the run look at all that it may be about.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from sync.domain.sums import Rest
from sync.domain.watched import Gathering
from sync.events import Advanced, Stage
from sync.ledger.fact_names import LACKED
from sync.ports import SelectiveSource

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sync.domain.plays import Key
    from sync.domain.sums import Sums
    from sync.domain.watched import Viewing
    from sync.domain.watermark import Watermark
    from sync.ledger import Ledger
    from sync.pipeline.prepared import Prepared, Signs
    from sync.pipeline.services import Services


async def find_rest(
    services: Services,
    profile: str,
    mark: Watermark,
    signs: Signs,
    sums: Mapping[str, Mapping[str, Sums | None]],
) -> Rest:
    """Tell which titles stay as they were; none where that cannot be told of each.

    ``sums`` is what each comes to, by source and ``title_key``. Asks the source, which
    remembers it for the reading that is to follow.
    """
    source, ledger = signs.source, services.ledger
    is_plain = not (
        signs.has_new_ids
        or signs.is_updated
        or mark.stale
        or mark.gaps
        # A name that fits none of the titles may fit one that nobody looks at.
        or services.settings.history.filter.skip
    )
    if not (is_plain and isinstance(source, SelectiveSource)) or services.is_brought:
        return Rest()
    if sums.keys() != {mark.source}:
        return Rest()  # what one source lacks another may hold
    if await ledger.unreadable(profile) or await ledger.get_fact(profile, LACKED):
        return Rest()
    titles = sums[mark.source]
    known = Rest({key: of_title for key, of_title in titles.items() if of_title})
    rest = known.but(known.of({place.media for place in signs.unsettled}))
    if not (signs.moved and rest.titles):
        return rest

    def on_page(done: int, total: int) -> None:
        services.on_event(Advanced(Stage.EXTRACT, done, total))

    fingerprints = {key: one.fingerprint for key, one in rest.titles.items()}
    even = await source.find_even(fingerprints, mark.at, signs.moved, on_page)
    return rest.but(fingerprints.keys() - {*even})


async def watched_of(
    ledger: Ledger, prepared: Prepared, media: Collection[str | None]
) -> Mapping[Key, Viewing]:
    """Return what was watched: of the rest, what goes under these ids alone."""
    watched = prepared.whole.desired.watched
    titles = prepared.rest.of(media)
    if not titles:
        return watched
    near = Gathering()
    _, held = await ledger.holdings(prepared.profile, titles)
    for history in chain.from_iterable(held.values()):
        for play in history.plays:
            near.add(history.media or "", play)
    return {**watched, **near.watched()}

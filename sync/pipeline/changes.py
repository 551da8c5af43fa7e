"""What changed at the source since the last settled run, and what it asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.delta import diff
from sync.domain.desired import Desired, tmdb_id, transform
from sync.domain.plays import title_key
from sync.events import Advanced, Stage
from sync.ledger.fact_names import BALANCE
from sync.pipeline.holdings import Holdings
from sync.pipeline.leaving_out import sieve_of, tell_of_skips
from sync.pipeline.rest import find_rest
from sync.ports import Extraction, IncrementalSource, Receipt, RereadingSource

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sync.domain.delta import Delta
    from sync.domain.filters import Sieve
    from sync.domain.histories import TitleHistory
    from sync.domain.plays import Kind, Play, Title
    from sync.domain.sums import Rest
    from sync.domain.watermark import Stamps
    from sync.pipeline.checkpoint import Checkpoint
    from sync.pipeline.prepared import Signs
    from sync.pipeline.services import Services
    from sync.transform.resolve import Found


class Readings(NamedTuple):
    """What was known of the titles that are looked at, and what is there now."""

    rest: Rest
    holdings: Holdings
    before: Extraction
    now: Extraction


async def read_changes(
    services: Services, checkpoint: Checkpoint, signs: Signs
) -> Readings:
    """Read the titles in which anything may have changed; see ``rest``."""
    source, mark, profile = signs.source, checkpoint.mark, checkpoint.profile
    sums = await services.ledger.sums(profile)
    rest = await find_rest(services, profile, mark, signs, sums)
    holdings = await Holdings.read(services, profile, sums, rest)
    known = holdings.titles(mark.source).values()
    plays = [play for history in known for play in history.plays]
    odd = await services.ledger.unreadable(profile)
    before = Extraction(
        plays,
        Receipt(services.origin.name, len(plays) + rest.plays, requests=1),
        [row.record for row in odd if row.source == mark.source],
        read_at=mark.at,
        gaps=mark.gaps,
        beside=rest.plays,
    )
    fresh = _try_again(services, source, before) if signs.is_updated else before
    now = replace(fresh, stamps=signs.stamps)
    if signs.moved:
        now = await _extract(services, source, fresh, signs.stamps, signs.moved)
    readings = Readings(rest, holdings, before, now)
    # All of it was read after all, any title may be what cannot be read, or an earlier
    # version, which knows of no sums, has put titles since they were made.
    noted = checkpoint.facts.get(BALANCE, {"read": before.read})
    if now.beside and not now.quarantined and noted["read"] == before.read:
        return readings
    return await _look_at(services, profile, readings, rest.titles)


async def _look_at(
    services: Services, profile: str, readings: Readings, titles: Collection[str]
) -> Readings:
    """Look at these titles of the rest too; they are as they were."""
    if not titles:
        return readings
    rest, before, now = readings.rest.but(titles), readings.before, readings.now
    added = await readings.holdings.take_in(services.ledger, profile, titles)
    plays = [play for history in added for play in history.plays]
    before = replace(before, plays=[*before.plays, *plays], beside=rest.plays)
    if now.beside:
        now = replace(now, plays=[*now.plays, *plays], beside=rest.plays)
    return Readings(rest, readings.holdings, before, now)


def _try_again(
    services: Services, source: IncrementalSource, before: Extraction
) -> Extraction:
    """Read what an older program could not read; what it can is new."""
    if not isinstance(source, RereadingSource):
        return before
    read = source.reread(before.quarantined)
    handed = services.handed
    plays, still = handed.reread(read) if handed else read
    known = {play.id for play in before.plays}
    new = [play for play in plays if play.id is None or play.id not in known]
    return replace(before, plays=[*before.plays, *new], quarantined=still)


async def _extract(
    services: Services,
    source: IncrementalSource,
    before: Extraction,
    stamps: Stamps,
    moved: Collection[Kind],
) -> Extraction:
    def on_page(done: int, total: int) -> None:
        services.on_event(Advanced(Stage.EXTRACT, done, total))

    call = source.extract_changes(before, stamps, moved, on_page)
    handed = services.handed
    return await (handed.extraction(call) if handed else call)


class Transformed(NamedTuple):
    """What the changes ask for, with all titles that this takes."""

    readings: Readings
    delta: Delta
    desired: Desired
    sieve: Sieve


async def transform_changes(
    services: Services, checkpoint: Checkpoint, readings: Readings, *, has_new_ids: bool
) -> Transformed:
    """Gather the plays by key; with ``has_new_ids`` all titles are looked up again.

    Under one id several titles are one: either all of them are looked at or none, also
    where one of them has just lost its last play.
    """
    delta = diff(readings.before.plays, readings.now.plays)
    asked = readings.now.plays if has_new_ids else delta.current
    answer = await _find(services, readings.now, asked)
    while True:
        known = readings.holdings.titles(checkpoint.mark.source)
        desired, sieve = await _transform(
            services, readings.now, known, answer, has_new_ids=has_new_ids
        )
        media = {*desired.media.values(), *(h.media for h in known.values())}
        near = readings.rest.of(media)
        if not near:
            tell_of_skips(services, sieve)
            return Transformed(readings, delta, desired, sieve)
        readings = await _look_at(services, checkpoint.profile, readings, near)


def _titles_of(extraction: Extraction) -> list[Title]:
    return [*{id(play.title): play.title for play in extraction.plays}.values()]


async def _find(
    services: Services, extraction: Extraction, asked: Iterable[Play]
) -> Found:
    """Look up what the sieve does not leave out: nobody is asked about the rest."""
    sieve = await sieve_of(services, _titles_of(extraction), is_kept=True)
    wanted = [play for play in asked if sieve.why(play) is None]
    return await services.resolver.find(wanted, is_kept=True)


async def _transform(
    services: Services,
    extraction: Extraction,
    known: Mapping[str, TitleHistory],
    answer: Found,
    *,
    has_new_ids: bool,
) -> tuple[Desired, Sieve]:
    """Gather all plays by key.

    What was found for another title before holds until both sides are read whole. An
    id that a person gave holds for every title.
    """
    titles = _titles_of(extraction)
    given = await services.resolver.find_overrides(titles, is_kept=True)
    found, unasked = {**answer.ids, **given}, {*answer.unasked}
    for title in titles:
        history = known.get(title_key(title))
        if title.ids.tmdb or title in found or history is None or not history.media:
            continue
        if title in unasked or not has_new_ids:
            found[title] = tmdb_id(history.media)
            unasked.discard(title)
    sieve = await sieve_of(services, titles, found, is_kept=True)
    plays, no_id = extraction.plays, services.no_id
    return transform(plays, found, unasked, no_id=no_id, sieve=sieve), sieve

"""``sync``: what changed since the last settled run, in as few requests as can be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sync.domain.desired import NO_ANSWER, Desired, transform
from sync.domain.plan import Fate
from sync.domain.plays import Place, title_key
from sync.events import Advanced, Stage
from sync.pipeline.changes import read_changes, transform_changes
from sync.pipeline.checkpoint import recall_lacked
from sync.pipeline.holdings import continue_holding
from sync.pipeline.names import recall_noted
from sync.pipeline.prepare import accept, assemble, count_expected, read_target
from sync.pipeline.prepared import Held, Prepared, Reading
from sync.pipeline.prune import find_stale, plan_removals
from sync.pipeline.title_lists import read_titles
from sync.pipeline.unreadable import gather
from sync.ports import ENTRIES_A_PAGE, Extraction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sync.domain.delta import Delta
    from sync.domain.entries import Entry
    from sync.domain.filters import Sieve
    from sync.domain.histories import TitleHistory
    from sync.domain.plays import Play
    from sync.pipeline.checkpoint import Checkpoint
    from sync.pipeline.holdings import Holding
    from sync.pipeline.prepared import Signs, Stale
    from sync.pipeline.services import Services
    from sync.pipeline.unreadable import Unreadable


async def prepare_changes(
    services: Services,
    checkpoint: Checkpoint,
    signs: Signs,
    *,
    is_pruned: bool,
    accept_incomplete: bool = False,
) -> Prepared | None:
    """Read what changed at the source, and of Discovr only the places that it touches.

    None where the profile is no longer the one that was settled, or other titles are
    marked to be left out. Raises IncompleteReadError when the changes cannot be proved,
    unless that is accepted.
    """
    mark = checkpoint.mark
    readings = await read_changes(services, checkpoint, signs)
    if signs.moved:
        accept(services, readings.now, accept_incomplete=accept_incomplete)
    readings, delta, desired, sieve = await transform_changes(
        services, checkpoint, readings, has_new_ids=signs.has_new_ids
    )
    extraction, known = readings.now, readings.holdings.titles(mark.source)
    whole = Reading(extraction, desired)
    go_on = (mark.source, bool(signs.moved))
    holding = await continue_holding(
        services, readings.holdings, go_on, extraction, desired
    )
    if holding is None:
        return None
    unreadable, stale = await _find_stale(services, checkpoint, whole, holding)
    touched = _touched(extraction, desired, known, delta)
    places = signs.unsettled | _taken_in(known, desired)
    places |= _places(touched, desired, sieve)
    if is_pruned:
        places |= {key.place for key in stale.keys}
    if places and await services.target.open_profile() != checkpoint.profile:
        return None
    reading = _within(whole, places, touched, services.no_id, sieve)
    held = Held(holding, unreadable)
    prepared = await _assemble(services, checkpoint, reading, held, places)
    prepared = replace(
        prepared,
        whole=whole,
        known=known,
        rest=readings.rest,
        since=mark,
        stale=stale,
        noted=await recall_noted(services.ledger, checkpoint.profile),
    )
    return plan_removals(prepared) if is_pruned else prepared


async def _find_stale(
    services: Services, checkpoint: Checkpoint, whole: Reading, holding: Holding
) -> tuple[Unreadable, Stale]:
    """Return what cannot be read, and what went that this does not hold off."""
    ledger, profile = services.ledger, checkpoint.profile
    now = services.clock.now()
    unreadable = await gather(ledger, profile, holding, whole.extraction, now)
    gone = await recall_lacked(ledger, profile)
    stale = await find_stale(ledger, profile, whole, holding, unreadable, gone)
    return unreadable, stale


def _touched(
    extraction: Extraction,
    desired: Desired,
    known: Mapping[str, TitleHistory],
    delta: Delta,
) -> list[Play]:
    """Return the plays that came or moved, and all of titles that got another id."""
    renamed = {
        key
        for key, history in known.items()
        if key in desired.media and desired.media[key] != history.media
    }
    again = (p for p in extraction.plays if renamed and title_key(p.title) in renamed)
    return [*delta.current, *again]


def _taken_in(known: Mapping[str, TitleHistory], desired: Desired) -> set[Place]:
    """Name where something is wanted that was left out, as under another name."""
    left_out = {
        key
        for history in known.values()
        for key, fate in history.fates.items()
        if fate is Fate.LEFT_OUT
    }
    return {key.place for key in left_out & desired.watched.keys()}


def _places(plays: Iterable[Play], desired: Desired, sieve: Sieve) -> set[Place]:
    """Name the places of the plays that are wanted."""
    wanted = (play for play in plays if sieve.why(play) is None)
    return {place for play in wanted if (place := _place(play, desired))}


def _place(play: Play, desired: Desired) -> Place | None:
    """Return what is planned together with the play; None if it cannot be planned."""
    media = desired.media[title_key(play.title)]
    return Place(media, play.season) if media and play.season != 0 else None


def _plays_in(
    plays: Sequence[Play], desired: Desired, places: Collection[Place]
) -> list[Play]:
    media = {place.media for place in places}
    # By identity: titles are shared, and there are far fewer of them than plays.
    titles = {id(play.title): play.title for play in plays}
    near = {n for n, t in titles.items() if desired.media[title_key(t)] in media}
    return [p for p in plays if id(p.title) in near and _place(p, desired) in places]


def _within(
    whole: Reading,
    places: Collection[Place],
    touched: list[Play],
    no_id: str,
    sieve: Sieve,
) -> Reading:
    """Return the part of the source that is looked at: whole films and seasons."""
    extraction, desired = whole.extraction, whole.desired
    left_out = [p for p in touched if sieve.why(p) or _place(p, desired) is None]
    plays = _plays_in(extraction.plays, desired, places)
    plays = [play for play in plays if sieve.why(play) is None]
    unasked = {left.title for left in desired.unmatched if left.reason == NO_ANSWER}
    rest = transform(
        left_out, dict.fromkeys(unasked), unasked, no_id=no_id, sieve=sieve
    )
    part = replace(
        desired,
        watched=desired.watched.within(places),
        unmatched=rest.unmatched,
        unsupported=rest.unsupported,
        skipped=rest.skipped,
    )
    return Reading(replace(extraction, plays=[*plays, *left_out], beside=0), part)


async def _assemble(
    services: Services,
    checkpoint: Checkpoint,
    reading: Reading,
    held: Held,
    places: Collection[Place],
) -> Prepared:
    """Read these places, or all of the profile if that is cheaper, and plan.

    All of it also where the list of a place cannot be read.
    """
    profile, entries = checkpoint.profile, checkpoint.mark.entries
    if len(places) <= 1 + entries // ENTRIES_A_PAGE:
        existing = await _read_places(services, places)
        if existing is not None:
            return await assemble(
                services, profile, reading, existing, held, places=places
            )
    expected = await count_expected(services, profile)
    existing = await read_target(services, expected=expected)
    return await assemble(services, profile, reading, existing, held, expected=expected)


async def _read_places(
    services: Services, places: Collection[Place]
) -> Sequence[Entry] | None:
    """Read the entries of these films and seasons; None where one cannot be read."""
    entries: list[Entry] = []

    def take(_place: Place, found: list[Entry]) -> None:
        entries.extend(found)
        services.on_event(Advanced(Stage.READ, len(entries)))

    unlisted = await read_titles(services, places, take)
    return None if unlisted else entries

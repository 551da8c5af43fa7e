"""Gathers both sides and decides: everything of a run that writes nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from connectors.errors import ServiceError
from sync.documents.words import say_read
from sync.domain.desired import transform
from sync.domain.evidence import as_the_persons, with_times_found
from sync.domain.plan import Action
from sync.domain.plays import UNKNOWN_DATE, Place
from sync.domain.reconcile import reconcile, seasons_to_write
from sync.domain.rules import Conflict, Mode, Rules, WhichPlays
from sync.domain.savings import estimate_savings
from sync.errors import IncompleteReadError
from sync.events import Advanced, Finished, Stage, Waiting
from sync.ledger.fact_names import ENTRIES, recall_trial
from sync.pipeline.ahead import EarlyLookUp
from sync.pipeline.checkpoint import compare_with_known, recall_held
from sync.pipeline.leaving_out import sieve_of, tell_of_skips
from sync.pipeline.missing import PAUSE_S, look_again
from sync.pipeline.prepared import AsListed, Prepared, Reading
from sync.pipeline.recovery import (
    Recovery,
    recall,
    recall_labels,
    recall_restored,
)
from sync.pipeline.unreadable import find_obscured
from sync.ports import EagerSource
from sync.runtime.concurrency import run_all
from sync.runtime.words import count
from sync.runtime.words import entries as count_entries
from sync.transform.air_dates import Question, by_show, seasons_that_can_pay
from sync.transform.overrides_file import name_place

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sync.domain.desired import Desired
    from sync.domain.entries import Entry
    from sync.domain.writes import Row
    from sync.pipeline.missing import Missing
    from sync.pipeline.prepared import Held
    from sync.pipeline.services import Services
    from sync.ports import Extraction
    from sync.transform.air_dates import Answer

#: So long a run that is stopped may take to keep them.
_KEPT_WITHIN_S = 5.0


async def prepare(
    services: Services, *, accept_incomplete: bool = False, is_dry: bool = False
) -> Prepared:
    """Read both sides and plan. With ``is_dry`` no more is kept than public air dates.

    Raises IncompleteReadError when the source is not proved whole.
    """
    profile = await services.target.open_profile()
    expected = await count_expected(services, profile)
    early = EarlyLookUp(services, is_kept=not is_dry)
    gathering = _gather(
        services, early, accept_incomplete=accept_incomplete, is_kept=not is_dry
    )
    try:
        (reading, existing), _ = await run_all(
            run_all(gathering, _read_target(services, early, expected)), early.run()
        )
    except (ServiceError, asyncio.CancelledError):
        # The one before is what is to be told; whoever stops it does not wait for long.
        with suppress(ServiceError, TimeoutError):
            async with asyncio.timeout(_KEPT_WITHIN_S):
                # What was answered by then need not be asked for again.
                await services.catalogue.keep()
        raise
    held = await recall_held(services, profile, reading)
    prepared = await assemble(
        services, profile, reading, existing, held, expected=expected
    )
    prepared = replace(prepared, could_save=_could_save(services, prepared))
    return await compare_with_known(services, prepared, held.holding)


async def assemble(
    services: Services,
    profile: str,
    reading: Reading,
    existing: Sequence[Entry],
    held: Held,
    *,
    places: Collection[Place] | None = None,
    expected: int = 0,
) -> Prepared:
    """Plan what brings ``existing`` in step with ``reading``.

    With ``places`` only those were read on Discovr, each by its title; else at least
    ``expected`` entries stand there.
    """
    desired = reading.desired
    suspects = _suspects(desired, existing) if len(existing) < expected else ()
    listed, missing = await look_again(
        services, profile, existing, places=places, suspects=suspects
    )
    lacking = count_lacking(expected - len(missing.keys), existing, listed)
    restored = await recall_restored(services.ledger, profile, listed)
    existing = await _as_known(services, profile, listed, restored.rows)
    answer = await _look_up(services, desired, existing)
    recovery = await recall(
        services.ledger,
        profile,
        existing,
        has_every_viewing=services.settings.history.plays is WhichPlays.ALL,
        media=None if places is None else {place.media for place in places},
    )
    rules = _rules(services, reading, held, answer, recovery, missing)
    rules = replace(rules, labels=await recall_labels(services, profile))
    return Prepared(
        profile,
        reading,
        existing,
        recovery,
        rules,
        reconcile(desired, existing, rules),
        whole=reading,
        origin=services.origin,
        missing=missing,
        filter=services.settings.history.filter,
        listed=AsListed(listed, places, 0 if places else lacking),
        restored=restored,
        **held._asdict(),
    )


async def _as_known(
    services: Services,
    profile: str,
    listed: Sequence[Entry],
    restored: Collection[Row],
) -> Sequence[Entry]:
    """Add to what is listed what is known of it here.

    The zero of an undo's trial that was broken off does not count: a run takes it away
    before all else, and a look that may write nothing is to see the same.
    """
    if trial := await recall_trial(services.ledger, profile):
        listed = [e for e in listed if (e.key, e.progress) != (trial, 0)]
    existing = as_the_persons(listed, restored) if restored else listed
    return with_times_found(existing, await services.ledger.set_back_rows(profile))


def count_lacking(expected: int, listed: Sequence[Entry], seen: Sequence[Entry]) -> int:
    """Return how many entries the list lacks, as far as that shows.

    It lacks what stood there and nobody is known to have removed, and whatever the
    lists of titles had to add to it, so that it may lack more than that.
    """
    return max(expected - len(seen), len(seen) - len(listed), 0)


def _suspects(desired: Desired, existing: Sequence[Entry]) -> set[Place]:
    """Name the films and seasons in which something would be added."""
    operations = reconcile(desired, existing, Rules(mode=Mode.OFF)).operations
    return {o.key.place for o in operations if o.action is Action.ADD}


async def count_expected(services: Services, profile: str) -> int:
    """Return how many entries stand in the profile at least, as far as is known."""
    fact = await services.ledger.get_fact(profile, ENTRIES)
    if not fact:
        return 0
    since = datetime.fromisoformat(fact["at"])
    undone = await services.ledger.count_undone(profile, since=since)
    return int(fact["count"]) - undone


async def read_target(
    services: Services, stage: Stage = Stage.READ, *, expected: int = 0
) -> Sequence[Entry]:
    """Read every entry of the profile; twice where it lists fewer than ``expected``.

    A list can lag, or end too early: that is no proof that anything has gone.
    """

    def on_page(entries: int) -> None:
        services.on_event(Advanced(stage, entries))

    on_page(0)
    entries = await services.target.read_history(on_page)
    if len(entries) < expected:
        fewer = f"it lists {count_entries(len(entries))} where {expected:,} stood"
        services.on_event(Waiting("Discovr", PAUSE_S, fewer))
        await services.clock.sleep(PAUSE_S)
        again = await services.target.read_history(on_page)
        entries = max(again, entries, key=len)
    summary = f"{count_entries(len(entries))} read from Discovr"
    services.on_event(Finished(Stage.READ, summary))
    return entries


async def _read_target(
    services: Services, early: EarlyLookUp, expected: int
) -> Sequence[Entry]:
    existing = await read_target(services, expected=expected)
    # A list that lacks entries says nothing of what needs a write.
    early.know(existing if len(existing) >= expected else None)
    return existing


async def _gather(
    services: Services,
    early: EarlyLookUp,
    *,
    accept_incomplete: bool,
    is_kept: bool,
) -> Reading:
    """Extract and transform; plays are handed on as they come, for their air dates."""
    if isinstance(services.source, EagerSource):
        handed = services.handed
        services.source.hand_on(
            (lambda plays: early.take(handed.plays(plays))) if handed else early.take
        )
    extraction = await _extract(services, accept_incomplete=accept_incomplete)
    early.finish()
    services.catalogue.open_overflow()
    plays = extraction.plays
    titles = {id(play.title): play.title for play in plays}.values()
    sieve = await sieve_of(services, titles, is_kept=is_kept)
    # Nobody is asked about what is left out.
    wanted = plays if sieve.is_idle else [p for p in plays if sieve.why(p) is None]
    found = await services.resolver.find(wanted, is_kept=is_kept)
    sieve = await sieve_of(services, titles, found.ids, is_kept=is_kept)
    tell_of_skips(services, sieve)
    for stray in services.resolver.find_strays(plays):
        summary = f"an id of yours fits no title that was read: {name_place(stray)}"
        services.on_event(Finished(Stage.CATALOGUE, summary))
    desired = transform(
        plays, found.ids, found.unasked, no_id=services.no_id, sieve=sieve
    )
    return Reading(extraction, desired)


async def _extract(services: Services, *, accept_incomplete: bool) -> Extraction:
    def on_page(done: int, total: int) -> None:
        services.on_event(Advanced(Stage.EXTRACT, done, total))

    services.on_event(Advanced(Stage.EXTRACT, 0))
    call = services.source.extract(on_page)
    handed = services.handed
    extraction = await (handed.extraction(call) if handed else call)
    return accept(services, extraction, accept_incomplete=accept_incomplete)


def accept(
    services: Services, extraction: Extraction, *, accept_incomplete: bool = False
) -> Extraction:
    """Return it and say so, or raise IncompleteReadError if it is not proved whole."""
    receipt = replace(extraction.receipt, plays=extraction.read)
    if not receipt.is_whole and not accept_incomplete:
        raise IncompleteReadError(receipt)
    proof = (
        "proved whole" if receipt.is_whole else "not proved whole, accepted as it is"
    )
    odd = sum(not record.is_unsupported for record in extraction.quarantined)
    summary = f"{say_read(receipt.plays, odd, receipt.source)}, {proof}"
    services.on_event(Finished(Stage.EXTRACT, summary))
    return replace(extraction, receipt=receipt)


async def _look_up(
    services: Services,
    desired: Desired,
    existing: Sequence[Entry],
) -> Answer:
    """Ask for air dates where they can save a write, or where a default stands."""
    standing = {
        place
        for e in existing
        if e.is_default and e.key.season
        if (place := e.key.place) in desired.watched.places
    }
    needing = list(seasons_to_write(desired, existing))
    can_collapse = services.settings.history.collapse is not Mode.OFF
    wanted = seasons_that_can_pay(needing if can_collapse else (), standing)

    def on_show(done: int, total: int) -> None:
        services.on_event(Advanced(Stage.CATALOGUE, done, total))

    since: dict[Place, datetime] = {}
    for key, viewing in desired.watched.items():
        place = key.place
        since[place] = max(since.get(place, UNKNOWN_DATE), viewing.latest)
    question = Question(wanted, desired.titles, since)
    catalogue, sharing = services.catalogue, desired.sharing
    answer = await catalogue.look_up(question, on_show, sharing=sharing)
    # Not all that is written is shown; that is said of the other seasons as well.
    others = by_show(p for p in needing if p.season not in wanted.get(p.media, ()))
    ever = dict.fromkeys(needing, UNKNOWN_DATE)
    question = Question(others, desired.titles, ever)
    answer.disputed |= await catalogue.find_absent(question)
    if answer.airings:
        summary = f"air dates of {count(len(answer.airings), 'season')} looked up"
        services.on_event(Finished(Stage.CATALOGUE, summary))
    return answer


def _could_save(services: Services, prepared: Prepared) -> int:
    """Say what a key of TMDB would save, where nobody else has given air dates."""
    if services.settings.tmdb.api_key or prepared.rules.airings:
        return 0
    return estimate_savings(
        prepared.compared.desired,
        prepared.existing,
        prepared.plan.operations,
        prepared.rules.mode,
    )


def _rules(
    services: Services,
    reading: Reading,
    held: Held,
    answer: Answer,
    recovery: Recovery,
    missing: Missing,
) -> Rules:
    history = services.settings.history
    mode = history.collapse
    if mode is Mode.FEWEST and not reading.extraction.receipt.is_whole:
        mode = Mode.CLEAN  # what was not read must not get a zero
    disputed = {**_misfits(reading.desired, answer), **answer.disputed}
    airings = {p: dates for p, dates in answer.airings.items() if p not in disputed}
    return Rules(
        mode=mode,
        conflict=history.conflict,
        airings=airings,
        disputed=disputed,
        records=recovery.seasons,
        has_every_viewing=history.plays is WhichPlays.ALL,
        written=recovery.written,
        gone={} if history.conflict is Conflict.TRAKT else missing.gone(),
        obscured=find_obscured(reading.desired, *held),
    )


def _misfits(desired: Desired, answer: Answer) -> dict[Place, str]:
    """Name the seasons in which the plays do not fit the catalogue.

    A watched episode that the catalogue lacks, left out or not, says that the two
    number differently.
    """
    misfits: dict[Place, str] = {}
    aside = sorted(desired.keys_aside() - desired.watched.keys(), key=str)
    for key in (*desired.watched, *aside):
        if key.season is None or key.episode is None:
            continue
        place = key.place
        if place in answer.airings and key.episode not in answer.airings[place]:
            name = f"S{key.season:02d}E{key.episode:02d}"
            misfits[place] = f"{name} was watched and is not in the catalogue"
    return misfits

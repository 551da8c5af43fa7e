"""What stands from run to run: the histories of all titles, and the watermark.

Both move together, and only once everything that was read is in its place.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sync.domain.delta import diff
from sync.domain.desired import NO_ANSWER
from sync.domain.histories import SeasonFacts, TitleHistory
from sync.domain.plan import Fate
from sync.domain.plays import title_key
from sync.domain.watermark import Watermark
from sync.ledger.fact_names import ENTRIES, STALE, WATERMARK, recall_profile
from sync.pipeline.prune import find_stale

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sync.config import Settings
    from sync.domain.plan import SeasonNote
    from sync.domain.plays import Key, Play
    from sync.ledger import Ledger
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.result import Report
    from sync.pipeline.services import Services


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A profile that was settled before: its id, and up to where."""

    profile: str
    mark: Watermark


async def recall_checkpoint(settings: Settings, ledger: Ledger) -> Checkpoint | None:
    """Return the profile that the settings name, if an earlier run settled it."""
    profile = await recall_profile(ledger, settings.discovr.profile)
    if profile and (fact := await ledger.get_fact(profile, WATERMARK)):
        return Checkpoint(profile, Watermark.from_fact(fact))
    return None


async def forget_watermark(ledger: Ledger, profile: str, at: datetime) -> None:
    """Have the next run read both sides whole; what is stale stays known."""
    if fact := await ledger.get_fact(profile, WATERMARK):
        await ledger.put_fact(profile, STALE, fact["stale"], at)
    await ledger.delete_fact(profile, WATERMARK)


async def compare_with_known(services: Services, prepared: Prepared) -> Prepared:
    """Add what changed against the last settled run, where both sides were read."""
    ledger, profile = services.ledger, prepared.profile
    known = {title_key(h.title): h for h in await ledger.histories(profile)}
    if not known:
        return prepared
    plays = [play for history in known.values() for play in history.plays]
    delta = diff(plays, prepared.extraction.plays)
    fact = await ledger.get_fact(profile, WATERMARK)
    before = fact["stale"] if fact else await ledger.get_fact(profile, STALE) or ()
    stale = await find_stale(ledger, profile, prepared.whole, known, delta, before)
    return replace(prepared, known=known, stale=stale)


async def advance(services: Services, report: Report) -> None:
    """Move the watermark to what was read; call it only when all of it is settled."""
    prepared = report.prepared
    extraction, unmatched = prepared.whole.extraction, prepared.whole.desired.unmatched
    is_open = any(left.reason == NO_ANSWER for left in unmatched)
    if is_open or not extraction.receipt.is_whole:
        return
    ledger, profile, now = services.ledger, prepared.profile, services.clock.now()
    if prepared.since and prepared.is_unchanged:
        await ledger.put_fact(
            profile, WATERMARK, prepared.since.checked(now).to_fact(), now
        )
        return
    stale = set() if prepared.is_pruned else {k.media for k in prepared.stale.keys}
    facts: dict[str, Any] = {STALE: sorted(stale)}
    entries = {ENTRIES: {"count": report.entries, "at": now.isoformat()}}
    if extraction.stamps is not None and extraction.read_at is not None:
        mark = Watermark(
            at=extraction.read_at,
            checked_at=now,
            reconciled_at=prepared.since.reconciled_at if prepared.since else now,
            stamps=extraction.stamps,
            kinds={play.title.kind for play in extraction.plays},
            steering=steering(services.settings),
            ids=await services.resolver.stamp(),
            stale=stale,
            entries=report.entries,
        )
        facts = {WATERMARK: mark.to_fact()}
    histories = _histories(report)
    changed = [h for key, h in histories.items() if h != prepared.known.get(key)]
    gone = prepared.known.keys() - histories.keys()
    await ledger.put_histories(profile, changed, facts | entries, now, gone=gone)
    if WATERMARK not in facts:
        await ledger.delete_fact(profile, WATERMARK)


def steering(settings: Settings) -> str:
    """Digest what decides, beside the two sides, what is written."""
    history = settings.history
    parts = (
        history.collapse,
        history.conflict,
        history.plays,
        history.playback,
        settings.tmdb.api_key is not None,
    )
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]


def _histories(report: Report) -> dict[str, TitleHistory]:
    """Bring the histories up to date with what was read, planned and written."""
    prepared = report.prepared
    desired = prepared.whole.desired
    plays: defaultdict[str, list[Play]] = defaultdict(list)
    # By identity: titles are shared, and there are far fewer of them than plays.
    keys: dict[int, str] = {}
    for play in prepared.whole.extraction.plays:
        title = play.title
        key = keys.get(id(title)) or keys.setdefault(id(title), title_key(title))
        plays[key].append(play)
    fates: defaultdict[str, dict[Key, Fate]] = defaultdict(dict)
    for where, fate in prepared.plan.fates.items():
        fates[where.media][where] = fate
    for operation in report.failed:
        for where, _ in operation.viewings:
            if where in fates[where.media]:
                fates[where.media][where] = Fate.FAILED
    seasons: defaultdict[str, list[SeasonFacts]] = defaultdict(list)
    for note in prepared.plan.seasons:
        seasons[note.season.media].append(_facts(note, prepared))
    histories = {}
    for key, of_title in plays.items():
        media = desired.media[key]
        before = prepared.known.get(key)
        history = TitleHistory(of_title[0].title, media, _in_order(of_title))
        if media:
            old = before if before and before.media == media else None
            history = replace(
                history,
                fates=_merge_fates(old, fates[media], desired.watched),
                seasons=_merge_seasons(old, seasons[media]),
            )
        histories[key] = history
    return histories


def _in_order(plays: Collection[Play]) -> tuple[Play, ...]:
    return tuple(sorted(plays, key=lambda p: (p.watched_at, p.id or 0)))


def _facts(note: SeasonNote, prepared: Prepared) -> SeasonFacts:
    episodes = frozenset(prepared.rules.airings.get(note.season, ()))
    return SeasonFacts(note.number, note.reason, note.saved, episodes)


def _merge_fates(
    old: TitleHistory | None,
    new: Mapping[Key, Fate],
    watched: Collection[Key],
) -> dict[Key, Fate]:
    kept = old.fates if old else {}
    return {key: fate for key, fate in kept.items() if key in watched} | dict(new)


def _merge_seasons(
    old: TitleHistory | None, new: Collection[SeasonFacts]
) -> tuple[SeasonFacts, ...]:
    by_number = {s.number: s for s in (old.seasons if old else ())}
    for facts in new:
        by_number[facts.number] = facts
    return tuple(by_number[number] for number in sorted(by_number))

"""What stands from run to run: the histories of all titles, and the watermark.

Both move together, and only once everything that was read is in its place.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sync.documents.left_out import UnmatchedDocument
from sync.domain.balance import Balance
from sync.domain.desired import NO_ANSWER
from sync.domain.histories import TitleHistory
from sync.domain.plan import Fate
from sync.domain.plays import Key, title_key
from sync.domain.sources import UNKNOWN
from sync.domain.watermark import Watermark
from sync.ledger.fact_names import (
    BALANCE,
    ENTRIES,
    LACKED,
    LACKED_TITLES,
    LEFT,
    LEFT_OUT,
    MOVE,
    STALE,
    UNDOING,
    WATERMARK,
    recall_profile,
)
from sync.pipeline.prepared import Held, Kept
from sync.pipeline.result import balance_fact, to_balance
from sync.runtime.late import late
from sync.runtime.version import program_version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from sync.config import Settings
    from sync.domain.desired import Desired
    from sync.domain.plan import SeasonNote
    from sync.domain.plays import Play
    from sync.domain.sums import Sums
    from sync.ledger import Ledger
    from sync.pipeline.holdings import Holding
    from sync.pipeline.prepared import Prepared, Reading
    from sync.pipeline.result import Report
    from sync.pipeline.services import Services

if TYPE_CHECKING:
    from sync.domain.histories import SeasonFacts, merge_histories
    from sync.pipeline.holdings import find_holding, login_fact
    from sync.pipeline.names import recall_noted
    from sync.pipeline.prune import find_stale
    from sync.pipeline.sums import sum_up
    from sync.pipeline.unreadable import gather
else:
    # What a run that finds nothing new never uses.
    SeasonFacts, merge_histories = late(
        "sync.domain.histories", "SeasonFacts", "merge_histories"
    )
    find_holding, login_fact = late(
        "sync.pipeline.holdings", "find_holding", "login_fact"
    )
    (recall_noted,) = late("sync.pipeline.names", "recall_noted")
    (find_stale,) = late("sync.pipeline.prune", "find_stale")
    (sum_up,) = late("sync.pipeline.sums", "sum_up")
    (gather,) = late("sync.pipeline.unreadable", "gather")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A profile that was settled before: its id, up to where, and what was noted."""

    profile: str
    mark: Watermark
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)


async def recall_checkpoint(settings: Settings, ledger: Ledger) -> Checkpoint | None:
    """Return the profile that the settings name, if an earlier run settled it."""
    profile = await recall_profile(ledger, settings.discovr.profile)
    noted = (WATERMARK, LEFT_OUT, BALANCE, MOVE, UNDOING)
    facts = await ledger.get_facts(profile, noted) if profile else {}
    if profile and (fact := facts.get(WATERMARK)):
        return Checkpoint(profile, Watermark.from_fact(fact), facts)
    return None


async def forget_watermark(ledger: Ledger, profile: str, at: datetime) -> None:
    """Have the next run read both sides whole; what is stale stays known."""
    await ledger.delete_fact(profile, LEFT)
    if fact := await ledger.get_fact(profile, WATERMARK):
        await ledger.put_fact(profile, STALE, fact["stale"], at)
    await ledger.delete_fact(profile, WATERMARK)


async def recall_held(services: Services, profile: str, reading: Reading) -> Held:
    """Return whose plays they are, and what there is that cannot be read."""
    extraction, now = reading.extraction, services.clock.now()
    holding = await find_holding(services, profile, extraction, reading.desired)
    unreadable = await gather(services.ledger, profile, holding, extraction, now)
    return Held(holding, unreadable)


async def compare_with_known(
    services: Services, prepared: Prepared, holding: Holding
) -> Prepared:
    """Add what changed against all that is known."""
    ledger, profile = services.ledger, prepared.profile
    stale = await find_stale(
        ledger,
        profile,
        prepared.whole,
        holding,
        prepared.unreadable,
        await recall_lacked(ledger, profile),
    )
    return replace(
        prepared,
        known=holding.known,
        stale=stale,
        noted=await recall_noted(ledger, profile),
    )


async def recall_lacked(ledger: Ledger, profile: str) -> list[Key]:
    """Return the keys of which an earlier run saw that their source lacks them."""
    return [Key(*parts) for parts in await ledger.get_fact(profile, LACKED) or ()]


def recall_kept(checkpoint: Checkpoint) -> Kept:
    """Return what the last settled run noted of all that is known."""
    facts = checkpoint.facts
    nothing = UnmatchedDocument(unmatched=(), unsupported=(), quarantined=())
    left_out, total = facts.get(LEFT_OUT), facts.get(BALANCE)
    balance = to_balance(total) if total else Balance()
    move = facts.get(MOVE)
    return Kept(
        UnmatchedDocument.model_validate(left_out) if left_out else nothing,
        balance,
        to_balance(move) if move else balance,
    )


async def advance(services: Services, report: Report) -> None:
    """Move the watermark to what was read; call it only when all of it is settled."""
    prepared, holding = report.prepared, report.prepared.holding
    ledger, profile, now = services.ledger, prepared.profile, services.clock.now()
    if prepared.since and prepared.is_unchanged:
        await ledger.put_fact(
            profile, WATERMARK, prepared.since.checked(now).to_fact(), now
        )
        return
    extraction, unmatched = prepared.whole.extraction, prepared.whole.desired.unmatched
    is_open = any(left.reason == NO_ANSWER for left in unmatched)
    if (
        is_open
        or not extraction.receipt.is_whole
        or holding is None
        or report.is_unread
    ):
        return
    stale = () if prepared.is_pruned else prepared.stale.keys
    titles = sorted({key.media for key in stale})
    facts: dict[str, Any] = {
        LACKED: [list(key) for key in (*stale, *prepared.stale.waiting)],
        BALANCE: balance_fact(report.balance()[0]),
        ENTRIES: {"count": report.entries, "at": now.isoformat()},
        STALE: titles,
        **login_fact(services, holding.record.id),
    }
    if lacked := prepared.stale.titles:
        facts[LACKED_TITLES] = {m: [t.key, t.label] for m, t in lacked.items()}
    if holding.can_lack and (mark := await _mark(services, report, holding, titles)):
        facts[WATERMARK] = mark.to_fact()
    histories = _with_unread(histories_of(report), holding)
    sums = sum_up(services.source, report, histories)
    gone = holding.stored.keys() - histories.keys()
    await ledger.put_histories(
        profile,
        _changed(histories, sums, holding),
        facts,
        now,
        gone=gone,
        source=holding.record,
        parts=holding.parts,
        unplaced=holding.set_apart,
        unplaced_source=UNKNOWN,
        sums=sums,
    )
    if WATERMARK not in facts:
        await ledger.delete_fact(profile, WATERMARK)


def _changed(
    histories: Mapping[str, TitleHistory], sums: Mapping[str, Sums], holding: Holding
) -> list[TitleHistory]:
    """Return the titles that are not kept as they are, with what they come to."""
    return [
        history
        for key, history in histories.items()
        if history != holding.stored.get(key) or sums.get(key) != holding.sums.get(key)
    ]


def _with_unread(
    histories: dict[str, TitleHistory], holding: Holding
) -> dict[str, TitleHistory]:
    """Add what the source held before, where the reading cannot tell that it went."""
    if not holding.can_lack:
        for key, history in holding.known.items():
            new = histories.get(key)
            histories[key] = merge_histories(history, new) if new else history
    return histories


async def _mark(
    services: Services, report: Report, holding: Holding, stale: Collection[str]
) -> Watermark | None:
    """Return up to where all is settled; None where the source has no stamps."""
    prepared, extraction = report.prepared, report.prepared.whole.extraction
    if extraction.stamps is None or extraction.read_at is None:
        return None
    now = services.clock.now()
    return Watermark(
        at=extraction.read_at,
        checked_at=now,
        reconciled_at=prepared.since.reconciled_at if prepared.since else now,
        stamps=extraction.stamps,
        kinds={p.title.kind for p in extraction.plays} | prepared.rest.kinds,
        steering=steering(services.settings),
        ids=await services.resolver.stamp(),
        skipped=await services.resolver.skip_stamp(),
        stale=stale,
        entries=report.entries,
        source=holding.record.id,
        reader=program_version() if prepared.unreadable.rows else "",
        gaps=extraction.gaps,
    )


def steering(settings: Settings) -> str:
    """Digest what decides, beside the two sides, what is written."""
    history = settings.history
    parts = (
        history.collapse,
        history.conflict,
        history.plays,
        history.playback,
        settings.tmdb.api_key is not None,
        # Last, and only where one is set: older ledgers know of no filter.
        *filter(None, [history.filter.digest]),
    )
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]


def histories_of(
    report: Report, only: Collection[str] | None = None
) -> dict[str, TitleHistory]:
    """Bring the histories up to date with what was read, planned and written.

    ``only`` names the titles that are asked for, by ``title_key``; None: all of them.
    """
    prepared = report.prepared
    desired = prepared.whole.desired
    plays = _by_title(prepared.whole.extraction.plays, only)
    fates: defaultdict[str, dict[Key, Fate]] = defaultdict(dict)
    for where, fate in prepared.plan.fates.items():
        fates[where.media][where] = fate
    older = _older(report)
    for operation in report.failed:
        for where, at in operation.viewings:
            if where in older and at in older[where]:
                older[where][at] = Fate.FAILED
            elif where in fates[where.media]:
                fates[where.media][where] = Fate.FAILED
    seasons: defaultdict[str, list[SeasonFacts]] = defaultdict(list)
    for note in prepared.plan.seasons:
        seasons[note.season.media].append(_facts(note, prepared))
    histories = {}
    for key, of_title in plays.items():
        before = prepared.known.get(key)
        media = _media(key, desired, before)
        history = TitleHistory(of_title[0].title, media, _in_order(of_title))
        is_planned = media in fates or media in seasons
        if before and not is_planned and _is_same(before, history):
            histories[key] = _with_left_out(before, desired)
            continue
        if media:
            old = before if before and before.media == media else None
            history = replace(
                history,
                fates=_merge_fates(old, fates[media], desired.watched),
                seasons=_merge_seasons(old, seasons[media]),
                older=_merge_older(old, fates[media], older, desired.watched),
            )
        histories[key] = _with_left_out(history, desired)
    return histories


def _by_title(
    all_plays: Iterable[Play], only: Collection[str] | None
) -> Mapping[str, list[Play]]:
    plays: defaultdict[str, list[Play]] = defaultdict(list)
    # By identity: titles are shared, and there are far fewer of them than plays.
    keys: dict[int, str] = {}
    for play in all_plays:
        title = play.title
        key = keys.get(id(title)) or keys.setdefault(id(title), title_key(title))
        if only is None or key in only:
            plays[key].append(play)
    return plays


def _media(key: str, desired: Desired, before: TitleHistory | None) -> str | None:
    """Return the id of a title; one that is left out is not looked up, and keeps it."""
    media = desired.media[key]
    return before.media if media is None and before and key in desired.aside else media


def _with_left_out(history: TitleHistory, desired: Desired) -> TitleHistory:
    """Note which films and episodes are left out with all of their plays."""
    media = history.media or ""
    aside = desired.aside.get(title_key(history.title), ())
    # A difference of sets would look at all that was watched, for each title anew.
    keys = [key for p in aside if (key := Key(media, *p)) not in desired.watched]
    if all(history.fates.get(key) is Fate.LEFT_OUT for key in keys):
        return history
    fates = {**history.fates, **dict.fromkeys(keys, Fate.LEFT_OUT)}
    return replace(history, fates=fates)


def _is_same(before: TitleHistory, now: TitleHistory) -> bool:
    return (before.title, before.media, before.plays) == (
        now.title,
        now.media,
        now.plays,
    )


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


def _older(report: Report) -> dict[Key, dict[datetime, Fate]]:
    """Return what became of each viewing beside the latest; the written are there."""
    there = {Fate.WRITTEN: Fate.ALREADY_THERE}
    return {
        key: {at: there.get(fate, fate) for at, fate in times.items()}
        for key, times in report.prepared.plan.older.items()
        if times
    }


def _merge_older(
    old: TitleHistory | None,
    new: Mapping[Key, Fate],
    older: Mapping[Key, Mapping[datetime, Fate]],
    watched: Collection[Key],
) -> dict[Key, Mapping[datetime, Fate]]:
    """Keep what is not told by the fate of the latest viewing."""
    there = (Fate.ALREADY_THERE, Fate.WRITTEN)
    kept = old.older if old else {}
    return {k: of for k, of in kept.items() if k in watched and k not in new} | {
        key: older[key]
        for key, fate in new.items()
        if key in older
        if fate is Fate.KEPT
        or not {*older[key].values()} <= {fate, *(there if fate in there else ())}
    }


def _merge_seasons(
    old: TitleHistory | None, new: Collection[SeasonFacts]
) -> tuple[SeasonFacts, ...]:
    by_number = {s.number: s for s in (old.seasons if old else ())}
    for facts in new:
        by_number[facts.number] = facts
    return tuple(by_number[number] for number in sorted(by_number))

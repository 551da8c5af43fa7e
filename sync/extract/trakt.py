"""Reads a whole Trakt history over the API, and proves that it is whole.

Trakt pages by number without a snapshot, its counts are hints, and the order of equal
times changes between calls. So the upper bound is pinned, repeats are dropped by id,
the change stamps are read before and after, and the plays are counted per film and
episode against the minimal lists.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from connectors.errors import ContractError, RejectedError, TransientError
from connectors.trakt.client import PAGE_LIMIT
from connectors.trakt.times import AHEAD
from sync.domain.origin import TRAKT
from sync.extract.pages import (
    MOST_PAST,
    MinimalCounts,
    PageCollector,
    PageReader,
)
from sync.extract.records import PlayMapper, read_resume_points
from sync.ports import Extraction, Receipt
from sync.runtime.concurrency import run_all
from sync.runtime.late import late

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from connectors.clock import Clock
    from connectors.trakt.client import TraktClient
    from connectors.trakt.models import LastActivities
    from sync.domain.plays import Kind, Play
    from sync.domain.resume import ResumePoint
    from sync.domain.watermark import Gaps, Stamps
    from sync.extract.pages import OnPage, Take
    from sync.ports import Quarantined

if TYPE_CHECKING:
    from connectors.trakt.extras import ExtrasClient
    from sync.extract.changes import Changes
    from sync.extract.listed import Minimal, compare, fingerprint_of
    from sync.extract.unreadable import Shelf, reread
else:
    # What a run that finds nothing new never uses.
    (ExtrasClient,) = late("connectors.trakt.extras", "ExtrasClient")
    (Changes,) = late("sync.extract.changes", "Changes")
    Minimal, compare, fingerprint_of = late(
        "sync.extract.listed", "Minimal", "compare", "fingerprint_of"
    )
    Shelf, reread = late("sync.extract.unreadable", "Shelf", "reread")


#: Page sizes of the readings. Another size cuts the list at other places, so that what
#: slipped through between two pages of one reading lies inside a page of the next.
WALK_LIMITS = (PAGE_LIMIT, 239, 211, 197)
#: How many states of a changing account are read before giving up.
MOST_STATES = 3

_CHANGING = "The account kept changing while it was read."
_UNPROVED = "Trakt did not send its minimal lists, which prove that nothing is missing."
_UNSTABLE = "Every reading brought plays that the readings before had not seen."
_EMPTY = (
    "Trakt's minimal list of {} came empty, though there are plays of {}, so it proves "
    "nothing."
)
_SURPLUS = "{} plays are in the history that Trakt's minimal lists do not count."


class TraktSource:
    """The Source that reads the signed-in account."""

    name, label = TRAKT.name, TRAKT.label

    def __init__(self, client: TraktClient, *, concurrency: int, clock: Clock) -> None:
        self._client = client
        self._concurrency = concurrency
        self._clock = clock
        self._told_at: datetime | None = None
        self._take: Take | None = None
        #: What ``stamps`` read and no reading has begun with yet.
        self._activities: LastActivities | None = None
        #: What ``find_even`` has begun.
        self._changes: Changes | None = None

    def hand_on(self, take: Take) -> None:
        """Give ``take`` the plays of each page, while the others are being read."""
        self._take = take

    async def extract(self, on_page: OnPage) -> Extraction:
        """Read all plays and the proof that they are all; never raises for a gap."""
        requests_before = self._client.http.stats.requests
        before = await self._begin()
        for _ in range(MOST_STATES):
            end_at = self._now
            state = _State(self._client, self._concurrency, on_page, end_at, self._take)
            await state.read()
            after = await self._ask()
            if _watched(before) == _watched(after) and not state.is_proved:
                await state.close_gaps()
                after = await self._ask()
            if _watched(before) == _watched(after):
                break
            before = after
        else:
            state.doubts.append(_CHANGING)
        requests = self._client.http.stats.requests - requests_before
        # Resume points are read after this: what moves them from now on is new.
        return replace(state.extraction(requests), stamps=_stamps(before))

    async def stamps(self) -> Stamps:
        """Read the change stamps: one request."""
        self._changes = None
        self._activities = await self._ask()
        return _stamps(self._activities)

    async def _begin(self) -> LastActivities:
        """Return the stamps to read against; older ones only prove less."""
        activities, self._activities = self._activities, None
        return await self._ask() if activities is None else activities

    async def _ask(self) -> LastActivities:
        """Read the stamps, and note the time by Trakt's clock.

        Where the answer does not tell it, or one that is far from ours, so that either
        is wrong, it is by ours, and at least that of the newest stamp.
        """
        activities, told = await self._client.last_activities()
        now = self._clock.now()
        if told is None or abs(told - now) > AHEAD:
            told = max([now, *filter(None, _moments(activities).values())])
        self._told_at = told
        return activities

    @property
    def _now(self) -> datetime:
        return self._told_at or self._clock.now()

    async def extract_changes(
        self,
        known: Extraction,
        stamps: Stamps,
        moved: Collection[Kind],
        on_page: OnPage,
    ) -> Extraction:
        """Read what changed, and prove by the minimal lists that it is all.

        Call ``stamps`` before. Where that does not prove it, everything is read.
        """
        read_at = self._now
        begun, self._changes = self._changes, None
        changes = begun or self._begin_changes(on_page)
        extraction = await changes.read(known, moved)
        if extraction is None:
            return await self.extract(on_page)
        return replace(extraction, stamps=stamps, read_at=read_at)

    def fingerprint(self, plays: Sequence[Play]) -> str | None:
        """Return what stands for a title in the minimal lists."""
        return fingerprint_of(plays)

    async def find_even(
        self,
        fingerprints: Mapping[str, str],
        read_at: datetime,
        moved: Collection[Kind],
        on_page: OnPage,
    ) -> Collection[str]:
        """Tell by the minimal lists and a window what is as it was.

        Call ``stamps`` before. What is asked here, ``extract_changes`` asks no more.
        """
        self._changes = self._begin_changes(on_page)
        return await self._changes.find_even(fingerprints, read_at, moved)

    def _begin_changes(self, on_page: OnPage) -> Changes:
        return Changes(self._client, self._concurrency, on_page, self._now)

    async def owner(self) -> frozenset[str]:
        """Read whose account it is: one request. Empty where Trakt does not say."""
        with suppress(RejectedError, ContractError, TransientError):
            return await self._client.owner()
        return frozenset()

    def login_mark(self) -> str | None:
        """Return what tells the login in use from any other: no request."""
        return self._client.login_mark()

    def reread(
        self, records: Sequence[Quarantined]
    ) -> tuple[list[Play], list[Quarantined]]:
        """Read records anew from their raw form: no request."""
        return reread(records, PlayMapper(self._now))

    async def resume_points(self) -> tuple[list[ResumePoint], list[Quarantined]]:
        """Read where viewings stopped: one request a page of 250."""
        client = ExtrasClient(self._client.http)
        return await read_resume_points(client, self._now)


class _State:
    """One state of the account: everything between two equal change stamps."""

    def __init__(
        self,
        client: TraktClient,
        concurrency: int,
        on_page: OnPage,
        end_at: datetime,
        take: Take | None,
    ) -> None:
        self._client = client
        self._concurrency = concurrency
        self._on_page = on_page
        self._end_at = end_at
        self._counts: MinimalCounts | None = None
        self._listed: Minimal | None = None
        self._collector = PageCollector(PlayMapper(end_at), take)
        self._walks = 0
        self.doubts: list[str] = []

    @property
    def is_proved(self) -> bool:
        counts, collector = self._counts, self._collector
        if counts is None:
            return False
        return not collector.missing(counts) and not collector.surplus(counts)

    async def read(self) -> None:
        """PageReader the announced pages, with the minimal lists read alongside.

        Where the minimal lists then know of no other play, the pages are all there are;
        otherwise the announced count may be too low.
        """
        reader, self._counts = await run_all(
            self._read_pages(PAGE_LIMIT), self._minimal()
        )
        if self._counts is None:
            self.doubts.append(_UNPROVED)
        if not self.is_proved:
            await reader.read_on(until=reader.limit)

    async def close_gaps(self) -> None:
        """Look where plays can hide until nothing is missing or nothing new comes.

        A surplus alone says that the minimal lists lag: one more reading that brings
        nothing new confirms it.
        """
        if self._counts is None:
            return
        await self._read_beyond_the_bound()
        for limit in WALK_LIMITS[1:]:
            if self.is_proved:
                return
            reader = await self._read_pages(limit)
            await reader.read_on(until=1)
            if not reader.new:
                return
        if not self.is_proved:
            self.doubts.append(_UNSTABLE)

    async def _read_pages(self, limit: int) -> PageReader:
        self._walks += 1
        self._collector.start_walk()
        ask = partial(self._client.history_page, end_at=self._end_at)
        reader = PageReader(ask, self._collector, limit, self._on_page)
        await reader.read_announced(self._concurrency)
        return reader

    async def _read_beyond_the_bound(self) -> None:
        """Read the plays dated after the bound: in the future, or this very minute."""
        start_at = self._end_at - timedelta(days=1)
        for number in range(1, MOST_PAST + 1):
            page = await self._client.history_page(number, start_at=start_at)
            if not self._collector.add(page) or number >= (page.page_count or 1):
                return

    async def _minimal(self) -> MinimalCounts | None:
        try:
            films, shows = await run_all(
                self._client.minimal_films(), self._client.minimal_seasons()
            )
        except (RejectedError, ContractError, TransientError):
            return None
        self._listed = Minimal(films, shows)
        return MinimalCounts.from_api(films, shows)

    def extraction(self, requests: int) -> Extraction:
        """Return the plays with the receipt: what proves them whole, or does not."""
        collector, notes = self._collector, []
        missing: list[str] = []
        doubts = [*self.doubts]
        if self._counts is not None:
            lost = collector.missing(self._counts)
            missing = collector.describe(lost, self._counts)
            unlisted = collector.find_unlisted(self._counts)
            doubts += [_EMPTY.format(kind, kind) for kind in unlisted]
            if surplus := collector.surplus(self._counts):
                notes.append(_SURPLUS.format(surplus))
        receipt = Receipt(
            source="Trakt",
            plays=len(collector.plays),
            repeats=collector.repeats,
            pages=collector.pages,
            requests=requests,
            walks=self._walks,
            announced=collector.announced,
            missing=tuple(missing),
            doubts=tuple(doubts),
            notes=tuple(notes),
        )
        plays = list(collector.plays.values())
        quarantined = collector.quarantined()
        gaps = self._gaps(plays, quarantined)
        return Extraction(plays, receipt, quarantined, read_at=self._end_at, gaps=gaps)

    def _gaps(self, plays: Sequence[Play], odd: Sequence[Quarantined]) -> Gaps:
        """Return what later readings need to tell new plays from these records."""
        if self._listed is None or not odd:
            return {}
        shelf = Shelf.of(odd, self._end_at)
        try:
            return compare(self._listed, plays, shelf, {}).gaps
        except OverflowError:  # as in ``Changes.read``: they prove nothing
            return {}


def _stamps(activities: LastActivities) -> dict[str, str | None]:
    moments = _moments(activities)
    return {name: at.isoformat() if at else None for name, at in moments.items()}


def _moments(activities: LastActivities) -> dict[str, datetime | None]:
    """Return the stamps that move with plays, removals included, and with pauses."""
    return {
        f"{group}.{name}": getattr(getattr(activities, group), name)
        for group in ("movies", "episodes")
        for name in ("watched_at", "paused_at")
    }


def _watched(activities: LastActivities) -> tuple[datetime | None, datetime | None]:
    return activities.movies.watched_at, activities.episodes.watched_at

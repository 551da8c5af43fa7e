"""Reads what changed on Trakt since an earlier, proved reading.

A window behind the last reading brings what was watched since then. What was dated
back, left undated, edited or removed shows nowhere but in the minimal lists, which hold
the time of every play: each title on which they differ is read again by itself. Of a
record that cannot be read they cannot always tell which of their times is its own. So
what they held beyond the plays is kept from reading to reading, and may not change
unless such records come or go by just as many.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from connectors.errors import ContractError, RejectedError, TransientError
from connectors.trakt.client import PAGE_LIMIT
from sync.domain.plays import Kind, title_key
from sync.extract.listed import (
    Minimal,
    compare,
    gaps_of,
    item_of_play,
    key_of,
    route_of,
    unnamed,
)
from sync.extract.pages import MinimalCounts, PageCollector, PageReader
from sync.extract.records import PlayMapper
from sync.extract.unreadable import Shelf, is_about
from sync.ports import Extraction, Receipt, told_apart
from sync.runtime.concurrency import run_limited
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Mapping
    from datetime import datetime

    from connectors.trakt.client import TraktClient
    from connectors.trakt.minimal import Seasons
    from sync.domain.plays import Play, Title
    from sync.domain.watermark import Gaps
    from sync.extract.listed import Comparison
    from sync.extract.pages import OnPage
    from sync.ports import Quarantined

#: How far before the last reading the window begins. A bound may exclude its own
#: moment, clocks differ, and an app that was offline hands in late what it saw.
LOOK_BACK = timedelta(days=7)
#: Up to so many titles are read again by themselves even of a small history.
FEWEST_TITLES = 4

_READ_AGAIN = "{} read again: Trakt's minimal lists say that something changed."


class Changes:
    """Brings an earlier reading up to date. Use it once."""

    def __init__(
        self,
        client: TraktClient,
        concurrency: int,
        on_page: OnPage,
        known: Extraction,
    ) -> None:
        self._client = client
        self._concurrency = concurrency
        self._on_page = on_page
        self._known = known
        self._plays: dict[Hashable, Play] = {_identity(p): p for p in known.plays}
        self._has_news = False
        #: What is there and cannot be read counts as known.
        self._odd = _by_identity(known.quarantined)
        self._collectors: list[PageCollector] = []
        self._requests_before = client.http.stats.requests

    async def read(
        self, moved: Collection[Kind], read_at: datetime
    ) -> Extraction | None:
        """Return all plays as of now; None where only a whole reading proves them."""
        mapper = PlayMapper(read_at)
        await self._read_window(mapper)
        minimal = await self._read_minimal(moved)
        if minimal is None:
            return None
        try:
            compared = self._compare(minimal, moved, read_at)
        except OverflowError:  # a time at the end of time, in a zone before UTC
            return None
        is_news = compared.differing or self._has_news
        # It moved, and nothing shows: a play may stand where an odd record stood.
        titles = compared.differing if is_news else compared.doubtful
        if len(titles) > max(FEWEST_TITLES, len(self._plays) // PAGE_LIMIT):
            return None
        if not await self._read_titles(mapper, titles, minimal):
            return None
        self._share_titles()
        if titles:
            compared = self._compare(minimal, moved, read_at)
        gaps = gaps_of(self._known.gaps, {*Kind} - {*moved}) | compared.gaps
        if not self._is_accounted_for(gaps, read_at):
            return None
        return self._extraction(len(titles), gaps)

    async def _read_titles(
        self, mapper: PlayMapper, titles: Collection[str], minimal: Minimal
    ) -> bool:
        """Read them by themselves; return whether the lists prove each of them."""
        collectors: dict[str, PageCollector] = {}

        async def read_title(title: str) -> None:
            collectors[title] = await self._read_pages(mapper, title=title)

        try:
            await run_limited(self._concurrency, read_title, sorted(titles))
        except RejectedError:
            # Trakt merges titles, and the id of one of them leads nowhere any more.
            return False
        for title, collector in collectors.items():
            if not _is_proved(collector, title, minimal):
                return False
            self._replace(title, collector, minimal)
        return True

    async def _read_window(self, mapper: PlayMapper) -> None:
        if self._known.read_at is None:
            return
        start_at = self._known.read_at - LOOK_BACK
        collector = await self._read_pages(mapper, start_at=start_at)
        odd = _by_identity(collector.quarantined())
        is_known = collector.plays.keys() <= self._plays.keys()
        self._has_news = not (is_known and odd.keys() <= self._odd.keys())
        self._take(collector)

    def _take(self, collector: PageCollector) -> None:
        """Take what a reading brought in place of what was known of these records."""
        odd = collector.quarantined()
        for record in odd:
            self._plays.pop(record.history_id, None)
        self._odd |= _by_identity(odd)
        self._plays |= {_identity(p): p for p in collector.plays.values()}
        self._odd = {
            identity: record
            for identity, record in self._odd.items()
            if record.history_id not in self._plays
        }

    async def _read_pages(
        self, mapper: PlayMapper, *, title: str = "", start_at: datetime | None = None
    ) -> PageCollector:
        collector = PageCollector(mapper)
        ask = partial(self._client.history_page, title=title, start_at=start_at)
        reader = PageReader(ask, collector, PAGE_LIMIT, self._on_page)
        await reader.read_announced(self._concurrency)
        await reader.read_on(until=reader.limit)
        self._collectors.append(collector)
        return collector

    async def _read_minimal(self, moved: Collection[Kind]) -> Minimal | None:
        films: Mapping[int, list[datetime]] = {}
        shows: Mapping[int, Seasons] = {}
        try:
            if Kind.FILM in moved:
                films = await self._client.minimal_films()
            if Kind.SHOW in moved:
                shows = await self._client.minimal_seasons()
        except (RejectedError, ContractError, TransientError):
            return None
        return Minimal(films, shows)

    def _compare(
        self, minimal: Minimal, moved: Collection[Kind], read_at: datetime
    ) -> Comparison:
        plays = [p for p in self._plays.values() if p.title.kind in moved]
        shelf = Shelf.of(self._odd.values(), read_at)
        return compare(minimal, plays, shelf, self._known.gaps)

    def _is_accounted_for(self, gaps: Gaps, read_at: datetime) -> bool:
        """Whether the gaps grew or shrank by just the records that may stand for them.

        Otherwise one of them came or went, and nothing tells which.
        """
        known = self._known
        before = Shelf.of(known.quarantined, known.read_at or read_at)
        now = Shelf.of(self._odd.values(), read_at)
        return unnamed(gaps, now) == unnamed(known.gaps, before)

    def _replace(self, title: str, collector: PageCollector, minimal: Minimal) -> None:
        items = minimal.title(title).times
        gone = {i for i, p in self._plays.items() if route_of(p.title) == title}
        self._plays = {i: p for i, p in self._plays.items() if i not in gone}
        key = key_of(title)
        self._odd = {
            i: record
            for i, record in self._odd.items()
            if not is_about(record, key, items) and record.history_id not in gone
        }
        self._take(collector)

    def _share_titles(self) -> None:
        """Give plays read before the title and the numbers as they read now."""
        read = [p for h in self._collectors for p in h.plays.values()]
        fresh = {title_key(play.title): play.title for play in read}
        numbers = {p.episode_id: (p.season, p.episode) for p in read if p.episode_id}
        # By identity: titles are shared, and there are far fewer of them than plays.
        titles: dict[int, Title] = {}
        for identity, play in self._plays.items():
            title = titles.get(id(play.title))
            if title is None:
                title = fresh.get(title_key(play.title), play.title)
                titles[id(play.title)] = title
            here = (play.season, play.episode)
            season, episode = numbers.get(play.episode_id or 0, here)
            is_same = title is play.title or title == play.title
            if not is_same or (season, episode) != here:
                self._plays[identity] = play._replace(
                    title=title, season=season, episode=episode
                )

    def _extraction(self, titles: int, gaps: Gaps) -> Extraction:
        words = count(titles, "title was", "titles were")
        receipt = Receipt(
            source="Trakt",
            plays=len(self._plays),
            pages=sum(collector.pages for collector in self._collectors),
            requests=self._client.http.stats.requests - self._requests_before,
            walks=len(self._collectors),
            notes=(_READ_AGAIN.format(words),) if titles else (),
        )
        odd = list(self._odd.values())
        return Extraction(list(self._plays.values()), receipt, odd, gaps=gaps)


def _by_identity(records: Iterable[Quarantined]) -> dict[str, Quarantined]:
    return {record.identity: record for record in told_apart(records)}


def _is_proved(collector: PageCollector, title: str, minimal: Minimal) -> bool:
    """Whether a title holds just as many plays of each item as the lists count."""
    counts = MinimalCounts()
    for item, times in minimal.title(title).times.items():
        counts.plays[item] = len(times)
    return not collector.missing(counts) and not collector.surplus(counts)


def _identity(play: Play) -> Hashable:
    return play.id or (item_of_play(play), play.watched_at)

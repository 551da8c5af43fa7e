"""Reads what changed on Trakt since an earlier, proved reading.

A window behind the last reading brings what was watched since then. What was dated
back, left undated, edited or removed shows nowhere but in the minimal lists, which hold
the time of every play: each title on which they differ is read again by itself. Of a
record that cannot be read they cannot always tell which of their times is its own. So
what they held beyond the plays is kept from reading to reading, and may not change
unless such records come or go by just as many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    route_by,
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


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What Trakt was asked first: a window behind the last reading, and its lists.

    ``minimal`` is None where Trakt did not send them. The titles that are ``even`` are
    as they were, by their routes; their plays need not be known.
    """

    window: PageCollector | None
    minimal: Minimal | None
    even: Collection[str] = ()


class Changes:
    """Brings an earlier reading up to date. Use it once."""

    def __init__(
        self,
        client: TraktClient,
        concurrency: int,
        on_page: OnPage,
        read_at: datetime,
    ) -> None:
        self._client = client
        self._concurrency = concurrency
        self._on_page = on_page
        self._read_at = read_at
        self._mapper = PlayMapper(read_at)
        self._known = Extraction((), Receipt("", 0))
        self._plays: dict[Hashable, Play] = {}
        self._has_news = False
        self._odd: dict[str, Quarantined] = {}
        self._looked: FirstLook | None = None
        self._collectors: list[PageCollector] = []
        self._requests_before = client.http.stats.requests

    async def find_even(
        self,
        fingerprints: Mapping[str, str],
        since: datetime,
        moved: Collection[Kind],
    ) -> Collection[str]:
        """Return the titles of which nothing changed, by ``title_key``.

        They are listed as they were known, or are of a kind that did not move, and not
        in the window. Nobody can tell where something cannot be read.
        """
        look = await self._look(since, moved)
        window, minimal = look.window, look.minimal
        if minimal is None or (window and window.quarantined()):
            return ()
        names = [str(kind) for kind in {*Kind} - {*moved}]
        even = {key for key in fingerprints if key.partition(":")[0] in names}
        try:
            even |= {
                key
                for route, listed in minimal.titles()
                for key in [key_of(route)]
                if key in fingerprints and listed.fingerprint == fingerprints[key]
            }
        except OverflowError:  # as in ``read``
            return ()
        if window:
            even -= {title_key(play.title) for play in window.plays.values()}
        self._looked = replace(look, even={route_by(key) for key in even})
        return even

    async def _look(self, since: datetime | None, moved: Collection[Kind]) -> FirstLook:
        """Ask what changed; once, whoever wants to know."""
        if self._looked is None:
            window = None
            if since is not None:
                start_at = since - LOOK_BACK
                window = await self._read_pages(self._mapper, start_at=start_at)
            self._looked = FirstLook(window, await self._read_minimal(moved))
        return self._looked

    async def read(
        self, known: Extraction, moved: Collection[Kind]
    ) -> Extraction | None:
        """Return all plays as of now; None where only a whole reading proves them.

        Of the titles that were found to be even no plays are known, and none returned.
        """
        self._known, mapper = known, self._mapper
        self._plays = {_identity(p): p for p in known.plays}
        #: What is there and cannot be read counts as known.
        self._odd = _by_identity(known.quarantined)
        look = await self._look(known.read_at, moved)
        self._take_window(look.window)
        minimal = look.minimal
        if minimal is None:
            return None
        try:
            compared = self._compare(look, minimal, moved)
        except OverflowError:  # a time at the end of time, in a zone before UTC
            return None
        is_news = compared.differing or self._has_news
        # It moved, and nothing shows: a play may stand where an odd record stood.
        titles = compared.differing if is_news else compared.doubtful
        plays = len(self._plays) + known.beside
        if len(titles) > max(FEWEST_TITLES, plays // PAGE_LIMIT):
            return None
        if not await self._read_titles(mapper, titles, minimal):
            return None
        self._share_titles()
        if titles:
            compared = self._compare(look, minimal, moved)
        gaps = gaps_of(self._known.gaps, {*Kind} - {*moved}) | compared.gaps
        if not self._is_accounted_for(gaps):
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

    def _take_window(self, collector: PageCollector | None) -> None:
        if collector is None:
            return
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
        self, look: FirstLook, minimal: Minimal, moved: Collection[Kind]
    ) -> Comparison:
        plays = [p for p in self._plays.values() if p.title.kind in moved]
        shelf = Shelf.of(self._odd.values(), self._read_at)
        return compare(minimal, plays, shelf, self._known.gaps, look.even)

    def _is_accounted_for(self, gaps: Gaps) -> bool:
        """Whether the gaps grew or shrank by just the records that may stand for them.

        Otherwise one of them came or went, and nothing tells which.
        """
        known, read_at = self._known, self._read_at
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
            plays=len(self._plays) + self._known.beside,
            pages=sum(collector.pages for collector in self._collectors),
            requests=self._client.http.stats.requests - self._requests_before,
            walks=len(self._collectors),
            notes=(_READ_AGAIN.format(words),) if titles else (),
        )
        odd = list(self._odd.values())
        return Extraction(
            list(self._plays.values()),
            receipt,
            odd,
            gaps=gaps,
            beside=self._known.beside,
        )


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

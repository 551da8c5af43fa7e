"""Reads what changed on Trakt since an earlier, proved reading.

A window behind the last reading brings what was watched since then. What was dated
back, left undated, edited or removed shows nowhere but in the minimal lists, which hold
the time of every play: each title on which they differ is read again by itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from connectors.errors import ContractError, RejectedError, TransientError
from connectors.trakt.client import PAGE_LIMIT
from sync.domain.plays import Kind, title_key, to_minute
from sync.extract.pages import MinimalCounts, PageCollector, PageReader
from sync.extract.records import PlayMapper
from sync.ports import Extraction, Receipt
from sync.runtime.concurrency import run_limited

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable
    from datetime import datetime

    from connectors.trakt.client import TraktClient
    from sync.domain.plays import Play, Title
    from sync.extract.pages import Item, OnPage

#: How far before the last reading the window begins. A bound may exclude its own
#: moment, clocks differ, and an app that was offline hands in late what it saw.
LOOK_BACK = timedelta(days=7)
#: Up to so many titles are read again by themselves even of a small history.
FEWEST_TITLES = 4

_ROUTES = {Kind.FILM: "movies", Kind.SHOW: "shows"}
_TITLES_READ = "{} titles were read again: Trakt's minimal lists say that they changed."


@dataclass(slots=True)
class _Minimal:
    """The minimal lists of the kinds that moved: times by item, and item by title."""

    times: dict[Item, list[datetime]] = field(default_factory=dict)
    titles: dict[Item, str] = field(default_factory=dict)

    def put(self, item: Item, title: str, times: Iterable[datetime]) -> None:
        self.times[item] = sorted(map(to_minute, times))
        self.titles[item] = title


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
        self._collectors: list[PageCollector] = []
        self._requests_before = client.http.stats.requests

    async def read(
        self, moved: Collection[Kind], read_at: datetime
    ) -> Extraction | None:
        """Return all plays as of now; None where only a whole walk can prove them."""
        mapper = PlayMapper(read_at)
        await self._read_window(mapper)
        minimal = await self._read_minimal(moved)
        if minimal is None:
            return None
        titles = self._differing(minimal, moved)
        if len(titles) > max(FEWEST_TITLES, len(self._plays) // PAGE_LIMIT):
            return None
        collectors: dict[str, PageCollector] = {}

        async def read_title(title: str) -> None:
            collectors[title] = await self._walk(mapper, title=title)

        try:
            await run_limited(self._concurrency, read_title, sorted(titles))
        except RejectedError:
            # Trakt merges titles, and the id of one of them leads nowhere any more.
            return None
        for title, collector in collectors.items():
            if not _is_proved(collector, title, minimal):
                return None
            self._replace(title, collector)
        self._share_titles()
        return self._extraction(len(titles))

    async def _read_window(self, mapper: PlayMapper) -> None:
        if self._known.read_at is None:
            return
        start_at = self._known.read_at - LOOK_BACK
        collector = await self._walk(mapper, start_at=start_at)
        self._plays |= {_identity(p): p for p in collector.plays.values()}

    async def _walk(
        self, mapper: PlayMapper, *, title: str = "", start_at: datetime | None = None
    ) -> PageCollector:
        collector = PageCollector(mapper)
        ask = partial(self._client.history_page, title=title, start_at=start_at)
        walk = PageReader(ask, collector, PAGE_LIMIT, self._on_page)
        await walk.read_announced(self._concurrency)
        await walk.read_on(until=walk.limit)
        self._collectors.append(collector)
        return collector

    async def _read_minimal(self, moved: Collection[Kind]) -> _Minimal | None:
        minimal = _Minimal()
        try:
            if Kind.FILM in moved:
                for film, times in (await self._client.minimal_films()).items():
                    minimal.put(("movie", film), f"movies/{film}", times)
            if Kind.SHOW in moved:
                for show, episodes in (await self._client.minimal_shows()).items():
                    for episode, times in episodes.items():
                        minimal.put(("episode", episode), f"shows/{show}", times)
        except (RejectedError, ContractError, TransientError, OverflowError):
            return None  # the last: a time at the end of time, in a zone before UTC
        return minimal

    def _differing(self, minimal: _Minimal, moved: Collection[Kind]) -> set[str]:
        """Name the titles of which the lists tell other times than the plays."""
        times: defaultdict[Item, list[datetime]] = defaultdict(list)
        titles: defaultdict[Item, set[str]] = defaultdict(set)
        for play in self._plays.values():
            if play.title.kind in moved:
                item = _item(play)
                times[item].append(play.watched_at)
                titles[item].add(_route(play.title))
        for item, title in minimal.titles.items():
            titles[item].add(title)
        return {
            title
            for item, of_item in titles.items()
            if sorted(times[item]) != minimal.times.get(item, [])
            for title in of_item
        }

    def _replace(self, title: str, collector: PageCollector) -> None:
        self._plays = {i: p for i, p in self._plays.items() if _route(p.title) != title}
        self._plays |= {_identity(p): p for p in collector.plays.values()}

    def _share_titles(self) -> None:
        """Give plays read before the title as it reads now."""
        fresh = {
            title_key(play.title): play.title
            for play in chain.from_iterable(h.plays.values() for h in self._collectors)
        }
        for identity, play in self._plays.items():
            title = fresh.get(title_key(play.title), play.title)
            if title != play.title:
                self._plays[identity] = play._replace(title=title)

    def _extraction(self, titles: int) -> Extraction:
        receipt = Receipt(
            source="Trakt",
            plays=len(self._plays),
            pages=sum(collector.pages for collector in self._collectors),
            requests=self._client.http.stats.requests - self._requests_before,
            walks=len(self._collectors),
            notes=(_TITLES_READ.format(titles),) if titles else (),
        )
        quarantined = [q for h in self._collectors for q in h.quarantined()]
        return Extraction(list(self._plays.values()), receipt, quarantined)


def _is_proved(collector: PageCollector, title: str, minimal: _Minimal) -> bool:
    """Whether a title holds just as many plays of each item as the lists count."""
    counts = MinimalCounts()
    for item, times in minimal.times.items():
        if minimal.titles[item] == title:
            counts.plays[item] = len(times)
    return not collector.missing(counts) and not collector.surplus(counts)


def _identity(play: Play) -> Hashable:
    return play.id or (_item(play), play.watched_at)


def _item(play: Play) -> Item:
    # Every record of the API has the id; one without belongs to no item of the lists.
    if play.title.kind is Kind.SHOW:
        return ("episode", play.episode_id or 0)
    return ("movie", play.title.ids.trakt or 0)


def _route(title: Title) -> str:
    return f"{_ROUTES[title.kind]}/{title.ids.trakt or 0}"

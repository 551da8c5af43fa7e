"""Reads what changed on Trakt since an earlier, proved reading.

A window behind the last reading brings what was watched since then. What was dated
back, left undated, edited or removed shows nowhere but in the minimal lists, which hold
the time of every play: each title on which they differ is read again by itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from connectors.errors import ContractError, RejectedError, TransientError
from connectors.trakt.client import PAGE_LIMIT
from sync.domain.plays import Kind, title_key, to_minute
from sync.extract.pages import MinimalCounts, PageCollector, PageReader
from sync.extract.records import PlayMapper
from sync.extract.unreadable import Shelf, is_about
from sync.ports import Extraction, Receipt, told_apart
from sync.runtime.concurrency import run_limited

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Mapping
    from datetime import datetime

    from connectors.trakt.client import TraktClient
    from sync.domain.plays import Play, Title
    from sync.extract.pages import OnPage
    from sync.extract.unreadable import Item
    from sync.ports import Quarantined

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
    #: The number of the season that an episode is in, where the lists tell it.
    seasons: dict[Item, int] = field(default_factory=dict)

    def put_show(
        self,
        title: str,
        seasons: Mapping[int | None, Mapping[int, Iterable[datetime]]],
    ) -> None:
        times: defaultdict[int, list[datetime]] = defaultdict(list)
        for number, episodes in seasons.items():
            for episode, of_episode in episodes.items():
                times[episode] += of_episode
                if number is not None:
                    self.seasons["episode", episode] = number
        for episode, of_episode in times.items():
            self.put(("episode", episode), title, of_episode)

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
        titles = self._differing(minimal, moved, read_at)
        if len(titles) > max(FEWEST_TITLES, len(self._plays) // PAGE_LIMIT):
            return None
        collectors: dict[str, PageCollector] = {}

        async def read_title(title: str) -> None:
            collectors[title] = await self._read_pages(mapper, title=title)

        try:
            await run_limited(self._concurrency, read_title, sorted(titles))
        except RejectedError:
            # Trakt merges titles, and the id of one of them leads nowhere any more.
            return None
        for title, collector in collectors.items():
            if not _is_proved(collector, title, minimal):
                return None
            self._replace(title, collector, minimal)
        self._share_titles()
        return self._extraction(len(titles))

    async def _read_window(self, mapper: PlayMapper) -> None:
        if self._known.read_at is None:
            return
        start_at = self._known.read_at - LOOK_BACK
        self._take(await self._read_pages(mapper, start_at=start_at))

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

    async def _read_minimal(self, moved: Collection[Kind]) -> _Minimal | None:
        minimal = _Minimal()
        try:
            if Kind.FILM in moved:
                for film, times in (await self._client.minimal_films()).items():
                    minimal.put(("movie", film), f"movies/{film}", times)
            if Kind.SHOW in moved:
                for show, seasons in (await self._client.minimal_seasons()).items():
                    minimal.put_show(f"shows/{show}", seasons)
        except (RejectedError, ContractError, TransientError, OverflowError):
            return None  # the last: a time at the end of time, in a zone before UTC
        return minimal

    def _differing(
        self, minimal: _Minimal, moved: Collection[Kind], read_at: datetime
    ) -> set[str]:
        """Name the titles of which the lists tell other times or seasons than known.

        A record that cannot be read stands for its time, or for any where not even
        that is legible; one without a film or episode for one of any.
        """
        times: defaultdict[Item, list[datetime]] = defaultdict(list)
        titles: defaultdict[Item, set[str]] = defaultdict(set)
        differing: set[Item] = set()
        for play in self._plays.values():
            if play.title.kind in moved:
                item = _item(play)
                times[item].append(play.watched_at)
                titles[item].add(_route(play.title))
                if play.season != minimal.seasons.get(item, play.season):
                    differing.add(item)
        shelf = Shelf.of(self._odd.values(), read_at)
        for item, title in minimal.titles.items():
            titles[item].add(title)
        gaps: dict[Item, list[datetime]] = {}
        for item in titles:
            known = sorted(times[item])
            listed = minimal.times.get(item, [])
            if known == listed and item not in shelf.times:
                continue
            rest = _less(listed, known)
            if rest is not None:
                rest = _explain(rest, shelf.times.get(item, []))
            if rest is None:
                differing.add(item)
            elif rest:
                gaps[item] = rest
        differing |= _unexplained(gaps, shelf.nameless)
        return {title for item in differing for title in titles[item]}

    def _replace(self, title: str, collector: PageCollector, minimal: _Minimal) -> None:
        items = [item for item, named in minimal.titles.items() if named == title]
        gone = {i for i, p in self._plays.items() if _route(p.title) == title}
        self._plays = {i: p for i, p in self._plays.items() if i not in gone}
        key = _key(title)
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
        for identity, play in self._plays.items():
            title = fresh.get(title_key(play.title), play.title)
            here = (play.season, play.episode)
            season, episode = numbers.get(play.episode_id or 0, here)
            if title != play.title or (season, episode) != here:
                self._plays[identity] = play._replace(
                    title=title, season=season, episode=episode
                )

    def _extraction(self, titles: int) -> Extraction:
        receipt = Receipt(
            source="Trakt",
            plays=len(self._plays),
            pages=sum(collector.pages for collector in self._collectors),
            requests=self._client.http.stats.requests - self._requests_before,
            walks=len(self._collectors),
            notes=(_TITLES_READ.format(titles),) if titles else (),
        )
        odd = list(self._odd.values())
        return Extraction(list(self._plays.values()), receipt, odd)


def _by_identity(records: Iterable[Quarantined]) -> dict[str, Quarantined]:
    return {record.identity: record for record in told_apart(records)}


def _less(listed: list[datetime], known: list[datetime]) -> list[datetime] | None:
    """Return the listed times that are not known; None if one known is not listed."""
    rest = Counter(listed)
    rest.subtract(known)
    return None if any(n < 0 for n in rest.values()) else sorted(rest.elements())


def _explain(
    rest: list[datetime], odd: Iterable[datetime | None]
) -> list[datetime] | None:
    """Return the times that unreadable records do not stand for.

    None where one of these records is not listed any more.
    """
    left, anywhere = list(rest), 0
    for at in odd:
        if at is None:
            anywhere += 1
        elif at in left:
            left.remove(at)
        else:
            return None
    return left[anywhere:] if anywhere <= len(left) else None


def _unexplained(
    gaps: Mapping[Item, list[datetime]], nameless: Iterable[datetime | None]
) -> set[Item]:
    """Name the items with times that no record without an item stands for."""
    left = {item: list(times) for item, times in gaps.items()}
    anywhere = 0
    for at in nameless:
        found = next((times for times in left.values() if at in times), None)
        if at is None or found is None:
            anywhere += at is None
        else:
            found.remove(at)
    is_explained = sum(map(len, left.values())) <= anywhere
    return set() if is_explained else {item for item, times in left.items() if times}


def _key(title: str) -> str:
    """Return the ``title_key`` of a title by its route."""
    route, _, number = title.partition("/")
    kind = next(kind for kind, named in _ROUTES.items() if named == route)
    return f"{kind}:{number}"


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

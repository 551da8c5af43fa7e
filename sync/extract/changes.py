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
    from collections.abc import (
        Collection,
        Hashable,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from datetime import datetime

    from connectors.trakt.client import TraktClient
    from connectors.trakt.minimal import Seasons
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


@dataclass(frozen=True, slots=True)
class _Listed:
    """What the minimal lists hold of one title: times by item, oldest first.

    ``seasons`` has the number of the season that an episode is in, where they tell it.
    """

    times: dict[Item, list[datetime]] = field(default_factory=dict)
    seasons: dict[Item, int] = field(default_factory=dict)

    @classmethod
    def of_show(cls, seasons: Seasons) -> _Listed:
        times: defaultdict[Item, list[datetime]] = defaultdict(list)
        numbers: dict[Item, int] = {}
        for number, episodes in seasons.items():
            for episode, of_episode in episodes.items():
                times["episode", episode] += map(to_minute, of_episode)
                if number is not None:
                    numbers["episode", episode] = number
        for of_item in times.values():
            of_item.sort()
        return cls(dict(times), numbers)

    @classmethod
    def of_film(cls, film: int, times: Iterable[datetime]) -> _Listed:
        return cls({("movie", film): sorted(map(to_minute, times))})


@dataclass(frozen=True, slots=True)
class _Minimal:
    """The minimal lists of the kinds that moved, looked at title by title."""

    films: Mapping[int, list[datetime]]
    shows: Mapping[int, Seasons]

    def titles(self) -> Iterator[tuple[str, _Listed]]:
        """Yield every title by its route."""
        for film, times in self.films.items():
            yield f"movies/{film}", _Listed.of_film(film, times)
        for show, seasons in self.shows.items():
            yield f"shows/{show}", _Listed.of_show(seasons)

    def title(self, route: str) -> _Listed:
        """Return one title; nothing of one that they do not hold."""
        kind, _, number = route.partition("/")
        if kind == _ROUTES[Kind.FILM]:
            return _Listed.of_film(int(number), self.films.get(int(number), ()))
        return _Listed.of_show(self.shows.get(int(number), {}))


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
        try:
            titles = self._differing(minimal, moved, read_at)
        except OverflowError:  # a time at the end of time, in a zone before UTC
            return None
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
        films: Mapping[int, list[datetime]] = {}
        shows: Mapping[int, Seasons] = {}
        try:
            if Kind.FILM in moved:
                films = await self._client.minimal_films()
            if Kind.SHOW in moved:
                shows = await self._client.minimal_seasons()
        except (RejectedError, ContractError, TransientError):
            return None
        return _Minimal(films, shows)

    def _differing(
        self, minimal: _Minimal, moved: Collection[Kind], read_at: datetime
    ) -> set[str]:
        """Name the titles of which the lists tell other times or seasons than known.

        A record that cannot be read stands for its time, or for any where not even
        that is legible; one without a film or episode for one of any.
        """
        shelf = Shelf.of(self._odd.values(), read_at)
        left = _Left()
        known: defaultdict[str, list[Play]] = defaultdict(list)
        for play in self._plays.values():
            if play.title.kind in moved:
                known[_route(play.title)].append(play)
        for title, listed in minimal.titles():
            plays = known.pop(title, [])
            if not _is_even(plays, listed, shelf):
                left.add(title, plays, listed)
        for title, plays in known.items():
            left.add(title, plays, _Listed())
        return left.differing(shelf)

    def _replace(self, title: str, collector: PageCollector, minimal: _Minimal) -> None:
        items = minimal.title(title).times
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


class _Left:
    """Titles of which not all is as it is listed, item by item.

    An item may be known of one title and listed under another.
    """

    def __init__(self) -> None:
        self._known: defaultdict[Item, list[datetime]] = defaultdict(list)
        self._listed: dict[Item, list[datetime]] = {}
        self._titles: defaultdict[Item, set[str]] = defaultdict(set)
        self._seasons: dict[Item, int] = {}
        self._plays: list[Play] = []

    def add(self, title: str, plays: Sequence[Play], listed: _Listed) -> None:
        for play in plays:
            self._known[_item(play)].append(play.watched_at)
            self._titles[_item(play)].add(title)
        self._plays += plays
        for item, times in listed.times.items():
            self._listed[item] = times
            self._titles[item].add(title)
        self._seasons |= listed.seasons

    def differing(self, shelf: Shelf) -> set[str]:
        """Name the titles that the records which cannot be read do not explain."""
        seasons = self._seasons
        differing = {
            item
            for play in self._plays
            for item in [_item(play)]
            if play.season != seasons.get(item, play.season)
        }
        gaps: dict[Item, list[datetime]] = {}
        for item in self._titles:
            known, listed = sorted(self._known[item]), self._listed.get(item, [])
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
        return {title for item in differing for title in self._titles[item]}


def _is_even(plays: Iterable[Play], listed: _Listed, shelf: Shelf) -> bool:
    """Whether all that is known of a title is listed, and all that is listed known."""
    known: dict[Item, list[datetime]] = {}
    for play in plays:
        item = _item(play)
        if play.season != listed.seasons.get(item, play.season):
            return False
        known.setdefault(item, []).append(play.watched_at)
    for times in known.values():
        times.sort()
    return known == listed.times and known.keys().isdisjoint(shelf.times)


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
    for item, times in minimal.title(title).times.items():
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

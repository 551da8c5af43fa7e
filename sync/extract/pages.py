"""The plays of one state of a Trakt account, and what speaks for their being all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from connectors.errors import ContractError
from connectors.trakt.set_aside import describe_item
from sync.domain.plays import Kind
from sync.extract.records import UnusableRecordError
from sync.runtime.concurrency import run_limited
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import (
        Awaitable,
        Callable,
        Hashable,
        Iterable,
        Mapping,
        Sequence,
    )
    from datetime import datetime

    from connectors.trakt.client import HistoryPage
    from connectors.trakt.minimal import Seasons
    from connectors.trakt.sense import HistoryRecord
    from connectors.trakt.set_aside import BadRecord
    from sync.domain.plays import Play
    from sync.extract.records import PlayMapper
    from sync.extract.unreadable import Item
    from sync.ports import Quarantined

    OnPage = Callable[[int, int], None]
    Take = Callable[[list[Play]], None]

_WORDS = {"movie": "films", "episode": "episodes"}
#: No account has so many plays, unreadable ones included.
MOST_PLAYS = 500_000
#: What 300,000 plays keep of the texts that come is some 10 MB; unreadable, 150 MB.
MOST_HELD = 256_000_000
#: A play takes some 500 bytes of a page: of all that there can be there is room.
MOST_OF_A_READING = 600_000_000
#: So many pages past the announced count, Trakt's own client gives up as well.
MOST_PAST = 100
#: An announced count can be too high: so many pages in a row with nothing new tell it.
MOST_IDLE = 10


@dataclass(slots=True)
class MinimalCounts:
    """Plays per film and per episode by the minimal lists (``extended=min``)."""

    plays: Counter[Item] = field(default_factory=Counter)
    show_of: dict[int, int] = field(default_factory=dict)

    @classmethod
    def from_api(
        cls,
        films: Mapping[int, list[datetime]],
        shows: Mapping[int, Seasons],
    ) -> MinimalCounts:
        """Count what the two lists hold."""
        plays: dict[Item, int] = {("movie", film): len(t) for film, t in films.items()}
        show_of: dict[int, int] = {}
        for show, seasons in shows.items():
            for episodes in seasons.values():
                show_of |= dict.fromkeys(episodes, show)
                for episode, times in episodes.items():
                    item = ("episode", episode)
                    plays[item] = plays.get(item, 0) + len(times)
        return cls(Counter(plays), show_of)


@dataclass(slots=True)
class PageCollector:
    """What all readings of one state brought, each play once.

    Records that cannot become plays count as delivered: they are set aside by name, and
    must not look like plays that Trakt withheld. ``take`` gets the new plays of each
    page at once.
    """

    mapper: PlayMapper
    take: Take | None = None
    plays: dict[Hashable, Play] = field(default_factory=dict)
    set_aside: dict[Hashable, Quarantined] = field(default_factory=dict)
    bad: dict[str, Quarantined] = field(default_factory=dict)
    #: How often each of those is there, and how many records have no id of a film or
    #: episode that can be read.
    met: Counter[str] = field(default_factory=Counter)
    nameless: int = 0
    repeats: int = 0
    pages: int = 0
    announced: int | None = None
    delivered: Counter[Item] = field(default_factory=Counter)
    seen_in_walk: set[Hashable] = field(default_factory=set)

    def start_walk(self) -> None:
        """Begin to count repeats anew."""
        self.seen_in_walk.clear()

    def add(self, page: HistoryPage) -> int:
        """Take a page in; return how many of its plays were new.

        Raises ContractError for more than any account can have.
        """
        self.pages += 1
        if len(self.plays) + len(self.set_aside) + len(self.bad) > MOST_PLAYS:
            raise _endless(f"more than {count(MOST_PLAYS, 'play')}")
        if self.mapper.held > MOST_HELD:
            raise _endless("plays that are longer than there can be")
        if page.bad:
            self._add_bad(page.bad)
        before = len(self.plays)
        new = self._add(page.items)
        if self.take is not None:
            added = len(self.plays) - before
            self.take(list(islice(reversed(self.plays.values()), added)))
        return new

    def _add_bad(self, records: Sequence[BadRecord]) -> None:
        """Take in what fits no model.

        Two that are word for word the same are two on one page; on two pages they may
        be one that came twice.
        """
        same: dict[str, list[BadRecord]] = {}
        for bad in records:
            same.setdefault(str(bad.history_id or bad.identity), []).append(bad)
        self.seen_in_walk.update(same)
        for identity, (bad, *others) in same.items():
            number = 1 if bad.history_id else 1 + len(others)
            more = max(number - self.met[identity], 0)
            if identity not in self.bad:
                self.bad[identity] = self.mapper.set_aside(bad)
            self.met[identity] += more
            if bad.kind and bad.trakt_id:
                self.delivered[bad.kind, bad.trakt_id] += more
            else:
                self.nameless += more

    def _add(self, items: Iterable[HistoryRecord]) -> int:
        plays, seen, play = self.plays, self.seen_in_walk, self.mapper.play
        new: list[Item | None] = []
        for item in items:
            thing = _item(item)
            # Every play of the API has an id; should one lack it, its minute stands in,
            # and where not even the film or episode has an id, all that it says.
            identity: Hashable = item.id or (
                (thing, item.watched_at) if thing else describe_item(item, "").identity
            )
            if identity in plays or identity in self.set_aside:
                self.repeats += identity in seen
                seen.add(identity)
                continue
            seen.add(identity)
            new.append(thing)
            try:
                plays[identity] = play(item)
            except UnusableRecordError as error:
                self.set_aside[identity] = self.mapper.set_aside(
                    describe_item(item, str(error))
                )
        self.delivered.update(filter(None, new))
        self.nameless += new.count(None)
        return len(new)

    def missing(self, counts: MinimalCounts) -> Counter[Item]:
        """Count the plays that the minimal lists know and no page delivered.

        Records of which not even the id was legible may be any of them, so that many
        are forgiven.
        """
        if self._is_even(counts):
            return Counter()
        missing = counts.plays - self.delivered
        return Counter() if missing.total() <= self.nameless else missing

    def surplus(self, counts: MinimalCounts) -> int:
        """Count the plays that pages delivered and the minimal lists do not know."""
        if self._is_even(counts):
            return 0
        return (self.delivered - counts.plays).total()

    def find_unlisted(self, counts: MinimalCounts) -> list[str]:
        """Name the kinds of which plays came and the minimal list knows none."""
        listed = {kind for (kind, _), plays in counts.plays.items() if plays}
        here = {kind for (kind, _), plays in self.delivered.items() if plays}
        return [_WORDS[kind] for kind in sorted(here - listed)]

    def quarantined(self) -> list[Quarantined]:
        """Return every record that became no play, with the reason."""
        found = [*self.set_aside.values()]
        for identity, bad in self.bad.items():
            found += [bad] * self.met[identity]
        # One that was mended between two walks was read in the end.
        return [record for record in found if record.history_id not in self.plays]

    def describe(self, missing: Counter[Item], counts: MinimalCounts) -> list[str]:
        """Name what is missing, by title where another play tells it."""
        if not missing:
            return []
        names = {}
        for play in self.plays.values():
            kind = "movie" if play.title.kind is Kind.FILM else "show"
            names[kind, play.title.ids.trakt] = play.title.label
        totals: Counter[str] = Counter()
        for (kind, number), plays in missing.items():
            owner = (kind, number)
            if kind == "episode":
                owner = ("show", counts.show_of.get(number, 0))
            totals[names.get(owner, f"{owner[0]} with Trakt id {owner[1]}")] += plays
        return [
            f"{name}: {count(plays, 'play')}" for name, plays in sorted(totals.items())
        ]

    def _is_even(self, counts: MinimalCounts) -> bool:
        # A Counter's own comparison takes a step in Python for each of its items.
        return dict.__eq__(self.delivered, counts.plays)


def _endless(what: str) -> ContractError:
    return ContractError(f"Trakt sends {what}, and no end.", service="Trakt")


def _item(item: HistoryRecord) -> Item | None:
    if item.episode is not None and item.type in ("episode", None):
        return ("episode", item.episode.ids.trakt) if item.episode.ids.trakt else None
    if item.movie is not None:
        return ("movie", item.movie.ids.trakt) if item.movie.ids.trakt else None
    return None


class PageReader:
    """One reading of all pages, with one page size.

    ``ask(page, limit)`` gets one of them.
    """

    def __init__(
        self,
        ask: Callable[[int, int], Awaitable[HistoryPage]],
        collector: PageCollector,
        limit: int,
        on_page: OnPage,
    ) -> None:
        self._ask = ask
        self._collector = collector
        self._on_page = on_page
        self._announced = 1
        self._most = MOST_PAST
        self._sizes: dict[int, int] = {}
        self._left = MOST_OF_A_READING
        #: Pages in a row that brought nothing new to this reading.
        self._idle = 0
        self.limit = limit
        #: Plays that no reading before had brought.
        self.new = 0

    async def read_announced(self, concurrency: int) -> None:
        """Read the first page, which announces the others, and then those."""
        page = await self._read(1)
        self._collector.announced = page.item_count
        # A limit that is too large is lowered without a word.
        self.limit = min(self.limit, page.limit or self.limit)
        self._announced = page.page_count or 1
        self._most = self._announced + MOST_PAST if page.page_count else MOST_PLAYS
        numbers = range(2, self._announced + 1)
        going_on = takewhile(lambda _: not self._is_over(), numbers)
        await run_limited(concurrency, self._read, going_on)
        self._announced = max(self._sizes)

    async def read_on(self, *, until: int) -> None:
        """Read past the announced count until a page has fewer records than that.

        The page after the last is read in any case when even an empty one would do. A
        page with nothing new ends it too: a service that sends pages for ever has no
        end to wait for.
        """
        number = self._announced
        is_going_on = self._sizes[number] >= until or until == 1
        while is_going_on and not self._is_over() and number < self._most:
            number += 1
            page = await self._read(number)
            is_going_on = page.size >= until and not self._idle

    async def _read(self, number: int) -> HistoryPage:
        page = await self._ask(number, self.limit)
        self._left -= page.weight
        if self._left < 0:
            raise _endless("pages that are longer than there can be")
        before = len(self._collector.seen_in_walk)
        self.new += self._collector.add(page)
        is_idle = len(self._collector.seen_in_walk) == before
        self._idle = self._idle + 1 if is_idle else 0
        self._sizes[number] = page.size
        done = len(self._sizes)
        self._on_page(done, max(done, self._announced))
        return page

    def _is_over(self) -> bool:
        return self._idle >= MOST_IDLE

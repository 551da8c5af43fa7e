"""What Trakt's minimal lists hold, title by title, beside what is known of it.

They hold the time of every play, also of one whose record cannot be read.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.domain.plays import Kind, to_minute

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from connectors.trakt.minimal import Seasons
    from sync.domain.plays import Play, Title
    from sync.domain.watermark import Gaps
    from sync.extract.unreadable import Item, Shelf

#: Bytes of what stands for the plays of a title.
_FINGERPRINT_SIZE = 12
_ROUTES = {Kind.FILM: "movies", Kind.SHOW: "shows"}
_ITEMS = {Kind.FILM: "movie", Kind.SHOW: "episode"}


@dataclass(frozen=True, slots=True)
class Listed:
    """What the minimal lists hold of one title: times by item, oldest first.

    ``seasons`` has the number of the season that an episode is in, where they tell it.
    """

    times: dict[Item, list[datetime]] = field(default_factory=dict)
    seasons: dict[Item, int] = field(default_factory=dict)

    @classmethod
    def of_show(cls, seasons: Seasons) -> Listed:
        """Return what they hold of a show."""
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
    def of_film(cls, film: int, times: Iterable[datetime]) -> Listed:
        """Return what they hold of a film."""
        return cls({("movie", film): sorted(map(to_minute, times))})

    @property
    def fingerprint(self) -> str:
        """What stands for it; see ``fingerprint_of``."""
        return _fingerprint(self.times, self.seasons)


def fingerprint_of(plays: Iterable[Play]) -> str | None:
    """Return what stands for all that the lists hold of a title with these plays.

    Where theirs is the same, nothing of it changed. None where they cannot tell: of a
    film or an episode without Trakt's id, or of an episode in two seasons.
    """
    times: defaultdict[Item, list[datetime]] = defaultdict(list)
    seasons: dict[Item, int] = {}
    for play in plays:
        item = item_of_play(play)
        if play.season is not None and seasons.setdefault(item, play.season) != (
            play.season
        ):
            return None
        times[item].append(play.watched_at)
    if not all(number for _, number in times):
        return None
    for of_item in times.values():
        of_item.sort()
    return _fingerprint(times, seasons)


def _fingerprint(
    times: Mapping[Item, Iterable[datetime]], seasons: Mapping[Item, int]
) -> str:
    numbers: list[int | str] = []
    for item in sorted(times):
        minutes = [int(at.timestamp()) // 60 for at in times[item]]
        numbers += [*item, seasons.get(item, ""), len(minutes), *minutes]
    text = " ".join(map(str, numbers))
    return hashlib.blake2b(text.encode(), digest_size=_FINGERPRINT_SIZE).hexdigest()


@dataclass(frozen=True, slots=True)
class Minimal:
    """The minimal lists, or those of the kinds that moved, looked at title by title."""

    films: Mapping[int, list[datetime]]
    shows: Mapping[int, Seasons]

    def titles(self, but: Collection[str] = ()) -> Iterator[tuple[str, Listed]]:
        """Yield every title by its route, those left out that are not to be read."""
        for film, times in self.films.items():
            if (route := f"movies/{film}") not in but:
                yield route, Listed.of_film(film, times)
        for show in self.shows:
            if (route := f"shows/{show}") not in but:
                yield route, Listed.of_show(self.shows[show])

    def title(self, route: str) -> Listed:
        """Return one title; nothing of one that they do not hold."""
        kind, _, number = route.partition("/")
        if kind == _ROUTES[Kind.FILM]:
            return Listed.of_film(int(number), self.films.get(int(number), ()))
        return Listed.of_show(self.shows.get(int(number), {}))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the lists tell against what is known.

    ``gaps`` are the times that are listed, and of which neither a play is known nor a
    record that names film or episode and time. What they are cannot be told: so one
    that was not there before is news, however many records without a name there are.
    One at the very minute of a record that went is not told from it: ``doubtful`` are
    the titles where that may be.
    """

    differing: set[str]
    doubtful: set[str]
    gaps: dict[str, Sequence[str]]


def compare(
    minimal: Minimal,
    plays: Iterable[Play],
    shelf: Shelf,
    before: Gaps,
    even: Collection[str] = (),
) -> Comparison:
    """Name the titles of which they tell other times or seasons than known.

    ``plays`` are of the kinds that were listed; ``before`` are the gaps of the last
    reading that was proved. The titles that are known to be ``even`` are not looked at,
    by their routes.
    """
    left = _Left()
    known: defaultdict[str, list[Play]] = defaultdict(list)
    for play in plays:
        known[route_of(play.title)].append(play)
    for title, listed in minimal.titles(even):
        of_title = known.pop(title, [])
        if not _is_even(of_title, listed, shelf):
            left.add(title, of_title, listed)
    for title, of_title in known.items():
        left.add(title, of_title, Listed())
    return left.compare(shelf, before)


def gaps_of(gaps: Gaps, kinds: Iterable[Kind]) -> dict[str, Sequence[str]]:
    """Return those of these kinds."""
    names = {_ITEMS[kind] for kind in kinds}
    return {item: at for item, at in gaps.items() if item.partition(" ")[0] in names}


def unnamed(gaps: Gaps, shelf: Shelf) -> int:
    """Count the gaps that no record stands for; below 0, the records without a gap."""
    return sum(map(len, gaps.values())) - shelf.vague


def key_of(title: str) -> str:
    """Return the ``title_key`` of a title by its route."""
    route, _, number = title.partition("/")
    kind = next(kind for kind, named in _ROUTES.items() if named == route)
    return f"{kind}:{number}"


def route_by(key: str) -> str:
    """Return the route of a title with Trakt's id by its ``title_key``."""
    kind, _, number = key.partition(":")
    return f"{_ROUTES[Kind(kind)]}/{number}"


def route_of(title: Title) -> str:
    """Return the route by which the plays of a title are read."""
    return f"{_ROUTES[title.kind]}/{title.ids.trakt or 0}"


def item_of_play(play: Play) -> Item:
    """Return what the lists count it under."""
    # Every record of the API has the id; one without belongs to no item of the lists.
    if play.title.kind is Kind.SHOW:
        return ("episode", play.episode_id or 0)
    return ("movie", play.title.ids.trakt or 0)


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

    def add(self, title: str, plays: Sequence[Play], listed: Listed) -> None:
        for play in plays:
            self._known[item_of_play(play)].append(play.watched_at)
            self._titles[item_of_play(play)].add(title)
        self._plays += plays
        for item, times in listed.times.items():
            self._listed[item] = times
            self._titles[item].add(title)
        self._seasons |= listed.seasons

    def compare(self, shelf: Shelf, before: Gaps) -> Comparison:
        seasons = self._seasons
        differing = {
            item
            for play in self._plays
            for item in [item_of_play(play)]
            if play.season != seasons.get(item, play.season)
        }
        doubtful: set[Item] = set()
        gaps: dict[str, Sequence[str]] = {}
        for item in self._titles:
            named = [at for at in shelf.times.get(item, ()) if at]
            rest = Counter(self._listed.get(item, ()))
            rest.subtract([*self._known[item], *named])
            name = " ".join(map(str, item))
            gap = [at.isoformat() for at in sorted((+rest).elements())]
            if gap:
                gaps[name] = gap
            if gap or item in shelf.times:
                doubtful.add(item)
            if min(rest.values(), default=0) < 0 or gap != list(before.get(name, ())):
                differing.add(item)
        return Comparison(self._of(differing), self._of(doubtful), gaps)

    def _of(self, items: Iterable[Item]) -> set[str]:
        return {title for item in items for title in self._titles[item]}


def _is_even(plays: Iterable[Play], listed: Listed, shelf: Shelf) -> bool:
    """Whether all that is known of a title is listed, and all that is listed known."""
    known: dict[Item, list[datetime]] = {}
    for play in plays:
        item = item_of_play(play)
        if play.season != listed.seasons.get(item, play.season):
            return False
        known.setdefault(item, []).append(play.watched_at)
    for times in known.values():
        times.sort()
    return known == listed.times and known.keys().isdisjoint(shelf.times)

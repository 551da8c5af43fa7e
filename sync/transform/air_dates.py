"""Which episodes a season has and when they aired, from TMDB or from Trakt.

One catalogue is enough, and where there are two, TMDB is the one. Why that keeps the
laws: Discovr numbers episodes as TMDB does, so an entry for an episode stands for
TMDB's episode of that number, whatever Trakt means by it. Where every watched number is
in TMDB's season, a default over it stands for what surely aired before its time among
exactly those numbers; it is only written where each of them was watched, or has an
entry of its own. So it says what the single entries would have said, and no more: 1
and 2 hold, however Trakt numbers the season, and fewer writes there are not (7). A
watched number that TMDB lacks keeps the season apart. A date that TMDB lacks is lacking
for the client too, which reads TMDB: Trakt's would cover nothing there, so it is never
filled in. Only where TMDB gave no answer does Trakt stand in for it, with its wider
margins.

What can still go wrong is growth: an episode that aired before the default, and that
TMDB does not list yet, would be covered once it does. So while a season may grow, Trakt
is asked as well, and where the two do not list the same episodes, it stays apart. What
neither knows yet is noticed later (``overreach`` in sync/domain/collapse.py).

Answers are kept in the ledger: of a season long if it has ended, a day if it has not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from connectors.errors import (
    ContractError,
    NotFoundError,
    RejectedError,
    TransientError,
)
from sync.domain.plays import Place
from sync.ledger.records import CachedShow
from sync.runtime.concurrency import run_all
from sync.transform.listings import (
    SETTLED_AFTER,
    ShowDates,
    TmdbListing,
    is_settled,
    last_aired,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from connectors.clock import Clock
    from sync.domain.plays import Title
    from sync.domain.seasons import Airings
    from sync.transform.listings import Dates, Listing

#: Seasons by the show they belong to.
Wanted = dict[str, set[int]]

ABSENT = "TMDB has no such season, so Discovr may not show it"
SHARED = "several titles share its TMDB id, and are not told the same of its episodes"

AGE_RUNNING = timedelta(days=1)
AGE_ENDED = timedelta(days=30)
#: Shows that are asked for at once.
CONCURRENCY = 8
#: After so many shows in a row without an answer the catalogue is taken to be down.
MOST_FAULTS = 8
#: Answers are kept in groups, so that a run that is stopped has not paid in vain.
_KEPT_AT_ONCE = 50
_NOTHING = ShowDates({})


@dataclass(slots=True)
class Answer:
    """Air dates by season; ``disputed`` seasons must not be collapsed, and why."""

    airings: dict[Place, Airings] = field(default_factory=dict)
    disputed: dict[Place, str] = field(default_factory=dict)


class ShowStore(Protocol):
    """Where the answers are kept."""

    async def get_shows(
        self, source: str, ids: Sequence[int]
    ) -> Mapping[int, CachedShow]:
        """Return what was kept of these shows, however old it is."""

    async def put_shows(self, source: str, cached: Mapping[int, CachedShow]) -> None:
        """Keep what a catalogue said of several shows."""


@dataclass(frozen=True, slots=True)
class Question:
    """Seasons by show; the titles of the shows; and the latest watch of each season.

    A default may be dated then, so an older answer could lack an episode that it would
    cover.
    """

    wanted: Wanted
    titles: Mapping[str, Title]
    since: Mapping[Place, datetime]

    def about(self, wanted: Wanted, titles: Mapping[str, Title]) -> Question:
        """Return the same question about other seasons and titles."""
        return Question(wanted, titles, self.since)

    def since_of(self, media: str, season: int) -> datetime | None:
        """Return the latest watch of a season; None: it was not watched."""
        return self.since.get(Place(media, season))


class Catalogue:
    """Asks the listings in order of trust: each about what the ones before left open.

    All answers of one run are remembered, so that nothing is asked for twice.
    """

    def __init__(
        self, listings: Iterable[Listing], store: ShowStore, clock: Clock
    ) -> None:
        self._listings = tuple(listings)
        self._store = store
        self._clock = clock
        self._slots = {
            listing.name: asyncio.Semaphore(CONCURRENCY) for listing in self._listings
        }
        #: What was asked in this run, by listing and its number; None: no answer.
        self._asked: dict[tuple[str, int], ShowDates | None] = {}
        self._unkept: dict[str, dict[int, CachedShow]] = {}
        self._faults: Counter[str] = Counter()

    @property
    def is_empty(self) -> bool:
        """Whether there is no catalogue to ask."""
        return not self._listings

    def open_overflow(self) -> None:
        """Let the listings use what was kept back for the reading of the history."""
        for listing in self._listings:
            listing.open_overflow()

    async def ask_ahead(self, question: Question) -> None:
        """Ask for shows while more is still being read; ``look_up`` then knows them."""
        for listing in self._listings:
            if not question.wanted:
                return
            shows = await self._answers(listing, question)
            # Whether a season of an ended show is late may look different in the end.
            running = {m: d for m, d in shows.items() if not d.has_ended}
            wanted = {
                media: numbers
                for media, numbers in question.wanted.items()
                if media in running or media not in shows
            }
            question = question.about(wanted, question.titles)
            rest = _left_open(listing, question, running, {})
            question = question.about(rest, question.titles)

    async def look_up(
        self,
        question: Question,
        on_show: Callable[[int, int], None],
        *,
        sharing: Mapping[str, Sequence[Title]] | None = None,
    ) -> Answer:
        """Return what is known of the seasons; unknown ones are left out.

        The first listing that gives an answer dates a season. Where a second one is
        asked and numbers its episodes differently, the season is disputed; so it is
        where of the titles ``sharing`` one id each is told something else.
        """
        self.open_overflow()
        answer, open_ = Answer(), question
        for listing in self._listings:
            shows = await self._answers(listing, open_, on_show)
            for media, dates in shows.items():
                for number in open_.wanted[media] & dates.seasons.keys():
                    place, known = Place(media, number), dates.seasons[number]
                    _merge(answer, place, known, listing)
                    if not known and listing.name == TmdbListing.name:
                        answer.disputed[place] = ABSENT
            await self._compare_sharing(listing, open_, shows, sharing or {}, answer)
            rest = _left_open(listing, open_, shows, sharing or {})
            open_ = question.about(rest, question.titles)
        await self.keep()
        for place in answer.disputed:
            answer.airings.pop(place, None)
        return answer

    async def find_absent(self, question: Question) -> dict[Place, str]:
        """Name the seasons that TMDB does not have; Trakt is not asked for them."""
        found: dict[Place, str] = {}
        for listing in self._listings:
            if listing.name != TmdbListing.name:
                continue
            shows = await self._answers(listing, question)
            for media, dates in shows.items():
                for number in question.wanted[media]:
                    if dates.seasons.get(number) == {}:
                        found[Place(media, number)] = ABSENT
        await self.keep()
        return found

    async def keep(self) -> None:
        """Keep what was answered since the last time, for later runs."""
        for name, shows in [*self._unkept.items()]:
            self._unkept[name] = {}
            if shows:
                await self._store.put_shows(name, shows)

    async def _compare_sharing(
        self,
        listing: Listing,
        question: Question,
        shows: Mapping[str, ShowDates],
        sharing: Mapping[str, Sequence[Title]],
        answer: Answer,
    ) -> None:
        """Dispute the seasons of which titles that share an id are told otherwise."""
        for titles in _rounds(listing, question, sharing):
            wanted = {media: question.wanted[media] for media in titles}
            again = await self._answers(listing, question.about(wanted, titles))
            for media in titles:
                one = shows.get(media, _NOTHING).seasons
                other = again.get(media, _NOTHING).seasons
                for number in wanted[media]:
                    if one.get(number) != other.get(number):
                        answer.disputed[Place(media, number)] = SHARED

    async def _answers(
        self,
        listing: Listing,
        question: Question,
        on_show: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> dict[str, ShowDates]:
        """Return what a listing says of shows; those without an answer are left out."""
        numbers = _numbers(listing, question)
        known = await self._recall(listing, question, numbers)
        missing = {
            media: seasons
            for media in numbers
            if (seasons := question.wanted[media] - known[media].seasons.keys())
            and not self._is_answered(listing, numbers[media])
        }
        done = len(numbers) - len(missing)

        async def ask(media: str) -> None:
            nonlocal done
            async with self._slots[listing.name]:
                await self._ask(listing, numbers[media], missing[media])
            done += 1
            on_show(done, len(numbers))

        await run_all(*map(ask, sorted(missing)))
        found = {}
        for media, number in numbers.items():
            asked = self._asked.get((listing.name, number))
            dates = known[media].joined(asked) if asked is not None else known[media]
            if asked is not None or dates.seasons:
                found[media] = dates
        return found

    def _is_answered(self, listing: Listing, number: int) -> bool:
        """Whether to ask again is in vain: it has no answer, or knows no such show."""
        key = (listing.name, number)
        return key in self._asked and not (self._asked[key] or _NOTHING).seasons

    async def _recall(
        self, listing: Listing, question: Question, numbers: Mapping[str, int]
    ) -> dict[str, ShowDates]:
        """Return what is known by now of the shows: asked in this run, or kept young.

        A season that was kept counts if it is young enough for what it is, and not
        older than its latest watch.
        """
        asked = {
            media: self._asked.get((listing.name, number)) or _NOTHING
            for media, number in numbers.items()
        }
        open_ = {
            media: number
            for media, number in numbers.items()
            if not question.wanted[media] <= asked[media].seasons.keys()
        }
        kept = await self._store.get_shows(listing.name, [*open_.values()])
        for media, number in open_.items():
            if number in kept:
                young = self._young(listing, question, media, kept[number])
                asked[media] = young.joined(asked[media])
        return asked

    def _young(
        self, listing: Listing, question: Question, media: str, show: CachedShow
    ) -> ShowDates:
        """Return those of the kept seasons that count."""
        dates, now = ShowDates.from_json(show.payload), self._clock.now()
        return ShowDates(
            {
                season: episodes
                for season, episodes in dates.seasons.items()
                if now < show.fetched_at + _age(listing, episodes, show)
                and (at := question.since_of(media, season)) is not None
                and at <= show.fetched_at
            },
            dates.has_ended,
        )

    async def _ask(
        self, listing: Listing, number: int, seasons: Collection[int]
    ) -> None:
        key = (listing.name, number)
        if self._faults[listing.name] >= MOST_FAULTS:
            self._asked.setdefault(key, None)
            return  # it is down: do not wait for each show
        try:
            dates = await listing.dates(number, seasons)
        except NotFoundError:
            dates = self._asked.get(key) or _NOTHING
        except (RejectedError, ContractError, TransientError):
            # Without air dates nothing is collapsed, which is safe.
            self._faults[listing.name] += 1
            self._asked.setdefault(key, None)
            return
        else:
            # A season that the show lacks is an answer too: it has no episodes.
            lacking: Dates = {number: {} for number in seasons}
            before = self._asked.get(key) or _NOTHING
            whole = ShowDates(lacking | dates.seasons, dates.has_ended)
            dates = before.joined(whole)
            await self._note(listing.name, number, dates)
        self._faults[listing.name] = 0
        self._asked[key] = dates

    async def _note(self, name: str, number: int, dates: ShowDates) -> None:
        now = self._clock.now()
        show = CachedShow(dates.to_json(), now, now + AGE_ENDED)
        unkept = self._unkept.setdefault(name, {})
        unkept[number] = show
        if len(unkept) >= _KEPT_AT_ONCE:
            await self.keep()


def seasons_that_can_pay(places: Iterable[Place], standing: Iterable[Place]) -> Wanted:
    """Choose the seasons whose air dates matter.

    ``places`` has the season of each play that needs a write; two of one season can be
    saved. ``standing`` are the seasons with a default, which only dates can read.
    """
    counts = Counter(places)
    payable = (place for place, number in counts.items() if number > 1)
    return by_show((*standing, *payable))


def by_show(places: Iterable[Place]) -> Wanted:
    """Sort seasons by the show they belong to."""
    wanted: Wanted = {}
    for media, season in places:
        if season is not None:
            wanted.setdefault(media, set()).add(season)
    return wanted


def _numbers(listing: Listing, question: Question) -> dict[str, int]:
    titles = question.titles
    numbers = {m: listing.show_id(m, titles[m]) for m in question.wanted}
    return {m: number for m, number in numbers.items() if number}


def _left_open(
    listing: Listing,
    question: Question,
    shows: Mapping[str, ShowDates],
    sharing: Mapping[str, Sequence[Title]],
) -> Wanted:
    """Choose what the next listing is asked: what has no answer, and what may grow."""

    def is_open(media: str, number: int) -> bool:
        dates = shows[media].seasons.get(number)
        if not dates:
            return False  # without episodes nothing is collapsed there
        last = last_aired(listing, dates)
        at = question.since_of(media, number)
        is_late = last is not None and (at is None or at - last < SETTLED_AFTER)
        return is_late or not shows[media].has_ended or media in sharing

    found: Wanted = {}
    for media, numbers in question.wanted.items():
        left = {n for n in numbers if media not in shows or is_open(media, n)}
        if left:
            found[media] = left
    return found


def _rounds(
    listing: Listing, question: Question, sharing: Mapping[str, Sequence[Title]]
) -> Iterable[dict[str, Title]]:
    """Deal out the titles that share an id, for those of a listing's own numbers."""
    rest: dict[str, list[Title]] = {}
    for media in question.wanted.keys() & sharing.keys():
        asked = {listing.show_id(media, question.titles[media])}
        for title in sharing[media]:
            number = listing.show_id(media, title)
            if number and number not in asked:
                asked.add(number)
                rest.setdefault(media, []).append(title)
    while rest:
        yield {media: left.pop() for media, left in rest.items()}
        rest = {media: left for media, left in rest.items() if left}


def _merge(
    answer: Answer,
    place: Place,
    dates: Mapping[int, str | None],
    listing: Listing,
) -> None:
    known = answer.airings.get(place)
    if known is None:
        answer.airings[place] = {
            number: listing.airing(text) if text else None
            for number, text in dates.items()
        }
    elif known.keys() != dates.keys():
        odd = sorted(known.keys() ^ dates.keys())
        answer.disputed[place] = (
            f"TMDB and Trakt disagree on its episodes: only one has E{odd[0]:02d}"
        )


def _age(listing: Listing, dates: dict[int, str | None], show: CachedShow) -> timedelta:
    """Say how long a season counts that was asked for then."""
    return AGE_ENDED if is_settled(listing, dates, show.fetched_at) else AGE_RUNNING

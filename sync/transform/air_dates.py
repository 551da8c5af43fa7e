"""Which episodes a season has and when they aired, from TMDB, Trakt, or both.

TMDB's plain dates are the very ones that Discovr's clients read. Answers are kept in
the ledger: long for what has ended, a day for what is still running.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from connectors.errors import ContractError, RejectedError, TransientError
from sync.domain.desired import tmdb_id
from sync.domain.plays import Place
from sync.domain.seasons import Airing
from sync.runtime.concurrency import run_limited

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from connectors.clock import Clock
    from connectors.tmdb.client import TmdbClient
    from connectors.trakt.client import TraktClient
    from sync.domain.plays import Title
    from sync.domain.seasons import Airings
    from sync.ledger import Ledger

    #: Season -> episode -> when it aired, as the catalogue wrote it; None: undated.
    Dates = dict[int, dict[int, str | None]]

ABSENT = "TMDB has no such season, so Discovr may not show it"
SHARED = "several titles share its TMDB id, and are not told the same of its episodes"

#: Seasons by the show they belong to.
Wanted = dict[str, set[int]]

AGE_RUNNING = timedelta(days=1)
AGE_ENDED = timedelta(days=30)
#: A season whose last episode is this old gets no more of them.
SETTLED_AFTER = timedelta(days=60)
CONCURRENCY = 4
#: After so many shows in a row without an answer the catalogue is taken to be down.
MOST_FAULTS = 8


@dataclass(slots=True)
class Answer:
    """Air dates by season; ``disputed`` seasons must not be collapsed, and why."""

    airings: dict[Place, Airings] = field(default_factory=dict)
    disputed: dict[Place, str] = field(default_factory=dict)


class Listing(Protocol):
    """One catalogue."""

    name: str

    def show_id(self, media: str, title: Title) -> int | None:
        """Return the id under which the catalogue knows the show."""

    async def dates(self, show: int, seasons: Collection[int]) -> Dates:
        """Ask for seasons of a show; one that does not exist is left out."""

    def airing(self, text: str) -> Airing:
        """Read a date as the catalogue wrote it."""


class TmdbListing:
    """Plain dates, under Discovr's own ids."""

    name = "tmdb"

    def __init__(self, client: TmdbClient) -> None:
        self._client = client

    def show_id(self, media: str, title: Title) -> int | None:
        """Return the number in Discovr's id, which is TMDB's."""
        del title
        return tmdb_id(media)

    async def dates(self, show: int, seasons: Collection[int]) -> Dates:
        """Ask for the given seasons, 20 a call."""
        _, found = await self._client.show(show, sorted(seasons))
        return {
            season.season_number: {
                e.episode_number: e.air_date.isoformat() if e.air_date else None
                for e in season.episodes
            }
            for season in found
        }

    def airing(self, text: str) -> Airing:
        """Read a plain date."""
        return Airing.from_date(date.fromisoformat(text))


class TraktListing:
    """Instants of the first airing; all seasons come in one call."""

    name = "trakt"

    def __init__(self, client: TraktClient) -> None:
        self._client = client

    def show_id(self, media: str, title: Title) -> int | None:
        """Return Trakt's own id."""
        del media
        return title.ids.trakt

    async def dates(self, show: int, seasons: Collection[int]) -> Dates:
        """Ask for every season of the show."""
        del seasons
        return {
            season.number: {
                e.number: e.first_aired.isoformat() if e.first_aired else None
                for e in season.episodes or ()
            }
            for season in await self._client.seasons(show)
        }

    def airing(self, text: str) -> Airing:
        """Read an instant."""
        return Airing.from_instant(datetime.fromisoformat(text))


class Catalogue:
    """Asks the listings in order of trust, and compares them where there are two."""

    def __init__(
        self, listings: Iterable[Listing], ledger: Ledger, clock: Clock
    ) -> None:
        self._listings = tuple(listings)
        self._ledger = ledger
        self._clock = clock
        #: What was asked in this process, by listing and show; empty: no answer.
        self._asked: dict[tuple[str, int], Dates] = {}

    async def look_up(
        self,
        wanted: Wanted,
        titles: Mapping[str, Title],
        on_show: Callable[[int, int], None],
        *,
        since: Mapping[str, datetime],
        is_kept: bool,
        sharing: Mapping[str, Sequence[Title]] | None = None,
    ) -> Answer:
        """Return what is known of the seasons; unknown ones are left out.

        ``since`` has the latest watch of each show: a default may be dated then, so an
        older answer could lack an episode that it would cover. ``is_kept`` says whether
        answers may be kept for later runs.

        The first listing that knows a season dates it. Where a second one numbers its
        episodes differently, the season is disputed; so it is where of the titles
        ``sharing`` one id each is told something else.
        """
        answer = Answer()
        absent: dict[Place, str] = {}
        for listing in self._listings:

            async def ask(titles: Mapping[str, Title]) -> dict[str, Dates]:
                of_titles = {media: wanted[media] for media in titles}
                return await self._answers(
                    listing,  # noqa: B023  # called before the next one's turn
                    of_titles,
                    titles,
                    on_show,
                    since=since,
                    is_kept=is_kept,
                )

            shows = await ask({media: titles[media] for media in wanted})
            for place, dates in _of_seasons(shows, wanted):
                if not dates and listing.name == TmdbListing.name:
                    absent[place] = ABSENT
                _merge(answer, place, dates, listing)
            for others in _rounds(listing, wanted, titles, sharing or {}):
                again = await ask(others)
                answer.disputed |= _disagreements(shows, again, others, wanted)
        answer.disputed |= absent
        for place in answer.disputed:
            answer.airings.pop(place, None)
        return answer

    async def _answers(
        self,
        listing: Listing,
        wanted: Wanted,
        titles: Mapping[str, Title],
        on_show: Callable[[int, int], None],
        *,
        since: Mapping[str, datetime],
        is_kept: bool,
    ) -> dict[str, Dates]:
        """Return what a listing knows of shows: recalled, or asked for and kept."""
        known = await self._recall(listing, wanted, titles, since)
        asked = await self._ask(listing, wanted, titles, known, on_show)
        if is_kept:
            await self._keep(listing, titles, asked)
        for media, number in _shows(listing, wanted.keys() - known, titles).items():
            self._asked[listing.name, number] = asked.get(media, {})
        return known | asked

    async def _recall(
        self,
        listing: Listing,
        wanted: Wanted,
        titles: Mapping[str, Title],
        since: Mapping[str, datetime],
    ) -> dict[str, Dates]:
        """Return the shows whose kept answer is young and has every wanted season."""
        numbers = _shows(listing, wanted, titles)
        known = {m: self._asked.get((listing.name, n)) for m, n in numbers.items()}
        found = {
            m: dates
            for m, dates in known.items()
            if dates is not None and (not dates or wanted[m] <= dates.keys())
        }
        shows = _shows(listing, wanted.keys() - found.keys(), titles)
        cached = await self._ledger.get_shows(listing.name, list(shows.values()))
        now = self._clock.now()
        for media, number in shows.items():
            kept = cached.get(number)
            if kept and kept.expires_at > now and kept.fetched_at >= since[media]:
                dates = _dates(kept.payload)
                if wanted[media] <= dates.keys():
                    found[media] = dates
        return found

    async def _ask(
        self,
        listing: Listing,
        wanted: Wanted,
        titles: Mapping[str, Title],
        known: Mapping[str, Dates],
        on_show: Callable[[int, int], None],
    ) -> dict[str, Dates]:
        shows = _shows(listing, wanted, titles)
        found: dict[str, Dates] = {}
        done, faults = len(known), 0

        async def ask(media: str) -> None:
            nonlocal done, faults
            # Without air dates nothing is collapsed, which is safe.
            faults += 1
            if faults > MOST_FAULTS:
                return  # it is down: do not wait for each show
            with suppress(RejectedError, ContractError, TransientError):
                dates = await listing.dates(shows[media], wanted[media])
                # A season that the show lacks is an answer too: it has no episodes.
                found[media] = {number: {} for number in wanted[media]} | dates
                faults = 0
            done += 1
            on_show(done, len(shows))

        await run_limited(CONCURRENCY, ask, sorted(shows.keys() - known.keys()))
        return found

    async def _keep(
        self, listing: Listing, titles: Mapping[str, Title], found: Mapping[str, Dates]
    ) -> None:
        now = self._clock.now()
        for media, number in _shows(listing, found, titles).items():
            dates = found[media]
            expires_at = now + _age(dates, listing, now)
            await self._ledger.put_show(listing.name, number, dates, now, expires_at)


def seasons_that_can_pay(places: Iterable[Place], standing: Iterable[Place]) -> Wanted:
    """Choose the seasons whose air dates matter.

    ``places`` has the season of each play that needs a write; two of one season can be
    saved. ``standing`` are the seasons with a default, which only dates can read.
    """
    counts = Counter(places)
    wanted: Wanted = {}
    payable = (place for place, number in counts.items() if number > 1)
    for media, season in (*standing, *payable):
        if season is not None:
            wanted.setdefault(media, set()).add(season)
    return wanted


def _shows(
    listing: Listing, media: Iterable[str], titles: Mapping[str, Title]
) -> dict[str, int]:
    numbers = {m: listing.show_id(m, titles[m]) for m in media}
    return {m: number for m, number in numbers.items() if number}


def _of_seasons(
    shows: Mapping[str, Dates], wanted: Wanted
) -> Iterable[tuple[Place, Mapping[int, str | None]]]:
    for media, seasons in shows.items():
        for number in wanted[media] & seasons.keys():
            yield Place(media, number), seasons[number]


def _disagreements(
    shows: Mapping[str, Dates],
    again: Mapping[str, Dates],
    media: Iterable[str],
    wanted: Wanted,
) -> dict[Place, str]:
    """Name the seasons of which two titles of one id are not told the same."""
    return {
        Place(one, number): SHARED
        for one in media
        for number in wanted[one]
        if shows.get(one, {}).get(number) != again.get(one, {}).get(number)
    }


def _rounds(
    listing: Listing,
    wanted: Wanted,
    titles: Mapping[str, Title],
    sharing: Mapping[str, Sequence[Title]],
) -> Iterable[dict[str, Title]]:
    """Deal out the titles that share an id, for those of a listing's own numbers."""
    rest: dict[str, list[Title]] = {}
    for media in wanted.keys() & sharing.keys():
        asked = {listing.show_id(media, titles[media])}
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


def _age(dates: Dates, listing: Listing, now: datetime) -> timedelta:
    every = [text for season in dates.values() for text in season.values()]
    is_settled = all(dates.values()) and all(
        text is not None and listing.airing(text).at < now - SETTLED_AFTER
        for text in every
    )
    return AGE_ENDED if is_settled else AGE_RUNNING


def _dates(payload: Any) -> Dates:
    # JSON has no integer keys.
    return {
        int(season): {int(number): text for number, text in dates.items()}
        for season, dates in payload.items()
    }

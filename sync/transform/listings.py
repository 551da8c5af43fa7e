"""The catalogues that know when episodes aired: TMDB, and Trakt.

TMDB's plain dates are the very ones that Discovr's clients read.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from connectors.errors import ContractError
from sync.domain.desired import tmdb_id
from sync.domain.seasons import Airing

if TYPE_CHECKING:
    from collections.abc import Collection

    from connectors.tmdb.client import TmdbClient
    from connectors.trakt.models import Season
    from sync.domain.plays import Title

    #: Season -> episode -> when it aired, as the catalogue wrote it; None: undated.
    Dates = dict[int, dict[int, str | None]]

#: A season whose last episode is this old gets no more of them.
SETTLED_AFTER = timedelta(days=60)
_HAS_ENDED = "has_ended"


class ShowDates(NamedTuple):
    """What a catalogue says of a show; none of its seasons: it knows no such show.

    A season that was asked for and does not exist has no episodes. ``has_ended`` says
    that nothing more is made of it.
    """

    seasons: Dates
    has_ended: bool = False

    def joined(self, other: ShowDates) -> ShowDates:
        """Return both together; the other one is newer."""
        if not other.seasons:
            return self
        return ShowDates(self.seasons | other.seasons, other.has_ended)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        ended = {_HAS_ENDED: True} if self.has_ended else {}
        return {str(number): dates for number, dates in self.seasons.items()} | ended

    @classmethod
    def from_json(cls, payload: Any) -> ShowDates:
        """Read what ``to_json`` returned."""
        seasons = {
            int(season): {int(number): text for number, text in dates.items()}
            for season, dates in payload.items()
            if season != _HAS_ENDED
        }
        return cls(seasons, has_ended=bool(payload.get(_HAS_ENDED)))


class Listing(Protocol):
    """One catalogue."""

    name: str

    def show_id(self, media: str, title: Title) -> int | None:
        """Return the id under which the catalogue knows the show."""

    async def dates(self, show: int, seasons: Collection[int]) -> ShowDates:
        """Ask for seasons of a show, and what comes with them in the same call."""

    def airing(self, text: str) -> Airing:
        """Read a date as the catalogue wrote it."""

    def open_overflow(self) -> None:
        """Hear that nothing else is being read any more."""


class TmdbListing:
    """Plain dates, under Discovr's own ids."""

    name = "tmdb"

    def __init__(self, client: TmdbClient) -> None:
        self._client = client

    def show_id(self, media: str, title: Title) -> int | None:
        """Return the number in Discovr's id, which is TMDB's."""
        del title
        return tmdb_id(media)

    async def dates(self, show: int, seasons: Collection[int]) -> ShowDates:
        """Ask for the given seasons, 20 a call, and fill the call with others.

        While a history is being read nobody knows of which seasons it tells: one call
        should do for all of them.
        """
        try:
            answer, found = await self._client.show(show, _fill(seasons))
        except ContractError:  # perhaps of a season that nobody wants
            answer, found = await self._client.show(show, sorted(seasons))
        return ShowDates(
            {
                season.season_number: {
                    e.episode_number: e.air_date.isoformat() if e.air_date else None
                    for e in season.episodes
                }
                for season in found
            },
            has_ended=answer.has_ended,
        )

    def airing(self, text: str) -> Airing:
        """Read a plain date."""
        return Airing.from_date(date.fromisoformat(text))

    def open_overflow(self) -> None:
        """Nothing was kept back."""


class SeasonsClient(Protocol):
    """What is asked of Trakt."""

    async def seasons(self, show: int) -> list[Season]:
        """Return every season of a show with its episodes."""

    def open_overflow(self) -> None:
        """Let calls use the quota that was kept for the history."""


class TraktListing:
    """Instants of the first airing; all seasons come in one call."""

    name = "trakt"

    def __init__(self, client: SeasonsClient) -> None:
        self._client = client

    def show_id(self, media: str, title: Title) -> int | None:
        """Return Trakt's own id."""
        del media
        return title.ids.trakt

    async def dates(self, show: int, seasons: Collection[int]) -> ShowDates:
        """Ask for every season of the show."""
        del seasons
        return ShowDates(
            {
                season.number: {
                    e.number: e.first_aired.isoformat() if e.first_aired else None
                    for e in season.episodes or ()
                }
                for season in await self._client.seasons(show)
            }
        )

    def airing(self, text: str) -> Airing:
        """Read an instant."""
        return Airing.from_instant(datetime.fromisoformat(text))

    def open_overflow(self) -> None:
        """Use all that Trakt allows."""
        self._client.open_overflow()


def last_aired(listing: Listing, dates: dict[int, str | None]) -> datetime | None:
    """Return when the last episode aired of which the catalogue knows that."""
    known = [listing.airing(text).at for text in dates.values() if text is not None]
    return max(known, default=None)


def is_settled(listing: Listing, dates: dict[int, str | None], at: datetime) -> bool:
    """Whether a season had all its episodes at that time, as far as one can tell."""
    last = last_aired(listing, dates)
    is_dated = last is not None and None not in dates.values()
    return is_dated and last is not None and last < at - SETTLED_AFTER


def _fill(seasons: Collection[int]) -> list[int]:
    """Add seasons that the last call has room for: the earlier ones, then later."""
    from connectors.tmdb.client import SEASONS_PER_CALL  # noqa: PLC0415  # heavy

    top = max(seasons)
    others = (*range(top - 1, 0, -1), *range(top + 1, top + SEASONS_PER_CALL))
    room = -len(seasons) % SEASONS_PER_CALL
    return sorted({*seasons, *[n for n in others if n not in seasons][:room]})

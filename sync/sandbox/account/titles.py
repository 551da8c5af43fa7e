"""The catalogue behind the stand-ins: films, and shows with seasons and episodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.domain.plays import Ids, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """One episode; ``first_aired`` is Trakt's instant, ``air_date`` TMDB's plain day.

    They differ on purpose: an evening show in New York airs on TMDB's day, which in UTC
    has passed already.
    """

    season: int
    number: int
    name: str
    ids: Ids
    first_aired: datetime | None = None
    air_date: date | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Season:
    """One season. ``tmdb_episode_count`` is set where TMDB counts otherwise."""

    number: int
    ids: Ids
    episodes: tuple[Episode, ...]
    tmdb_episode_count: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CatalogueTitle:
    """A film or a show as the catalogues know it.

    ``ids`` are all that exist; ``unlisted`` names those that Trakt does not send.
    ``released`` belongs to films, ``seasons`` to shows.
    """

    kind: Kind
    name: str
    ids: Ids
    year: int | None = None
    unlisted: frozenset[str] = frozenset()
    genres: tuple[str, ...] = ()
    runtime: int | None = None
    released: date | None = None
    has_ended: bool = True
    seasons: tuple[Season, ...] = field(default=(), repr=False)

    @property
    def trakt(self) -> int:
        """The Trakt id, which every title has."""
        return self.ids.trakt or 0

    def season(self, number: int) -> Season | None:
        """Return one season, if there is such."""
        return next((s for s in self.seasons if s.number == number), None)

    def episode(self, season: int, number: int) -> Episode | None:
        """Return one episode, if there is such."""
        found = self.season(season)
        episodes = found.episodes if found else ()
        return next((e for e in episodes if e.number == number), None)


def by_tmdb(titles: Iterable[CatalogueTitle]) -> dict[tuple[Kind, int], CatalogueTitle]:
    """Index titles by kind and TMDB number, which are id spaces of their own."""
    return {(t.kind, t.ids.tmdb): t for t in titles if t.ids.tmdb is not None}


def by_media_id(titles: Iterable[CatalogueTitle]) -> dict[str, CatalogueTitle]:
    """Index titles by the id that Discovr has for them: MV_<tmdb> or TV_<tmdb>."""
    prefix = {Kind.FILM: "MV", Kind.SHOW: "TV"}
    return {
        f"{prefix[kind]}_{tmdb}": title
        for (kind, tmdb), title in by_tmdb(titles).items()
    }

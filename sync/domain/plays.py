"""What was watched: titles, plays, and the key under which Discovr knows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How Trakt writes "watched, date unknown" (since October 2025). Never a real date.
UNKNOWN_DATE = datetime(1970, 1, 1, tzinfo=UTC)
#: How a title is shown whose source gives it ids and no name. It is no name: two titles
#: are not one because both lack it.
UNTITLED = "(untitled)"
#: The ids that tell a title. Slugs are left out: Trakt changes them.
_TELLING = ("trakt", "imdb", "tmdb", "tvdb")


class Kind(StrEnum):
    """Films and shows have id spaces of their own: 1396 can be one of each."""

    FILM = "film"
    SHOW = "show"


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids of one title in the catalogues; any of them may be missing."""

    trakt: int | None = None
    slug: str | None = None
    imdb: str | None = None
    tmdb: int | None = None
    tvdb: int | None = None

    def known(self) -> dict[str, int | str]:
        """Return the ids that are there, by catalogue."""
        names = ("trakt", "slug", "imdb", "tmdb", "tvdb")
        return {n: v for n in names if (v := getattr(self, n)) is not None}


@dataclass(frozen=True, slots=True)
class Title:
    """A film or a show. An episode belongs to its show's title."""

    kind: Kind
    name: str
    year: int | None = None
    ids: Ids = Ids()

    @property
    def label(self) -> str:
        """Name and year, as a person would write them: on one line."""
        name = " ".join(self.name.splitlines())
        return f"{name} ({self.year})" if self.year else name


class Play(NamedTuple):
    """One viewing. ``season`` and ``episode`` are None for films.

    ``watched_at`` is aware UTC, cut to the minute (Trakt's own precision since February
    2026), or UNKNOWN_DATE. ``id`` is Trakt's 64-bit history id, None in some backups.
    ``episode_ids`` are given where only the episode may tell the show: its title has
    no id then, and whether they are the episode's or the show's may be open.
    """

    title: Title
    watched_at: datetime
    season: int | None = None
    episode: int | None = None
    id: int | None = None
    episode_id: int | None = None
    episode_ids: Ids | None = None


class Place(NamedTuple):
    """A film, or one season of a show: what is read, planned and taken back as a whole.

    ``media`` is ``MV_<tmdb>`` or ``TV_<tmdb>``; a film has no season.
    """

    media: str
    season: int | None = None

    @property
    def order(self) -> tuple[str, int]:
        """A total order; plain comparison would trip over None."""
        return (self.media, self.season or 0)


class Key(NamedTuple):
    """What an entry on Discovr is about; without ``episode``, a whole season.

    ``media`` is ``MV_<tmdb>`` or ``TV_<tmdb>``; films have neither number.
    """

    media: str
    season: int | None = None
    episode: int | None = None

    @property
    def place(self) -> Place:
        """The film or season that it belongs to."""
        # What Place(...) does, in less time: it is asked of every play and entry.
        return tuple.__new__(Place, self[:2])

    @property
    def order(self) -> tuple[str, int, int]:
        """A total order; plain comparison would trip over None."""
        return (self.media, self.season or 0, self.episode or 0)

    def said(self, names: Mapping[str, str]) -> str:
        """Say what it stands for, where ``names`` tell whose id that is."""
        name = names.get(self.media, self.media)
        if self.season is None:
            return name
        if self.episode is None:
            return f"{name} S{self.season:02d}"
        return f"{name} S{self.season:02d}E{self.episode:02d}"

    def __str__(self) -> str:
        return self.said({})


def to_minute(instant: datetime) -> datetime:
    """Cut an aware instant to its UTC minute, the precision in which plays compare."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    if instant.second or instant.microsecond:
        return instant.replace(second=0, microsecond=0)
    return instant


def title_key(title: Title) -> str:
    """Return what tells a title from all others, whatever else is known of it.

    Trakt's id where there is one; some backups lack it. A title without any id goes by
    its name; one without both is for the source to refuse, see ``is_nameless``.
    """
    ids = title.ids
    if ids.trakt:
        return f"{title.kind}:{ids.trakt}"
    for name in _TELLING:
        if (value := getattr(ids, name)) is not None:
            return f"{title.kind}:{name}={value}"
    return f"{title.kind}:{title.label}"


def is_nameless(title: Title) -> bool:
    """Whether a title has no name by which it could be known again."""
    return title.name.strip().casefold() in ("", UNTITLED)

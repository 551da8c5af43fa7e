"""Lists of what was watched last: aggregates of the plays, and a check on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from connectors.trakt.export.values import (
    UnusableError,
    check_instant,
    check_sense,
    clean,
    to_instant,
)
from connectors.trakt.models import (
    HistoryItem,
    Instant,
    Model,
    PlaybackItem,
    TitleModel,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime


class WatchedEpisode(Model):
    """An episode in the season of a watched show."""

    number: int
    last_watched_at: Instant | None = None


class WatchedSeason(Model):
    """A season of a watched show; null where the file gives no episodes."""

    number: int
    episodes: list[WatchedEpisode] | None = None


class WatchedItem(Model):
    """A film or a show with the number of its plays and the time of the last one."""

    plays: int | None = None
    last_watched_at: Instant | None = None
    movie: TitleModel | None = None
    show: TitleModel | None = None
    seasons: list[WatchedSeason] | None = None


class TitleKey(NamedTuple):
    """A title of the account; films and shows have id spaces of their own."""

    kind: str
    trakt: int


def read_watched(
    raw: Iterable[object],
) -> tuple[list[WatchedItem], list[tuple[int, str]]]:
    """Read the items one by one; also return position and fault of the bad ones."""
    items: list[WatchedItem] = []
    unusable: list[tuple[int, str]] = []
    for position, item in enumerate(raw, 1):
        try:
            watched = WatchedItem.model_validate(clean(item))
        except (ValidationError, UnusableError, OverflowError):
            watched = WatchedItem()
        if watched.movie or watched.show:
            items.append(watched)
        else:
            unusable.append((position, "does not fit the form of a watched title"))
    return items, unusable


def key_of(movie: TitleModel | None, show: TitleModel | None) -> TitleKey | None:
    """Return the key under which plays of a title are counted, if it has an id."""
    if movie is not None:
        return TitleKey("movie", movie.ids.trakt) if movie.ids.trakt else None
    if show is not None and show.ids.trakt:
        return TitleKey("show", show.ids.trakt)
    return None


@dataclass(slots=True)
class Aggregates:
    """The plays that can be made of watched lists, should there be no history.

    ``seasonless`` counts the shows of which only "some episode" can be said.
    """

    pages: int = 0
    seasonless: int = 0
    plays: list[HistoryItem] = field(default_factory=list)
    unusable: list[tuple[str, str]] = field(default_factory=list)
    _known: set[tuple[object, ...]] = field(default_factory=set)

    def add(self, items: Iterable[WatchedItem], where: str, latest: datetime) -> None:
        """Add the items of one member; the pages of a list may overlap."""
        self.pages += 1
        for item in items:
            if item.movie is None and not item.seasons:
                self.seasonless += 1
            for parts in _to_parts(item):
                try:
                    self._add_play(_to_play(parts, latest))
                except UnusableError as error:
                    self.unusable.append((where, str(error)))

    def _add_play(self, play: HistoryItem) -> None:
        title, episode = key_of(play.movie, play.show), play.episode
        key = (title, episode and (episode.season, episode.number), play.watched_at)
        if title is None or key not in self._known:
            self._known.add(key)
            self.plays.append(play)


def _to_parts(item: WatchedItem) -> Iterator[dict[str, object]]:
    """Yield what makes a play of the film, or of each episode at its last time."""
    if item.movie is not None:
        yield {
            "type": "movie",
            "movie": item.movie,
            "watched_at": item.last_watched_at,
        }
        return
    for season in item.seasons or ():
        for seen in season.episodes or ():
            yield {
                "type": "episode",
                "show": item.show,
                "episode": {"season": season.number, "number": seen.number},
                "watched_at": seen.last_watched_at,
            }


def _to_play(parts: dict[str, object], latest: datetime) -> HistoryItem:
    if parts["watched_at"] is None:
        raise UnusableError("has no time of watching")
    play = HistoryItem.model_validate(parts)
    check_sense(play, latest)
    return play


def read_resume_point(raw: object, latest: datetime) -> PlaybackItem:
    """Read one resume point; raises UnusableError."""
    item = clean(raw)
    if not isinstance(item, dict):
        raise UnusableError("is no object")
    paused_at = to_instant(item.get("paused_at"))
    check_instant(paused_at, latest)
    try:
        point = PlaybackItem.model_validate({**item, "paused_at": paused_at})
    except ValidationError:
        raise UnusableError("does not fit the form of a resume point") from None
    if not 0 <= point.progress <= 100:
        raise UnusableError("has a progress out of range")
    return point

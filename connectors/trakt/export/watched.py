"""Lists of what was watched last: aggregates of the plays, and a check on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import BeforeValidator, ValidationError

from connectors.trakt.export.columns import to_columns
from connectors.trakt.export.rows import outline_row
from connectors.trakt.models import (
    HistoryItem,
    Model,
    OptionalInstant,
    OptionalNumber,
    OptionalTitle,
    PlaybackItem,
    TitleModel,
)
from connectors.trakt.sense import UnusableError, check_kind
from connectors.trakt.set_aside import BadRecord, describe_error, describe_record
from connectors.trakt.times import check_instant, to_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime


def _to_objects(value: object) -> list[object] | None:
    """Keep what is an object; of a list that is none, nothing can be told."""
    if not isinstance(value, list):
        return None
    return [one for one in value if isinstance(one, dict)]


_OBJECTS = BeforeValidator(_to_objects)


class WatchedEpisode(Model):
    """An episode in the season of a watched show."""

    number: OptionalNumber = None
    last_watched_at: OptionalInstant = None


class WatchedSeason(Model):
    """A season of a watched show; null where the file gives no episodes."""

    number: OptionalNumber = None
    episodes: Annotated[list[WatchedEpisode] | None, _OBJECTS] = None


class WatchedItem(Model):
    """A film or a show with the number of its plays and the time of the last one."""

    plays: OptionalNumber = None
    last_watched_at: OptionalInstant = None
    movie: OptionalTitle = None
    show: OptionalTitle = None
    seasons: Annotated[list[WatchedSeason] | None, _OBJECTS] = None


class TitleKey(NamedTuple):
    """A title of the account; films and shows have id spaces of their own."""

    kind: str
    id_name: str
    value: object


def read_watched(
    raw: Iterable[object], named_kind: str | None = None
) -> tuple[list[WatchedItem], list[tuple[int, BadRecord]]]:
    """Read the items one by one; also return the bad ones with their position."""
    items: list[WatchedItem] = []
    unusable: list[tuple[int, BadRecord]] = []
    for position, item in enumerate(raw, 1):
        record = item if isinstance(item, dict) else {}
        watched = WatchedItem.model_validate(record)
        if not (watched.movie or watched.show):  # in columns of its own
            outline = outline_row(to_columns(record), named_kind)
            watched = WatchedItem.model_validate(record | outline)
        if watched.movie or watched.show:
            items.append(watched)
        else:
            reason = "does not fit the form of a watched title"
            unusable.append((position, describe_record(item, reason)))
    return items, unusable


def keys_of(kind: str, title: TitleModel) -> list[TitleKey]:
    """Return everything that a title is known by, the surest first."""
    known = title.ids.model_dump(exclude_none=True, exclude={"slug"})
    keys = [TitleKey(kind, name, value) for name, value in known.items()]
    if title.title:
        keys.append(TitleKey(kind, "name", (title.title.casefold(), title.year)))
    return keys


@dataclass(slots=True)
class Aggregates:
    """The plays that can be made of watched lists, should there be no history.

    ``seasonless`` counts the shows of which only "some episode" can be said.
    """

    pages: int = 0
    seasonless: int = 0
    plays: list[HistoryItem] = field(default_factory=list)
    unusable: list[tuple[str, BadRecord]] = field(default_factory=list)
    ahead: list[datetime] = field(default_factory=list)
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
                    if (at := parts["watched_at"]) is not None and at > latest:
                        self.ahead.append(at)
                    record = describe_error(_to_json(parts), error)
                    self.unusable.append((f"{where}{_name_place(parts)}", record))

    def _add_play(self, play: HistoryItem) -> None:
        kind, title = ("movie", play.movie) if play.movie else ("show", play.show)
        keys = keys_of(kind, title) if title is not None else []
        episode = play.episode
        place = episode and (episode.season, episode.number)
        known = (keys[0] if keys else None, place, play.watched_at)
        if not keys or known not in self._known:
            self._known.add(known)
            self.plays.append(play)


def _to_json(parts: dict[str, Any]) -> dict[str, Any]:
    return {
        k: v.model_dump(mode="json", exclude_none=True) if isinstance(v, Model) else v
        for k, v in parts.items()
    }


def _name_place(parts: dict[str, Any]) -> str:
    """Say which film or episode of a list it is, by Trakt's id of the title."""
    title = parts.get("movie") or parts.get("show")
    number = title.ids.trakt if title is not None else None
    name = f", {parts['type'] if 'movie' in parts else 'show'} {number or '?'}"
    if "movie" in parts:
        return name
    episode = parts["episode"]
    return f"{name} season {episode['season']} episode {episode['number']}"


def _to_parts(item: WatchedItem) -> Iterator[dict[str, Any]]:
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


def _to_play(parts: dict[str, Any], latest: datetime) -> HistoryItem:
    if parts["watched_at"] is None:
        raise UnusableError("has no time of watching")
    play = HistoryItem.model_validate(parts)
    check_kind(play)
    check_instant(play.watched_at, latest)
    return play


def read_resume_point(raw: object, latest: datetime) -> PlaybackItem:
    """Read one resume point; raises UnusableError."""
    if not isinstance(raw, dict):
        raise UnusableError("is no object")
    try:
        paused_at = to_instant(raw.get("paused_at"))
    except UnusableError:
        raise UnusableError("has no readable time in paused_at") from None
    check_instant(paused_at, latest)
    try:
        point = PlaybackItem.model_validate({**raw, "paused_at": paused_at})
    except ValidationError:
        raise UnusableError("does not fit the form of a resume point") from None
    if not 0 <= point.progress <= 100:
        raise UnusableError("has a progress out of range")
    check_kind(point)
    return point

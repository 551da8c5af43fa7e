"""From Trakt's records to plays: the only place of the pipeline with wire names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from connectors.trakt.models import HistoryItem, PlaybackItem
from connectors.trakt.strict import StrictTitle
from sync.domain.plays import Ids, Kind, Play, Title, to_minute
from sync.domain.resume import ResumePoint
from sync.ports import Quarantined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.trakt.client import HistoryRecord
    from connectors.trakt.extras import ExtrasClient
    from connectors.trakt.models import TitleModel

#: Outside of these a date is a mistake: before there were films, or far ahead of now.
EARLIEST = datetime(1888, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=366)
#: No show has so many seasons, and no season so many episodes.
_MOST = 99_999


class UnusableRecordError(ValueError):
    """The record is readable and yet no play; the message says why."""


class UnsupportedRecordError(UnusableRecordError):
    """The record was read, and is of a kind that Discovr has no place for."""


class PlayMapper:
    """Maps records to plays; equal titles become one object, which saves memory."""

    def __init__(self, now: datetime) -> None:
        self._latest = now + AHEAD
        self._titles: dict[tuple[object, ...], Title] = {}
        #: The same by the record itself: those of the strict reader hash in no time.
        self._known: dict[tuple[Kind, StrictTitle], Title] = {}

    def play(self, item: HistoryRecord) -> Play:
        """Return the play that the record stands for, or raise UnusableRecordError."""
        try:
            watched_at = to_minute(item.watched_at)
        except OverflowError:
            raise UnusableRecordError("has no date in UTC") from None
        if not EARLIEST <= watched_at <= self._latest:
            raise UnusableRecordError(f"is dated in the year {watched_at.year}")
        if item.episode is not None and item.type in ("episode", None):
            return self._episode(item, watched_at)
        if item.movie is not None and item.type in ("movie", None):
            title = self._title(Kind.FILM, item.movie)
            return Play(title=title, watched_at=watched_at, id=item.id)
        if item.type not in (None, "movie", "episode"):
            raise UnsupportedRecordError("is neither a film nor an episode")
        raise UnusableRecordError("is neither a film nor an episode")

    def _episode(self, item: HistoryRecord, watched_at: datetime) -> Play:
        episode = item.episode
        if episode is None or item.show is None:
            raise UnusableRecordError("is an episode without its show")
        if not (0 <= episode.season <= _MOST and 0 <= episode.number <= _MOST):
            raise UnusableRecordError("has a season or episode number that cannot be")
        return Play(
            title=self._title(Kind.SHOW, item.show),
            watched_at=watched_at,
            season=episode.season,
            episode=episode.number,
            id=item.id,
            episode_id=episode.ids.trakt,
        )

    def _title(self, kind: Kind, model: TitleModel | StrictTitle) -> Title:
        if not isinstance(model, StrictTitle):
            return self._share(kind, model)
        title = self._known.get((kind, model))
        if title is None:
            title = self._known[kind, model] = self._share(kind, model)
        return title

    def _share(self, kind: Kind, model: TitleModel | StrictTitle) -> Title:
        ids = model.ids
        known = (kind, model.title, model.year, ids.trakt, ids.imdb, ids.tmdb, ids.tvdb)
        title = self._titles.get(known)
        if title is None:
            title = Title(
                kind=kind,
                name=model.title or "(untitled)",
                year=model.year,
                ids=Ids(
                    trakt=ids.trakt,
                    slug=ids.slug,
                    imdb=ids.imdb,
                    tmdb=ids.tmdb,
                    tvdb=ids.tvdb,
                ),
            )
            self._titles[known] = title
        return title


async def read_resume_points(
    client: ExtrasClient, now: datetime
) -> tuple[list[ResumePoint], list[Quarantined]]:
    """Read the resume points of the signed-in account."""
    items, bad = await client.playback()
    points, quarantined = resume_points(items, now)
    unreadable = Quarantined("resume point", "does not fit the form of a resume point")
    return points, quarantined + [unreadable] * bad


def resume_points(
    items: Iterable[PlaybackItem], now: datetime
) -> tuple[list[ResumePoint], list[Quarantined]]:
    """Map records; those that are none are set aside with the reason."""
    mapper = PlayMapper(now)
    points: list[ResumePoint] = []
    quarantined: list[Quarantined] = []
    for item in items:
        try:
            points.append(_resume_point(item, mapper))
        except UnusableRecordError as error:
            quarantined.append(Quarantined(f"resume point {item.id}", str(error)))
    return points, quarantined


def _resume_point(item: PlaybackItem, mapper: PlayMapper) -> ResumePoint:
    if not 0 <= item.progress <= 100:
        raise UnusableRecordError(f"absurd progress {item.progress:g}")
    # A pause is told like a play: the same checks, and the same title.
    record = HistoryItem(
        id=item.id,
        watched_at=item.paused_at,
        type=item.type,
        movie=item.movie,
        show=item.show,
        episode=item.episode,
    )
    play = mapper.play(record)
    return ResumePoint(
        play.title, item.progress, item.paused_at, play.season, play.episode
    )

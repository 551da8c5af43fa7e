"""Resume points on their way from Trakt's records to Discovr's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.trakt.models import HistoryItem
from sync.domain.plays import Key
from sync.domain.resume import ResumePoint
from sync.ports import Quarantined
from sync.records import PlayMapper, UnusableRecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from connectors.discovr.extras import PlaybackClient
    from connectors.trakt.extras import ExtrasClient
    from connectors.trakt.models import PlaybackItem
    from sync.domain.resume import Resume


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


class DiscovrShelf:
    """Continue Watching of one profile."""

    def __init__(self, client: PlaybackClient) -> None:
        self._client = client

    async def add(self, resume: Resume) -> None:
        """Add a title, without naming an episode. Not idempotent."""
        point = resume.point
        await self._client.add(resume.key.media, point.progress, point.paused_at)

    async def set(self, resume: Resume) -> None:
        """Set the point of a title; idempotent."""
        point, key = resume.point, resume.key
        await self._client.change(
            key.media,
            point.progress,
            point.paused_at,
            season=key.season,
            episode=key.episode,
        )

    async def read(self) -> Mapping[Key, float] | None:
        """Return the progress of what is listed; None where that cannot be read."""
        listed = await self._client.listed()
        if listed is None:
            return None
        return {
            Key(item.id, item.season, item.episode): item.progress
            for item in listed
            if item.progress is not None
        }


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

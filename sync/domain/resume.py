"""Resume points: which of them are carried over, and why the others are not.

One per title, the newest that history does not contradict. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sync.domain.desired import NO_ID, media_id
from sync.domain.entries import COMPLETED_FROM
from sync.domain.plays import Key, Title, to_minute

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sync.domain.entries import Entry
    from sync.domain.watched import Viewing

NO_PLACE = "specials have no place on Discovr"
AS_GOOD_AS_SEEN = "as good as finished: that is history"
FINISHED_LATER = "finished later"
RESUMED_LATER = "watched further on Discovr since"
NOT_NEWEST = "another episode of the show was paused later"
CARRIED = "carried over already"
LEFT_OUT = "left out on request"

_ALWAYS = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where somebody stopped: ``progress`` in percent, at the aware ``paused_at``."""

    title: Title
    progress: float
    paused_at: datetime
    season: int | None = None
    episode: int | None = None

    @property
    def label(self) -> str:
        """What was being watched, as a person would write it."""
        if self.episode is None:
            return self.title.label
        return f"{self.title.label} S{self.season or 0:02d}E{self.episode:02d}"


@dataclass(frozen=True, slots=True)
class Resume:
    """A resume point that is to be written, under the key that Discovr has for it."""

    key: Key
    point: ResumePoint


@dataclass(frozen=True, slots=True)
class LeftPoint:
    """A resume point that is not carried over, and why."""

    point: ResumePoint
    reason: str


@dataclass(frozen=True, slots=True)
class Carried:
    """What was written of a title before. Unsettled: it may or may not be there."""

    paused_at: datetime
    is_settled: bool

    def outweighs(self, point: ResumePoint) -> bool:
        """Whether the point has nothing to add to it."""
        if self.paused_at == point.paused_at:
            return self.is_settled
        return self.paused_at > point.paused_at


@dataclass(frozen=True, slots=True)
class History:
    """What both sides say was watched, as far as resume points go.

    ``finished`` holds the latest minute of every key, season defaults included;
    ``explicit`` the keys with an entry of their own, which no default speaks for;
    ``under_way`` the latest minute at which a title stood between beginning and end.
    """

    finished: Mapping[Key, datetime]
    explicit: Collection[Key]
    under_way: Mapping[str, datetime]

    @classmethod
    def of(cls, watched: Mapping[Key, Viewing], existing: Iterable[Entry]) -> History:
        """Gather the plays and the entries of the profile."""
        finished = {key: viewing.latest for key, viewing in watched.items()}
        explicit: set[Key] = set()
        under_way: dict[str, datetime] = {}
        for entry in existing:
            key = entry.key
            # An entry without a legible time may be newer than anything.
            at = to_minute(entry.updated_at) if entry.updated_at else _ALWAYS
            if not entry.is_default:
                explicit.add(key)
            if entry.is_completed:
                finished[key] = max(at, finished.get(key, at))
            elif entry.progress:
                under_way[key.media] = max(at, under_way.get(key.media, at))
        return cls(finished, explicit, under_way)

    def contradiction(self, key: Key, paused_at: datetime) -> str | None:
        """Say what speaks against a pause. Times compare by the minute."""
        minute = to_minute(paused_at)
        whole = key._replace(episode=None)
        speaking = [key] if key in self.explicit else [key, whole]
        if any(k in self.finished and self.finished[k] >= minute for k in speaking):
            return FINISHED_LATER
        since = self.under_way.get(key.media)
        return RESUMED_LATER if since is not None and since >= minute else None


def choose(
    points: Iterable[ResumePoint],
    found: Mapping[Title, int | None],
    history: History,
    carried: Mapping[str, Carried],
) -> tuple[tuple[Resume, ...], tuple[LeftPoint, ...]]:
    """Return what is to be written, oldest pause first, and what is not.

    ``found`` holds TMDB ids that count more than a title's own, ``carried`` what was
    written before, by media id. Order and repeats of ``points`` make no difference.
    """
    chosen: dict[str, Resume] = {}
    left: list[LeftPoint] = []
    for point in sorted(set(points), key=_order, reverse=True):
        key = _key(point, found)
        reason = _why_not(point, key, history)
        if reason is None and key is not None:
            if key.media not in chosen:
                chosen[key.media] = Resume(key, point)
                continue
            reason = NOT_NEWEST
        left.append(LeftPoint(point, reason or NO_ID))
    for media, resume in list(chosen.items()):
        if media in carried and carried[media].outweighs(resume.point):
            left.append(LeftPoint(chosen.pop(media).point, CARRIED))
    return tuple(reversed(chosen.values())), tuple(left)


def _why_not(point: ResumePoint, key: Key | None, history: History) -> str | None:
    if point.season == 0 or point.episode == 0:
        return NO_PLACE
    if key is None:
        return NO_ID
    if point.progress >= COMPLETED_FROM:
        return AS_GOOD_AS_SEEN
    return history.contradiction(key, point.paused_at)


def media_of(point: ResumePoint, found: Mapping[Title, int | None]) -> str | None:
    """Return the id on Discovr of what was left off; ``found`` as in ``choose``."""
    key = _key(point, found)
    return key.media if key else None


def _key(point: ResumePoint, found: Mapping[Title, int | None]) -> Key | None:
    tmdb = found.get(point.title, point.title.ids.tmdb)
    if not tmdb:
        return None
    return Key(media_id(point.title.kind, tmdb), point.season, point.episode)


def _order(point: ResumePoint) -> tuple[object, ...]:
    title = point.title
    place = (point.season or 0, point.episode or 0, point.progress)
    return (point.paused_at, *place, title.kind, title.name, title.ids.trakt or 0)

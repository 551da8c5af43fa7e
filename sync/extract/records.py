"""From Trakt's records to plays: the only place of the pipeline with wire names."""

from __future__ import annotations

import json
from sys import getsizeof
from typing import TYPE_CHECKING

from connectors.trakt.lenient import to_imdb
from connectors.trakt.models import HistoryItem, PlaybackItem, TitleModel
from connectors.trakt.sense import (
    IN_NO_KIND,
    UnusableError,
    check_kind,
    has_id,
    has_name,
)
from connectors.trakt.strict import StrictTitle
from connectors.trakt.times import AHEAD, EARLIEST, misdated
from sync.domain.desired import SPECIAL
from sync.domain.plays import UNTITLED, Ids, Kind, Play, Title, to_minute
from sync.domain.resume import ResumePoint
from sync.ports import HISTORY_ID, MOST_RAW, Quarantined

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from connectors.trakt.extras import ExtrasClient
    from connectors.trakt.models import IdsModel
    from connectors.trakt.sense import HistoryRecord
    from connectors.trakt.set_aside import BadRecord
    from connectors.trakt.strict import StrictIds

_KINDS = {"movie": Kind.FILM, "episode": Kind.SHOW}

#: What a person can do about a record that came from the account itself.
NO_PLACE = "Nothing: Discovr has no place for it. It stays where it is."
ON_TRAKT = "Look at this play in your history on Trakt: remove it, and add it again."


class UnusableRecordError(ValueError):
    """The record is readable and yet no play; the message says why."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


class _Titles:
    """The films or the shows that came, each one object however often it came."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._titles: dict[tuple[object, ...], Title] = {}
        #: The same by the record itself: those of the strict reader hash in no time.
        self._known: dict[StrictTitle, Title] = {}
        #: The bytes of their texts.
        self.held = 0

    def share(self, model: TitleModel | StrictTitle) -> Title:
        """Return the title, the same one for all that say the same."""
        if not isinstance(model, StrictTitle):
            return self._share(model)
        title = self._known.get(model)
        if title is None:
            title = self._known[model] = self._share(model)
            self.held += _weigh(model.title, model.ids)
        return title

    def _share(self, model: TitleModel | StrictTitle) -> Title:
        ids = model.ids
        told = (model.title, model.year, ids.trakt, ids.imdb, ids.tmdb, ids.tvdb)
        title = self._titles.get(told)
        if title is None:
            name = model.title or UNTITLED
            title = Title(self._kind, name, model.year, _to_ids(ids))
            self._titles[told] = title
            self.held += _weigh(model.title, ids)
        return title


class PlayMapper:
    """Maps records to plays; equal titles become one object, which saves memory.

    ``is_by_trakt`` tells that it is Trakt's own clock that says ``now``.
    """

    def __init__(self, now: datetime, *, is_by_trakt: bool = True) -> None:
        self._latest = now + AHEAD
        self._is_by_trakt = is_by_trakt
        self._films = _Titles(Kind.FILM)
        self._shows = _Titles(Kind.SHOW)
        self._held = 0

    @property
    def held(self) -> int:
        """How many bytes what was mapped keeps of the texts that came."""
        return self._held + self._films.held + self._shows.held

    def play(self, item: HistoryRecord) -> Play:
        """Return the play that the record stands for, or raise UnusableRecordError."""
        try:
            watched_at = to_minute(item.watched_at)
        except OverflowError:
            raise UnusableRecordError("has no date in UTC") from None
        try:
            if not EARLIEST <= watched_at <= self._latest:
                by_trakt = self._is_by_trakt
                raise misdated(watched_at, self._latest, is_by_trakt=by_trakt)
            kind = check_kind(item)
        except UnusableError as error:
            raise UnusableRecordError(str(error), error.remedy) from None
        if kind == "movie" and item.movie is not None:
            return Play(self._films.share(item.movie), watched_at, id=item.id)
        return self._episode(item, watched_at)

    def set_aside(
        self, record: BadRecord, where: str = "", remedy: str = ON_TRAKT
    ) -> Quarantined:
        """Name a record that is no play, with what can be told of it.

        ``where`` is its place in a file; a record of the account goes by its id.
        """
        number = record.history_id
        name = f"{HISTORY_ID} {number}" if number else None
        title, kind = None, _KINDS.get(record.kind or "")
        if kind is not None and record.title is not None:
            titles = self._films if kind is Kind.FILM else self._shows
            title = titles.share(record.title)
        unsupported = _why_unsupported(record)
        self._held += min(len(record.raw), MOST_RAW)
        return Quarantined(
            where or name or f"record {record.identity[:12]}",
            unsupported or record.reason,
            record.raw[:MOST_RAW],
            title,
            kind,
            NO_PLACE if unsupported else record.remedy or remedy,
            key=name or f"digest {record.identity}",
            is_unsupported=bool(unsupported),
        )

    def _episode(self, item: HistoryRecord, watched_at: datetime) -> Play:
        episode, show = item.episode, item.show
        if episode is None:
            raise UnusableRecordError(IN_NO_KIND)
        own = None
        if show is None or not (show.ids.trakt or has_id(show)):
            own = _to_ids(episode.ids)
            self._held += _weigh(None, episode.ids)
            if show is None or not has_name(show):
                # By itself: that two have no name makes no one show of them.
                show = TitleModel(title=f"(the show of episode {_label(own)})")
        title, trakt = self._shows.share(show), episode.ids.trakt
        place = (episode.season, episode.number)
        # What Play(...) does, in a third of the time: most plays are made here.
        return tuple.__new__(Play, (title, watched_at, *place, item.id, trakt, own))


def _why_unsupported(record: BadRecord) -> str:
    """Say why Discovr could not take it, however well it were read."""
    if record.is_unsupported:
        return record.reason
    try:
        raw = json.loads(record.raw)
    except ValueError:
        return ""
    if not isinstance(raw, dict):
        return ""
    named, episode = raw.get("type"), raw.get("episode")
    if record.reason == IN_NO_KIND and isinstance(named, str) and named not in _KINDS:
        return IN_NO_KIND if named.strip() else ""
    number = episode.get("season") if isinstance(episode, dict) else None
    is_special = number == 0 and isinstance(number, int) and number is not False
    return SPECIAL if is_special and named != "movie" else ""


def _to_ids(ids: IdsModel | StrictIds) -> Ids:
    return Ids(ids.trakt, ids.slug, to_imdb(ids.imdb), ids.tmdb, ids.tvdb)


def _weigh(name: str | None, ids: IdsModel | StrictIds) -> int:
    """Return the bytes of the texts of a title, or of ids alone."""
    return sum(map(getsizeof, filter(None, (name, ids.slug, ids.imdb))))


def _label(ids: Ids) -> str:
    return ids.imdb or f"TVDB {ids.tvdb}"


async def read_resume_points(
    client: ExtrasClient, now: datetime
) -> tuple[list[ResumePoint], list[Quarantined]]:
    """Read the resume points of the signed-in account."""
    items, _ = await client.playback()
    points, quarantined = resume_points(items, now)
    mapper = PlayMapper(now)
    return points, quarantined + [
        mapper.set_aside(record) for record in client.unreadable
    ]


def resume_points(
    items: Iterable[PlaybackItem], now: datetime, *, is_by_trakt: bool = True
) -> tuple[list[ResumePoint], list[Quarantined]]:
    """Map records; those that are none are set aside with the reason."""
    mapper = PlayMapper(now, is_by_trakt=is_by_trakt)
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

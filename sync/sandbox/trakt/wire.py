"""What Trakt writes: an account as the JSON of its API, and of its download."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from sync.domain.plays import Ids, Kind, to_minute

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sync.sandbox.account.account import Pause, Play
    from sync.sandbox.account.titles import CatalogueTitle, Episode, Season

    Json = dict[str, Any]

_FIELD = {Kind.FILM: "movie", Kind.SHOW: "show"}
_ID_NAMES = {
    Kind.FILM: ("trakt", "slug", "imdb", "tmdb"),
    Kind.SHOW: ("trakt", "slug", "tvdb", "imdb", "tmdb"),
}
_EPISODE_IDS = ("trakt", "tvdb", "imdb", "tmdb")
_SEASON_IDS = ("trakt", "tvdb", "tmdb")


def stamp(moment: datetime) -> str:
    """Write an instant as Trakt does: UTC, with milliseconds and a Z."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def newest_first(plays: Iterable[Play]) -> list[Play]:
    """Order plays as the history lists them; of equal times the newest entry first."""
    return sorted(plays, key=lambda play: (play.watched_at, play.id), reverse=True)


@dataclass(frozen=True, slots=True)
class TraktWire:
    """Writes everything in one style.

    ``missing_ids`` says how an id that Trakt lacks is sent: all of these were seen.
    ``keeps_seconds`` is how it was before February 2026.
    """

    missing_ids: Literal["null", "absent", "empty", "zero"] = "null"
    keeps_seconds: bool = False

    def watched_at(self, play: Play) -> datetime:
        """Return the time of a play in the precision in which it is sent."""
        return play.watched_at if self.keeps_seconds else to_minute(play.watched_at)

    def play(self, play: Play, *, full: bool = False) -> Json:
        """Write a history item."""
        head = {
            "id": play.id,
            "watched_at": stamp(self.watched_at(play)),
            "action": play.action,
            "type": "movie" if play.episode is None else "episode",
        }
        return head | self._subject(play.title, play.episode, full=full)

    def pause(self, pause: Pause, *, full: bool = False) -> Json:
        """Write a resume point."""
        head = {
            "progress": pause.progress,
            "paused_at": stamp(pause.paused_at),
            "id": pause.id,
            "type": "movie" if pause.episode is None else "episode",
        }
        return head | self._subject(pause.title, pause.episode, full=full)

    def title(self, title: CatalogueTitle, *, full: bool = False) -> Json:
        """Write a film or show; ``full`` adds what describes it."""
        listed = {n: v for n, v in title.ids.known().items() if n not in title.unlisted}
        written: Json = {
            "title": title.name,
            "year": title.year,
            "ids": self._ids(Ids(**listed), _ID_NAMES[title.kind]),  # type: ignore[arg-type]  # the names are those of Ids
        }
        if full:
            date = title.released.isoformat() if title.released else None
            written |= {
                "genres": list(title.genres),
                "runtime": title.runtime,
                "overview": "",
                "released" if title.kind is Kind.FILM else "first_aired": date,
            }
        return written

    def episode(self, episode: Episode, *, full: bool = False) -> Json:
        """Write an episode."""
        written: Json = {
            "season": episode.season,
            "number": episode.number,
            "title": episode.name,
            "ids": self._ids(episode.ids, _EPISODE_IDS),
        }
        if full:
            aired = stamp(episode.first_aired) if episode.first_aired else None
            written |= {
                "number_abs": None,
                "overview": None,
                "first_aired": aired,
                "runtime": None,
                "episode_type": "standard",
            }
        return written

    def season(
        self, season: Season, now: datetime, *, episodes: bool, full: bool
    ) -> Json:
        """Write a season; ``now`` decides how many of its episodes have aired."""
        written: Json = {
            "number": season.number,
            "ids": self._ids(season.ids, _SEASON_IDS),
        }
        if full:
            airings = [e.first_aired for e in season.episodes if e.first_aired]
            written |= {
                "title": f"Season {season.number}" if season.number else "Specials",
                "episode_count": len(season.episodes),
                "aired_episodes": sum(airing <= now for airing in airings),
                "first_aired": stamp(min(airings)) if airings else None,
            }
        if episodes:
            written["episodes"] = [self.episode(e, full=full) for e in season.episodes]
        return written

    def _subject(
        self, title: CatalogueTitle, episode: Episode | None, *, full: bool
    ) -> Json:
        subject = {_FIELD[title.kind]: self.title(title, full=full)}
        if episode is not None:
            subject = {"episode": self.episode(episode, full=full)} | subject
        return subject

    def _ids(self, ids: Ids, names: Sequence[str]) -> Json:
        written: Json = {}
        for name in names:
            value = getattr(ids, name)
            if value is not None:
                written[name] = value
            elif self.missing_ids == "null":
                written[name] = None
            elif self.missing_ids == "empty":
                written[name] = "" if name in ("imdb", "slug") else None
            elif self.missing_ids == "zero":
                written[name] = None if name in ("imdb", "slug") else 0
        return written

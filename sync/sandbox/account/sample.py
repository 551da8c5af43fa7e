"""Builds the sample account out of ``sample.toml``: the same one every time."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from sync.domain.plays import UNKNOWN_DATE, Ids, Key, Kind
from sync.sandbox.account.account import FIRST_PLAY_ID, Account, Pause, Play
from sync.sandbox.account.titles import CatalogueTitle, Episode, Season, by_media_id
from sync.sandbox.server.server import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Json = dict[str, Any]

#: Ids of plays are far apart, as on a service that many people use.
_ID_STEP = 7919
#: The first episode has the id that the real first one of Breaking Bad has.
_FIRST_EPISODE_ID = 73_640
_FIRST_SEASON_ID = 3_950


class OwnEntry(NamedTuple):
    """What the person has on Discovr before anything is carried over."""

    key: Key
    progress: float
    at: datetime


@dataclass(frozen=True, slots=True)
class _Viewing:
    title: CatalogueTitle
    at: datetime
    action: str
    episode: Episode | None = None


@dataclass(slots=True)
class _Numbers:
    """Hands out ids, so that no two seasons and no two episodes share one."""

    seasons: Iterator[int] = field(default_factory=lambda: count(_FIRST_SEASON_ID))
    episodes: Iterator[int] = field(default_factory=lambda: count(_FIRST_EPISODE_ID))


def sample_account(now: Callable[[], datetime] = utc_now) -> Account:
    """Return the sample account, new and unchanged; ``now`` stamps later changes."""
    data, numbers = _data(), _Numbers()
    titles: list[CatalogueTitle] = []
    viewings: list[_Viewing] = []
    for values in data["show"]:
        titles.append(_show(values, numbers))
        for watched in values["watched"]:
            viewings += _episode_viewings(titles[-1], watched)
    for values in data["film"] + data["films"]["list"]:
        titles.append(_film(values))
        viewings += _film_viewings(titles[-1], values["watched"])
    # In the order of their entry; what has no date was entered last.
    viewings.sort(key=lambda v: (v.at == UNKNOWN_DATE, v.at))
    plays = [
        Play(FIRST_PLAY_ID + _ID_STEP * i, v.title, v.at, v.episode, v.action)
        for i, v in enumerate(viewings)
    ]
    pauses = _pauses(data["pause"], titles, plays[-1].id + 1)
    return Account(
        titles, plays, pauses, user=data["user"], timezone=data["timezone"], now=now
    )


def own_entries(account: Account) -> list[OwnEntry]:
    """Return what the person of the sample did on Discovr by hand."""
    titles = by_media_id(account.titles)
    media_ids = {title.name: media for media, title in titles.items()}
    entries = []
    for values in _data()["own"]:
        media = values.get("media") or media_ids[values["title"]]
        key = Key(media, values.get("season"), values.get("episode"))
        entries.append(OwnEntry(key, values["progress"], values["at"]))
    return entries


@cache
def _data() -> Json:
    source = files("sync.sandbox.account") / "sample.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


def _film(values: Json) -> CatalogueTitle:
    released = values.get("released")
    return CatalogueTitle(kind=Kind.FILM, released=released, **_description(values))


def _show(values: Json, numbers: _Numbers) -> CatalogueTitle:
    airs = time.fromisoformat(values["airs"])
    return CatalogueTitle(
        kind=Kind.SHOW,
        has_ended=values.get("ended", True),
        seasons=tuple(_season(season, airs, numbers) for season in values["seasons"]),
        **_description(values),
    )


def _description(values: Json) -> Json:
    return {
        "name": values["name"],
        "year": values["year"],
        "ids": Ids(**values["ids"]),
        "unlisted": frozenset(values.get("unlisted", ())),
        "genres": tuple(values["genres"]),
        "runtime": values["runtime"],
    }


def _season(values: Json, airs: time, numbers: _Numbers) -> Season:
    episode_numbers = values.get("numbers") or range(1, values["count"] + 1)
    dated = len(episode_numbers) - values.get("undated", 0)
    episodes = []
    for index, number in enumerate(episode_numbers):
        day: date | None = None
        if index < dated:
            day = values["from"] + timedelta(days=values["every"] * index)
        first_aired = datetime.combine(day, airs).astimezone(UTC) if day else None
        trakt = next(numbers.episodes)
        ids = Ids(trakt=trakt, tvdb=275_709 + trakt, tmdb=trakt - 11_555)
        name = f"Episode {number}"
        episodes.append(Episode(values["n"], number, name, ids, first_aired, day))
    trakt = next(numbers.seasons)
    ids = Ids(trakt=trakt, tvdb=26_160 + trakt, tmdb=trakt - 378)
    return Season(values["n"], ids, tuple(episodes), values.get("tmdb"))


def _film_viewings(title: CatalogueTitle, watched: list[Any]) -> Iterator[_Viewing]:
    for viewing in watched:
        if viewing == "unknown":
            yield _Viewing(title, UNKNOWN_DATE, "watch")
        elif isinstance(viewing, dict):
            yield _Viewing(title, viewing["at"], viewing["action"])
        else:
            yield _Viewing(title, viewing, "scrobble")


def _episode_viewings(title: CatalogueTitle, watched: Json) -> Iterator[_Viewing]:
    season = title.season(watched["s"])
    episodes = season.episodes if season else ()
    wanted = _numbers(watched["e"]) if "e" in watched else None
    chosen = [e for e in episodes if wanted is None or e.number in wanted]
    action = watched.get("action", "scrobble")
    for index, episode in enumerate(chosen):
        yield _Viewing(title, _watched_at(watched, index, episode), action, episode)


def _watched_at(watched: Json, index: int, episode: Episode) -> datetime:
    if watched.get("unknown"):
        return UNKNOWN_DATE
    if "after" in watched and episode.first_aired:
        return episode.first_aired + timedelta(hours=watched["after"])
    moment: datetime = watched["from"]
    return moment + timedelta(minutes=watched["every"] * index)


def _pauses(
    data: list[Json], titles: list[CatalogueTitle], first_id: int
) -> Iterator[Pause]:
    by_name = {title.name: title for title in titles}
    for index, values in enumerate(data):
        title = by_name[values["title"]]
        episode = None
        if "season" in values:
            episode = title.episode(values["season"], values["episode"])
        pause_id = first_id + index
        yield Pause(pause_id, title, values["progress"], values["at"], episode)


def _numbers(text: str) -> set[int]:
    """Read ``1-4,6`` as a set of numbers."""
    chosen: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        chosen.update(range(int(first), int(last or first) + 1))
    return chosen

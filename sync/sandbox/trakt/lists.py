"""What Trakt derives from the plays of an account: watched lists, maps and stamps."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sync.domain.plays import Kind
from sync.sandbox.trakt.wire import newest_first, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sync.sandbox.account.account import Account, Play
    from sync.sandbox.account.titles import CatalogueTitle, Episode
    from sync.sandbox.trakt.wire import Json, TraktWire

_UUID = "b6589fc6ab0dc82cf12099d1c2d40ab994e8410c"
_OTHER_STAMPS = {
    "movies": ("collected", "rated", "watchlisted", "favorited", "commented", "hidden"),
    "episodes": ("collected", "rated", "watchlisted", "commented"),
    "shows": ("rated", "watchlisted", "favorited", "commented", "hidden", "dropped"),
    "seasons": ("rated", "watchlisted", "commented", "hidden"),
    "comments": ("liked", "reacted", "blocked"),
    "lists": ("liked", "reacted", "updated", "commented"),
    "watchlist": ("updated",),
    "favorites": ("updated",),
    "collaborations": ("updated",),
    "account": ("settings", "followed", "following", "pending", "requested"),
    "saved_filters": ("updated",),
    "notes": ("updated",),
}


def minimal_movies(plays: Iterable[Play], wire: TraktWire) -> dict[str, list[str]]:
    """Write the map of film id to play times (``extended=min``)."""
    times: dict[str, list[str]] = {}
    for play in newest_first(plays):
        if play.title.kind is Kind.FILM:
            when = stamp(wire.watched_at(play))
            times.setdefault(str(play.title.trakt), []).append(when)
    return times


def minimal_shows(
    plays: Iterable[Play], wire: TraktWire, *, specials: bool, season_numbers: bool
) -> Json:
    """Write the map show id > season > episode id > play times (``extended=min``)."""
    shows: Json = {}
    for play, episode in _episode_plays(newest_first(plays), specials=specials):
        season = play.title.season(episode.season)
        key = str(season.ids.trakt if season else 0)
        if season_numbers:
            key = f"{key}|{episode.season}"
        seasons = shows.setdefault(str(play.title.trakt), {})
        times = seasons.setdefault(key, {}).setdefault(str(episode.ids.trakt), [])
        times.append(stamp(wire.watched_at(play)))
    return shows


def watched_movies(plays: Iterable[Play], wire: TraktWire, *, full: bool) -> list[Json]:
    """Write each watched film once, the most recently watched first."""
    films = [play for play in plays if play.title.kind is Kind.FILM]
    return [
        _summary(of_title, wire) | {"movie": wire.title(title, full=full)}
        for title, of_title in _grouped(films)
    ]


def watched_shows(
    plays: Iterable[Play],
    wire: TraktWire,
    now: datetime,
    *,
    progress: bool = False,
    specials: bool = False,
    full: bool = False,
) -> list[Json]:
    """Write each watched show once; ``progress`` adds the seasons."""
    shows: list[Json] = []
    counted = [play for play, _ in _episode_plays(plays, specials=specials)]
    for title, of_title in _grouped(counted):
        show = wire.title(title, full=full) | {"aired_episodes": _aired(title, now)}
        item = _summary(of_title, wire) | {"reset_at": None, "show": show}
        if progress:
            item["seasons"] = _seasons(of_title, wire)
        shows.append(item)
    return shows


def last_activities(account: Account) -> Json:
    """Write the change stamps of every group."""
    stamps = account.stamps
    oldest = stamp(min(stamps.movies_paused_at, stamps.episodes_paused_at))
    written: Json = {
        group: {f"{name}_at": oldest for name in names}
        for group, names in _OTHER_STAMPS.items()
    }
    for group in ("movies", "episodes"):
        for name in ("watched_at", "paused_at"):
            written[group][name] = stamp(getattr(stamps, f"{group}_{name}"))
    newest = max(value for group in written.values() for value in group.values())
    return {"all": newest} | written


def settings(account: Account) -> Json:
    """Write who the account belongs to, and its time zone."""
    return {
        "user": {
            "username": account.user,
            "private": False,
            "name": account.user.title(),
            "vip": True,
            "ids": {"slug": account.user, "uuid": _UUID},
        },
        "account": {"timezone": account.timezone, "date_format": "ymd"},
        "browsing": {"watch_only_once": False},
    }


def stats(account: Account) -> Json:
    """Write the totals."""
    films = [play for play in account.plays if play.episode is None]
    episodes = list(_episode_plays(account.plays, specials=True))
    return {
        "movies": {
            "plays": len(films),
            "watched": len({play.title.trakt for play in films}),
        },
        "shows": {"watched": len({play.title.trakt for play, _ in episodes})},
        "episodes": {
            "plays": len(episodes),
            "watched": len({episode.ids.trakt for _, episode in episodes}),
        },
    }


def _episode_plays(
    plays: Iterable[Play], *, specials: bool
) -> Iterator[tuple[Play, Episode]]:
    for play in plays:
        if play.episode is not None and (specials or play.episode.season):
            yield play, play.episode


def _grouped(plays: Iterable[Play]) -> Iterable[tuple[CatalogueTitle, list[Play]]]:
    groups: dict[CatalogueTitle, list[Play]] = {}
    for play in newest_first(plays):
        groups.setdefault(play.title, []).append(play)
    return groups.items()


def _summary(plays: Sequence[Play], wire: TraktWire) -> Json:
    last = stamp(wire.watched_at(plays[0]))
    return {"plays": len(plays), "last_watched_at": last, "last_updated_at": last}


def _aired(title: CatalogueTitle, now: datetime) -> int:
    return sum(
        episode.first_aired is not None and episode.first_aired <= now
        for season in title.seasons
        if season.number
        for episode in season.episodes
    )


def _seasons(plays: Sequence[Play], wire: TraktWire) -> list[Json]:
    seasons: dict[int, dict[int, list[Play]]] = defaultdict(dict)
    for play, episode in _episode_plays(plays, specials=True):
        seasons[episode.season].setdefault(episode.number, []).append(play)
    return [
        {"number": season, "episodes": _watched_episodes(numbers, wire)}
        for season, numbers in sorted(seasons.items())
    ]


def _watched_episodes(
    numbers: dict[int, list[Play]], wire: TraktWire
) -> list[dict[str, Any]]:
    return [
        {
            "number": number,
            "plays": len(plays),
            "last_watched_at": stamp(wire.watched_at(plays[0])),
        }
        for number, plays in sorted(numbers.items())
    ]

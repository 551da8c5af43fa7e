"""Small accounts in which every kind of write occurs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from sync.domain.plays import Ids, Key, Kind
from sync.sandbox.account.account import Account
from sync.sandbox.account.titles import CatalogueTitle, Episode, Season

AIRED_AT = datetime(2020, 1, 6, 2, tzinfo=UTC)
WATCHED_AT = datetime(2022, 5, 1, 20, tzinfo=UTC)


class Own(NamedTuple):
    """What the person has on Discovr."""

    key: Key
    progress: float
    at: datetime


def film(number: int, *, has_tmdb: bool = True) -> CatalogueTitle:
    ids = Ids(trakt=number, tvdb=number, tmdb=100 + number if has_tmdb else None)
    return CatalogueTitle(Kind.FILM, f"Film {number}", ids, 2000)


def show(number: int, *episodes: int, first_season: int = 1) -> CatalogueTitle:
    """Build a show whose seasons have that many episodes; one airs every week."""
    serial = 1_000 * number
    seasons = tuple(
        _season(serial + 100 * season, season, count)
        for season, count in enumerate(episodes, first_season)
    )
    ids = Ids(trakt=number, slug=f"show-{number}", tmdb=200 + number, tvdb=number)
    return CatalogueTitle(Kind.SHOW, f"Show {number}", ids, 2020, seasons=seasons)


def watched_on(day: float, minutes: int = 0) -> datetime:
    return WATCHED_AT + timedelta(days=day, minutes=minutes)


def mixed_account(copies: int = 1) -> tuple[Account, list[Own]]:
    """Build complete seasons, ones with holes, single episodes, films and oddities.

    Two dozen plays a copy. The person marked two films and an episode on Discovr.
    """
    account, own = Account([]), []
    for copy in range(copies):
        own += _add_copy(account, 10 * copy, copy / 100)
    return account, own


def _add_copy(account: Account, base: int, days: float) -> list[Own]:
    films = [film(base + number) for number in range(1, 5)]
    nameless = film(base + 9, has_tmdb=False)
    complete, holed = show(base + 1, 4), show(base + 2, 6, 3)
    special = show(base + 3, 2, first_season=0)
    account.titles += [*films, nameless, complete, holed, special]
    for number in range(1, 5):
        at = watched_on(1 + days, number)
        account.add_play(complete, at, season=1, number=number)
    for number in (1, 2, 3, 5, 6):
        at = watched_on(2 + days, number)
        account.add_play(holed, at, season=1, number=number)
    account.add_play(holed, watched_on(4 + days), season=2, number=3)
    account.add_play(special, watched_on(5 + days), season=0, number=1)
    for number, title in enumerate(films[:3]):
        account.add_play(title, watched_on(6 + days + number))
    account.add_play(films[3], None)
    account.add_play(nameless, watched_on(9 + days))
    # The second time round: the whole season, and a film.
    for number in range(1, 5):
        at = watched_on(20 + days, number)
        account.add_play(complete, at, season=1, number=number)
    account.add_play(films[0], watched_on(21 + days))
    account.add_play(films[0], watched_on(22 + days))
    return [
        Own(Key(f"MV_{base + 102}"), 30, watched_on(0)),
        Own(Key(f"MV_{base + 103}"), 20, watched_on(30)),
        Own(Key(f"TV_{base + 202}", 1, 1), 100, watched_on(-3)),
    ]


def _season(serial: int, number: int, count: int) -> Season:
    start = AIRED_AT + timedelta(days=364 * number)
    episodes = tuple(
        _episode(serial + episode, number, episode, start + timedelta(weeks=episode))
        for episode in range(1, count + 1)
    )
    return Season(number, Ids(trakt=serial, tmdb=serial), episodes)


def _episode(serial: int, season: int, number: int, aired: datetime) -> Episode:
    ids = Ids(trakt=serial, tmdb=serial)
    day: date = (aired - timedelta(hours=5)).date()
    return Episode(season, number, f"Episode {number}", ids, aired, day)

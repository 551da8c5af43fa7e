"""Made-up accounts of any size, for benchmarks and for properties."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import TYPE_CHECKING

from sync.domain.plays import Ids, Kind
from sync.sandbox.account.account import FIRST_PLAY_ID, Account, Play
from sync.sandbox.account.titles import CatalogueTitle, Episode, Season
from sync.sandbox.server.server import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

_EPISODES_A_SEASON = 10
_MOST_SEASONS = 8
_FILM_SHARE = 0.1
_REWATCH_SHARE = 0.1
#: How likely the next play is of another show.
_SWITCH_SHARE = 0.15
_FIRST_AIRING = datetime(1995, 1, 3, 2, 0, tzinfo=UTC)
_FIRST_VIEWING = datetime(2013, 1, 1, 18, 0, tzinfo=UTC)
_LAST_VIEWING = datetime(2026, 10, 31, 22, 0, tzinfo=UTC)


def synthetic_account(
    plays: int,
    shows: int = 50,
    seed: int = 0,
    *,
    now: Callable[[], datetime] = utc_now,
) -> Account:
    """Return an account with exactly that many plays: of the shows, and of some films.

    Each show is watched in order, and from the start again once it is through. Films
    and shows share their numbers, as on the real services. ``now`` stamps changes.
    """
    draw = random.Random(seed)  # noqa: S311  # repeatable on purpose
    titles = [
        _show(number, draw.randint(1, _MOST_SEASONS)) for number in range(1, shows + 1)
    ]
    queues = [cycle(_episodes(title)) for title in titles]
    films: list[CatalogueTitle] = []
    entered: list[Play] = []
    step = (_LAST_VIEWING - _FIRST_VIEWING) / max(1, plays)
    current = 0
    for number in range(plays):
        episode: Episode | None = None
        if not shows or draw.random() < _FILM_SHARE:
            if not films or draw.random() >= _REWATCH_SHARE:
                films.append(_film(len(films) + 1))
            title = draw.choice(films[-20:])
        else:
            if draw.random() < _SWITCH_SHARE:
                current = draw.randrange(shows)
            title, episode = titles[current], next(queues[current])
        at = _FIRST_VIEWING + step * number
        entered.append(Play(FIRST_PLAY_ID + 3 * number, title, at, episode))
    return Account([*titles, *films], entered, now=now)


def _film(number: int) -> CatalogueTitle:
    ids = Ids(number, f"film-{number}", f"tt7{number:07d}", 10_000 + number)
    return CatalogueTitle(Kind.FILM, f"Film {number}", ids, 2000, runtime=100)


def _show(number: int, season_count: int) -> CatalogueTitle:
    ids = Ids(
        trakt=number,
        slug=f"show-{number}",
        imdb=f"tt8{number:07d}",
        tmdb=10_000 + number,
        tvdb=20_000 + number,
    )
    start = _FIRST_AIRING + timedelta(days=number % 3_650)
    seasons = tuple(
        _season(number, season, start + timedelta(days=364 * season))
        for season in range(1, season_count + 1)
    )
    year = start.year + 1
    return CatalogueTitle(Kind.SHOW, f"Show {number}", ids, year, seasons=seasons)


def _season(show: int, number: int, start: datetime) -> Season:
    serial = show * _MOST_SEASONS + number
    episodes = tuple(
        _episode(serial, number, episode, start + timedelta(days=7 * episode))
        for episode in range(1, _EPISODES_A_SEASON + 1)
    )
    return Season(number, Ids(trakt=serial, tmdb=50_000 + serial), episodes)


def _episode(serial: int, season: int, number: int, aired: datetime) -> Episode:
    trakt = 100_000 + serial * _EPISODES_A_SEASON + number
    # It aired in the evening of a western country: by TMDB's date, the day before.
    day = (aired - timedelta(hours=5)).date()
    ids = Ids(trakt=trakt, tmdb=1_000_000 + trakt)
    return Episode(season, number, f"Episode {number}", ids, aired, day)


def _episodes(title: CatalogueTitle) -> list[Episode]:
    return [episode for season in title.seasons for episode in season.episodes]

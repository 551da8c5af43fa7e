"""Values that are valid by default; override the field that a test is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sync.domain.desired import Desired, transform
from sync.domain.entries import Entry
from sync.domain.plays import Ids, Key, Kind, Play, Title

T0 = datetime(2024, 3, 1, 20, 0, tzinfo=UTC)
_ids = count(12_000_000_001)


def at(days: float = 0, *, minutes: int = 0) -> datetime:
    return T0 + timedelta(days=days, minutes=minutes)


def film(number: int = 1, **ids: Any) -> Title:
    known = Ids(**{"trakt": number, "tmdb": 500 + number} | ids)
    return Title(Kind.FILM, f"Film {number}", 2000, known)


def show(number: int = 1, **ids: Any) -> Title:
    known = Ids(**{"trakt": number, "tmdb": 500 + number} | ids)
    return Title(Kind.SHOW, f"Show {number}", 2010, known)


def play(title: Title | None = None, watched_at: datetime = T0, **fields: Any) -> Play:
    return Play(title or film(), watched_at, **{"id": next(_ids)} | fields)


def episode(
    season: int, number: int, watched_at: datetime = T0, title: Title | None = None
) -> Play:
    return play(title or show(), watched_at, season=season, episode=number)


def entry(key: Key | str, updated_at: datetime | None = T0, **fields: Any) -> Entry:
    where = Key(key) if isinstance(key, str) else key
    return Entry(where, updated_at, **{"progress": 100.0} | fields)


def desired(*plays: Play) -> Desired:
    return transform(plays, {})

"""Builds account downloads and backups: plays, pages, zips and folders."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connectors.trakt.export import ExportData, read_export
from tests.clocks import FakeClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from connectors.trakt.models import HistoryItem

Json = dict[str, Any]

#: After Trakt's export stopped losing plays, so that the date raises no doubt.
MADE_AT = datetime(2026, 9, 20, 12, 30, tzinfo=UTC)
FIRST_ID = 12_345_678_901


def read(*paths: Path, **options: Any) -> ExportData:
    """Read as on 1 October 2026."""
    now = FakeClock(datetime(2026, 10, 1, tzinfo=UTC))
    return read_export(paths, clock=now, **options)


def make_film_play(number: int = 1, **fields: Any) -> Json:
    ids = {"trakt": number, "slug": f"film-{number}", "imdb": "", "tmdb": number + 500}
    return {
        "id": FIRST_ID + number,
        "watched_at": "2025-03-04T20:15:00.000Z",
        "action": "scrobble",
        "type": "movie",
        "movie": {"title": f"Film {number}", "year": 2001, "ids": ids},
    } | fields


def make_episode_play(number: int = 1, season: int = 1, **fields: Any) -> Json:
    return {
        "id": FIRST_ID + 1_000_000 * season + number,
        "watched_at": "2025-03-05T20:15:00.000Z",
        "action": "watch",
        "type": "episode",
        "episode": {
            "season": season,
            "number": number,
            "title": None,
            "ids": {"trakt": 9_000 + number, "tvdb": None},
        },
        "show": {
            "title": "The Wire",
            "year": 2002,
            "ids": {"trakt": 1429, "tvdb": 79126, "imdb": "tt0306414", "tmdb": 1438},
        },
    } | fields


def make_plays(count: int) -> list[Json]:
    return [make_film_play(n) for n in range(1, count + 1)]


def make_stats(movies: int, episodes: int) -> Json:
    return {
        "movies": {"plays": movies, "watched": movies, "minutes": 1},
        "shows": {"watched": 1},
        "episodes": {"plays": episodes, "watched": episodes},
    }


def make_activities(at: str) -> Json:
    return {
        "all": at,
        "movies": {"watched_at": at, "paused_at": None},
        "episodes": {"watched_at": at},
    }


def to_bytes(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    return json.dumps(content, separators=(",", ":")).encode()


def make_zip(
    path: Path,
    members: Mapping[str, Any] | Sequence[tuple[str, Any]],
    made_at: datetime = MADE_AT,
) -> Path:
    pairs = members.items() if isinstance(members, Mapping) else members
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in pairs:
            info = zipfile.ZipInfo(name, made_at.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, to_bytes(content))
    return path


def make_folder(path: Path, members: Mapping[str, Any]) -> Path:
    path.mkdir(exist_ok=True)
    for name, content in members.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(to_bytes(content))
    return path


def make_file(path: Path, content: Any) -> Path:
    path.write_bytes(to_bytes(content))
    return path


def ids_of(items: Sequence[HistoryItem]) -> list[int | None]:
    """Return the history ids, counted from the first one that the builders give."""
    return [None if i.id is None else i.id - FIRST_ID for i in items]

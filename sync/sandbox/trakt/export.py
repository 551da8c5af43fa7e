"""Writes an account as a download from Trakt, or as the backup of another tool."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any, Literal

from sync.sandbox.server.server import utc_now
from sync.sandbox.trakt import lists as trakt_lists
from sync.sandbox.trakt.wire import TraktWire, newest_first

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sync.sandbox.account.account import Account
    from sync.sandbox.trakt.wire import Json

#: "flat": today's zip. "nested": that of the classic site until early 2026.
#: "traktexport": one JSON file by the tool of that name. "backup": the files that the
#: common backup scripts write.
Layout = Literal["flat", "nested", "traktexport", "backup"]


def write_export(
    account: Account,
    path: Path,
    layout: Layout = "flat",
    *,
    page_size: int = 250,
    keeps_seconds: bool = False,
    errors: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write the download and return its path: a zip if it ends so, else a folder.

    ``errors`` become the ``_errors.json`` of the flat layout, which says what is
    missing. The traktexport layout is a single file at ``path``.
    """
    wire = TraktWire(keeps_seconds=keeps_seconds)
    history = [wire.play(play) for play in newest_first(account.plays)]
    match layout:
        case "flat":
            members = _flat(
                account, wire, _pages("watched-history", history, page_size)
            )
            if errors:
                members["_errors.json"] = list(errors)
        case "nested":
            pages = _pages("watched/history", history, page_size, always_numbered=True)
            members = _nested(account, wire, pages)
        case "backup":
            members = _backup(account, wire, history)
        case "traktexport":
            whole = {"type": "partial", "username": account.user, "history": history}
            path.write_text(json.dumps(whole), encoding="utf-8")
            return path
    _write(path, members)
    return path


def _flat(account: Account, wire: TraktWire, history: Json) -> Json:
    plays, now = account.plays, utc_now()
    return history | {
        "watched-movies.json": trakt_lists.watched_movies(plays, wire, full=False),
        "watched-shows.json": trakt_lists.watched_shows(plays, wire, now),
        "watched-playback.json": [wire.pause(pause) for pause in account.pauses],
        "ratings-movies.json": [],
        "lists-watchlist.json": [],
        "user-last-activities.json": trakt_lists.last_activities(account),
        "user-profile.json": trakt_lists.settings(account)["user"],
        "user-settings.json": trakt_lists.settings(account),
        "user-stats.json": trakt_lists.stats(account),
    }


def _nested(account: Account, wire: TraktWire, history: Json) -> Json:
    plays, now = account.plays, utc_now()
    shows = trakt_lists.watched_shows(plays, wire, now, progress=True, specials=True)
    members = history | {
        "watched/watched-movies.json": trakt_lists.watched_movies(
            plays, wire, full=False
        ),
        "watched/watched-shows.json": shows,
        "ratings/ratings-movies.json": [],
        "lists/watchlist.json": [],
    }
    return {f"{account.user}/{name}": content for name, content in members.items()}


def _backup(account: Account, wire: TraktWire, history: list[Json]) -> Json:
    plays, now = account.plays, utc_now()
    return {
        "history_movies.json": [item for item in history if item["type"] == "movie"],
        "history_shows.json": [item for item in history if item["type"] != "movie"],
        "watched_movies.json": trakt_lists.watched_movies(plays, wire, full=False),
        "watched_shows.json": trakt_lists.watched_shows(plays, wire, now),
        "ratings_movies.json": [],
        "watchlist_movies.json": [],
    }


def _pages(
    name: str, items: list[Json], size: int, *, always_numbered: bool = False
) -> Json:
    pages = [items[start : start + size] for start in range(0, len(items), size)]
    if len(pages) < 2 and not always_numbered:
        return {f"{name}.json": items}
    return {f"{name}-{number}.json": page for number, page in enumerate(pages, 1)}


def _write(path: Path, members: Json) -> None:
    texts = {
        name: json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        for name, content in members.items()
    }
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                archive.writestr(name, text)
        return
    for name, text in texts.items():
        member = path / name
        member.parent.mkdir(parents=True, exist_ok=True)
        member.write_text(text, encoding="utf-8")

"""Fills a folder for ``planning_work``, in a process whose memory nobody measures.

python -m bench.planning_data FOLDER PLAYS SHOWS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.children import answer
from bench.planning_work import DATES, PAGES
from connectors.trakt.client import PAGE_LIMIT
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.trakt.wire import TraktWire, newest_first

if TYPE_CHECKING:
    from datetime import datetime


def write_account(folder: Path, plays: int, shows: int) -> None:
    """Write the pages of a made-up account as Trakt would, and its air dates."""
    account, wire = synthetic_account(plays, shows), TraktWire()
    ordered = newest_first(account.plays)
    with (folder / PAGES).open("w", encoding="utf-8") as file:
        for start in range(0, plays, PAGE_LIMIT):
            page = [wire.play(play) for play in ordered[start : start + PAGE_LIMIT]]
            file.write(json.dumps(page) + "\n")
    dates = [
        (title.ids.tmdb, season.number, [_text(e.first_aired) for e in season.episodes])
        for title in account.titles
        for season in title.seasons
    ]
    (folder / DATES).write_text(json.dumps(dates), encoding="utf-8")


def _text(first_aired: datetime | None) -> str | None:
    return first_aired.isoformat() if first_aired else None


if __name__ == "__main__":
    write_account(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    answer(plays=int(sys.argv[2]))

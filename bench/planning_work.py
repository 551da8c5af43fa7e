"""Parse, transform, plan and collapse an account that lies in a file.

    python -m bench.planning_work FOLDER

The folder is one that ``planning_data`` filled.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from bench.children import answer
from bench.rivals.racing import peak_mb
from connectors.http.response import Response
from connectors.trakt.client import HistoryPage, read_records
from sync.cli import GC_THRESHOLDS
from sync.domain.desired import transform
from sync.domain.plays import Place
from sync.domain.reconcile import reconcile, seasons_to_write
from sync.domain.rules import Rules
from sync.domain.seasons import Airing
from sync.extract.pages import PageCollector
from sync.extract.records import PlayMapper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.domain.plays import Play
    from sync.domain.seasons import Airings

#: The files of an account: a page a line, and the air dates of its seasons.
PAGES, DATES = "pages.jsonl", "dates.json"


def work(folder: Path) -> dict[str, float]:
    """Do it all; return the seconds of processor time of each part."""
    clock = [time.process_time()]
    plays = _parse(folder / PAGES)
    clock.append(time.process_time())
    desired = transform(plays, {})
    clock.append(time.process_time())
    # The loading of air dates is the catalogue's, so it counts with the collapse.
    places = list(seasons_to_write(desired, ()))
    clock.append(time.process_time())
    airings = _read_dates(folder / DATES)
    plan = reconcile(desired, (), Rules(airings=airings))
    clock.append(time.process_time())
    if not len(plan.operations) <= len(desired.watched) <= len(plays) or not places:
        raise RuntimeError("this is no plan for that account")
    parts = ("parse", "transform", "plan", "collapse")
    spent = [after - before for before, after in pairwise(clock)]
    return dict(zip(parts, spent, strict=True))


def _parse(path: Path) -> list[Play]:
    collector = PageCollector(PlayMapper(datetime(2027, 1, 1, tzinfo=UTC)))
    with path.open("rb") as file:
        for body in file:
            response = Response(200, {}, body, "Trakt", "GET /sync/history")
            collector.add(HistoryPage(*read_records(response)))
    return list(collector.plays.values())


def _read_dates(path: Path) -> dict[Place, Airings]:
    return dict(_seasons(path))


def _seasons(path: Path) -> Iterator[tuple[Place, Airings]]:
    for tmdb, season, dates in json.loads(path.read_bytes()):
        yield (
            Place(f"TV_{tmdb}", season),
            {
                number: Airing.from_instant(datetime.fromisoformat(text))
                for number, text in enumerate(dates, 1)
            },
        )


if __name__ == "__main__":
    gc.set_threshold(*GC_THRESHOLDS)  # as the command does
    found = work(Path(sys.argv[1]))
    answer(**found, peak_mb=peak_mb())

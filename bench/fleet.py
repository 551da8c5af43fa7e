"""How long a worker takes to pick what is due out of very many profiles."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import Goal, Result, Row, summarise
from sync.fleet.calendar import Kind
from sync.fleet.database import open_database
from sync.fleet.migrate import migrate
from sync.fleet.profiles import Profiles
from sync.fleet.server import database_url

if TYPE_CHECKING:
    from bench.measure import Noise
    from bench.sizes import Sizes

_PICKED = 500
_PICK_GOAL = Goal("most", 20)
_FILL = """
INSERT INTO fleet_profile (profile, source, kind, every, due_at)
SELECT 'profile ' || n, 'trakt', 'keep', interval '6 hours',
now() + (random() - 0.05) * interval '6 hours' FROM generate_series(1, $1) AS n
"""
_SIZE = "SELECT pg_total_relation_size('fleet_profile') AS n"


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Fill a private database, and pick from it again and again."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            database_url(None, Path(folder)) as url,
            open_database(url) as database,
        ):
            migrate(url)
            await database.pool.execute(_FILL, sizes.fleet_profiles, timeout=600)
            await database.pool.execute("VACUUM ANALYZE fleet_profile", timeout=600)
            profiles, now = Profiles(database), datetime.now(UTC)
            took = []
            for _ in range(sizes.repeats + sizes.warm_ups):
                noise.sample()
                started = time.perf_counter()
                picked = await profiles.pick(Kind.KEEP, _PICKED, now)
                took.append((time.perf_counter() - started) * 1000)
            (size,) = await database.rows(_SIZE)
    what = f"pick {_PICKED} due of {sizes.fleet_profiles:,}"
    note = f"{len(picked)} were picked in the last turn"
    each = size["n"] / sizes.fleet_profiles
    rows = [
        summarise(what, took[sizes.warm_ups :], "ms", goal=_PICK_GOAL, note=note),
        Row("a profile in the calendar, with its indexes", each, "bytes"),
    ]
    return Result("fleet", "the calendar of a fleet, in a private PostgreSQL", rows)

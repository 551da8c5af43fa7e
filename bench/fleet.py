"""How long a worker takes to pick what is due, and to run it."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from bench.fleet_runs import measure
from bench.measure import Goal, Result, Row, summarise
from sync.fleet.calendar import Kind
from sync.fleet.database import open_database
from sync.fleet.migrate import migrate
from sync.fleet.profiles import Profiles
from sync.fleet.server import database_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.measure import Noise
    from bench.sizes import Sizes
    from sync.fleet.database import FleetDatabase

_PICKED = 500
_GOAL = Goal("most", 20)
#: One in ten is due already: what a fleet has to catch up after 36 minutes. Of a
#: million that is more than is picked.
_FILL = """
INSERT INTO fleet_profile (profile, source, kind, every, due_at)
SELECT 'profile ' || n, 'trakt', 'keep', interval '6 hours',
now() + (random() - 0.1) * interval '6 hours' FROM generate_series(1, $1) AS n
"""
#: As it is once those that were picked have run.
_RAN = """
UPDATE fleet_profile SET due_at = $2::timestamptz + every * (0.9 + 0.2 * random()),
queued_at = NULL, last_ok_at = $2 WHERE id = ANY($1)
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
            (size,) = await database.rows(_SIZE)
            noise.sample()
            took = await _pick(database, sizes.fleet_picks)
            noise.sample()
            counted = await _count(database, sizes.repeats)
            runs = await measure(
                database,
                url,
                Path(folder),
                plays=sizes.fleet_plays,
                runs=sizes.fleet_runs,
            )
    of = f"{sizes.fleet_profiles:,}"
    each = size["n"] / sizes.fleet_profiles
    what = f"pick {_PICKED} due of {of}, the median of {len(took)} picks"
    nine, longest = quantiles(took, n=10)[-1], max(took)
    note = f"nine in ten within {nine:.1f} ms, the longest {longest:.1f} ms"
    rows = [
        summarise(what, took, "ms", goal=_GOAL, note=note),
        summarise(f"count the {of} for the metrics", counted, "ms"),
        Row("a profile in the calendar, with its indexes", each, "bytes"),
        *runs,
    ]
    return Result("fleet", "the calendar of a fleet, in a private PostgreSQL", rows)


async def _pick(database: FleetDatabase, times: int) -> Sequence[float]:
    """Time each pick; what it picked has run before the next one."""
    profiles, now, took = Profiles(database), datetime.now(UTC), []
    due = sum(count.due for count in await profiles.count(now))
    for _ in range(times):
        started = time.perf_counter()
        picked = await profiles.pick(Kind.KEEP, _PICKED, now)
        took.append((time.perf_counter() - started) * 1000)
        if len(picked) < min(_PICKED, due):
            raise RuntimeError(f"{len(picked)} were picked of {due} that are due.")
        due -= len(picked)
        await database.rows(_RAN, [number for number, _ in picked], now)
    return took


async def _count(database: FleetDatabase, times: int) -> Sequence[float]:
    profiles, took = Profiles(database), []
    for _ in range(times):
        started = time.perf_counter()
        await profiles.count(datetime.now(UTC))
        took.append((time.perf_counter() - started) * 1000)
    return took

"""How long it takes until the first plan stands, with Trakt's quotas in force."""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bench.children import asking
from bench.measure import Goal, Result, Row
from bench.page_server import PLAYS_A_SHOW
from bench.settings import settings_for
from sync import api
from sync.config import TmdbSettings
from sync.sandbox.server.credentials import Credentials

if TYPE_CHECKING:
    from bench.children import Server
    from bench.measure import Noise
    from bench.sizes import Sizes

#: What an answer takes.
LATENCY_MS = 120
#: The account that has a goal: plays, shows, and seconds.
_GOAL_AT, _SHOWS, _GOAL_S = 30_000, 480, 14.0


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Plan accounts of several sizes, without a key of TMDB and with one."""
    rows: list[Row] = []
    for plays in sizes.first_plans:
        shows = _SHOWS if plays == _GOAL_AT else max(1, plays // PLAYS_A_SHOW)
        for has_key in (False, True):
            noise.sample()
            # Each in its own process, so that no quota is spent already.
            async with asking("plan_servers", plays, shows, LATENCY_MS) as server:
                rows += await _measure(server, plays, shows, has_key=has_key)
    about = (
        f"until the plan stands, {LATENCY_MS} ms a request, both quotas of Trakt's in "
        "force, the services in a process of their own"
    )
    return Result("plan", about, rows)


async def _measure(
    server: Server, plays: int, shows: int, *, has_key: bool
) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for(
            trakt_url=server.greeting["trakt"],
            discovr_url=server.greeting["discovr"],
            folder=Path(folder),
        )
        if has_key:
            key = SecretStr(Credentials().tmdb_api_key)
            section = TmdbSettings(api_key=key, api_url=server.greeting["tmdb"])
            settings = settings.model_copy(update={"tmdb": section})
        began, began_cpu = time.perf_counter(), time.process_time()
        report = await api.plan(settings)
        took, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    if shows > 1 and not report.prepared.plan.saved:
        raise RuntimeError("the plan that was measured has no air dates")
    counts = await server.ask()
    what = f"{plays:,} plays of {shows:,} shows, {'with' if has_key else 'without'} key"
    goal = Goal("most", _GOAL_S) if plays == _GOAL_AT else None
    most = 5 + math.ceil(plays / 250) + (0 if has_key else shows)
    refused = Goal("most", 0)
    return [
        Row(what, took, "s", goal=goal, note=f"{cpu:.1f} s of CPU"),
        Row(f"{what}: to Trakt", counts["trakt"], "requests", goal=Goal("most", most)),
        Row(f"{what}: to TMDB", counts["tmdb"], "requests"),
        Row(f"{what}: refused", counts["refused"], "requests", goal=refused),
    ]

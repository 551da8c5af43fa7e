"""How long it takes until the first plan stands, with Trakt's quotas in force."""

from __future__ import annotations

import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bench.measure import Goal, Result, Row
from bench.page_server import PLAYS_A_SHOW
from bench.settings import settings_for
from sync import api
from sync.config import TmdbSettings
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt.stand_in import TraktStandIn

if TYPE_CHECKING:
    from bench.measure import Noise
    from bench.sizes import Sizes
    from sync.sandbox.account.account import Account

#: What an answer takes.
LATENCY_S = 0.12
#: The account that has a goal: plays, shows, and seconds.
_GOAL_AT, _SHOWS, _GOAL_S = 30_000, 480, 14.0


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Plan accounts of several sizes, without a key of TMDB and with one."""
    rows: list[Row] = []
    for plays in sizes.first_plans:
        shows = _SHOWS if plays == _GOAL_AT else max(1, plays // PLAYS_A_SHOW)
        account = synthetic_account(plays, shows)
        for has_key in (False, True):
            noise.sample()
            rows += await _measure(account, shows, has_key=has_key)
    about = f"until the plan stands, {LATENCY_S * 1000:.0f} ms a request, both quotas"
    return Result("plan", about, rows)


async def _measure(account: Account, shows: int, *, has_key: bool) -> list[Row]:
    plays = len(account.plays)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        trakt = await stack.enter_async_context(TraktStandIn(account))
        titles = account.titles
        discovr = await stack.enter_async_context(DiscovrStandIn(catalogue=titles))
        tmdb = await stack.enter_async_context(TmdbStandIn(titles))
        settings = settings_for(
            trakt_url=trakt.url, discovr_url=discovr.url, folder=Path(folder)
        )
        if has_key:
            key = SecretStr(Credentials().tmdb_api_key)
            section = TmdbSettings(api_key=key, api_url=tmdb.api_url)
            settings = settings.model_copy(update={"tmdb": section})
        for service in (trakt, discovr, tmdb):
            service.latency_s = LATENCY_S
        began = time.perf_counter()
        report = await api.plan(settings)
        took = time.perf_counter() - began
    if shows > 1 and not report.prepared.plan.saved:
        raise RuntimeError("the plan that was measured has no air dates")
    refused = sum(seen.status == 429 for seen in (*trakt.seen, *tmdb.seen))
    what = f"{plays:,} plays of {shows:,} shows, {'with' if has_key else 'without'} key"
    goal = Goal("most", _GOAL_S) if plays == _GOAL_AT else None
    asked = f"{len(trakt.seen):,} requests to Trakt, {len(tmdb.seen):,} to TMDB"
    return [
        Row(what, took, "s", goal=goal, note=asked),
        Row(f"{what}: refused", refused, "requests", goal=Goal("most", 0)),
    ]

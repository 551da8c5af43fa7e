"""The loader with its ledger, writing films at full pace to a Discovr.

python -m bench.loading URL REQUESTS_PER_SECOND WRITES
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench.children import answer
from bench.settings import settings_for
from connectors.clock import SystemClock
from connectors.discovr.client import DiscovrClient
from sync.cli import GC_THRESHOLDS
from sync.domain.plan import Action, Operation
from sync.domain.plays import Key
from sync.ledger import Ledger
from sync.load.discovr import DiscovrTarget
from sync.load.loader import Loader
from sync.wiring.clients import Clients

if TYPE_CHECKING:
    from connectors.http.client import RequestStats

#: By then the pace has to have found the limit.
SETTLED_AFTER_S = 60.0
_START = datetime(2020, 1, 1, tzinfo=UTC)


def operations(count: int) -> list[Operation]:
    """Return that many writes, of a film each."""
    return [
        Operation(Action.ADD, Key(f"MV_{number}"), _START + timedelta(hours=number))
        for number in range(1, count + 1)
    ]


async def load(url: str, rate: float, count: int, folder: Path) -> None:
    """Load, and say how long it took and what was refused for coming too fast."""
    settings = settings_for(discovr_url=url, folder=folder, requests_per_second=rate)
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(await Ledger.open(settings.state.url))
        http, session = Clients(settings, stack).profile()
        target = DiscovrTarget(DiscovrClient(http), session)
        profile = await target.open_profile()
        run = await ledger.start_run(profile, "bench", clock.now())
        loader = Loader(
            target,
            ledger,
            run,
            clock=clock,
            concurrency=settings.discovr.concurrency,
            on_event=lambda _event: None,
        )
        early = asyncio.create_task(_count_early(http.stats))
        started, spent = time.perf_counter(), time.process_time()
        await loader.load(operations(count))
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - spent
        early.cancel()
        sent, refused = await early
        answer(
            seconds=seconds,
            cpu_s=cpu_s,
            requests=http.stats.requests,
            refused=http.stats.rate_limited,
            late_requests=http.stats.requests - sent,
            late_refused=http.stats.rate_limited - refused,
            arrived=sum(s.outcome == "applied" for s in loader.settled.values()),
        )


async def _count_early(stats: RequestStats) -> tuple[int, int]:
    """Return what was sent and refused in the first minute; less than one is none."""
    try:
        await asyncio.sleep(SETTLED_AFTER_S)
    except asyncio.CancelledError:
        return 0, 0
    return stats.requests, stats.rate_limited


if __name__ == "__main__":
    gc.set_threshold(*GC_THRESHOLDS)  # as the command does
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(
            load(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), Path(place))
        )

"""trakt2discovr: its source, with the proof that everything came."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from typing import TYPE_CHECKING

from bench.rivals.racing import say
from bench.settings import settings_for
from sync.cli import GC_THRESHOLDS
from sync.wiring.bootstrap import build

if TYPE_CHECKING:
    from sync.ports import Extraction


async def extract(url: str) -> tuple[Extraction, float, float]:
    """Read the account; return it with the time on the wall and of the processor."""
    async with build(settings_for(trakt_url=url), is_dry=True) as services:
        started, spent = time.perf_counter(), time.process_time()
        extraction = await services.source.extract(lambda _done, _total: None)
        took, cpu_s = time.perf_counter() - started, time.process_time() - spent
    return extraction, took, cpu_s


gc.set_threshold(*GC_THRESHOLDS)  # as the command does
found, seconds, processor_s = asyncio.run(extract(sys.argv[1]))
if not found.receipt.is_whole:
    raise SystemExit(f"not proved whole: {found.receipt}")
say((play.id or 0 for play in found.plays), seconds, processor_s)

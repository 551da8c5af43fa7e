"""The Discovr stand-in in a process of its own.

    python -m bench.discovr_server REQUESTS_PER_SECOND LATENCY_MS

A rate of 0 is no limit.
"""

from __future__ import annotations

import asyncio
import sys

from bench.children import answer, until_stdin_ends
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.stand_in import DiscovrStandIn


async def serve(rate: float, latency_s: float) -> None:
    """Serve until stdin ends; say where on stdout."""
    quirks = DiscovrQuirks(requests_per_second=rate or None)
    async with DiscovrStandIn(quirks=quirks) as discovr:
        discovr.latency_s = latency_s
        answer(url=discovr.url, profile=discovr.profiles[0].id)
        await until_stdin_ends()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), float(sys.argv[2]) / 1000))

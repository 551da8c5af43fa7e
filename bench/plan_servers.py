"""Trakt, Discovr and TMDB for one made-up account, with their quotas and a latency.

    python -m bench.plan_servers PLAYS SHOWS LATENCY_MS

Whoever asks is told what was requested since the last time, and what was refused.
"""

from __future__ import annotations

import asyncio
import sys

from bench.children import answer, answer_each
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt.stand_in import TraktStandIn


async def serve(plays: int, shows: int, latency_s: float) -> None:
    """Serve until stdin ends; say where on stdout."""
    account = synthetic_account(plays, shows)
    async with (
        TraktStandIn(account) as trakt,
        DiscovrStandIn(catalogue=account.titles) as discovr,
        TmdbStandIn(account.titles) as tmdb,
    ):
        services = {"trakt": trakt, "discovr": discovr, "tmdb": tmdb}
        for service in services.values():
            service.latency_s = latency_s

        def count() -> dict[str, int]:
            seen = {name: len(service.seen) for name, service in services.items()}
            every = [one for service in services.values() for one in service.seen]
            for service in services.values():
                service.seen.clear()
            return {**seen, "refused": sum(one.status == 429 for one in every)}

        answer(trakt=trakt.url, discovr=discovr.url, tmdb=tmdb.api_url)
        await answer_each(count)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) / 1000))

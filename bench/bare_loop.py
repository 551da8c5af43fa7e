"""The fastest that aiohttp can write with so many workers: no ledger, no care at all.

python -m bench.bare_loop URL PROFILE WRITES WORKERS
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

import aiohttp

from bench.children import answer
from bench.loading import operations
from sync.sandbox.server.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator


async def post_all(url: str, profile: str, count: int, workers: int) -> None:
    """Post the same entries as the loader, and say how long it took."""
    login = {"Authorization": f"Bearer {Credentials().discovr_refresh_token}"}
    async with aiohttp.ClientSession() as session:
        minted = await session.post(
            f"{url}/auth/session-token", json={"profileId": profile}, headers=login
        )
        token = (await minted.json())["sessionToken"]
        headers = {"Authorization": f"Bearer {token}"}
        bodies: Iterator[dict[str, Any]] = iter(
            [
                {
                    "mediaId": operation.key.media,
                    "progress": 100,
                    "updatedAt": operation.watched_at.isoformat(),
                    "imported": "trakt",
                }
                for operation in operations(count)
            ]
        )

        async def work() -> None:
            for body in bodies:
                async with session.post(
                    f"{url}/profile/history", json=body, headers=headers
                ) as response:
                    await response.read()
                    response.raise_for_status()

        started, spent = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(workers)))
        answer(
            seconds=time.perf_counter() - started,
            cpu_s=time.process_time() - spent,
        )


if __name__ == "__main__":
    asyncio.run(post_all(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))

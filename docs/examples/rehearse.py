"""Rehearse a move: stand-ins of all services on loopback, and nothing else."""

from __future__ import annotations

import asyncio

from trakt2discovr import migrate, rehearsal


async def main() -> None:
    """Carry the sample account over, and say whether all of it arrived."""
    async with rehearsal() as settings:
        report = await migrate(settings)
        print(f"{report.balance()[0].read} plays, complete: {report.is_complete}")


asyncio.run(main())

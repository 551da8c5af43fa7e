"""Carry a history over for ten minutes at most, and go on with it another time."""

from __future__ import annotations

import asyncio

from trakt2discovr import Stop, StoppedError, load_settings, migrate

MOST_S = 600.0


async def main() -> None:
    """Write no more once the time is up; what is under way then is finished."""
    stop = Stop()
    asyncio.get_running_loop().call_later(MOST_S, stop.request)
    try:
        report = await migrate(load_settings(), stop=stop)
    except StoppedError as error:
        print(error.message)  # how far it came; the next call goes on from there
        return
    print("complete" if report.is_complete else "not complete: run it again")


asyncio.run(main())

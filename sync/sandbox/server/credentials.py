"""The made-up credentials that the stand-ins accept, in any process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


def made_up(name: str, length: int = 64) -> str:
    """Return hex digits that look like a secret and are the same in every process."""
    return hashlib.sha256(f"trakt2discovr sandbox: {name}".encode()).hexdigest()[
        :length
    ]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a program has to know to be let in by all three services."""

    trakt_client_id: str = field(default=made_up("trakt client id"), repr=False)
    trakt_client_secret: str = field(default=made_up("trakt client secret"), repr=False)
    trakt_access_token: str = field(default=made_up("trakt access token"), repr=False)
    trakt_refresh_token: str = field(default=made_up("trakt refresh token"), repr=False)
    discovr_client_id: str = field(default=made_up("discovr client id", 24), repr=False)
    discovr_refresh_token: str = field(
        default="rt_" + made_up("discovr refresh token", 48), repr=False
    )
    tmdb_api_key: str = field(default=made_up("tmdb v3 key", 32), repr=False)
    tmdb_token: str = field(
        default="eyJhbGciOiJIUzI1NiJ9." + made_up("tmdb v4 token"), repr=False
    )

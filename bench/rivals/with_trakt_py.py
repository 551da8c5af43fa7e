"""trakt.py: its lazy iterator over sync/history, at the largest page that Trakt serves.

It turns each item into an object of its own, which keeps the play's id.
"""

from __future__ import annotations

import sys

from trakt import Trakt

from bench.rivals.racing import race

Trakt.base_url = sys.argv[1]
Trakt.configuration.defaults.client(id="id", secret="secret")  # noqa: S106  # made up


def read() -> list[int]:
    """Read it all."""
    login = {
        "access_token": "token",
        "token_type": "bearer",
        "created_at": 4_000_000_000,
        "expires_in": 604_800,
    }
    with Trakt.configuration.oauth.from_response(login):
        found = list(Trakt["sync/history"].get(pagination=True, per_page=250))
    return [item.id for item in found]


race(read)

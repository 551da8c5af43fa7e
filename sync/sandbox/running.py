"""The whole sandbox: all three services on loopback, ready for the real program."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from sync.sandbox.account.sample import own_entries, sample_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.pharen import API_KEY, PharenStandIn
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.server.server import utc_now
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sync.sandbox.account.account import Account

_DISCOVR_STORE = "discovr.jsonl"
_TRAKT_STORE = "trakt-tokens.jsonl"
_PHAREN_STORE = "pharen.jsonl"
#: In a rehearsal the person on the second screen says yes by herself, and soon.
_WILLING_TRAKT = TraktQuirks(approves_after_polls=1, device_interval_s=1)
_WILLING_DISCOVR = DiscovrQuirks(approves_after_polls=1)


class Sandbox:
    """Trakt, Discovr and TMDB on loopback, around one account.

    Without ``account`` it is the sample, whose person has a few entries on Discovr
    already. With ``store_dir`` what is written to Discovr, and the logins, are there
    again in the next process; ``forget`` clears them.
    """

    def __init__(
        self,
        account: Account | None = None,
        *,
        store_dir: Path | None = None,
        trakt_quirks: TraktQuirks | None = None,
        discovr_quirks: DiscovrQuirks | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.account = account or sample_account(now)
        self.trakt = TraktStandIn(
            self.account,
            quirks=trakt_quirks or _WILLING_TRAKT,
            now=now,
            store_path=store_dir / _TRAKT_STORE if store_dir else None,
        )
        self.discovr = DiscovrStandIn(
            quirks=discovr_quirks or _WILLING_DISCOVR,
            catalogue=self.account.titles,
            store_path=store_dir / _DISCOVR_STORE if store_dir else None,
            now=now,
        )
        self.tmdb = TmdbStandIn(self.account.titles, now=now)
        self.pharen = PharenStandIn(
            store_path=store_dir / _PHAREN_STORE if store_dir else None, now=now
        )
        self._running = AsyncExitStack()
        if account is None and self.discovr.is_new:
            for own in own_entries(self.account):
                self.discovr.person_adds(own.key, progress=own.progress, at=own.at)

    async def __aenter__(self) -> Self:
        for service in (self.trakt, self.discovr, self.tmdb, self.pharen):
            await self._running.enter_async_context(service)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    def config(self) -> dict[str, dict[str, str]]:
        """Return the sections of a config that lets the program in, once started."""
        known = Credentials()
        return {
            "trakt": {
                "client_id": known.trakt_client_id,
                "client_secret": known.trakt_client_secret,
                "access_token": known.trakt_access_token,
                "refresh_token": known.trakt_refresh_token,
                "api_url": self.trakt.url,
                "auth_url": self.trakt.url,
            },
            "discovr": {
                "client_id": known.discovr_client_id,
                "refresh_token": known.discovr_refresh_token,
                "profile": self.discovr.profiles[0].name,
                "api_url": self.discovr.url,
            },
            "tmdb": {"api_key": known.tmdb_api_key, "api_url": self.tmdb.api_url},
            "pharen": {"api_key": API_KEY, "api_url": self.pharen.api_url},
        }

    @staticmethod
    def forget(store_dir: Path) -> None:
        """Begin anew: forget what was written and who signed in."""
        for name in (_DISCOVR_STORE, _TRAKT_STORE, _PHAREN_STORE):
            (store_dir / name).unlink(missing_ok=True)

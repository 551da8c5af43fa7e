"""Wires signing in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.discovr.device import DiscovrDevice
from connectors.trakt.device import TraktDevice
from sync.token_store import secret
from sync.wiring.bootstrap import Wiring, required

if TYPE_CHECKING:
    from connectors.auth.tokens import TokenStore
    from connectors.clock import Clock
    from connectors.http.client import RetryPolicy


class LoginWiring(Wiring):
    """Builds the clients of a sign-in, which the stack closes."""

    @property
    def store(self) -> TokenStore:
        """Where the logins are kept."""
        return self._store

    @property
    def clock(self) -> Clock:
        """The clock of everything here."""
        return self._clock

    @property
    def trakt_tokens(self) -> tuple[str | None, str | None]:
        """The access and the refresh token that the settings hold."""
        return self._trakt_tokens

    @property
    def discovr_token(self) -> str | None:
        """The refresh token that the settings hold."""
        return self._discovr_token

    @property
    def preset_profile(self) -> str | None:
        """The profile that the settings name, by id or name."""
        return self._settings.discovr.profile

    def trakt_device(self, retry: RetryPolicy | None = None) -> TraktDevice:
        """Build what signs in to Trakt and out again."""
        settings = self._settings.trakt
        client_secret = secret(settings.client_secret)
        return TraktDevice(
            self._trakt_hosts(retry),
            client_id=required(settings.client_id, "[trakt] client_id"),
            client_secret=required(client_secret, "[trakt] client_secret"),
            clock=self._clock,
        )

    def discovr_device(self, retry: RetryPolicy | None = None) -> DiscovrDevice:
        """Build what signs in to Discovr."""
        client_id = self._settings.discovr.client_id
        return DiscovrDevice(
            self._discovr_http(None, self._pacer(), retry=retry),
            client_id=required(client_id, "[discovr] client_id"),
            clock=self._clock,
        )

"""Wires the smaller commands: a first page, and a published report."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from connectors.discovr.extras import PagesClient
from connectors.errors import ConfigError
from connectors.pharen import client as pharen
from connectors.trakt.extras import ExtrasClient
from sync.wiring.bootstrap import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from connectors.clock import Clock
    from connectors.discovr.auth import SessionAuth
    from sync.events import Event


class Options(TypedDict, total=False):
    """What a caller may bring, all of it optional."""

    session: aiohttp.ClientSession
    clock: Clock
    on_event: Callable[[Event], None]


class ExtrasWiring(Wiring):
    """Builds the clients of the smaller commands, which the stack closes."""

    def trakt_extras(self) -> ExtrasClient:
        """Build the reader of what the Trakt account watched."""
        return ExtrasClient(self.trakt().http)

    def pages(self) -> tuple[PagesClient, SessionAuth]:
        """Build the client of a profile's pages, with the session it works in."""
        http, session = self.profile()
        return PagesClient(http), session

    def pharen(self) -> pharen.PharenClient:
        """Build the client of Pharen Hub."""
        settings = self._settings.pharen
        if settings.api_key is None:
            raise ConfigError(
                "[pharen] api_key is not set.",
                remedy="Make a key in Pharen Hub (Settings, API Keys) and set it.",
            )
        http = self._http(
            pharen.SERVICE,
            settings.api_url,
            headers=pharen.request_headers(settings.api_key.get_secret_value()),
            explain=pharen.explain,
            setting="[pharen] api_url",
        )
        return pharen.PharenClient(http)

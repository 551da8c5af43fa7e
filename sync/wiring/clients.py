"""The clients of every command, built from the settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from connectors.auth.tokens import NoTokens
from connectors.clock import SystemClock
from connectors.discovr import client as discovr
from connectors.discovr.auth import IdentityAuth, SessionAuth, stored_profile
from connectors.errors import ConfigError
from connectors.http.client import HttpClient, RetryPolicy
from connectors.http.entrance import Entrance
from connectors.http.pacing import AUTHED, UNAUTHED, QuotaPacer, RatePacer
from connectors.trakt import client as trakt
from connectors.trakt.auth import OauthHosts, TraktAuth
from connectors.trakt.public import Budget, PublicClient
from sync.domain import origin
from sync.events import Waiting, Warned
from sync.load.discovr import DiscovrTarget
from sync.runtime.late import Late, late
from sync.runtime.meter import Meter, spent
from sync.wiring.logins import how_to_log_in, login_warnings, secret, token_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AsyncExitStack

    import aiohttp

    from connectors.auth.tokens import TokenStore
    from connectors.clock import Clock
    from connectors.errors import ServiceError
    from connectors.http.pacing import Pacer
    from connectors.http.response import Response
    from connectors.trakt.client import TraktClient
    from sync.config import Settings
    from sync.events import Event

    Explain = Callable[[Response], ServiceError | None]

if TYPE_CHECKING:
    from connectors.discovr.device import DiscovrDevice
    from connectors.discovr.extras import PagesClient
    from connectors.pharen import client as pharen
    from connectors.tmdb import client as tmdb
    from connectors.trakt.device import TraktDevice
    from connectors.trakt.extras import ExtrasClient
else:
    # What a run that finds nothing new never uses.
    (DiscovrDevice,) = late("connectors.discovr.device", "DiscovrDevice")
    (PagesClient,) = late("connectors.discovr.extras", "PagesClient")
    pharen = Late("connectors.pharen.client")
    tmdb = Late("connectors.tmdb.client")
    (TraktDevice,) = late("connectors.trakt.device", "TraktDevice")
    (ExtrasClient,) = late("connectors.trakt.extras", "ExtrasClient")


#: Trakt documents rests of about 30 s when it is overloaded.
TRAKT_RETRY = RetryPolicy(wait_initial_s=2.0)
#: TMDB asks for no more than about 40 a second.
TMDB_RATE = 40.0
#: The services whose requests are paced, by the names that events give them.
TRAKT, DISCOVR, TMDB = "Trakt", "Discovr", "TMDB"
#: What Trakt tells anybody has a quota of its own, by client id and address.
TRAKT_PUBLIC = "Trakt without a login"
_PACED = (TRAKT, DISCOVR, TMDB, TRAKT_PUBLIC)
_SET_IT = "Set it, or let trakt2discovr setup ask for it, which says where it is made."
_CHOOSE_IT = (
    "Name it by --profile NAME, or choose it for good: trakt2discovr login discovr"
)
_NO_API = (
    "Carry over a Trakt download, which needs no API access: trakt2discovr migrate "
    "FILE. If your account may use the API, trakt2discovr setup says where its keys "
    "are made."
)
_BY_HAND = (
    "What you watched is read from Trakt's API for this, also where a download went "
    "over. Without it choose the filters yourself: trakt2discovr page --by-hand --only "
    "films --genre drama. If your account may use the API, trakt2discovr setup says "
    "where its keys are made."
)


class Clients:
    """Builds the clients that a command needs; ``stack`` closes them.

    A ``store`` and ``pacers`` (by service: Trakt, Discovr, TMDB, Trakt without a login)
    of the caller's take the place of those that the settings lead to, and so do a
    ``retry`` and a ``timeout_s`` for every service. ``on_answer`` sees every answer.
    """

    def __init__(  # noqa: PLR0913  # one keyword per thing that a caller may bring
        self,
        settings: Settings,
        stack: AsyncExitStack,
        *,
        session: aiohttp.ClientSession | None = None,
        clock: Clock | None = None,
        on_event: Callable[[Event], None] | None = None,
        meter: Meter | None = None,
        store: TokenStore | None = None,
        pacers: Mapping[str, Pacer] | None = None,
        retry: RetryPolicy | None = None,
        timeout_s: float | None = None,
        on_answer: Callable[[Response], None] | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.meter = meter or Meter(self.clock)
        #: Where the logins are kept.
        self.store = token_store(settings) if store is None else store
        #: The logins of the settings: access and refresh token, and refresh token.
        self.trakt_tokens = (
            secret(settings.trakt.access_token),
            secret(settings.trakt.refresh_token),
        )
        self.discovr_token = secret(settings.discovr.refresh_token)
        self._stack = stack
        self._on_event = on_event
        self._pacers = _checked(pacers or {})
        #: All calls to Trakt pass here, with a login and without.
        self._entrance = Entrance(settings.trakt.concurrency)
        self._retry = retry
        self._options: dict[str, Any] = {"session": session, "on_answer": on_answer}
        if timeout_s is not None:
            self._options["timeout_s"] = timeout_s

    def warn(self) -> None:
        """Tell of a login that ends soon. Raises ConfigError for the token store."""
        now = self.clock.now()
        for message in login_warnings(self.store, now, self.discovr_token):
            if self._on_event:
                self._on_event(Warned(message))

    def trakt(
        self, without: str = _NO_API, *, access: str | None = None
    ) -> trakt.TraktClient:
        """Build the client of the signed-in Trakt account; ``without``: a remedy.

        ``access`` is a token that is not in the store, and is not renewed.
        """
        settings = self.settings.trakt
        client_id = required(settings.client_id, "[trakt] client_id", without)
        auth = TraktAuth(
            self._trakt_hosts(explain=trakt.explain_renewal),
            NoTokens() if access else self.store,
            client_id=client_id,
            client_secret=secret(settings.client_secret),
            configured=(access, None) if access else self.trakt_tokens,
            clock=self.clock,
            log_in=how_to_log_in(self.settings, "trakt"),
        )
        http = self._trakt_http(self._trakt_pacer(AUTHED), client_id, auth)
        return trakt.TraktClient(http, auth)

    def trakt_public(self, signed_in: TraktClient | None = None) -> PublicClient | None:
        """Build the client of what Trakt tells anybody, if there is a client id.

        ``signed_in`` is where calls go that do not fit into the quota without a login.
        """
        client_id = self.settings.trakt.client_id
        if not client_id:
            return None
        pacer = self._trakt_pacer(UNAUTHED)
        public = Budget(self._trakt_http(pacer, client_id), pacer)
        return PublicClient(
            public,
            Budget(signed_in.http, signed_in.http.pacer) if signed_in else None,
            clock=self.clock,
            on_wait=partial(self._on_wait, TRAKT),
        )

    def trakt_extras(self) -> ExtrasClient:
        """Build the reader of what the Trakt account watched."""
        return ExtrasClient(self.trakt(_BY_HAND).http)

    def trakt_device(self, retry: RetryPolicy | None = None) -> TraktDevice:
        """Build what signs in to Trakt and out again."""
        settings = self.settings.trakt
        client_secret = secret(settings.client_secret)
        return TraktDevice(
            self._trakt_hosts(retry),
            client_id=required(settings.client_id, "[trakt] client_id"),
            client_secret=required(client_secret, "[trakt] client_secret"),
            clock=self.clock,
        )

    def identity(self, refresh: str | None = None) -> HttpClient:
        """Build the Discovr client of the account, for what needs no profile.

        ``refresh`` is a token that is not in the store.
        """
        return self._discovr_http(self._identity_auth(refresh), self._discovr_pacer())

    def profile(self) -> tuple[HttpClient, SessionAuth]:
        """Build the Discovr client of the profile, with the session it works in."""
        chosen = self.settings.discovr.profile or stored_profile(
            self.store, self.discovr_token
        )
        profile = required(chosen, "[discovr] profile", _CHOOSE_IT)
        pacer, identity = self._discovr_pacer(), self._identity_auth()
        session = SessionAuth(
            self._discovr_http(identity, pacer), identity, profile, clock=self.clock
        )
        return self._discovr_http(session, pacer), session

    def discovr(self, label: str = origin.TRAKT.label) -> DiscovrTarget:
        """Build the target: one profile of the Discovr account.

        ``label`` is that of the source whose plays go there.
        """
        http, session = self.profile()
        return DiscovrTarget(discovr.DiscovrClient(http), session, label)

    def pages(self) -> tuple[PagesClient, SessionAuth]:
        """Build the client of a profile's pages, with the session it works in."""
        http, session = self.profile()
        return PagesClient(http), session

    def discovr_device(self, retry: RetryPolicy | None = None) -> DiscovrDevice:
        """Build what signs in to Discovr."""
        client_id = self.settings.discovr.client_id
        return DiscovrDevice(
            self._discovr_http(None, self._discovr_pacer(), retry=retry),
            client_id=required(client_id, "[discovr] client_id"),
            clock=self.clock,
        )

    def tmdb(self) -> tmdb.TmdbClient | None:
        """Build the TMDB client, if there is a key."""
        settings = self.settings.tmdb
        if settings.api_key is None:
            return None
        key = tmdb.ApiKeyAuth(settings.api_key.get_secret_value())
        told = partial(self._on_wait, TMDB)
        own = RatePacer(TMDB_RATE, clock=self.clock, on_wait=told)
        http = self._http(
            TMDB,
            settings.api_url,
            auth=key,
            pacer=self._pacers.get(TMDB, own),
            explain=tmdb.explain,
            setting="[tmdb] api_url",
        )
        return tmdb.TmdbClient(http, key)

    def pharen(self) -> pharen.PharenClient:
        """Build the client of Pharen Hub."""
        settings = self.settings.pharen
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

    def _identity_auth(self, refresh: str | None = None) -> IdentityAuth:
        log_in = how_to_log_in(self.settings, "discovr")
        if self.settings.discovr.client_id is None:
            log_in = f"{log_in} What login discovr does is part of it."
        if refresh:
            return IdentityAuth(NoTokens(), refresh, log_in=log_in)
        return IdentityAuth(self.store, self.discovr_token, log_in=log_in)

    def _trakt_pacer(self, bucket: str) -> Pacer:
        """Return the caller's pacer, or the one of a quota of Trakt's.

        That for Trakt is for both, unless there is one for calls without a login.
        """
        if bucket == UNAUTHED and TRAKT_PUBLIC in self._pacers:
            return self._pacers[TRAKT_PUBLIC]
        told = partial(self._on_wait, TRAKT)
        own = QuotaPacer(
            clock=self.clock, on_wait=told, entrance=self._entrance, bucket=bucket
        )
        return self._pacers.get(TRAKT, own)

    def _trakt_http(
        self, pacer: Pacer, client_id: str, auth: TraktAuth | None = None
    ) -> HttpClient:
        return self._http(
            TRAKT,
            self.settings.trakt.api_url,
            auth=auth,
            pacer=pacer,
            headers=trakt.request_headers(client_id),
            explain=trakt.explain,
            retry=self._retry or TRAKT_RETRY,
            setting="[trakt] api_url",
            entrance=self._entrance,
        )

    def _trakt_hosts(
        self, retry: RetryPolicy | None = None, explain: Explain | None = None
    ) -> OauthHosts:
        settings = self.settings.trakt
        hosts = {settings.auth_url: "auth_url", settings.api_url: "api_url"}
        return OauthHosts(
            *(
                self._http(
                    TRAKT,
                    url,
                    retry=retry,
                    explain=explain or trakt.explain,
                    setting=f"[trakt] {name}",
                )
                for url, name in hosts.items()
            )
        )

    def _discovr_pacer(self) -> Pacer:
        rate = self.settings.discovr.requests_per_second
        told = partial(self._on_wait, DISCOVR)
        own = RatePacer(rate, clock=self.clock, on_wait=told)
        return self._pacers.get(DISCOVR, own)

    def _discovr_http(
        self,
        auth: IdentityAuth | SessionAuth | None,
        pacer: Pacer,
        retry: RetryPolicy | None = None,
    ) -> HttpClient:
        is_identity = isinstance(auth, IdentityAuth)
        return self._http(
            DISCOVR,
            self.settings.discovr.api_url,
            auth=auth,
            pacer=pacer,
            retry=retry,
            explain=discovr.explain_identity if is_identity else discovr.explain,
            setting="[discovr] api_url",
        )

    def _http(
        self,
        service: str,
        url: str,
        *,
        retry: RetryPolicy | None = None,
        **options: Any,
    ) -> HttpClient:
        client = HttpClient(
            service,
            url,
            clock=self.clock,
            on_wait=self._on_wait,
            retry=retry or self._retry,
            **self._options,
            **options,
        )
        self.meter.watch(service, client.stats)
        self._stack.push_async_callback(client.close)
        self._stack.callback(self._on_close, client)
        return client

    def _on_close(self, client: HttpClient) -> None:
        if self._on_event and client.stats.requests:
            self._on_event(spent(client.service, client.stats))

    def _on_wait(self, service: str, seconds: float, reason: str) -> None:
        if self._on_event:
            self._on_event(Waiting(service, seconds, reason))


def required(value: str | None, name: str, remedy: str = _SET_IT) -> str:
    """Return a setting that is needed here. Raises ConfigError if it is not set."""
    if not value:
        raise ConfigError(f"{name} is not set.", remedy=remedy)
    return value


def _checked(pacers: Mapping[str, Pacer]) -> Mapping[str, Pacer]:
    """Refuse a pacer that no request would ever ask."""
    if unknown := sorted(set(pacers).difference(_PACED)):
        raise ConfigError(
            f"There is no service {unknown[0]!r} to pace.",
            remedy=f"Name the pacers by service: {', '.join(_PACED)}.",
        )
    return pacers

"""Wires a run: the only place where settings meet clients."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from connectors.clock import SystemClock
from connectors.discovr import client as discovr
from connectors.discovr.auth import IdentityAuth, SessionAuth, stored_profile
from connectors.errors import ConfigError
from connectors.http.client import HttpClient, RetryPolicy
from connectors.http.pacing import QuotaPacer, RatePacer
from connectors.tmdb import client as tmdb
from connectors.trakt import client as trakt
from connectors.trakt.auth import OauthHosts, TraktAuth
from sync.events import Waiting, Warned
from sync.extract.files import FileSource
from sync.extract.trakt import TraktSource
from sync.ledger import Ledger
from sync.load.discovr import DiscovrTarget
from sync.pipeline.services import Services
from sync.runtime.meter import Meter, spent
from sync.token_store import secret, token_store
from sync.transform.air_dates import Catalogue, Listing, TmdbListing, TraktListing
from sync.transform.overrides import OverrideBook
from sync.transform.resolve import Resolver
from sync.wiring.logins import login_warnings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    import aiohttp

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.events import Event
    from sync.ports import Source, Target

#: Trakt documents rests of about 30 s when it is overloaded.
TRAKT_RETRY = RetryPolicy(wait_initial_s=2.0)
#: TMDB asks for no more than about 40 a second.
TMDB_RATE = 40.0
_SET_IT = "Set it in the config file; config.example.toml shows every key."
_CHOOSE_IT = "Set it in the config file, or choose it: trakt2discovr login discovr"


@asynccontextmanager
async def build(  # noqa: PLR0913  # one keyword per thing that a caller may bring
    settings: Settings,
    *,
    files: Sequence[Path] = (),
    on_event: Callable[[Event], None] | None = None,
    session: aiohttp.ClientSession | None = None,
    source: Source | None = None,
    target: Target | None = None,
    clock: Clock | None = None,
    is_dry: bool = False,
    needs_source: bool = True,
) -> AsyncIterator[Services]:
    """Open everything that a run needs, and close it again.

    A session, source or target of the caller's is used as it is and left open. With
    ``is_dry`` the state is read and never changed. A login that ends soon is told of by
    a Warned event.
    """
    clock = clock or SystemClock()
    tell = on_event or (lambda _event: None)
    async with AsyncExitStack() as stack:
        opening = Ledger.open(settings.state.url, is_read_only=is_dry)
        ledger = await stack.enter_async_context(await opening)
        meter = Meter(clock)
        wiring = Wiring(
            settings, stack, session=session, clock=clock, on_event=tell, meter=meter
        )
        trakt_client = None
        if source is None and files:
            source = FileSource(files, clock)
        elif source is None and needs_source:
            trakt_client = wiring.trakt()
            source = TraktSource(
                trakt_client, concurrency=settings.trakt.concurrency, clock=clock
            )
        tmdb_client = wiring.tmdb()
        given = OverrideBook(ledger, clock, tmdb_client, tell)
        listings: list[Listing] = []
        if tmdb_client:
            listings.append(TmdbListing(tmdb_client))
        if trakt_client:
            listings.append(TraktListing(trakt_client))
        if target is None:
            wiring.warn()
        yield Services(
            settings=settings,
            source=source or FileSource((), clock),
            target=target or wiring.discovr(),
            ledger=ledger,
            clock=clock,
            catalogue=Catalogue(listings, ledger, clock),
            resolver=Resolver(tmdb_client, ledger, clock, given),
            on_event=tell,
            meter=meter,
        )


@asynccontextmanager
async def open_identity(settings: Settings) -> AsyncIterator[HttpClient]:
    """Open the Discovr client of the account alone, for what needs no profile."""
    async with AsyncExitStack() as stack:
        yield Wiring(settings, stack).identity()


class Wiring:
    """Builds the clients of one run, which ``stack`` closes."""

    def __init__(
        self,
        settings: Settings,
        stack: AsyncExitStack,
        *,
        session: aiohttp.ClientSession | None = None,
        clock: Clock | None = None,
        on_event: Callable[[Event], None] | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._settings = settings
        self._stack = stack
        self._session = session
        self._clock = clock or SystemClock()
        self._meter = meter or Meter(self._clock)
        self._on_event = on_event
        self._store = token_store(settings)
        #: The logins of the settings: access and refresh token, and refresh token.
        self._trakt_tokens = (
            secret(settings.trakt.access_token),
            secret(settings.trakt.refresh_token),
        )
        self._discovr_token = secret(settings.discovr.refresh_token)

    def warn(self) -> None:
        """Tell of a login that ends soon. Raises ConfigError for the token store."""
        now = self._clock.now()
        for message in login_warnings(self._store, now, self._discovr_token):
            if self._on_event:
                self._on_event(Warned(message))

    def trakt(self) -> trakt.TraktClient:
        """Build the client of the signed-in Trakt account."""
        settings = self._settings.trakt
        client_id = required(
            settings.client_id,
            "[trakt] client_id",
            "Set it in config.toml, or read a Trakt download with --from-file, which "
            "needs no API access.",
        )
        auth = TraktAuth(
            self._trakt_hosts(),
            self._store,
            client_id=client_id,
            client_secret=secret(settings.client_secret),
            configured=self._trakt_tokens,
            clock=self._clock,
        )
        return trakt.TraktClient(
            self._http(
                "Trakt",
                settings.api_url,
                auth=auth,
                pacer=QuotaPacer(
                    clock=self._clock, on_wait=partial(self._on_wait, "Trakt")
                ),
                headers=trakt.request_headers(client_id),
                explain=trakt.explain,
                retry=TRAKT_RETRY,
                setting="[trakt] api_url",
            )
        )

    def identity(self) -> HttpClient:
        """Build the Discovr client of the account, for what needs no profile."""
        return self._discovr_http(self._identity_auth(), self._pacer())

    def discovr(self) -> DiscovrTarget:
        """Build the target: one profile of the Discovr account."""
        http, session = self.profile()
        return DiscovrTarget(discovr.DiscovrClient(http), session)

    def profile(self) -> tuple[HttpClient, SessionAuth]:
        """Build the Discovr client of the profile, with the session it works in."""
        chosen = self._settings.discovr.profile or stored_profile(
            self._store, self._discovr_token
        )
        profile = required(chosen, "[discovr] profile", _CHOOSE_IT)
        pacer, identity = self._pacer(), self._identity_auth()
        session = SessionAuth(
            self._discovr_http(identity, pacer), identity, profile, clock=self._clock
        )
        return self._discovr_http(session, pacer), session

    def tmdb(self) -> tmdb.TmdbClient | None:
        """Build the TMDB client, if there is a key."""
        settings = self._settings.tmdb
        if settings.api_key is None:
            return None
        key = tmdb.ApiKeyAuth(settings.api_key.get_secret_value())
        http = self._http(
            "TMDB",
            settings.api_url,
            auth=key,
            pacer=RatePacer(TMDB_RATE, clock=self._clock),
            explain=tmdb.explain,
            setting="[tmdb] api_url",
        )
        return tmdb.TmdbClient(http, key)

    def _identity_auth(self) -> IdentityAuth:
        return IdentityAuth(self._store, self._discovr_token)

    def _trakt_hosts(self, retry: RetryPolicy | None = None) -> OauthHosts:
        settings = self._settings.trakt
        hosts = {settings.auth_url: "auth_url", settings.api_url: "api_url"}
        return OauthHosts(
            *(
                self._http(
                    "Trakt",
                    url,
                    retry=retry,
                    explain=trakt.explain,
                    setting=f"[trakt] {name}",
                )
                for url, name in hosts.items()
            )
        )

    def _pacer(self) -> RatePacer:
        rate = self._settings.discovr.requests_per_second
        told = partial(self._on_wait, "Discovr")
        return RatePacer(rate, clock=self._clock, on_wait=told)

    def _discovr_http(
        self,
        auth: IdentityAuth | SessionAuth | None,
        pacer: RatePacer,
        retry: RetryPolicy | None = None,
    ) -> HttpClient:
        return self._http(
            "Discovr",
            self._settings.discovr.api_url,
            auth=auth,
            pacer=pacer,
            retry=retry,
            explain=discovr.explain,
            setting="[discovr] api_url",
        )

    def _http(self, service: str, url: str, **options: Any) -> HttpClient:
        client = HttpClient(
            service,
            url,
            session=self._session,
            clock=self._clock,
            on_wait=self._on_wait,
            **options,
        )
        self._meter.watch(service, client.stats)
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

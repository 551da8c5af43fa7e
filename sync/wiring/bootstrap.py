"""Wires a run: the only place where settings meet clients."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Unpack
from urllib.parse import urlsplit

from connectors.clock import SystemClock
from connectors.discovr.auth import choose_profile, list_profiles
from connectors.errors import ConfigError, ServiceError
from connectors.http.client import RetryPolicy
from connectors.urls import is_loopback
from sync.extract.trakt import TraktSource
from sync.ledger import Ledger
from sync.ledger.shows import shows_of
from sync.pipeline.services import Services
from sync.ports import NamedTarget, Source, Target, check_methods, origin_of
from sync.runtime.late import late
from sync.runtime.listener import Listener
from sync.runtime.meter import Meter
from sync.transform.air_dates import Catalogue
from sync.transform.listings import Listing, TraktListing
from sync.transform.overrides import OverrideBook
from sync.transform.resolve import Resolver
from sync.wiring.clients import Clients

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from connectors.clock import Clock
    from connectors.http.client import HttpClient
    from connectors.tmdb.client import TmdbClient
    from connectors.trakt.public import PublicClient
    from sync.config import Settings
    from sync.wiring.options import Options

if TYPE_CHECKING:
    from sync.extract.files import FileSource
    from sync.transform.listings import TmdbListing
else:
    # What a run that finds nothing new never uses.
    (FileSource,) = late("sync.extract.files", "FileSource")
    (TmdbListing,) = late("sync.transform.listings", "TmdbListing")


@asynccontextmanager
async def build(
    settings: Settings,
    *,
    is_dry: bool = False,
    needs_source: bool = True,
    **options: Unpack[Options],
) -> AsyncIterator[Services]:
    """Open everything that a run needs, and close it again.

    A session, ledger, source or target of the caller's is used and left open. With
    ``is_dry`` the state is read and not changed, but for the air dates that were asked
    for: they are public, and were paid for. A login that ends soon is told of by a
    Warned event. Raises ConfigError for what was brought and cannot be used.
    """
    source, target, files = _brought(options)
    clock = options.get("clock") or SystemClock()
    tell = Listener(options.get("on_event"))
    async with AsyncExitStack() as stack:
        ledger = options.get("ledger") or await _ledger(settings, stack, is_dry=is_dry)
        meter = Meter(clock)
        clients = _clients(settings, stack, clock, tell, meter, options)
        trakt_client = None
        if source is None and not files and needs_source:
            trakt_client = clients.trakt()
            most = settings.trakt.concurrency
            source = TraktSource(trakt_client, concurrency=most, clock=clock)
        elif source is None:
            source = FileSource(files, clock)
        tmdb_client = clients.tmdb()
        overrides = OverrideBook(ledger, clock, tmdb_client, tell)
        listings = _listings(tmdb_client, clients.trakt_public(trakt_client))
        if target is None:
            clients.warn()
            target = clients.discovr(origin_of(source).label)
        yield Services(
            settings=settings,
            source=source,
            target=target,
            ledger=ledger,
            clock=clock,
            catalogue=Catalogue(listings, shows_of(ledger, is_dry=is_dry), clock),
            resolver=Resolver(tmdb_client, ledger, clock, overrides),
            on_event=tell,
            meter=meter,
            address=_address(target),
            is_brought=options.get("source") is not None,
            copies=options.get("copies", settings.state.copies),
        )


async def _ledger(settings: Settings, stack: AsyncExitStack, *, is_dry: bool) -> Ledger:
    opening = Ledger.open(settings.state.url, is_read_only=is_dry)
    return await stack.enter_async_context(await opening)


def _brought(
    options: Options,
) -> tuple[Source | None, Target | None, Sequence[Path]]:
    """Return what the caller reads from and writes to, if it can be used."""
    source, target = options.get("source"), options.get("target")
    files = options.get("files") or ()
    if source is not None and files:
        raise ConfigError(
            "There are two things to read from, files and a source.",
            remedy="Leave one of them out.",
        )
    check_methods(source, Source, "source")
    check_methods(target, Target, "target")
    return source, target, files


def _address(target: Target) -> str:
    """Say where a profile is, so that it can be told from one elsewhere.

    On loopback the port is nobody's: each rehearsal has another one.
    """
    if not isinstance(target, NamedTarget):
        return type(target).__name__
    url = target.address.rstrip("/")
    parts = urlsplit(url)
    if parts.hostname and is_loopback(parts.hostname):
        return f"{parts.scheme}://{parts.hostname}"
    return url


def _clients(  # what a run shares, and what a caller brings
    settings: Settings,
    stack: AsyncExitStack,
    clock: Clock,
    tell: Listener,
    meter: Meter,
    options: Options,
) -> Clients:
    return Clients(
        settings,
        stack,
        session=options.get("session"),
        clock=clock,
        on_event=tell,
        meter=meter,
        store=options.get("store"),
        pacers=options.get("pacers"),
    )


@asynccontextmanager
async def open_identity(settings: Settings) -> AsyncIterator[HttpClient]:
    """Open the Discovr client of the account alone, for what needs no profile."""
    async with AsyncExitStack() as stack:
        yield Clients(settings, stack).identity()


async def require_profile(settings: Settings) -> None:
    """Raise ConfigError, with the list, for a profile that the account lacks.

    Where Discovr cannot be asked it says nothing: something else is in the way then.
    """
    name = settings.discovr.profile
    if name is None:
        return
    try:
        async with AsyncExitStack() as stack:
            once = Clients(settings, stack, retry=RetryPolicy(attempts=1))
            profiles = await list_profiles(once.identity())
    except ServiceError:
        return
    choose_profile(profiles, name)


def _listings(tmdb: TmdbClient | None, trakt: PublicClient | None) -> list[Listing]:
    """Choose who is asked for air dates; for Trakt's a client id alone is enough."""
    listings: list[Listing] = []
    if tmdb:
        listings.append(TmdbListing(tmdb))
    if trakt:
        listings.append(TraktListing(trakt))
    return listings

"""Opens what the commands of the fleet share, and puts a worker together."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.auth.tokens import StoredToken, fingerprint
from connectors.clock import SystemClock
from connectors.discovr import auth as discovr
from connectors.errors import ConfigError
from sync.config import data_folder
from sync.daemon.server import answering
from sync.fleet import logins
from sync.fleet import vault as keys
from sync.fleet.answers import answers
from sync.fleet.database import FleetDatabase, open_database
from sync.fleet.engine import PgQueue
from sync.fleet.ledgers import LedgerPool
from sync.fleet.limit import DISCOVR_LIMIT, SharedLimit, SharedPacer
from sync.fleet.migrate import migrate
from sync.fleet.profiles import Profiles
from sync.fleet.runner import Runner
from sync.fleet.server import database_url
from sync.fleet.watch import Totals, Watch
from sync.fleet.worker import Worker
from sync.ledger import Ledger
from sync.runtime.words import count
from sync.wiring.clients import DISCOVR, TMDB, TMDB_RATE, TRAKT_PUBLIC
from sync.wiring.logins import secret, token_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.fleet.vault import Vault
    from sync.runtime.values import Address

#: Trakt lets anybody read so often in so many seconds, by client id and address. Half
#: may go at once, the rest evenly, so that no window holds more than all.
_PUBLIC_READS, _PUBLIC_S = 500, 300.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """An open fleet. ``url`` can hold a password."""

    settings: Settings
    url: str
    database: FleetDatabase
    profiles: Profiles
    clock: Clock

    def vault(self) -> Vault:
        """Open the keys. Raises ConfigError."""
        return keys.open_vault(key_place(self.settings))


def key_place(settings: Settings) -> Path:
    """Return where the keys are."""
    return keys.key_place(settings.fleet.key_file, data_folder())


@asynccontextmanager
async def open_fleet(
    settings: Settings, *, most: int = 4, clock: Clock | None = None
) -> AsyncIterator[Fleet]:
    """Open the database of a fleet. Raises ConfigError where there is none yet."""
    async with (
        database_url(settings.fleet.url, data_folder()) as url,
        open_database(url, most=most) as database,
    ):
        await database.check_version()
        state = settings.state.model_copy(update={"url": url})
        settings = settings.model_copy(update={"state": state})
        profiles = Profiles(database)
        yield Fleet(settings, url, database, profiles, clock or SystemClock())


@dataclass(frozen=True, slots=True)
class Made:
    """What ``init`` did. ``place`` is the database; ``lost`` counts logins given up.

    ``found`` were given up before, and there is a key to them again. ``shared`` counts
    the profiles that live by the operator's own login, ``profiles`` all.
    ``is_own_refused``: that login is in the database, and is refused or given up.
    """

    place: str
    is_new_key: bool
    lost: int
    found: int
    shared: int
    profiles: int
    is_own_refused: bool = False


async def init(settings: Settings, *, gives_up: bool = False) -> Made:
    """Make or upgrade all tables, and a key where there is none.

    Logins that no key opens are given up; without ``gives_up`` they are a ConfigError.
    """
    async with (
        database_url(settings.fleet.url, data_folder()) as url,
        open_database(url) as database,
        database.alone(),
    ):
        await asyncio.to_thread(migrate, url)
        await PgQueue(database).install()
        async with await Ledger.open(url):
            return await _make_key(settings, database, gives_up=gives_up)


async def _make_key(
    settings: Settings, database: FleetDatabase, *, gives_up: bool
) -> Made:
    place, now = key_place(settings), SystemClock().now()
    found = await logins.take_back(database, keys.known_keys(place), now)
    if logins.SHARED in found:
        await Profiles(database).signed_in_for_all(discovr.SERVICE, now)
    lost = await logins.lost(database, keys.known_keys(place))
    if lost and not gives_up:
        raise unreadable(lost, database, place)
    is_new = keys.make_key(place)
    if lost:
        await logins.give_up(database, keys.known_keys(place))
    profiles = Profiles(database)
    shared = await profiles.without(discovr.SERVICE)
    known = Totals.of(await profiles.count(now)).profiles
    own = (await logins.standing_of(database, []))[logins.SHARED]
    is_own_refused = own.get(discovr.SERVICE) is False
    return Made(database.place, is_new, lost, len(found), shared, known, is_own_refused)


def unreadable(lost: int, database: FleetDatabase, place: Path) -> ConfigError:
    """Say that logins cannot be read by the keys of this place, and what helps."""
    back = f"add its lines below those of {place}" if place.exists() else "put it back"
    return ConfigError(
        f"{count(lost, 'login')} in {database.place} cannot be read: the key is "
        f"not in {place}.",
        remedy="Run this as the user of the workers, with their config. If it is not "
        "there either, take the key file of another machine of the fleet, or your "
        f"copy, and {back}. If the key is lost, stop all workers, start with a new "
        "one, and let these people sign in again: trakt2discovr fleet init --new-key",
    )


async def work(
    settings: Settings, slots: int, address: Address | None, stop: asyncio.Event
) -> Worker:
    """Be a worker until ``stop``; return it with what it did."""
    async with AsyncExitStack() as stack:
        fleet = await stack.enter_async_context(
            # Each slot may hold a connection for a login; the rest is for the queue.
            open_fleet(settings, most=2 * slots + 8)
        )
        pacers = await _pacers(fleet)
        runner = Runner(
            fleet.settings,
            fleet.database,
            fleet.vault(),
            await stack.enter_async_context(LedgerPool(fleet.url)),
            fleet.clock,
            pacers,
            _shared_login(settings, fleet.clock),
        )
        worker = Worker(
            fleet.profiles,
            PgQueue(fleet.database),
            runner,
            slots=slots,
            clock=fleet.clock,
        )
        watch = Watch(
            *(worker, fleet.profiles, fleet.database, fleet.clock),
            pacers=pacers,
            spent=runner.spent,
        )
        if address:
            listening = answering(answers(watch), address, settings.sync.hosts)
            await stack.enter_async_context(listening)
        beside = [
            asyncio.create_task(watch.stay()),
            asyncio.create_task(_stop_with(worker, stop)),
        ]
        try:
            await worker.stay()
        finally:
            for task in beside:
                task.cancel()
            for pacer in pacers.values():
                await pacer.close()
    return worker


async def _stop_with(worker: Worker, stop: asyncio.Event) -> None:
    await stop.wait()
    worker.stop()


async def _pacers(fleet: Fleet) -> dict[str, SharedPacer]:
    """Return the limits that all workers share, by service."""
    settings = fleet.settings
    rates = {DISCOVR: (DISCOVR_LIMIT, settings.fleet.requests_per_second, 0.0)}
    if settings.tmdb.api_key:
        rates[TMDB] = ("tmdb", TMDB_RATE, 0.0)
    if client := settings.trakt.client_id:
        # Who calls without a login is known by the client id and the address alone.
        network = settings.fleet.network or socket.gethostname()
        name = f"trakt {fingerprint(client)[:8]} {network}"
        half = _PUBLIC_READS / 2
        rates[TRAKT_PUBLIC] = (name, half / _PUBLIC_S, _PUBLIC_S)
    pacers = {}
    for service, (name, per_second, burst_s) in rates.items():
        limit = SharedLimit(fleet.database, name)
        await limit.set(per_second, burst_s=burst_s)
        pacers[service] = SharedPacer(limit, clock=fleet.clock)
    return pacers


def _shared_login(settings: Settings, clock: Clock) -> StoredToken | None:
    """Return the operator's own login to Discovr, for a household of one account."""
    configured = secret(settings.discovr.refresh_token)
    with suppress(ConfigError):
        if stored := discovr.token_in_force(token_store(settings), configured):
            return stored
    if configured is None:
        return None
    return StoredToken(refresh_token=configured, obtained_at=clock.now())

"""The whole of it: stand-ins, the database, the engine, and a worker."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.auth.tokens import StoredToken
from connectors.clock import SystemClock
from sync.fleet import vault as keys
from sync.fleet.calendar import Kind, State
from sync.fleet.engine import PgQueue
from sync.fleet.ledgers import LedgerPool
from sync.fleet.limit import SharedLimit, SharedPacer
from sync.fleet.logins import open_store
from sync.fleet.profiles import NewProfile, Profiles
from sync.fleet.runner import Runner
from sync.fleet.worker import Worker
from sync.ledger.errors import StateError
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.credentials import Credentials
from tests.fleet_suite.fakes import Script
from tests.worlds import world

if TYPE_CHECKING:
    from pathlib import Path

    from sync.fleet.database import FleetDatabase
    from sync.fleet.vault import Vault
    from tests.postgres import PostgresServer

KEYS = Credentials()


class RealClock(SystemClock):
    """The hasty one of a world would jump over the ten minutes of a migration."""

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


CLOCK = RealClock()


async def sign_in(fleet: FleetDatabase, vault: Vault, profile: int) -> None:
    store = await open_store(fleet, vault, profile)
    now = CLOCK.now()
    logins = {
        "trakt": StoredToken(access_token=KEYS.trakt_access_token, obtained_at=now),
        "discovr": StoredToken(
            refresh_token=KEYS.discovr_refresh_token, obtained_at=now
        ),
    }
    for service, token in logins.items():
        async with store.lock(service):
            store.save(service, token)


async def test_profiles_are_brought_over_by_a_worker_and_a_lost_login_waits(
    fleet: FleetDatabase, postgres: PostgresServer, tmp_path: Path
) -> None:
    keys.make_key(tmp_path / "key")
    vault = keys.open_vault(tmp_path / "key")
    profiles = Profiles(fleet)
    every = timedelta(hours=6)
    names = ("Me", "Kids", "Nobody")
    await profiles.add([NewProfile(n, "trakt", every) for n in names], CLOCK.now())
    known = {p.profile: p.id for p in await profiles.all()}
    for name in ("Me", "Kids"):
        await sign_in(fleet, vault, known[name])
    limit = SharedLimit(fleet, "discovr")
    await limit.set(1_000)
    async with (
        world(synthetic_account(8), tmp_path, state_url=postgres.url()) as place,
        LedgerPool(postgres.url()) as ledgers,
    ):
        pacer = SharedPacer(limit)
        runner = Runner(
            place.settings, fleet, vault, ledgers, CLOCK, {"Discovr": pacer}
        )
        queue = PgQueue(fleet)
        worker = Worker(profiles, queue, runner, slots=2, clock=CLOCK)
        task = asyncio.create_task(worker.stay())
        async with asyncio.timeout(60):
            while sum(worker.tally.endings.values()) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        worker.stop()
        await asyncio.wait_for(task, 30)
        entries = [
            sorted((e.key, e.updated_at) for e in place.discovr.entries(p.id))
            for p in place.discovr.profiles
        ]
        assert entries[0] == entries[1]
        assert len(entries[0]) == len({key for key, _ in entries[0]}) > 0
        assert pacer.requests >= len(place.discovr.requests())
    found = {p.profile: p for p in await profiles.all()}
    for name in ("Me", "Kids"):
        assert (found[name].kind, found[name].failures) == (Kind.KEEP, 0)
    assert found["Nobody"].state is State.NEEDS_LOGIN
    assert worker.tally.endings == {"done": 2, "login": 1}


async def test_a_worker_goes_on_after_its_connections_were_cut(
    fleet: FleetDatabase, postgres: PostgresServer
) -> None:
    profiles, script = Profiles(fleet), Script()
    worker = Worker(profiles, PgQueue(fleet), script, slots=2, clock=CLOCK)
    task = asyncio.create_task(worker.stay())
    every = timedelta(hours=6)
    for name in ("before", "after"):
        await profiles.add([NewProfile(name, "trakt", every)], CLOCK.now())
        async with asyncio.timeout(60):
            while (await profiles.find([name]))[0].kind is Kind.FIRST:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await asyncio.to_thread(postgres.end_sessions)
        for _ in range(30):  # each connection of the pool notices by itself
            with suppress(StateError):
                await fleet.rows("SELECT 1")
    worker.stop()
    await asyncio.wait_for(task, 30)
    assert script.ran == ["before", "after"]

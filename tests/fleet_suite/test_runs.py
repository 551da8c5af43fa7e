"""The whole of it: stand-ins, the database, the engine, and a worker."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import astuple
from datetime import timedelta
from functools import partialmethod
from typing import TYPE_CHECKING

import pytest
from pgqueuer.qm import QueueManager

from connectors.auth.tokens import StoredToken
from connectors.clock import SystemClock
from sync.fleet import vault as keys
from sync.fleet.calendar import Kind, State
from sync.fleet.engine import PgQueue
from sync.fleet.ledgers import LedgerPool
from sync.fleet.limit import DISCOVR_LIMIT, SharedLimit, SharedPacer
from sync.fleet.logins import SHARED, open_store, standing_of
from sync.fleet.open import Fleet
from sync.fleet.profiles import NewProfile, Profiles
from sync.fleet.runner import Runner
from sync.fleet.sign_in import needed, sign_in, sign_out_for_all
from sync.fleet.worker import Worker
from sync.ledger.errors import StateError
from sync.runtime.stop import Stop
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.trakt.quirks import TraktQuirks
from tests.fleet_suite.fakes import Script
from tests.login_suite.scenes import Person
from tests.long import pick
from tests.standins import hand_clock
from tests.worlds import world

if TYPE_CHECKING:
    from pathlib import Path

    from sync.fleet.database import FleetDatabase
    from sync.fleet.vault import Vault
    from tests.postgres import PostgresServer

KEYS = Credentials()
SOON = timedelta(seconds=0.2)


class RealClock(SystemClock):
    """The hasty one of a world would jump over the ten minutes of a migration."""

    # As they are before a world changes them.
    monotonic = SystemClock.monotonic
    sleep = SystemClock.sleep


CLOCK = RealClock()


async def give_logins(
    fleet: FleetDatabase, vault: Vault, profile: int, *, is_spent: bool = False
) -> None:
    """Good ones, or one to Trakt that has run out and can be renewed once."""
    store = await open_store(fleet, vault, profile)
    now = CLOCK.now()
    trakt = StoredToken(access_token=KEYS.trakt_access_token, obtained_at=now)
    if is_spent:
        trakt = StoredToken(
            access_token="spent",
            refresh_token=KEYS.trakt_refresh_token,
            obtained_at=now - timedelta(days=7),
            expires_at=now,
        )
    logins = {
        "trakt": trakt,
        "discovr": StoredToken(
            refresh_token=KEYS.discovr_refresh_token, obtained_at=now
        ),
    }
    for service, token in logins.items():
        await store.keep(service, token)


async def test_a_profile_signs_in_by_codes_and_goes_on(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    clock, person, profiles = hand_clock(), Person(), Profiles(fleet)
    keys.make_key(tmp_path / "key")
    every = timedelta(hours=6)
    await profiles.add([NewProfile("Kids", "trakt:sandbox", every)], clock.now())
    async with world(
        synthetic_account(2),
        tmp_path,
        trakt=TraktQuirks(approves_after_polls=1),
        discovr=DiscovrQuirks(approves_after_polls=1),
        now=clock.now,
    ) as place:
        section = place.settings.fleet.model_copy(update={"key_file": tmp_path / "key"})
        settings = place.settings.model_copy(update={"fleet": section})
        opened = Fleet(settings, "", fleet, profiles, clock)
        (kids,) = await profiles.find(["Kids"])
        # A worker of the fleet has made it: whoever signs in takes slots of it, too.
        await SharedLimit(fleet, DISCOVR_LIMIT).set(40.0)
        for service in needed(kids):
            document = await sign_in(opened, kids, service, person, Stop())
            assert document.service == service
        await sign_in(opened, None, "discovr", person, Stop())
        assert len(person.codes) == 3
        assert await standing_of(fleet, [kids]) == {
            SHARED: {"discovr": True},
            kids.id: {"trakt": True, "discovr": True},
        }
        (row,) = await fleet.rows(
            "SELECT next_free > '-infinity' AS taken FROM fleet_limit"
        )
        assert row["taken"]
        assert (await sign_out_for_all(opened)).is_revoked
        assert (await standing_of(fleet, [])) == {SHARED: {}}
    store = await open_store(fleet, opened.vault(), kids.id)
    discovr = store.load("discovr")
    assert discovr is not None
    assert discovr.expires_at is not None


async def dumped(fleet: FleetDatabase) -> str:
    """Return all that a dump of the database holds."""
    tables = await fleet.rows(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    names = [table["name"] for table in tables]
    statements = [f"SELECT t::text FROM {n} AS t" for n in names]  # noqa: S608
    return "\n".join([str(row) for s in statements for row in await fleet.rows(s)])


async def test_profiles_are_brought_over_by_a_worker_and_a_lost_login_waits(
    fleet: FleetDatabase,
    postgres: PostgresServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    keys.make_key(tmp_path / "key")
    vault = keys.open_vault(tmp_path / "key")
    profiles = Profiles(fleet)
    every = timedelta(hours=6)
    names = ("Me", "Kids", "Nobody")
    await profiles.add([NewProfile(n, "trakt", every) for n in names], CLOCK.now())
    known = {p.profile: p.id for p in await profiles.all()}
    await give_logins(fleet, vault, known["Me"], is_spent=True)
    await give_logins(fleet, vault, known["Kids"])
    limit = SharedLimit(fleet, "discovr")
    await limit.set(1_000)
    url = postgres.url()
    async with (
        world(synthetic_account(8), tmp_path, state_url=url) as place,
        LedgerPool(url) as ledgers,
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
                await asyncio.sleep(0)
        worker.stop()
        await asyncio.wait_for(task, 30)
        entries = [
            sorted((e.key, e.updated_at) for e in place.discovr.entries(p.id))
            for p in place.discovr.profiles
        ]
        assert entries[0] == entries[1]
        assert len(entries[0]) == len({key for key, _ in entries[0]}) > 0
        assert pacer.requests >= len(place.discovr.requests())
        assert runner.spent["Trakt"].requests >= 2
    me = await open_store(fleet, vault, known["Me"])
    trakt = me.load("trakt")
    assert trakt is not None
    assert trakt.refresh_token not in {None, KEYS.trakt_refresh_token}
    assert trakt.access_token != "spent"
    # Neither what was handed in nor what was renewed stands in a dump, or in a log.
    left = await dumped(fleet) + caplog.text
    assert all(name in left for name in names)
    secrets = {*astuple(KEYS), trakt.refresh_token, trakt.access_token}
    for text in map(str, filter(None, secrets)):
        assert text not in left
        assert text.encode().hex() not in left
    found = {p.profile: p for p in await profiles.all()}
    for name in ("Me", "Kids"):
        assert (found[name].kind, found[name].failures) == (Kind.KEEP, 0)
    assert found["Nobody"].state is State.NEEDS_LOGIN
    assert worker.tally.endings == {"done": 2, "login": 1}


@pytest.mark.long
@pytest.mark.parametrize("time", range(pick(1, 0, 3)))
async def test_a_worker_goes_on_after_its_connections_were_cut(
    fleet: FleetDatabase, postgres: PostgresServer, time: int
) -> None:
    del time  # again and again: it is a matter of moments
    profiles, script = Profiles(fleet), Script()
    worker = Worker(profiles, PgQueue(fleet), script, slots=2, clock=CLOCK)
    task = asyncio.create_task(worker.stay())
    every = timedelta(hours=6)
    for name in ("before", "after"):
        await profiles.add([NewProfile(name, "trakt", every)], CLOCK.now())
        async with asyncio.timeout(60):
            while (await profiles.find([name]))[0].kind is Kind.FIRST:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await asyncio.to_thread(postgres.end_sessions)
        for _ in range(30):  # each connection of the pool notices by itself
            with suppress(StateError):
                await fleet.rows("SELECT 1")
    worker.stop()
    await asyncio.wait_for(task, 30)
    assert script.ran == ["before", "after"]


@pytest.mark.long
async def test_a_worker_with_nothing_to_do_has_nothing_to_say(
    fleet: FleetDatabase,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The engine looks after itself now and then, and may lose its first probe."""
    looked: list[QueueManager] = []
    look, look_often = (
        QueueManager.listener_healthy,
        partialmethod(QueueManager._run_periodic_health_check, SOON),
    )

    async def seen(manager: QueueManager, timeout: timedelta) -> object:  # noqa: ASYNC109
        try:
            return await look(manager, timeout)
        finally:
            looked.append(manager)

    monkeypatch.setattr(QueueManager, "listener_healthy", seen)
    monkeypatch.setattr(QueueManager, "_run_periodic_health_check", look_often)
    caplog.set_level(logging.WARNING)
    worker = Worker(Profiles(fleet), PgQueue(fleet), Script(), slots=2, clock=CLOCK)
    task = asyncio.create_task(worker.stay())
    async with asyncio.timeout(60):
        while len({*map(id, looked)}) < 2:  # noqa: ASYNC110  # of each kind of job
            await asyncio.sleep(0)
    worker.stop()
    await asyncio.wait_for(task, 30)
    assert caplog.records == []

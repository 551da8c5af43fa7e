"""What a run of a fleet costs that finds nothing new: nearly all of them do."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench.children import ChildError, serving
from bench.measure import Row, summarise
from connectors.auth.tokens import StoredToken
from connectors.clock import SystemClock
from sync.config import load_settings
from sync.fleet import vault as keys
from sync.fleet.calendar import Kind, Verdict
from sync.fleet.ledgers import LedgerPool
from sync.fleet.limit import SharedLimit, SharedPacer
from sync.fleet.logins import open_store
from sync.fleet.profiles import NewProfile, Profiles
from sync.fleet.runner import Runner
from sync.runtime.stop import Stop
from sync.sandbox.server.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.fleet.database import FleetDatabase
    from sync.fleet.profiles import Profile
    from sync.fleet.vault import Vault

_NAME, _EVERY = "Me", timedelta(hours=6)
_MS_A_TICK = 10


async def measure(
    database: FleetDatabase, url: str, folder: Path, *, plays: int, runs: int
) -> list[Row]:
    """Bring one profile over, and look again and again."""
    async with (
        serving("both_servers", plays, folder) as said,
        LedgerPool(url) as ledgers,
    ):
        settings = load_settings(Path(said["config"]), {})
        profile, vault = await _add(database, folder)
        limit = SharedLimit(database, "discovr")
        await limit.set(1_000)
        pacers = {"Discovr": SharedPacer(limit)}
        runner = Runner(settings, database, vault, ledgers, SystemClock(), pacers)
        await _run(runner, profile)
        again = replace(profile, kind=Kind.KEEP)
        await _run(runner, again)
        sent = pacers["Discovr"].requests
        began_ms, wall = _cpu_ms(folder), []
        for _ in range(runs):
            started = time.perf_counter()
            await _run(runner, again)
            wall.append((time.perf_counter() - started) * 1000)
        spent = [
            after - before
            for before, after in zip(began_ms, _cpu_ms(folder), strict=True)
        ]
        asked = pacers["Discovr"].requests - sent
    what = f"a run that finds nothing new in {plays:,} plays"
    return [
        summarise(what, wall, "ms", note=f"{asked / runs:g} requests to Discovr"),
        Row("its processor time, in the worker", spent[0] / runs, "ms"),
        Row("its processor time, in PostgreSQL", spent[1] / runs, "ms"),
    ]


async def _add(database: FleetDatabase, folder: Path) -> tuple[Profile, Vault]:
    clock, known, profiles = SystemClock(), Credentials(), Profiles(database)
    await profiles.add([NewProfile(_NAME, "trakt", _EVERY)], clock.now())
    (profile,) = await profiles.find([_NAME])
    keys.make_key(folder / "key")
    vault = keys.open_vault(folder / "key")
    store = await open_store(database, vault, profile.id)
    at = clock.now()
    trakt = StoredToken(access_token=known.trakt_access_token, obtained_at=at)
    discovr = StoredToken(refresh_token=known.discovr_refresh_token, obtained_at=at)
    await store.keep("trakt", trakt)
    await store.keep("discovr", discovr)
    return profile, vault


async def _run(runner: Runner, profile: Profile) -> None:
    outcome = await runner.run(profile, Stop())
    if outcome.verdict is not Verdict.DONE:
        raise ChildError(f"a run ended otherwise: {outcome.message}")


def _cpu_ms(folder: Path) -> Sequence[float]:
    """Return what this process has used, and the private server with its sessions.

    The latter is known where there is /proc, else it is nothing.
    """
    ticks = 0
    for place in folder.glob("*/postmaster.pid"):
        parent = place.read_text().split()[0]
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                text = stat.read_text()
            except OSError:  # it has ended
                continue
            values = text.rpartition(")")[2].split()
            if stat.parent.name == parent:
                ticks += sum(map(int, values[11:15]))
            elif values[1] == parent:
                ticks += sum(map(int, values[11:13]))
    return time.process_time() * 1000, ticks * _MS_A_TICK

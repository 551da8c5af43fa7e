"""Logins between processes: one renewal at a time, and a kill at the worst moment."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.auth.tokens import TokenStore
from sync.documents.login import LoginDocument
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.server.credentials import made_up
from sync.sandbox.server.faults import Fault
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn
from tests.login_suite.programs import KEYS, environment, program
from tests.login_suite.scenes import spoil

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

RENEW = "/oauth/token"


@asynccontextmanager
async def services() -> AsyncIterator[tuple[TraktStandIn, DiscovrStandIn]]:
    quirks = TraktQuirks(device_interval_s=1, approves_after_polls=0)
    async with (
        TraktStandIn(synthetic_account(2), quirks=quirks) as trakt,
        DiscovrStandIn(
            quirks=DiscovrQuirks(approves_after_polls=0),
            catalogue=trakt.account.titles,
        ) as discovr,
    ):
        yield trakt, discovr


def planning(
    folder: Path, trakt: TraktStandIn, discovr: DiscovrStandIn
) -> dict[str, str]:
    """Return an environment in which only the Trakt login is stale."""
    return environment(
        folder,
        trakt,
        discovr,
        TRAKT2DISCOVR_TRAKT__ACCESS_TOKEN="stale",
        TRAKT2DISCOVR_TRAKT__REFRESH_TOKEN=KEYS.trakt_refresh_token,
        TRAKT2DISCOVR_DISCOVR__REFRESH_TOKEN=KEYS.discovr_refresh_token,
        TRAKT2DISCOVR_DISCOVR__PROFILE="Me",
        TRAKT2DISCOVR_DISCOVR__REQUESTS_PER_SECOND="500",
    )


async def test_two_processes_renewing_at_once_spend_one_refresh_token_once(
    tmp_path: Path,
) -> None:
    async with services() as (trakt, discovr):
        env = planning(tmp_path, trakt, discovr)
        # Slow enough for the other one to find the same stale token.
        spoil(trakt, RENEW, [Fault.slow(3)])
        async with program("plan", env=env) as one, program("plan", env=env) as two:
            assert [await one.ends(), await two.ends()] == [0, 0]
        refused = [seen for seen in trakt.seen if seen.status == 401]
        assert len(refused) == 2
        assert [seen.status for seen in trakt.requests(path=RENEW)] == [200]


async def test_a_run_killed_before_the_renewal_took_effect_recovers(
    tmp_path: Path,
) -> None:
    async with services() as (trakt, discovr):
        env = planning(tmp_path, trakt, discovr)
        await killed_while_renewing(trakt, env, Fault.slow(60, takes_effect=False))
        async with program("plan", env=env) as again:
            assert await again.ends() == 0
        assert TokenStore(tmp_path / "tokens.json").load("trakt") is not None


async def test_a_run_killed_between_the_renewal_and_the_store_asks_for_a_login(
    tmp_path: Path,
) -> None:
    async with services() as (trakt, discovr):
        env = planning(tmp_path, trakt, discovr)
        await killed_while_renewing(trakt, env, Fault.slow(60))
        async with program("plan", env=env) as again:
            assert await again.ends() == 3
        assert "trakt2discovr login trakt" in again.screen
        async with program("login", "trakt", env=env) as login:
            assert await login.ends() == 0
        async with program("plan", env=env) as after:
            assert await after.ends() == 0


async def killed_while_renewing(
    trakt: TraktStandIn, env: dict[str, str], answer: Fault
) -> None:
    is_asked = asyncio.Event()

    def plan(request: web.Request, _number: int) -> Fault | None:
        if request.path != RENEW:
            return None
        is_asked.set()
        return answer

    trakt.faults = plan
    async with program("plan", env=env) as run, asyncio.timeout(60):
        await is_asked.wait()
        run.kill()
        assert await run.ends() == -9
    trakt.faults = None


async def test_nothing_that_is_printed_or_logged_holds_a_secret(tmp_path: Path) -> None:
    async with services() as (trakt, discovr):
        env = planning(tmp_path, trakt, discovr)
        store = TokenStore(tmp_path / "tokens.json")
        printed, secrets = "", set(astuple(KEYS))
        for args in (
            ("login", "trakt"),
            ("--json", "login", "discovr"),
            ("plan",),
            ("logout", "trakt"),
            ("--json", "logout", "discovr"),
        ):
            async with program("-v", *args, env=env) as run:
                assert await run.ends() == 0
            printed += run.screen + run.stdout
            for service in ("trakt", "discovr"):
                token = store.load(service)
                secrets |= {token.access_token, token.refresh_token} if token else set()
    secrets |= {made_up(f"{name} device code 1") for name in ("Trakt", "Discovr")}
    assert "trakt2discovr.http" in printed
    assert len(secrets) > 10
    assert not [secret for secret in secrets if secret and secret in printed]


async def test_the_program_signs_in_when_started_afresh(tmp_path: Path) -> None:
    async with services() as (trakt, discovr):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sync", "--json", "login", "trakt"),
            cwd=Path(__file__).parents[2],
            env=environment(tmp_path, trakt, discovr),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = await process.communicate()
        assert process.returncode == 0
    assert LoginDocument.model_validate_json(stdout).account == trakt.account.user
    assert b"Code: " in stderr

"""Signing out, and the warnings before a login ends by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.auth.tokens import StoredToken, TokenStore, fingerprint
from connectors.errors import AuthError
from sync.login import (
    login_discovr,
    login_trakt,
    logout_discovr,
    logout_trakt,
)
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.faults import Fault
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn
from sync.wiring.logins import login_warnings
from tests.login_suite.scenes import KEYS, Person, scene, spoil

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
SOON: dict[str, Any] = {"approves_after_polls": 0}


async def test_logging_out_of_trakt_revokes_and_forgets(tmp_path: Path) -> None:
    async with scene(tmp_path, trakt=SOON) as here:
        await login_trakt(here.wiring(), Person(), here.stop)
        signed_in = here.wiring().trakt()
        await signed_in.last_activities()
        document = await logout_trakt(here.wiring())
        assert (document.was_logged_in, document.is_revoked) == (True, True)
        assert document.notes == ()
        assert here.stored("trakt") is None
        assert here.trakt.seen[-1].path == "/oauth/revoke"
        with pytest.raises(AuthError, match="no Trakt login"):
            await here.wiring().trakt().last_activities()


async def test_logging_out_of_discovr_revokes_and_forgets(tmp_path: Path) -> None:
    async with scene(tmp_path, **SOON) as here:
        await login_discovr(here.wiring(), Person(wanted="Me"), here.stop)
        signed_in = here.wiring().identity()
        token = here.stored("discovr")
        document = await logout_discovr(here.wiring())
        assert (document.was_logged_in, document.is_revoked) == (True, True)
        assert here.stored("discovr") is None
        assert token is not None
        here.wiring().store.save("discovr", token)
        with pytest.raises(AuthError, match="does not accept"):
            await signed_in.request("GET", "/profiles")


async def test_a_service_that_is_down_does_not_keep_the_login_here(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, trakt=SOON, **SOON) as here:
        await login_trakt(here.wiring(), Person(), here.stop)
        await login_discovr(here.wiring(), Person(wanted="Me"), here.stop)
        for service in (here.trakt, here.discovr):
            spoil(service, "/", [Fault.answer(503)] * 20)
        for document in (
            await logout_trakt(here.wiring()),
            await logout_discovr(here.wiring()),
        ):
            assert (document.was_logged_in, document.is_revoked) == (True, False)
            assert "503" in document.notes[0]
            assert "disconnect this app" in document.notes[1]
            assert here.stored(document.service) is None


async def test_without_the_secret_nothing_is_revoked_but_all_is_forgotten(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, trakt=SOON) as here:
        await login_trakt(here.wiring(), Person(), here.stop)
        for keys in ({"client_secret": None}, {"client_secret": "wrong"}):
            token = here.stored("trakt")
            assert token is not None
            document = await logout_trakt(here.wiring(trakt=keys))
            assert not document.is_revoked
            assert "client" in document.notes[0]
            assert here.stored("trakt") is None
            here.wiring().store.save("trakt", token)


async def test_a_login_that_is_dead_already_counts_as_revoked(tmp_path: Path) -> None:
    dead = StoredToken(refresh_token="rt_dead", obtained_at=NOW)
    async with scene(tmp_path) as here:
        here.wiring().store.save("discovr", dead)
        document = await logout_discovr(here.wiring())
        assert (document.was_logged_in, document.is_revoked) == (True, True)
        assert here.stored("discovr") is None


async def test_no_login_is_nothing_to_do(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        for document in (
            await logout_trakt(here.wiring()),
            await logout_discovr(here.wiring()),
        ):
            assert not document.was_logged_in
            assert not document.is_revoked
        assert here.trakt.seen == here.discovr.seen == []


async def test_a_configured_login_is_revoked_and_has_to_be_removed_by_hand(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as here:
        out = await logout_trakt(
            here.wiring(trakt={"access_token": KEYS.trakt_access_token})
        )
        assert out.is_revoked
        assert "The config still holds [trakt]" in out.notes[0]
        identity = {"refresh_token": KEYS.discovr_refresh_token}
        out = await logout_discovr(here.wiring(discovr=identity))
        assert out.is_revoked
        assert "The config still holds [discovr]" in out.notes[0]


async def test_the_data_host_revokes_where_the_sign_in_host_cannot(
    tmp_path: Path,
) -> None:
    empty = TraktStandIn(synthetic_account(1), quirks=TraktQuirks(has_oauth=False))
    async with scene(tmp_path, trakt=SOON) as here, empty:
        await login_trakt(here.wiring(), Person(), here.stop)
        wiring = here.wiring(trakt={"auth_url": empty.url})
        assert (await logout_trakt(wiring)).is_revoked


async def test_the_data_host_renews_where_the_sign_in_host_cannot(
    tmp_path: Path,
) -> None:
    old = {"access_token": "stale", "refresh_token": KEYS.trakt_refresh_token}
    empty = TraktStandIn(synthetic_account(1), quirks=TraktQuirks(has_oauth=False))
    async with scene(tmp_path) as here, empty:
        wiring = here.wiring(trakt=old | {"auth_url": empty.url})
        await wiring.trakt().last_activities()
        assert len(here.trakt.requests(path="/oauth/token")) == 1


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=90), None),
        (timedelta(days=14, seconds=1), None),
        (timedelta(days=14), "2026-11-24, in 14 days"),
        (timedelta(hours=30), "2026-11-11, in 2 days"),
        (timedelta(hours=1), "2026-11-10, in 1 day."),
        (timedelta(0), "ran out on 2026-11-10"),
        (-timedelta(days=1), "ran out on 2026-11-09"),
    ],
)
def test_every_run_warns_before_the_discovr_login_ends(
    tmp_path: Path, left: timedelta, words: str | None
) -> None:
    store = TokenStore(tmp_path / "tokens.json")
    assert login_warnings(store, NOW) == []
    origin = fingerprint("rt_configured")
    store.save(
        "discovr",
        StoredToken(
            refresh_token="rt_s3cret",
            obtained_at=NOW,
            expires_at=NOW + left,
            origin=origin,
        ),
    )
    for configured in (None, "rt_configured"):
        lines = login_warnings(store, NOW, configured)
        assert len(lines) == (words is not None)
        assert words is None or words in lines[0]
        assert all("login discovr" in line for line in lines)
        assert all("s3cret" not in line for line in lines)
    assert login_warnings(store, NOW, "rt_newer") == []

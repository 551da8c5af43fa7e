"""The login of both services, against stand-ins: renewal, rotation, refusal."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.auth.tokens import StoredToken, TokenStore
from connectors.discovr.auth import choose_profile
from connectors.discovr.models import Profile
from connectors.errors import AuthError, ConfigError
from sync.config import Settings
from sync.sandbox.account.sample import sample_account
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.wiring.clients import Clients
from tests.clocks import FakeClock
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEYS = Credentials()


@asynccontextmanager
async def clients(
    place: World, **sections: dict[str, Any]
) -> AsyncIterator[tuple[Clients, FakeClock]]:
    known = place.settings.model_dump()
    for name, keys in sections.items():
        known[name] |= keys
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        yield Clients(Settings.model_validate(known), stack, clock=clock), clock


@asynccontextmanager
async def place(
    folder: Path, *, trakt: dict[str, Any] | None = None, **discovr: Any
) -> AsyncIterator[World]:
    async with world(
        synthetic_account(3),
        folder,
        trakt=TraktQuirks(**trakt or {}),
        discovr=DiscovrQuirks(**discovr),
    ) as found:
        yield found


def renewals(where: World) -> int:
    return len(where.trakt.requests("POST", "/oauth/token"))


async def test_a_refused_access_token_is_renewed_once_for_all_callers(
    tmp_path: Path,
) -> None:
    spent = {"access_token": "stale", "refresh_token": KEYS.trakt_refresh_token}
    async with place(tmp_path) as where, clients(where, trakt=spent) as (wiring, _):
        client = wiring.trakt()
        await asyncio.gather(*(client.last_activities() for _ in range(6)))
        assert renewals(where) == 1
        stored = TokenStore(where.settings.state.tokens).load("trakt")
    assert stored is not None
    assert stored.refresh_token != KEYS.trakt_refresh_token


async def test_the_next_process_uses_the_rotated_pair_though_the_config_is_old(
    tmp_path: Path,
) -> None:
    spent = {"access_token": "stale", "refresh_token": KEYS.trakt_refresh_token}
    async with place(tmp_path) as where:
        for _ in range(2):
            async with clients(where, trakt=spent) as (wiring, _):
                await wiring.trakt().last_activities()
        assert renewals(where) == 1


async def test_two_processes_spend_one_refresh_token_once(tmp_path: Path) -> None:
    spent = {"access_token": "stale", "refresh_token": KEYS.trakt_refresh_token}
    async with (
        place(tmp_path) as where,
        clients(where, trakt=spent) as (one, _),
        clients(where, trakt=spent) as (two, _),
    ):
        await asyncio.gather(
            one.trakt().last_activities(), two.trakt().last_activities()
        )
        assert renewals(where) == 1


async def test_a_token_is_renewed_before_it_runs_out(tmp_path: Path) -> None:
    spent = {"access_token": "stale", "refresh_token": KEYS.trakt_refresh_token}
    async with place(tmp_path) as where, clients(where, trakt=spent) as (wiring, clock):
        client = wiring.trakt()
        await client.last_activities()
        stored = TokenStore(where.settings.state.tokens).load("trakt")
        assert stored is not None
        assert stored.expires_at is not None
        ahead = stored.expires_at - clock.now() - timedelta(minutes=5)
        clock.advance(ahead.total_seconds())
        refused = [r for r in where.trakt.seen if r.status == 401]
        await client.last_activities()
        assert renewals(where) == 2
        assert [r for r in where.trakt.seen if r.status == 401] == refused


async def test_a_login_is_known_again_by_its_mark_however_often_it_is_renewed(
    tmp_path: Path,
) -> None:
    spent = {"access_token": "stale", "refresh_token": KEYS.trakt_refresh_token}
    marks: list[str | None] = []
    async with place(tmp_path) as where:
        for _ in range(3):
            async with clients(where, trakt=spent) as (wiring, clock):
                clock.advance(len(marks) * 100 * 86_400)
                client = wiring.trakt()
                marks.append(client.login_mark())
                await client.last_activities()
                marks.append(client.login_mark())
        assert renewals(where) > 1
        another = {"access_token": "other", "refresh_token": "another"}
        async with clients(where, trakt=another) as (wiring, _):
            other = wiring.trakt().login_mark()
        async with clients(where, trakt={"access_token": "other"}) as (wiring, _):
            assert wiring.trakt().login_mark() is None
    assert len({*marks}) == 1
    assert None not in {*marks, other}
    assert other not in marks


async def test_what_an_earlier_version_stored_is_marked_once_it_is_renewed(
    tmp_path: Path,
) -> None:
    none = {"access_token": None, "refresh_token": None}
    async with place(tmp_path) as where, clients(where, trakt=none) as (wiring, clock):
        kept = StoredToken(
            access_token="stale",
            refresh_token=KEYS.trakt_refresh_token,
            obtained_at=clock.now(),
        )
        wiring.store.save("trakt", kept)
        client = wiring.trakt()
        assert client.login_mark() is None
        await client.last_activities()
        mark = client.login_mark()
        assert mark
        assert wiring.trakt().login_mark() == mark


@pytest.mark.parametrize(
    "trakt",
    [
        {"access_token": "stale", "refresh_token": "spent"},
        {"access_token": "stale", "refresh_token": None},
        {"access_token": None, "refresh_token": None},
        {"access_token": "stale", "client_secret": None, "refresh_token": "x"},
    ],
    ids=["refused", "no refresh token", "no token", "no secret"],
)
async def test_a_lost_trakt_login_says_how_to_log_in(
    tmp_path: Path, trakt: dict[str, Any]
) -> None:
    async with place(tmp_path) as where, clients(where, trakt=trakt) as (wiring, _):
        with pytest.raises(AuthError) as caught:
            await wiring.trakt().last_activities()
    assert "log in" in caught.value.remedy.lower()


async def test_a_passing_fault_while_renewing_is_no_lost_login(tmp_path: Path) -> None:
    from sync.sandbox.server.faults import Fault  # noqa: PLC0415

    spent = {"access_token": "stale", "refresh_token": KEYS.trakt_refresh_token}
    async with place(tmp_path) as where, clients(where, trakt=spent) as (wiring, _):
        left = [Fault.answer(503), Fault.cloudflare(429)]
        where.trakt.faults = lambda request, _number: (
            left.pop() if request.path == "/oauth/token" and left else None
        )
        await wiring.trakt().last_activities()
        assert renewals(where) == 3


async def test_a_session_is_minted_once_and_again_before_it_ends(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as where, clients(where) as (wiring, clock):
        # Both sides live by the same clock here.
        clock.advance((where.discovr._now() - clock.now()).total_seconds())
        target = wiring.discovr()
        await asyncio.gather(*(target.read_title("MV_1", None) for _ in range(4)))
        minted = where.discovr.requests("POST", "/auth/session-token")
        assert len(minted) == 1
        clock.advance(29 * 60)
        await target.read_title("MV_1", None)
        assert len(where.discovr.requests("POST", "/auth/session-token")) == 2
        assert not [r for r in where.discovr.seen if r.status == 401]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_session_that_ended_early_is_replaced(
    tmp_path: Path, status: int
) -> None:
    quirks: dict[str, Any] = {"session_lifetime_s": 0, "token_error_status": status}
    async with place(tmp_path, **quirks) as where, clients(where) as (wiring, _):
        with pytest.raises(AuthError, match="login"):
            await wiring.discovr().read_title("MV_1", None)
        assert len(where.discovr.requests("POST", "/auth/session-token")) == 2


async def test_a_lost_discovr_login_says_how_to_log_in(tmp_path: Path) -> None:
    async with place(tmp_path, refresh_token_has_expired=True) as where:
        async with clients(where) as (wiring, _):
            with pytest.raises(AuthError) as caught:
                await wiring.discovr().open_profile()
        assert "login discovr" in caught.value.remedy
        async with clients(where, discovr={"refresh_token": None}) as (wiring, _):
            with pytest.raises(AuthError, match="no Discovr login"):
                await wiring.discovr().open_profile()


@pytest.mark.parametrize("wanted", ["Me", "me", "ID"])
async def test_a_profile_is_found_by_id_or_name(tmp_path: Path, wanted: str) -> None:
    async with place(tmp_path) as where:
        number = where.discovr.profiles[0].id
        name = number if wanted == "ID" else wanted
        async with clients(where, discovr={"profile": name}) as (wiring, _):
            assert await wiring.discovr().open_profile() == number


def test_a_profile_is_never_guessed() -> None:
    known = [Profile(id="1", name="Me"), Profile(id="2", name="me")]
    with pytest.raises(ConfigError, match="2 Discovr profiles") as caught:
        choose_profile(known, "ME")
    assert "Me (1), me (2)" in caught.value.remedy
    with pytest.raises(ConfigError, match="no profile 'You'"):
        choose_profile(known, "You")
    with pytest.raises(ConfigError, match="no profile"):
        choose_profile([], "Me")


async def test_the_account_s_token_is_used_only_where_no_profile_can_be_mistaken(
    tmp_path: Path,
) -> None:
    async with place(tmp_path, identity_for_profile=True) as where:
        async with clients(where) as (wiring, _):
            with pytest.raises(ConfigError, match="this account has 2"):
                await wiring.discovr().read_title("MV_1", None)
        assert where.writes() == 0


async def test_a_service_that_wants_the_account_s_token_gets_it(tmp_path: Path) -> None:
    quirks = DiscovrQuirks(identity_for_profile=True)
    async with world(
        sample_account(), tmp_path, discovr=quirks, profiles=("Me",)
    ) as where:
        assert (await where.migrate()).is_complete
        assert where.discovr.entries()
        assert where.discovr.playback()
        refused = [r for r in where.discovr.seen if r.status == 401]
        assert len(refused) == 1

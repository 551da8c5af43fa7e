"""A login to Trakt that is renewed: its token is spent, so the new one is kept."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.auth.device import DeviceCode
from connectors.auth.tokens import StoredToken, TokenStore
from connectors.http.client import HttpClient
from connectors.trakt.auth import OauthHosts, TraktAuth
from connectors.trakt.device import TraktDevice
from connectors.trakt.models import TokenAnswer
from sync.fleet.runner import settings_of
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.credentials import Credentials
from sync.wiring.clients import Clients
from tests.clocks import FakeClock
from tests.hostile import ODD, Hostile, Told
from tests.long import examples
from tests.worlds import world

if TYPE_CHECKING:
    from pathlib import Path

    from yarl import URL

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("times", [1, 2])
async def test_who_is_stopped_while_a_login_is_renewed_keeps_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    answered, may_go_on = asyncio.Event(), asyncio.Event()
    post = OauthHosts.post

    async def slow(*words: Any, **options: Any) -> Any:
        response = await post(*words, **options)
        answered.set()
        await may_go_on.wait()
        return response

    monkeypatch.setattr(OauthHosts, "post", slow)
    store = TokenStore(tmp_path / "tokens.json")
    spent = Credentials().trakt_refresh_token
    old = StoredToken(refresh_token=spent, expires_at=LONG_AGO, obtained_at=LONG_AGO)
    async with store.lock("trakt"):
        store.save("trakt", old)
    async with (
        world(synthetic_account(2), tmp_path) as place,
        AsyncExitStack() as stack,
    ):
        clients = Clients(settings_of(place.settings, None), stack, store=store)
        asking = asyncio.create_task(clients.trakt().owner())
        await asyncio.wait_for(answered.wait(), 20)
        for _ in range(times):
            asking.cancel()
            await asyncio.sleep(0)
        may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asking, 20)
        kept = store.load("trakt")
        assert kept is not None
        assert kept.refresh_token not in {None, spent}
        assert await clients.trakt().owner()


PAIR = {"access_token": "made-up", "refresh_token": "made-up-too"}
#: What an answer says beside its two tokens.
BESIDE = sorted(
    {*TokenAnswer.model_fields, "created_at", "token_type", "scope"} - PAIR.keys()
)
#: How the value of a field may be written; None where it is missing.
WRITTEN = (
    None,
    '"2026-01-01T00:00:00Z"',
    '"86400"',
    '"soon"',
    "86400",
    "1767225600",
    "1767225600000",
    "0.5",
    *ODD,
)


def handing_out(fields: dict[str, str | None]) -> tuple[HttpClient, list[str]]:
    """Return a host that answers with a login, and what it was asked for."""
    asked: list[str] = []
    rest = [f', "{name}": {value}' for name, value in fields.items() if value]
    body = json.dumps(PAIR)[:-1] + "".join(rest) + "}"

    def answer(_method: str, url: URL) -> Told:
        asked.append(url.path)
        return Told(body.encode())

    session = Hostile(answer).session
    clock = FakeClock()
    return HttpClient("Trakt", "https://t.test", session=session, clock=clock), asked


async def renewed(store: TokenStore, fields: dict[str, str | None]) -> list[str]:
    """Ask twice for a login that has run out; return what that asked for."""
    http, asked = handing_out(fields)
    spent = StoredToken(
        refresh_token="made-up-1", expires_at=LONG_AGO, obtained_at=LONG_AGO
    )
    store.save("trakt", spent)
    auth = TraktAuth(
        OauthHosts(http),
        store,
        client_id="i",
        client_secret="made-up",
        clock=FakeClock(),
    )
    for _ in range(2):
        login = await auth.headers()
        assert login == {"Authorization": "Bearer made-up"}
    return asked


async def signed_in(fields: dict[str, str | None]) -> StoredToken | None:
    http, _ = handing_out(fields)
    device = TraktDevice(
        OauthHosts(http), client_id="i", client_secret="made-up", clock=FakeClock()
    )
    return await device.poll(DeviceCode("d", "U", lifetime_s=600, interval_s=5))


def check_kept(token: StoredToken | None) -> None:
    assert token is not None
    assert (token.access_token, token.refresh_token) == (*PAIR.values(),)
    assert token.expires_at is None or token.expires_at > FakeClock().now()


@pytest.mark.parametrize("name", BESIDE)
async def test_a_login_is_kept_whatever_is_said_beside_its_tokens(
    name: str, tmp_path: Path
) -> None:
    store = TokenStore(tmp_path / "tokens.json")
    good = {"expires_in": "86400", "created_at": "1767225600"}
    for value in WRITTEN:
        fields = {**good, name: value}
        assert await renewed(store, fields) == ["/oauth/token"], f"{value}: twice"
        check_kept(store.load("trakt"))
        check_kept(await signed_in(fields))


@examples(20, 100, 1_000)
@given(st.fixed_dictionaries(dict.fromkeys(BESIDE, st.sampled_from(WRITTEN))))
async def test_a_login_is_kept_whatever_several_fields_say(
    fields: dict[str, str | None],
) -> None:
    check_kept(await signed_in(fields))


@pytest.mark.parametrize("issued", ["1767225600", "1", "true", None, "99999999999"])
async def test_a_login_runs_out_by_our_clock_where_that_of_the_answer_is_no_help(
    issued: str | None,
) -> None:
    token = await signed_in({"expires_in": "86400", "created_at": issued})
    assert token is not None
    assert token.expires_at == FakeClock().now() + timedelta(days=1)


async def test_a_login_whose_end_cannot_be_read_is_taken_for_good() -> None:
    token = await signed_in({"expires_in": "0", "created_at": "1767225600"})
    assert token is not None
    assert token.expires_at is None

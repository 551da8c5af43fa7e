"""A login to Trakt that is renewed: its token is spent, so the new one is kept."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from connectors.auth.tokens import StoredToken, TokenStore
from connectors.trakt.auth import OauthHosts
from sync.fleet.runner import settings_of
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.credentials import Credentials
from sync.wiring.clients import Clients
from tests.worlds import world

if TYPE_CHECKING:
    from pathlib import Path

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

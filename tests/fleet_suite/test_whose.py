"""Whose login it is: nobody comes by another's, whatever name stands in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.clock import SystemClock
from sync.fleet.calendar import Kind
from sync.fleet.logins import forget, open_store, standing_of
from tests.fleet_suite.test_refused import discovr_login, house, trakt_login

if TYPE_CHECKING:
    from pathlib import Path

    from sync.fleet.database import FleetDatabase

NOW = SystemClock().now()


async def test_who_comes_under_a_name_that_was_removed_inherits_nothing(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    async with house(fleet, tmp_path) as here:
        sean = await here.add("Me", trakt=trakt_login("Sean's"))
        late = await open_store(fleet, here.vault, sean.id)
        stale = await open_store(fleet, here.vault, sean.id)
        await fleet.rows("UPDATE fleet_profile SET kind = 'keep', failures = 3")
        profiles = here.fleet.profiles
        await profiles.change(["Me"], "remove", NOW)
        await forget(fleet, ["Me"])
        # A run, or a page, that is under way has a login of Sean's to keep.
        await late.keep("trakt", trakt_login("renewed"))
        assert await fleet.rows("SELECT * FROM fleet_login") == []
        async with stale.lock("trakt"):
            assert stale.load("trakt") is None
        # An earlier version kept it all the same.
        await fleet.rows(
            "INSERT INTO fleet_login (profile, service, key_id, secret) "
            "VALUES ($1, 'trakt', 'k', 'x')",
            sean.id,
        )
        other = await here.add("Me")
        assert (other.kind, other.failures) == (Kind.FIRST, 0)
        assert (await standing_of(fleet, [other]))[other.id] == {}
        assert await fleet.rows("SELECT * FROM fleet_login") == []
        invited = here.vault.read_invitation(here.vault.invite(sean.id))
        assert invited is not None
        assert await profiles.get(invited) is None
        await late.keep("discovr", discovr_login())
        assert await here.logins(other) == {}

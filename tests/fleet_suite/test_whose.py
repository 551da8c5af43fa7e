"""Whose login it is: nobody comes by another's, whatever name stands in the table."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connectors.clock import SystemClock
from connectors.errors import AuthError
from sync.fleet import vault as keys
from sync.fleet.calendar import Kind
from sync.fleet.invite import Visit
from sync.fleet.logins import SHARED, forget, give_up, open_store, standing_of
from sync.fleet.profiles import NewProfile
from sync.fleet.sign_in import sign_in
from sync.runtime.stop import Stop
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.trakt.quirks import TraktQuirks
from tests.clocks import hasty_system_clock
from tests.fleet_suite.test_refused import discovr_login, house, trakt_login

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.auth.tokens import StoredToken
    from sync.fleet.database import FleetDatabase
    from sync.fleet.profiles import Profile
    from sync.wiring.logins import Service
    from tests.fleet_suite.test_refused import House

NOW = SystemClock().now()
EVERY = timedelta(hours=6)
AT_ONCE = TraktQuirks(approves_after_polls=0)
SOURCES = ("trakt", "trakt:sean", "trakt:SEAN", "trakt:mia", "/a/download.zip")


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
        invited = here.vault.read_invitation(here.vault.invite(sean.id, "Me"))
        assert invited == (sean.id, "Me")
        assert await profiles.get(sean.id) is None
        await late.keep("discovr", discovr_login())
        assert await here.logins(other) == {}


async def sign_in_as(here: House, user: str, account: str) -> Profile:
    """Sign in to Trakt for a profile of that user, where ``account`` is signed in."""
    profiles = here.fleet.profiles
    await profiles.add([NewProfile("Me", f"trakt:{user}", EVERY)], NOW)
    (me,) = await profiles.find(["Me"])
    here.place.trakt.account.user = account
    with hasty_system_clock():
        await sign_in(here.fleet, me, "trakt", Visit(me), Stop())
    return me


@pytest.mark.parametrize("user", ["sean", "Sean"])
async def test_the_user_of_the_table_is_who_has_to_sign_in_to_trakt(
    fleet: FleetDatabase, tmp_path: Path, user: str
) -> None:
    async with house(fleet, tmp_path, trakt=AT_ONCE) as here:
        me = await sign_in_as(here, user, "sEAN")
        assert await here.logins(me) == {"trakt": True}


@pytest.mark.parametrize("before", [{}, {"trakt": trakt_login("Sean's")}])
async def test_another_user_who_signs_in_to_trakt_takes_nobodys_place(
    fleet: FleetDatabase, tmp_path: Path, before: dict[str, StoredToken]
) -> None:
    async with house(fleet, tmp_path, trakt=AT_ONCE) as here:
        me = await here.add("Me", source="trakt:sean", is_shared=None, **before)
        with pytest.raises(AuthError) as told:
            await sign_in_as(here, "sean", "parent")
        assert "as parent" in told.value.message
        assert "sean" in told.value.message
        assert "trakt2discovr fleet add FILE.csv" in (told.value.remedy or "")
        store = await open_store(fleet, here.vault, me.id)
        assert store.load("trakt") == before.get("trakt")


@pytest.mark.parametrize("before", SOURCES)
@pytest.mark.parametrize("after", SOURCES)
async def test_another_source_is_not_read_by_the_login_of_the_one_before(
    fleet: FleetDatabase, tmp_path: Path, before: str, after: str
) -> None:
    async with house(fleet, tmp_path) as here:
        logins = {"trakt": trakt_login("Sean's"), "discovr": discovr_login()}
        me = await here.add("Me", source=before, is_shared=None, **logins)
        new = NewProfile("Me", after, EVERY)
        parted = await here.fleet.profiles.add([new], NOW)
        # Where the table names nobody, it stays that of whoever signed in. For a
        # download nobody did who could be asked.
        is_of_user = after == "trakt" and before.startswith("trakt")
        is_kept = is_of_user or after.lower() == before.lower()
        assert parted == ([] if is_kept else ["Me"])
        kept = {"trakt": True} if is_kept else {}
        assert await here.logins(me) == {"discovr": True, **kept}


@pytest.mark.parametrize("before", ["trakt:ann", "/a/download.zip"])
@pytest.mark.parametrize(
    "after", ["trakt:mia", "/another/download.zip", "trakt", "trakt:Ann"]
)
async def test_what_is_renewed_too_late_is_kept_for_nobody_else(
    fleet: FleetDatabase, tmp_path: Path, before: str, after: str
) -> None:
    """The worker was frozen, or its session was cut: nothing held the table back."""
    async with house(fleet, tmp_path) as here:
        me = await here.add("Me", source=before, trakt=trakt_login("Ann's"))
        late = await open_store(fleet, here.vault, me.id, source=me.source)
        await here.fleet.profiles.add([NewProfile("Me", after, EVERY)], NOW)
        await late.keep("trakt", trakt_login("renewed"))
        is_hers = before == "trakt:ann" and after in {"trakt", "trakt:Ann"}
        (now,) = await here.fleet.profiles.find(["Me"])
        assert now.is_read_by(before) is is_hers
        assert await here.logins(me) == ({"trakt": True} if is_hers else {})


@pytest.mark.parametrize(
    ("service", "change"),
    [("trakt", "trakt:mia"), ("trakt", "gone"), ("discovr", "gone")],
)
async def test_a_sign_in_for_what_a_profile_is_no_more_keeps_nothing(
    fleet: FleetDatabase, tmp_path: Path, service: Service, change: str
) -> None:
    at_once = DiscovrQuirks(approves_after_polls=0)
    async with house(fleet, tmp_path, trakt=AT_ONCE, discovr=at_once) as here:
        here.place.trakt.account.user = "sean"
        me = await here.add("Me", source="trakt:sean")
        if change == "gone":
            await here.fleet.profiles.change(["Me"], "remove", NOW)
        else:
            await here.fleet.profiles.add([NewProfile("Me", change, EVERY)], NOW)
        with hasty_system_clock(), pytest.raises(AuthError) as told:
            await sign_in(here.fleet, me, service, Visit(me), Stop())
        assert "kept" in told.value.message
        assert "trakt2discovr fleet l" in (told.value.remedy or "")
        assert await here.logins(me) == {}


@pytest.mark.parametrize("before", [{}, {"discovr": discovr_login("Sean's")}])
async def test_an_account_of_discovr_without_the_profile_takes_nobodys_place(
    fleet: FleetDatabase, tmp_path: Path, before: dict[str, StoredToken]
) -> None:
    quirks = DiscovrQuirks(approves_after_polls=0)
    async with house(fleet, tmp_path, discovr=quirks) as here:
        name = "It's another's"
        other = await here.add(name, source="trakt", is_shared=None, **before)
        with hasty_system_clock():
            with pytest.raises(AuthError) as told:
                await sign_in(here.fleet, other, "discovr", Visit(other), Stop())
            me = await here.add("Me")
            await sign_in(here.fleet, me, "discovr", Visit(me), Stop())
        assert "So nothing was kept" in told.value.message
        command = "fleet login --service discovr 'It'\"'\"'s another'\"'\"'s'"
        assert command in (told.value.remedy or "")
        store = await open_store(fleet, here.vault, other.id)
        assert store.load("discovr") == before.get("discovr")
        assert await here.logins(me) == {"discovr": True}


@pytest.mark.parametrize("is_given_up", [True, False])
@pytest.mark.parametrize("service", ["trakt", "discovr", "shared"])
async def test_nobody_needs_the_old_login_to_sign_in_anew(
    fleet: FleetDatabase, tmp_path: Path, service: str, *, is_given_up: bool
) -> None:
    """The key of the one that is stored may be lost: then all have to sign in."""
    at_once = DiscovrQuirks(approves_after_polls=0)
    async with house(fleet, tmp_path, trakt=AT_ONCE, discovr=at_once) as here:
        logins = {"trakt": trakt_login("x"), "discovr": discovr_login()}
        me = await here.add("Me", source="trakt:sean", is_shared=None, **logins)
        await here.share(discovr_login())
        (tmp_path / "key").unlink()
        keys.make_key(tmp_path / "key")
        vault = here.vault = keys.open_vault(tmp_path / "key")
        if is_given_up:
            await give_up(fleet, vault.key_ids)
        # As the table has it: who signs in is compared before anything is kept.
        here.place.trakt.account.user = "sean"
        is_shared = service == "shared"
        asked: Service = "trakt" if service == "trakt" else "discovr"
        of = None if is_shared else me
        with hasty_system_clock():
            await sign_in(here.fleet, of, asked, Visit(me), Stop())
        store = await open_store(fleet, vault, SHARED if is_shared else me.id)
        assert store.load(asked) is not None
        standing = await standing_of(fleet, [me])
        assert standing[SHARED if is_shared else me.id][asked]

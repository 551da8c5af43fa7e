"""A login that its service takes no more: noted for that one alone, and asked for."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from connectors.auth.tokens import StoredToken
from connectors.clock import SystemClock
from sync.daemon.turn import Ending
from sync.fleet import vault as keys
from sync.fleet.calendar import Kind, State, Verdict
from sync.fleet.ledgers import LedgerPool
from sync.fleet.logins import (
    SHARED,
    forget,
    give_up,
    open_store,
    rotate,
    standing_of,
)
from sync.fleet.migrate import migrate
from sync.fleet.open import Fleet
from sync.fleet.profiles import NewProfile, Profile, Profiles
from sync.fleet.runner import Runner
from sync.fleet.sign_in import asked, lacking, waits_for_shared
from sync.ledger.errors import StateError
from sync.runtime.stop import Stop
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.server.faults import Fault
from sync.sandbox.trakt.quirks import TraktQuirks
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from sync.fleet.database import FleetDatabase
    from sync.fleet.outcome import Outcome
    from sync.fleet.vault import Vault
    from sync.ledger import Ledger
    from tests.postgres import PostgresServer
    from tests.worlds import World

KEYS = Credentials()
CLOCK = SystemClock()
GONE = "rt_" + "0" * 48


def trakt_login(refresh: str, *, is_over: bool = True) -> StoredToken:
    now = CLOCK.now()
    return StoredToken(
        access_token="over" if is_over else KEYS.trakt_access_token,
        refresh_token=refresh,
        obtained_at=now - timedelta(days=7),
        expires_at=now if is_over else now + timedelta(days=1),
    )


def discovr_login(refresh: str = KEYS.discovr_refresh_token) -> StoredToken:
    return StoredToken(refresh_token=refresh, obtained_at=CLOCK.now())


@dataclass
class House:
    """A fleet of one person's profiles, beside the services."""

    database: FleetDatabase
    vault: Vault
    place: World
    ledgers: LedgerPool
    folder: Path
    shared: StoredToken | None = None
    #: What differs in the settings, by section.
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def fleet(self) -> Fleet:
        changed = {"fleet": {"key_file": self.folder / "key"}, **self.changed}
        settings = self.place.settings
        sections = {
            name: getattr(settings, name).model_copy(update=update)
            for name, update in changed.items()
        }
        settings = settings.model_copy(update=sections)
        return Fleet(settings, "", self.database, Profiles(self.database), CLOCK)

    async def add(
        self,
        name: str,
        *,
        source: str = "trakt",
        is_shared: bool | None = None,
        **logins: StoredToken,
    ) -> Profile:
        fleet = self.fleet
        new = NewProfile(name, source, timedelta(hours=6), is_shared=is_shared)
        await fleet.profiles.add([new], CLOCK.now())
        (profile,) = await fleet.profiles.find([name])
        store = await open_store(self.database, self.vault, profile.id)
        for service, token in logins.items():
            await store.keep(service, token)
        return profile

    async def run(self, profile: Profile) -> Outcome:
        runner = Runner(
            self.fleet.settings,
            self.database,
            self.vault,
            self.ledgers,
            CLOCK,
            shared=self.shared,
        )
        return await runner.run(profile, Stop())

    async def share(self, token: StoredToken) -> None:
        store = await open_store(self.database, self.vault, SHARED)
        await store.keep("discovr", token)

    async def shared_login(self) -> dict[str, bool]:
        return (await standing_of(self.database, []))[SHARED]

    async def logins(self, profile: Profile) -> dict[str, bool]:
        return (await standing_of(self.database, [profile]))[profile.id]

    async def asked(self, profile: Profile) -> tuple[str, ...]:
        return asked(profile, await standing_of(self.database, [profile]))


@asynccontextmanager
async def house(
    database: FleetDatabase,
    folder: Path,
    *,
    trakt: TraktQuirks | None = None,
    discovr: DiscovrQuirks | None = None,
) -> AsyncIterator[House]:
    # Not that of other tests, which know the same profiles.
    url = f"sqlite:///{folder / 'ledger.sqlite3'}"
    keys.make_key(folder / "key")
    vault = keys.open_vault(folder / "key")
    async with (
        world(
            synthetic_account(2), folder, trakt=trakt, discovr=discovr, state_url=url
        ) as place,
        LedgerPool(url) as ledgers,
    ):
        yield House(database, vault, place, ledgers, folder)


@pytest.mark.parametrize("status", [400, 401])
async def test_a_spent_login_to_trakt_is_the_one_that_is_asked_for(
    fleet: FleetDatabase, tmp_path: Path, status: Any
) -> None:
    quirks = TraktQuirks(refresh_refusal_status=status)
    async with house(fleet, tmp_path, trakt=quirks) as here:
        spent = trakt_login("spent before")
        me = await here.add("Me", trakt=spent, discovr=discovr_login())
        kids = await here.add("Kids", trakt=spent, discovr=discovr_login())
        outcome = await here.run(me)
        assert outcome.ending is Ending.LOGIN
        assert await here.logins(me) == {"trakt": False, "discovr": True}
        assert await here.asked(me) == ("trakt",)
        # Nobody else's, though it may be as spent.
        assert await here.logins(kids) == {"trakt": True, "discovr": True}
        trakt = trakt_login(KEYS.trakt_refresh_token)
        me = await here.add("Me", trakt=trakt)
        assert await here.logins(me) == {"trakt": True, "discovr": True}
        assert (await here.run(me)).ending is Ending.DONE


@pytest.mark.parametrize("status", [401, 403])
async def test_an_ended_login_to_discovr_is_the_one_that_is_asked_for(
    fleet: FleetDatabase, tmp_path: Path, status: Any
) -> None:
    quirks = DiscovrQuirks(token_error_status=status)
    async with house(fleet, tmp_path, discovr=quirks) as here:
        trakt = trakt_login(KEYS.trakt_refresh_token, is_over=False)
        me = await here.add("Me", trakt=trakt, discovr=discovr_login(GONE))
        # An operator's login would lead to another person's profile.
        here.shared = discovr_login()
        assert (await here.run(me)).ending is Ending.LOGIN
        assert await here.logins(me) == {"trakt": True, "discovr": False}
        assert await here.asked(me) == ("discovr",)
        assert (await here.run(me)).ending is Ending.LOGIN
        assert here.place.writes() == 0
        me = await here.add("Me", discovr=discovr_login())
        assert (await here.run(me)).ending is Ending.DONE
        assert await here.logins(me) == {"trakt": True, "discovr": True}


def spoil(here: House, kind: str) -> None:
    """Let something go wrong that says nothing of the login."""
    everything: dict[str, Any] = {
        "a wrong client secret": {"trakt": {"client_secret": SecretStr("wrong")}},
        "a missing client secret": {"trakt": {"client_secret": None}},
    }
    faults = {
        "an outage of Trakt": ("trakt", Fault.answer(503)),
        "an outage of Discovr": ("discovr", Fault.answer(503)),
        "a renewal that Cloudflare blocks": ("trakt", Fault.cloudflare(403)),
        "a 400 that says nothing": ("trakt", Fault.answer(400)),
        "a 401 of a gateway at Trakt": ("trakt", Fault.answer(401, html=True)),
        "a 401 of a gateway at Discovr": ("discovr", Fault.answer(401, html=True)),
        "a 401 of Discovr for another reason": ("discovr", Fault.answer(401)),
        "what the app may not do": ("discovr", Fault.answer(403)),
    }
    if kind in everything:
        here.changed = everything[kind]
        return
    name, fault = faults[kind]
    getattr(here.place, name).faults = lambda _request, _number: fault


@pytest.mark.parametrize(
    "kind",
    [
        "a wrong client secret",
        "a missing client secret",
        "an outage of Trakt",
        "an outage of Discovr",
        "a renewal that Cloudflare blocks",
        "a 400 that says nothing",
        "a 401 of a gateway at Trakt",
        "a 401 of a gateway at Discovr",
        "a 401 of Discovr for another reason",
        "what the app may not do",
    ],
)
async def test_what_says_nothing_of_the_login_leaves_it_good(
    fleet: FleetDatabase, tmp_path: Path, kind: str
) -> None:
    async with house(fleet, tmp_path) as here:
        trakt = trakt_login(KEYS.trakt_refresh_token)
        me = await here.add("Me", trakt=trakt, discovr=discovr_login())
        spoil(here, kind)
        outcome = await here.run(me)
        assert outcome.ending not in {Ending.DONE, Ending.BUG}
        # Nobody has to sign in, and it is tried again by itself.
        assert outcome.verdict in {Verdict.AGAIN, Verdict.LATER}
        if outcome.ending is Ending.LOGIN:
            assert "tried again at its next time" in (outcome.message or "")
        assert await here.logins(me) == {"trakt": True, "discovr": True}


async def test_a_login_that_is_not_there_or_not_to_be_opened_is_not_refused(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    async with house(fleet, tmp_path) as here:
        me = await here.add("Me", discovr=discovr_login())
        assert (await here.run(me)).verdict is Verdict.LOGIN
        assert await here.logins(me) == {"discovr": True}
        lasting = trakt_login("")
        await here.add("Me", trakt=lasting.model_copy(update={"refresh_token": None}))
        assert (await here.run(me)).verdict is Verdict.LOGIN
        await fleet.rows("DELETE FROM fleet_login WHERE service = 'trakt'")
        assert await here.asked(me) == ("trakt",)
        (tmp_path / "key").unlink()
        keys.make_key(tmp_path / "key")
        here.vault = keys.open_vault(tmp_path / "key")
        await here.add("Me", trakt=trakt_login(KEYS.trakt_refresh_token))
        outcome = await here.run(me)
        assert (outcome.ending, outcome.verdict) == (Ending.STATE, Verdict.AGAIN)
        assert await here.logins(me) == {"trakt": True, "discovr": True}
        # Where the operator gives it up, it waits for its person, and for nobody else.
        here.shared = discovr_login()
        await give_up(fleet, here.vault.key_ids)
        outcome = await here.run(me)
        assert (outcome.ending, outcome.verdict) == (Ending.LOGIN, Verdict.LOGIN)
        assert "trakt2discovr fleet login Me" in (outcome.message or "")
        assert await here.logins(me) == {"trakt": True, "discovr": False}
        await here.add("Me", discovr=discovr_login())
        assert (await here.run(me)).ending is Ending.DONE


@pytest.mark.parametrize("missing", ["trakt", "discovr"])
@pytest.mark.parametrize("is_shared", [False, True])
async def test_who_has_no_login_yet_is_told_the_one_command_that_helps(
    fleet: FleetDatabase, tmp_path: Path, missing: str, *, is_shared: bool
) -> None:
    async with house(fleet, tmp_path) as here:
        trakt = trakt_login(KEYS.trakt_refresh_token, is_over=False)
        logins = {"trakt": trakt, "discovr": discovr_login()}
        del logins[missing]
        me = await here.add("Me", source="trakt", is_shared=is_shared, **logins)
        outcome = await here.run(me)
        _, _, remedy = (outcome.message or "").partition("login. ")
        who = "--shared" if is_shared and missing == "discovr" else "Me"
        assert re.fullmatch(
            f"Log in( again)?: trakt2discovr fleet login {who}\\.", remedy
        )


async def test_a_login_that_was_renewed_meanwhile_stays_good(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    async with house(fleet, tmp_path) as here:
        me = await here.add("Me", trakt=trakt_login("spent before"))
        frozen = await open_store(fleet, here.vault, me.id)
        assert frozen.load("trakt") is not None
        await here.add("Me", trakt=trakt_login("a new one"))
        await frozen.refuse("trakt")
        assert await here.logins(me) == {"trakt": True}
        # Nor does it count as refused where it was before it was renewed.
        await fleet.rows("UPDATE fleet_login SET refused_at = now()")
        frozen = await open_store(fleet, here.vault, me.id)
        await here.add("Me", trakt=trakt_login("a newer one"))
        async with frozen.lock("trakt"):
            pass
        await fleet.rows("UPDATE fleet_login SET refused_at = now()")
        await frozen.accept("trakt")
        assert await here.logins(me) == {"trakt": False}


@pytest.mark.parametrize("is_shared", [False, True])
async def test_a_service_that_takes_it_again_has_not_refused_it_any_more(
    fleet: FleetDatabase, tmp_path: Path, *, is_shared: bool
) -> None:
    """A bad hour of Discovr's looks like a refusal, and nobody has to sign in again."""
    async with house(fleet, tmp_path) as here:
        trakt = trakt_login(KEYS.trakt_refresh_token, is_over=False)
        me = await here.add("Me", is_shared=is_shared, trakt=trakt)
        if is_shared:
            await here.share(discovr_login())
        else:
            await here.add("Me", discovr=discovr_login())
        await fleet.rows("UPDATE fleet_login SET refused_at = now()")
        assert (await here.run(me)).ending is Ending.DONE
        assert await here.asked(me) == (
            ("trakt",) if is_shared else ("trakt", "discovr")
        )
        logins = {**await here.shared_login(), **await here.logins(me)}
        assert logins == {"trakt": True, "discovr": True}
        # What it was not asked with says nothing.
        await fleet.rows("UPDATE fleet_login SET refused_at = now()")
        kept = replace(me, kind=Kind.KEEP)
        writes = here.place.writes()
        assert (await here.run(kept)).ending is Ending.DONE
        assert here.place.writes() == writes
        logins = {**await here.shared_login(), **await here.logins(me)}
        assert logins == {"trakt": True, "discovr": False}


class Meanwhile(LedgerPool):
    """Lends a ledger, after something else has happened: its run has begun by then."""

    def __init__(self, url: str, happens: Callable[[], Awaitable[object]]) -> None:
        super().__init__(url)
        self._happens = happens

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Ledger]:
        await self._happens()
        async with super().lend() as ledger:
            yield ledger


@pytest.mark.parametrize("before", ["refused", "none", "the operator's"])
async def test_who_signs_in_while_a_run_goes_by_the_old_login_waits_for_no_other(
    fleet: FleetDatabase, tmp_path: Path, before: str
) -> None:
    async with house(fleet, tmp_path) as here:
        trakt = trakt_login(KEYS.trakt_refresh_token, is_over=False)
        me = await here.add("Me", is_shared=before != "none", trakt=trakt)
        if before == "refused":
            await here.add("Me", discovr=discovr_login(GONE))
        if before == "the operator's":
            await here.share(discovr_login(GONE))

        async def sign_in() -> None:
            if before == "the operator's":
                await here.share(discovr_login())
            else:
                await here.add("Me", discovr=discovr_login())

        url = here.place.settings.state.url or ""
        async with Meanwhile(url, sign_in) as here.ledgers:
            outcome = await here.run(me)
        assert outcome.verdict is Verdict.GAVE_WAY
        async with LedgerPool(url) as here.ledgers:
            assert (await here.run(me)).ending is Ending.DONE


async def test_a_login_that_serves_all_marks_nobodys(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    async with house(fleet, tmp_path) as here:
        trakt = trakt_login(KEYS.trakt_refresh_token, is_over=False)
        me = await here.add("Me", is_shared=True, trakt=trakt)
        kids = await here.add("Kids", trakt=trakt, discovr=discovr_login())
        here.shared = discovr_login(GONE)
        assert (await here.run(me)).ending is Ending.LOGIN
        assert (await here.run(kids)).ending is Ending.DONE
        assert await here.logins(me) == {"trakt": True}
        assert await here.logins(kids) == {"trakt": True, "discovr": True}


async def test_the_login_that_serves_all_is_nobodys_own_whatever_becomes_of_it(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    async with house(fleet, tmp_path) as here:
        trakt = trakt_login(KEYS.trakt_refresh_token, is_over=False)
        me = await here.add("Me", is_shared=True, trakt=trakt)
        kids = await here.add("Kids", trakt=trakt, discovr=discovr_login(GONE))
        # That of this machine counts where the database holds none.
        here.shared = discovr_login()
        assert (await here.run(me)).ending is Ending.DONE
        here.shared = discovr_login(GONE)
        await here.share(discovr_login())
        assert (await here.run(me)).ending is Ending.DONE
        # A refused login of one's own is never replaced by it.
        assert (await here.run(kids)).ending is Ending.LOGIN
        assert await here.shared_login() == {"discovr": True}
        assert await here.logins(kids) == {"trakt": True, "discovr": False}
        assert await here.asked(kids) == ("discovr",)
        await here.add("Kids", discovr=discovr_login())
        # Where it is refused itself, it is the one that is asked for, and no other one
        # takes its place.
        here.shared = discovr_login()
        await here.share(discovr_login(GONE))
        outcome = await here.run(me)
        assert outcome.ending is Ending.LOGIN
        assert "trakt2discovr fleet login --shared" in (outcome.message or "")
        assert await here.shared_login() == {"discovr": False}
        logins = await standing_of(fleet, [me, kids])
        assert [waits_for_shared(p, logins) for p in (me, kids)] == [True, False]
        assert [lacking(p, logins) for p in (me, kids)] == [(), ()]
        assert (await here.run(kids)).ending is Ending.DONE
        await fleet.rows("UPDATE fleet_profile SET state = 'needs_login'")
        await here.share(discovr_login())
        await here.fleet.profiles.signed_in_for_all("discovr", CLOCK.now())
        states = {p.profile: p.state for p in await here.fleet.profiles.all()}
        assert states == {"Me": State.ACTIVE, "Kids": State.NEEDS_LOGIN}
        assert (await here.run(me)).ending is Ending.DONE
        assert await here.logins(me) == {"trakt": True}


@pytest.mark.parametrize("place", ["the database", "the machine"])
@pytest.mark.parametrize("before", ["new", "signed in", "shared"])
async def test_nobody_gets_the_operators_login_of_whom_that_was_not_said(
    fleet: FleetDatabase, tmp_path: Path, place: str, before: str
) -> None:
    """The operator's account has a profile of this name too: it is another person's."""
    async with house(fleet, tmp_path) as here:
        trakt = trakt_login(KEYS.trakt_refresh_token, is_over=False)
        if before != "new":
            await here.add("Me", is_shared=before == "shared", trakt=trakt)
            if before == "signed in":
                await here.add("Me", discovr=discovr_login())
            # Whoever comes under that name next may be somebody else.
            await here.fleet.profiles.change(["Me"], "remove", CLOCK.now())
            await forget(fleet, ["Me"])
        if place == "the database":
            await here.share(discovr_login())
        else:
            here.shared = discovr_login()
        me = await here.add("Me")
        assert await here.asked(me) == ("trakt", "discovr")
        me = await here.add("Me", trakt=trakt)
        assert await here.asked(me) == ("discovr",)
        outcome = await here.run(me)
        assert (outcome.ending, here.place.writes()) == (Ending.LOGIN, 0)
        assert "trakt2discovr fleet login Me" in (outcome.message or "")
        await fleet.rows("UPDATE fleet_profile SET state = 'needs_login'")
        await here.fleet.profiles.signed_in_for_all("discovr", CLOCK.now())
        (me,) = await here.fleet.profiles.find(["Me"])
        assert me.state is State.NEEDS_LOGIN
        # Once it is said, it goes on; a table that says nothing of it changes nothing.
        await here.add("Me", is_shared=True)
        me = await here.add("Me")
        assert (me.state, await here.asked(me)) == (State.ACTIVE, ("trakt",))
        assert (await here.run(me)).ending is Ending.DONE
        here.shared = None
        await fleet.rows("DELETE FROM fleet_login WHERE profile = 0")
        outcome = await here.run(me)
        assert "trakt2discovr fleet login --shared" in (outcome.message or "")
        await here.add("Me", is_shared=False)
        me = await here.add("Me")
        assert await here.asked(me) == ("discovr",)


async def test_who_ran_well_by_the_operators_login_goes_on_and_nobody_else_gets_it(
    fleet: FleetDatabase, postgres: PostgresServer, tmp_path: Path
) -> None:
    async with house(fleet, tmp_path) as here:
        trakt = trakt_login(KEYS.trakt_refresh_token)
        for name in ("ran by it", "waits for Trakt", "is gone", "is new"):
            await here.add(name, trakt=trakt)
        await here.add("has its own", trakt=trakt, discovr=discovr_login())
        await here.add("came back")
        for name in ("a download", "a download with its own"):
            new = NewProfile(name, "/a/download.zip", timedelta(hours=6))
            await here.fleet.profiles.add([new], CLOCK.now())
        (own,) = await here.fleet.profiles.find(["a download with its own"])
        store = await open_store(fleet, here.vault, own.id)
        await store.keep("discovr", discovr_login())
        await fleet.rows(
            "UPDATE fleet_profile SET last_ok_at = now(), state = CASE profile "
            "WHEN 'is gone' THEN 'gone' WHEN 'waits for Trakt' THEN 'needs_login' "
            "ELSE state END WHERE profile <> 'is new'"
        )
        await fleet.rows("ALTER TABLE fleet_profile DROP COLUMN is_shared")
        await fleet.rows("UPDATE fleet_version SET version_num = '0003'")
        await asyncio.to_thread(migrate, postgres.url())
        found = await fleet.rows("SELECT profile FROM fleet_profile WHERE is_shared")
        assert {row["profile"] for row in found} == {
            "ran by it",
            "waits for Trakt",
            "a download",
        }
        # Its refusal was not noted then; Discovr is none of its person's business.
        (waits,) = await here.fleet.profiles.find(["waits for Trakt"])
        assert await here.asked(waits) == ("trakt",)
        assert lacking(waits, await standing_of(fleet, [waits])) == ()


async def test_an_upgrade_waits_for_no_backup_while_all_workers_wait_for_it(
    fleet: FleetDatabase, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.fleet.migrate.PATIENCE", "20ms", raising=False)
    await fleet.rows("ALTER TABLE fleet_profile DROP COLUMN is_shared")
    await fleet.rows("UPDATE fleet_version SET version_num = '0003'")
    async with fleet.transaction() as backup:
        await backup.execute("LOCK TABLE fleet_profile IN ACCESS SHARE MODE")
        with pytest.raises(StateError, match="in use") as told:
            async with asyncio.timeout(20):
                await asyncio.to_thread(migrate, postgres.url())
    assert "backup" in told.value.remedy
    await asyncio.to_thread(migrate, postgres.url())
    await fleet.rows("SELECT is_shared FROM fleet_profile")


async def test_the_login_that_serves_all_is_renewed_where_it_stands(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    async with house(fleet, tmp_path) as here:
        me = await here.add("Me", is_shared=True)
        await here.share(discovr_login("before"))
        one, other = [
            await open_store(fleet, here.vault, me.id, with_shared=True)
            for _ in range(2)
        ]
        await one.keep("discovr", discovr_login("renewed"))
        async with other.lock("discovr"):
            found = other.load("discovr")
        assert found is not None
        assert found.refresh_token == "renewed"
        assert await here.logins(me) == {}
        keys.add_key(tmp_path / "key")
        assert await rotate(fleet, keys.open_vault(tmp_path / "key")) == 1
        # That of a machine is kept there.
        await fleet.rows("DELETE FROM fleet_login")
        store = await open_store(fleet, here.vault, me.id, with_shared=True)
        store.offer("discovr", discovr_login())
        await store.keep("discovr", discovr_login("renewed"))
        assert await fleet.rows("SELECT * FROM fleet_login") == []

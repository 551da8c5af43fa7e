"""The page on which a profile's person signs in, by a link of her own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest
from cryptography.fernet import Fernet

from sync.daemon.server import answering
from sync.fleet import vault as keys
from sync.fleet.invite import PATH, Invitations
from sync.fleet.logins import SHARED, standing_of
from sync.fleet.open import Fleet
from sync.fleet.profiles import NewProfile, Profiles
from sync.fleet.sign_in import asked, needed, soon_ending
from sync.runtime.values import Address
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.devices import DeviceCodes
from sync.sandbox.trakt.quirks import TraktQuirks
from tests.standins import hand_clock
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sync.fleet.database import FleetDatabase
    from sync.fleet.profiles import Profile
    from tests.worlds import World


#: So long a code is there that is to be seen for sure.
_A_DAY_S = 86_400


class Host:
    """The page, and whoever opens links to it."""

    def __init__(
        self,
        place: World,
        fleet: Fleet,
        profile: Profile,
        session: aiohttp.ClientSession,
    ) -> None:
        self.place = place
        self.fleet = fleet
        self.profile = profile
        self.link = ""
        self._session = session

    async def open(self, link: str = "") -> tuple[int, str]:
        async with self._session.get(link or self.link) as answer:
            csp = answer.headers.get("Content-Security-Policy", "")
            assert answer.status == 404 or "default-src 'none'" in csp
            assert answer.headers.get("Cache-Control") == "no-store"
            return answer.status, await answer.text()

    async def shows(self, *words: str) -> str:
        async with asyncio.timeout(20):
            while True:
                _, page = await self.open()
                if all(each in page for each in words):
                    return page
                await asyncio.sleep(0)

    async def approves(self, devices: DeviceCodes, *words: str) -> None:
        """Approve a code that the page shows. One that has just run out is replaced."""
        while True:
            await self.shows("<code>", *words)
            with suppress(LookupError):
                return devices.approve()


@asynccontextmanager
async def hosting(
    database: FleetDatabase, folder: Path, polls: int | None, *, code_s: int = 600
) -> AsyncIterator[Host]:
    """Serve the page. Time passes with each poll, so that codes run out soon."""
    clock, profiles = hand_clock(), Profiles(database)
    keys.make_key(folder / "key")
    every = timedelta(hours=6)
    await profiles.add([NewProfile("Kids", "trakt", every)], clock.now())
    await database.rows("UPDATE fleet_profile SET state = 'needs_login'")
    (kids,) = await profiles.find(["Kids"])
    async with (
        world(
            synthetic_account(2),
            folder,
            trakt=TraktQuirks(approves_after_polls=polls, device_expires_in_s=code_s),
            discovr=DiscovrQuirks(
                approves_after_polls=polls, device_lifetime_ms=1000 * code_s
            ),
            now=clock.now,
        ) as place,
        aiohttp.ClientSession() as session,
    ):
        section = place.settings.fleet.model_copy(update={"key_file": folder / "key"})
        settings = place.settings.model_copy(update={"fleet": section})
        fleet = Fleet(settings, "", database, profiles, clock)
        invitations = Invitations(fleet, lambda _: "https://example.org/activate?x=1&y")
        async with answering(invitations.answers(), Address("127.0.0.1", 0)) as used:
            host = Host(place, fleet, kids, session)
            host.link = invitations.link(kids, used.url)
            yield host
            await invitations.close()


async def test_who_opens_her_link_signs_in_to_both_and_the_profile_goes_on(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    async with hosting(fleet, tmp_path, 1) as host:
        await host.shows("You are signed in")
        assert await standing_of(fleet, [host.profile]) == {
            SHARED: {},
            host.profile.id: {"trakt": True, "discovr": True},
        }
        (found,) = await host.fleet.profiles.find(["Kids"])
        assert found.state.value == "active"
        # Later only the login that nothing renews is asked for.
        logins = await standing_of(fleet, [found])
        assert asked(found, logins, await soon_ending(host.fleet)) == needed(found)
        soon = host.fleet.clock.now() + timedelta(days=13)
        await fleet.rows("UPDATE fleet_login SET expires_at = $1", soon)
        ending = await soon_ending(host.fleet)
        assert asked(found, logins, ending) == ("discovr",)


async def test_who_has_to_sign_in_again_is_not_told_that_she_has(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    async with hosting(fleet, tmp_path, 1) as host:
        await host.shows("You are signed in")
        # Refused once more, though no login was noted as refused.
        await fleet.rows("UPDATE fleet_profile SET state = 'needs_login'")
        _, page = await host.open()
        assert "You are signed in" not in page
        await host.shows("You are signed in")
        now = host.fleet.clock.now()
        await host.fleet.profiles.change(["Kids"], "remove", now)
        status, page = await host.open()
        assert (status, "This link is over" in page) == (404, True)


async def test_a_sign_in_that_ends_while_the_table_is_read_is_not_begun_anew(
    fleet: FleetDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hosting(fleet, tmp_path, None, code_s=_A_DAY_S) as host:
        profiles = host.fleet.profiles
        read = profiles.get

        async def slowly(number: int) -> Profile | None:
            found = await read(number)
            monkeypatch.setattr(profiles, "get", read)
            await host.approves(host.place.discovr.devices, "Sign in to Discovr")
            await host.shows("You are signed in")
            return found

        await host.approves(host.place.trakt.devices, "Sign in to Trakt")
        await host.shows("Sign in to Discovr", "<code>")
        monkeypatch.setattr(profiles, "get", slowly)
        _, page = await host.open()
        assert "You are signed in" in page


async def test_a_sign_in_as_somebody_else_is_told_until_it_is_mended(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    async with hosting(fleet, tmp_path, None) as host:
        await fleet.rows("UPDATE fleet_profile SET source = 'trakt:sean'")
        trakt = host.place.trakt
        trakt.account.user = "parent"
        await host.approves(trakt.devices, "Sign in to Trakt as sean")
        wrong = "You signed in to Trakt as parent"
        for _ in range(3):
            page = await host.shows(wrong, "<code>")
            assert "Sign out of Trakt there first" in page
        trakt.account.user = "sean"
        await host.approves(trakt.devices, "Sign in to Trakt as sean")
        page = await host.shows("Sign in to Discovr", "<code>")
        assert wrong not in page


@pytest.mark.parametrize("ends", [DeviceCodes.refuse, DeviceCodes.expire])
async def test_what_went_wrong_is_told_until_that_service_has_approved(
    fleet: FleetDatabase, tmp_path: Path, ends: Callable[[DeviceCodes], None]
) -> None:
    async with hosting(fleet, tmp_path, None, code_s=_A_DAY_S) as host:
        trakt, discovr = host.place.trakt.devices, host.place.discovr.devices
        await host.approves(trakt, "Sign in to Trakt")
        await host.approves(discovr, "Sign in to Discovr")
        await host.shows("You are signed in")
        # Both are asked for once more, and her account has no such profile now.
        await fleet.rows(
            "UPDATE fleet_profile SET profile = 'x', state = 'needs_login'"
        )
        base, _, _ = host.link.partition(PATH)
        link = host.fleet.vault().invite(host.profile.id, "x")
        host.link = f"{base}{PATH}{link}"
        wrong = "So nothing was kept"
        await host.approves(trakt, "Sign in to Trakt")
        await host.approves(discovr, "Sign in to Discovr")
        await host.approves(trakt, "Sign in to Trakt", wrong)
        await host.shows("Sign in to Discovr", "<code>", wrong)
        # Somebody says no, or nobody approves in time: that mends nothing.
        ends(discovr)
        await host.shows("Sign in to Trakt", "<code>", wrong)


async def test_a_page_goes_by_the_table_of_the_moment(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    async with hosting(fleet, tmp_path, None) as host:
        every, trakt = timedelta(hours=6), host.place.trakt

        async def names(source: str) -> None:
            new = [NewProfile("Kids", source, every)]
            await host.fleet.profiles.add(new, host.fleet.clock.now())

        await names("trakt:sean")
        trakt.account.user = "parent"
        await host.approves(trakt.devices, "Sign in to Trakt as sean")
        await host.shows("You signed in to Trakt as parent", "<code>")
        await names("trakt:parent")
        page = await host.shows("Sign in to Trakt as parent", "<code>")
        assert "You signed in" not in page
        await host.approves(trakt.devices, "Sign in to Trakt as parent")
        await host.shows("Sign in to Discovr", "<code>")


async def test_a_link_that_is_none_leads_nowhere(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    async with hosting(fleet, tmp_path, 1) as host:
        await host.shows("You are signed in")
        base = host.link.partition(PATH)[0]
        (row,) = await fleet.rows("SELECT secret FROM fleet_login LIMIT 1")
        number, name = host.profile.id, host.profile.profile
        another = keys.Vault([Fernet.generate_key()]).invite(number, name)
        # After a restore the number may be that of somebody new.
        before = host.fleet.vault().invite(number, "Who had it")
        sealed = row["secret"].decode()
        wrong = ("x", "%C3%A9", another, before, sealed, f"{host.link[-50:]}")
        for token in wrong:
            status, page = await host.open(f"{base}{PATH}{token}")
            assert (status, "This link is over" in page) == (404, True)


async def test_the_page_shows_where_to_go_and_nothing_that_could_steer_it(
    fleet: FleetDatabase, tmp_path: Path
) -> None:
    async with hosting(fleet, tmp_path, None) as host:
        page = await host.shows("Sign in to Trakt")
        assert 'rel="noopener noreferrer"' in page
        assert "<script" not in page
        assert "refresh" in page

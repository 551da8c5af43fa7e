"""Logins of many at rest: encrypted, renewed once, and sealed anew with a new key."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connectors.auth.tokens import StoredToken
from connectors.errors import ConfigError
from sync.fleet import vault as keys
from sync.fleet.logins import (
    forget,
    open_store,
    rotate,
    sealed_with_old_keys,
)
from sync.fleet.profiles import NewProfile, Profiles
from sync.fleet.vault import Vault, open_vault
from sync.ledger.errors import StateError

if TYPE_CHECKING:
    from sync.fleet.database import FleetDatabase
    from sync.fleet.logins import ProfileStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_WAITS_FOR_A_LOCK = """
SELECT count(*) AS waits FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
SECRET = "a-refresh-token-that-nobody-may-see"


def token(refresh: str = SECRET) -> StoredToken:
    return StoredToken(
        access_token=f"access {refresh}",
        refresh_token=refresh,
        obtained_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )


def all_keys(place: Path) -> list[bytes]:
    return place.read_bytes().split()


def first_key(place: Path) -> bytes:
    return all_keys(place)[0]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    found = tmp_path / "fleet.key"
    keys.make_key(found)
    return found


@pytest.fixture
async def profile(fleet: FleetDatabase) -> int:
    profiles = Profiles(fleet)
    await profiles.add([NewProfile("Me", "trakt", timedelta(hours=6))], NOW)
    (found,) = await profiles.find(["Me"])
    return found.id


async def keep(
    fleet: FleetDatabase, vault: Vault, profile: int, refresh: str = SECRET
) -> None:
    store = await open_store(fleet, vault, profile)
    async with store.lock("trakt"):
        store.save("trakt", token(refresh))


async def test_a_login_comes_back_as_it_was_and_shows_nowhere_in_the_database(
    fleet: FleetDatabase, profile: int, place: Path
) -> None:
    vault = open_vault(place)
    await keep(fleet, vault, profile)
    assert (await open_store(fleet, vault, profile)).load("trakt") == token()
    assert [*await fleet.rows("SELECT service FROM fleet_login")] == [("trakt",)]
    (row,) = await fleet.rows("SELECT fleet_login::text AS whole FROM fleet_login")
    (raw,) = await fleet.rows("SELECT secret FROM fleet_login")
    for held in (row["whole"].encode(), raw["secret"]):
        assert SECRET.encode() not in held
        assert first_key(place) not in held
    store = await open_store(fleet, vault, profile)
    assert SECRET not in f"{store!r} {vars(store)!r} {vault!r}"


async def test_what_is_saved_is_there_though_something_went_wrong_after_it(
    fleet: FleetDatabase, profile: int, place: Path
) -> None:
    vault = open_vault(place)
    store = await open_store(fleet, vault, profile)

    async def fail() -> None:
        async with store.lock("trakt"):
            store.save("trakt", token())
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        await fail()
    assert (await open_store(fleet, vault, profile)).load("trakt") == token()


async def test_what_is_saved_is_there_though_the_connection_broke(
    fleet: FleetDatabase, profile: int, place: Path
) -> None:
    vault = open_vault(place)
    await keep(fleet, vault, profile, "before")
    store = await open_store(fleet, vault, profile)
    async with store.lock("trakt"):
        store.save("trakt", token())
        await fleet.rows(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND state = 'idle in transaction'"
        )
    assert (await open_store(fleet, vault, profile)).load("trakt") == token()


async def test_of_two_that_renew_at_once_the_second_sees_what_the_first_got(
    fleet: FleetDatabase, profile: int, place: Path
) -> None:
    vault = open_vault(place)
    await keep(fleet, vault, profile, "spent once")
    one, other = [await open_store(fleet, vault, profile) for _ in range(2)]
    spent: list[str | None] = []

    async def renew(store: ProfileStore) -> None:
        async with store.lock("trakt"):
            current = store.load("trakt")
            assert current is not None
            if current.refresh_token == "spent once":
                spent.append(current.refresh_token)
                async with asyncio.timeout(20):
                    while not (await fleet.rows(_WAITS_FOR_A_LOCK))[0]["waits"]:
                        pass
                store.save("trakt", token("renewed"))

    await asyncio.gather(renew(one), renew(other))
    assert spent == ["spent once"]
    for store in (one, other):
        found = store.load("trakt")
        assert found is not None
        assert found.refresh_token == "renewed"


async def test_a_login_is_never_changed_without_its_lock(
    fleet: FleetDatabase, profile: int, place: Path
) -> None:
    store = await open_store(fleet, open_vault(place), profile)
    with pytest.raises(RuntimeError):
        store.save("trakt", token())


async def test_a_login_of_the_operator_serves_who_has_none(
    fleet: FleetDatabase, profile: int, place: Path
) -> None:
    vault = open_vault(place)
    store = await open_store(fleet, vault, profile)
    store.offer("discovr", token("shared"))
    assert store.load("discovr") == token("shared")
    await keep(fleet, vault, profile)
    own = await open_store(fleet, vault, profile)
    own.offer("trakt", token("shared"))
    assert own.load("trakt") == token()


async def test_a_new_key_seals_all_and_the_oldest_one_goes(
    fleet: FleetDatabase, profile: int, place: Path
) -> None:
    first = first_key(place)
    running = open_vault(place)
    await keep(fleet, running, profile)
    for turn in range(2):
        keys.add_key(place)
        new = open_vault(place)
        assert (await open_store(fleet, new, profile)).load("trakt") == token()
        assert await sealed_with_old_keys(fleet, new) == 1
        assert await rotate(fleet, new) == 1
        assert await sealed_with_old_keys(fleet, new) == 0
        assert keys.drop_old_keys(place) == turn
    assert first != first_key(place)
    assert first not in all_keys(place)
    # A worker that has run all the time finds the new keys by itself.
    assert (await open_store(fleet, running, profile)).load("trakt") == token()
    with pytest.raises(StateError, match="cannot be decrypted"):
        (await open_store(fleet, Vault([first]), profile)).load("trakt")


def lose(place: Path) -> None:
    place.unlink()


async def test_who_signs_in_while_the_key_changes_twice_is_not_locked_out(
    fleet: FleetDatabase, profile: int, place: Path
) -> None:
    signing_in = open_vault(place)  # a code is shown, which may take minutes
    for _ in range(2):
        keys.add_key(place)
        await rotate(fleet, open_vault(place))
        keys.drop_old_keys(place)
    await keep(fleet, signing_in, profile)
    store = await open_store(fleet, open_vault(place), profile)
    assert store.load("trakt") == token()
    # Where the file cannot be read, what is known has to do.
    lose(place)
    await keep(fleet, signing_in, profile)


def test_a_wrong_key_file_is_named_with_its_machine(
    place: Path, tmp_path: Path
) -> None:
    keys.make_key(tmp_path / "other")
    sealed = open_vault(tmp_path / "other").seal("a login")
    with pytest.raises(StateError) as told:
        open_vault(place).open(sealed)
    assert f"{place} on {socket.gethostname()}" in told.value.message
    assert (told.value.remedy or "").startswith("Add the lines of the key file")


async def test_what_is_removed_is_forgotten(
    fleet: FleetDatabase, profile: int, place: Path
) -> None:
    vault = open_vault(place)
    await keep(fleet, vault, profile)
    await forget(fleet, ["Me"])
    assert (await open_store(fleet, vault, profile)).load("trakt") is None


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "fleet.key"
    assert keys.make_key(place)
    before = place.read_bytes()
    assert not keys.make_key(place)
    assert place.read_bytes() == before
    assert place.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no keys"),
        (b"not a key", "holds no keys"),
        (None, "cannot be read"),
    ],
)
def test_a_key_file_that_is_none_is_refused_in_words(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    place = tmp_path / "fleet.key"
    if content is not None:
        place.write_bytes(content)
        place.chmod(0o600)
    with pytest.raises(ConfigError, match=said):
        open_vault(place)


def test_a_key_file_that_others_can_read_is_refused(place: Path) -> None:
    place.chmod(0o644)
    with pytest.raises(ConfigError, match="Others on this machine"):
        open_vault(place)


def test_the_key_of_systemd_is_used_where_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "credentials"
    own.mkdir()
    credential = own / keys.CREDENTIAL
    keys.make_key(credential)
    credential.chmod(0o440)  # as systemd has it
    folder = tmp_path / "data"
    assert keys.key_place(None, folder) == folder / "fleet.key"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(own))
    assert keys.key_place(None, folder) == credential
    assert keys.key_place(Path("named"), folder) == Path("named")
    open_vault(credential)

"""The token store: private, whole at every moment, and changed by one at a time."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.auth.tokens import StoredToken, TokenStore, fingerprint
from connectors.errors import ConfigError, TransientError
from tests.clocks import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TOKEN = StoredToken(
    access_token="s3cret-access",
    refresh_token="s3cret-refresh",
    expires_at=NOW,
    obtained_at=NOW,
    origin=fingerprint("s3cret-origin"),
    extra={"session": "s3cret-session"},
)
posix_only = pytest.mark.skipif(os.name != "posix", reason="modes are a POSIX matter")


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "data" / "tokens.json", clock=FakeClock())


def written(store: TokenStore, content: str) -> TokenStore:
    store.path.parent.mkdir(exist_ok=True)
    store.path.write_text(content)
    store.path.chmod(0o600)
    return store


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_saved_is_loaded_and_nothing_else(store: TokenStore) -> None:
    assert store.load("trakt") is None
    store.save("trakt", TOKEN)
    assert TokenStore(store.path).load("trakt") == TOKEN
    assert store.load("discovr") is None


@given(
    st.builds(
        StoredToken,
        access_token=st.none() | st.text(),
        refresh_token=st.none() | st.text(),
        expires_at=st.none() | st.datetimes(timezones=st.just(UTC)),
        obtained_at=st.datetimes(timezones=st.just(UTC)),
        origin=st.none() | st.text(),
        extra=st.dictionaries(st.text(), st.text(), max_size=3),
    )
)
def test_a_token_survives_the_way_through_json(token: StoredToken) -> None:
    stored = json.loads(json.dumps(token.model_dump(mode="json")))
    assert StoredToken.model_validate(stored) == token


def test_the_rest_of_the_file_is_left_alone(store: TokenStore) -> None:
    written(store, '{"future": [1], "discovr": {"is": "newer"}}')
    store.save("trakt", TOKEN)
    store.save("trakt", TOKEN.model_copy(update={"access_token": "new"}))
    store.delete("trakt")
    assert json.loads(store.path.read_bytes()) == {
        "future": [1],
        "discovr": {"is": "newer"},
    }


def test_deleting_what_is_not_there_creates_nothing(store: TokenStore) -> None:
    store.delete("trakt")
    assert not store.path.exists()


@posix_only
def test_file_and_folder_are_for_their_owner_only(store: TokenStore) -> None:
    before = os.umask(0)
    try:
        store.save("trakt", TOKEN)
    finally:
        os.umask(before)
    assert mode(store.path.parent) == 0o700
    assert {mode(path) for path in store.path.parent.iterdir()} == {0o600}


@posix_only
@pytest.mark.parametrize("shared", [0o604, 0o640, 0o660, 0o644])
def test_a_store_that_others_can_read_is_refused(
    shared: int, store: TokenStore
) -> None:
    store.save("trakt", TOKEN)
    store.path.chmod(shared)
    for use in uses(store):
        with pytest.raises(ConfigError, match="Others on this machine") as caught:
            use()
        assert f"chmod 600 {store.path}" in caught.value.remedy


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"x"', "\x00", "{'a': 1}"])
def test_a_store_that_makes_no_sense_is_named_and_never_overwritten(
    content: str, store: TokenStore
) -> None:
    written(store, content)
    for use in uses(store):
        with pytest.raises(ConfigError, match="log in again") as caught:
            use()
        assert str(store.path) in caught.value.message
        assert caught.value.__context__ is None
    assert store.path.read_text() == content


@pytest.mark.parametrize(
    "entry", [[], "s3cret", {"obtained_at": "s3cret"}, {"access_token": "s3cret"}]
)
def test_a_damaged_login_is_named_and_can_be_replaced(
    entry: object, store: TokenStore
) -> None:
    written(store, json.dumps({"trakt": entry}))
    with pytest.raises(ConfigError, match="login trakt") as caught:
        store.load("trakt")
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None
    store.save("trakt", TOKEN)
    assert store.load("trakt") == TOKEN


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = TokenStore(tmp_path / "file" / "tokens.json")
    with pytest.raises(ConfigError, match=r"\[state\] tokens"):
        store.save("trakt", TOKEN)


def test_a_folder_in_its_place_is_named(store: TokenStore) -> None:
    store.path.mkdir(parents=True, mode=0o700)
    for use in uses(store):
        with pytest.raises(ConfigError, match="cannot be used"):
            use()


@posix_only
def test_a_link_stays_a_link(store: TokenStore, tmp_path: Path) -> None:
    store.path.parent.mkdir()
    store.path.symlink_to(tmp_path / "elsewhere.json")
    store.save("trakt", TOKEN)
    assert store.path.is_symlink()
    assert store.load("trakt") == TOKEN


def test_a_crash_in_the_middle_of_a_save_leaves_the_old_login(
    store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save("trakt", TOKEN)

    def killed(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        store.save("trakt", TOKEN.model_copy(update={"access_token": "new"}))
    assert store.load("trakt") == TOKEN
    assert list(store.path.parent.glob("tokens.json.*[!k]")) == []


def test_no_secret_shows(store: TokenStore) -> None:
    assert "s3cret" not in f"{TOKEN!r} {TOKEN!s} {store!r} {fingerprint('s3cret')}"


def test_a_fingerprint_recognises_a_token() -> None:
    assert fingerprint("one") == fingerprint("one") != fingerprint("other")


async def test_the_lock_is_for_one_at_a_time(
    store: TokenStore,
) -> None:
    inside = 0

    async def renew() -> None:
        nonlocal inside
        async with store.lock("trakt"):
            assert not inside
            inside += 1
            await asyncio.sleep(0)
            inside -= 1

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(renew())


async def test_services_do_not_wait_for_each_other(store: TokenStore) -> None:
    async with asyncio.timeout(20), store.lock("trakt"), store.lock("discovr"):
        store.save("trakt", TOKEN)


async def test_who_waits_for_the_lock_can_be_cancelled(store: TokenStore) -> None:
    async with store.lock("trakt"):
        waiting = asyncio.create_task(hold(store))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(20):
        await hold(store)


async def test_a_lock_that_is_never_given_back_is_not_waited_for_for_ever(
    store: TokenStore, clock: FakeClock
) -> None:
    async with store.lock("trakt"):
        with pytest.raises(TransientError, match="does not finish"):
            await hold(TokenStore(store.path, clock=clock, lock_timeout_s=30))
    assert clock.monotonic() == pytest.approx(30, abs=0.1)


async def test_a_failure_inside_gives_the_lock_back(store: TokenStore) -> None:
    with pytest.raises(LookupError):
        async with store.lock("trakt"):
            raise LookupError
    async with asyncio.timeout(20):
        await hold(store)


SPEND = """
import asyncio, sys
from pathlib import Path
from connectors.auth.tokens import TokenStore

async def spend(path):
    store = TokenStore(path)
    async with store.lock("trakt"):
        token = store.load("trakt")
        number = int(token.refresh_token) + 1
        await asyncio.sleep(0)
        store.save("trakt", token.model_copy(update={"refresh_token": str(number)}))

for _ in range(5):
    asyncio.run(spend(Path(sys.argv[1])))
"""


def test_processes_that_renew_at_once_spend_each_token_once(store: TokenStore) -> None:
    store.save("trakt", TOKEN.model_copy(update={"refresh_token": "0"}))
    command = [sys.executable, "-c", SPEND, str(store.path)]
    root = Path(__file__).parents[2]
    processes = [
        subprocess.Popen(command, cwd=root)  # noqa: S603 - our own words
        for _ in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    token = store.load("trakt")
    assert token is not None
    assert token.refresh_token == "15"


async def hold(store: TokenStore) -> None:
    async with store.lock("trakt"):
        pass


def uses(store: TokenStore) -> list[Callable[[], object]]:
    return [
        lambda: store.load("trakt"),
        lambda: store.save("trakt", TOKEN),
        lambda: store.delete("trakt"),
    ]

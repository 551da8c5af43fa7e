"""Logins in the keyring of the system, here one that lives in memory."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from connectors.auth.keychain import KeyringStore
from connectors.auth.tokens import StoredToken, TokenStore
from connectors.errors import ConfigError
from sync.config import Settings, load_settings
from sync.wiring.logins import token_store
from tests.clocks import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TOKEN = StoredToken(
    access_token="s3cret-access",
    refresh_token="s3cret-refresh",
    obtained_at=datetime(2026, 5, 1, 12, tzinfo=UTC),
    extra={"profile": "prf_1"},
)


class MemoryKeyring(KeyringBackend):
    """A keyring like any other, to the library."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library's
        self.entries: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._refuse_if_locked()
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._refuse_if_locked()
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._refuse_if_locked()
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError(username)

    def _refuse_if_locked(self) -> None:
        if self.is_locked:
            raise KeyringLocked("s3cret")


@pytest.fixture
def memory() -> Iterator[MemoryKeyring]:
    before, ours = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(ours)
    yield ours
    keyring.set_keyring(before)


@pytest.fixture
def store(memory: MemoryKeyring, tmp_path: Path) -> KeyringStore:
    return KeyringStore(tmp_path / "keyring", clock=FakeClock())


def test_what_is_saved_is_loaded_until_it_is_deleted(
    store: KeyringStore, memory: MemoryKeyring
) -> None:
    store.check()
    assert store.load("trakt") is None
    store.save("trakt", TOKEN)
    assert store.load("trakt") == TOKEN
    assert store.load("discovr") is None
    assert list(memory.entries) == [("trakt2discovr", "trakt")]
    store.delete("trakt")
    store.delete("trakt")
    assert store.load("trakt") is None


def test_no_file_holds_a_secret(store: KeyringStore, tmp_path: Path) -> None:
    store.save("trakt", TOKEN)
    assert list(tmp_path.iterdir()) == []


async def test_the_lock_is_that_of_the_file_store(
    store: KeyringStore, tmp_path: Path
) -> None:
    async with store.lock("trakt"):
        assert (tmp_path / "keyring.trakt.lock").exists()


@pytest.mark.parametrize("entry", ["{", "[]", '"s3cret"', '{"obtained_at": "s3cret"}'])
def test_a_damaged_login_is_named(
    store: KeyringStore, memory: MemoryKeyring, entry: str
) -> None:
    memory.entries["trakt2discovr", "trakt"] = entry
    with pytest.raises(ConfigError, match="login in the keyring is damaged") as caught:
        store.load("trakt")
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "use",
    [
        KeyringStore.check,
        lambda store: store.load("trakt"),
        lambda store: store.save("trakt", TOKEN),
        lambda store: store.delete("trakt"),
    ],
    ids=["check", "load", "save", "delete"],
)
def test_a_keyring_that_refuses_is_explained(
    store: KeyringStore, memory: MemoryKeyring, use: Callable[[KeyringStore], None]
) -> None:
    memory.is_locked = True
    with pytest.raises(
        ConfigError, match=r"cannot be used \(KeyringLocked\)"
    ) as caught:
        use(store)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_setting_chooses_the_store(tmp_path: Path) -> None:
    named = load_settings(environ={"TRAKT2DISCOVR_STATE__TOKENS": "keyring"})
    assert isinstance(token_store(named), KeyringStore)
    path = tmp_path / "keyring"
    other = Settings.model_validate({"state": {"tokens": path}})
    assert type(token_store(other)) is TokenStore


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "connectors.auth.keychain", None)
    named = load_settings(environ={"TRAKT2DISCOVR_STATE__TOKENS": "keyring"})
    with pytest.raises(ConfigError, match="not installed") as caught:
        token_store(named)
    assert "trakt2discovr[keyring]" in caught.value.remedy

"""Logins in the keyring of the operating system; needs the extra ``keyring``."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import keyring
from keyring.errors import KeyringError, PasswordDeleteError

from connectors.auth.tokens import StoredToken, TokenStore
from connectors.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connectors.clock import Clock

_APP = "trakt2discovr"


class KeyringStore(TokenStore):
    """One entry per service. ``path`` is where the locks are: a keyring has none."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        super().__init__(path, clock=clock)
        self.place = "the keyring"

    def check(self) -> None:
        """Raise ConfigError now if a login could not be stored later."""
        self._find("check")

    def save(self, service: str, token: StoredToken) -> None:
        """Store a login; whether it survives a crash is up to the keyring."""
        with self._spoken():
            keyring.set_password(_APP, service, token.model_dump_json())

    def delete(self, service: str) -> None:
        """Forget the login of that service, if there is one."""
        with self._spoken(), suppress(PasswordDeleteError):
            keyring.delete_password(_APP, service)

    def _find(self, service: str) -> Any:
        with self._spoken():
            entry = keyring.get_password(_APP, service)
        with suppress(ValueError, RecursionError):
            return None if entry is None else json.loads(entry)
        return entry

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        """Turn what the keyring says into our words; its own may hold anything."""
        try:
            yield
        except KeyringError as error:
            raise ConfigError(
                f"The keyring of this system cannot be used ({type(error).__name__}).",
                remedy="Unlock it, or set [state] tokens to the path of a file.",
            ) from None

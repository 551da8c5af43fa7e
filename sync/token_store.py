"""Where the logins are kept. Needs no network, so that asking for them is quick."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from connectors.auth.tokens import TokenStore
from connectors.errors import ConfigError
from sync.config import APP

if TYPE_CHECKING:
    from pydantic import SecretStr

    from sync.config import Settings

#: As ``[state] tokens`` it is no file.
KEYRING = Path("keyring")


def token_store(settings: Settings) -> TokenStore:
    """Return where the logins are: a file, or the keyring of the system."""
    path = settings.state.tokens
    if path != KEYRING:
        return TokenStore(path)
    try:
        from connectors.auth.keychain import KeyringStore  # noqa: PLC0415  # an extra
    except ModuleNotFoundError:
        raise ConfigError(
            '[state] tokens = "keyring" needs a part that is not installed.',
            remedy="Run: pip install 'trakt2discovr[keyring]'",
        ) from None
    return KeyringStore(user_data_path(APP) / KEYRING)


def secret(value: SecretStr | None) -> str | None:
    """Return a secret as text, for whoever sends it."""
    return value.get_secret_value() if value else None

"""The two logins as they are kept here: where they are, their age, their end.

Needs no network, so that asking for them is quick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from connectors.auth.tokens import TokenStore
from connectors.discovr import auth as discovr
from connectors.errors import ConfigError
from connectors.trakt import auth as trakt
from sync.config import KEYRING, data_folder
from sync.runtime.words import count

if TYPE_CHECKING:
    from pydantic import SecretStr

    from sync.config import Settings

Service = Literal["trakt", "discovr"]
SERVICES: tuple[Service, ...] = ("trakt", "discovr")
#: From then on every run warns that a login ends which cannot renew itself.
WARN_BEFORE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Login:
    """The login in force. Of one that stands in the config, no age is known."""

    place: Literal["token store", "config"]
    obtained_at: datetime | None = None
    ends_at: datetime | None = None
    renews_itself: bool = False

    def has_ended(self, now: datetime) -> bool:
        """Tell whether a new sign-in is the only way on."""
        is_over = self.ends_at is not None and self.ends_at <= now
        return is_over and not self.renews_itself


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
    return KeyringStore(data_folder() / KEYRING)


def secret(value: SecretStr | None) -> str | None:
    """Return a secret as text, for whoever sends it."""
    return value.get_secret_value() if value else None


def missing_keys(settings: Settings, service: Service) -> list[str]:
    """Return the settings that a sign-in needs and that are not there."""
    keys = {
        "trakt": ("client_id", "client_secret"),
        "discovr": ("client_id",),
    }[service]
    section = getattr(settings, service)
    return [f"[{service}] {key}" for key in keys if not getattr(section, key)]


def how_to_log_in(settings: Settings, service: Service) -> str:
    """Say how to sign in from here: with a key missing, that comes first."""
    log_in = f"trakt2discovr login {service}"
    if missing := missing_keys(settings, service):
        return (
            f"Run trakt2discovr setup: it asks for {' and '.join(missing)}, says where "
            "that is made, and signs in."
        )
    return f"Log in: {log_in}"


def trakt_login(settings: Settings, store: TokenStore, now: datetime) -> Login | None:
    """Return what is known of the Trakt login. Raises ConfigError for the store."""
    keys = settings.trakt
    configured = (secret(keys.access_token), secret(keys.refresh_token))
    token = trakt.token_in_force(store, configured, now)
    if token is None:
        return None
    renews = bool(token.refresh_token and keys.client_secret)
    if token != store.load(trakt.SERVICE):
        return Login("config", renews_itself=renews)
    return Login("token store", token.obtained_at, token.expires_at, renews)


def discovr_login(settings: Settings, store: TokenStore) -> Login | None:
    """Return what is known of the Discovr login. Raises ConfigError for the store."""
    configured = secret(settings.discovr.refresh_token)
    token = discovr.token_in_force(store, configured)
    if token is None:
        return Login("config") if configured else None
    return Login("token store", token.obtained_at, token.expires_at)


def login_warnings(
    store: TokenStore, now: datetime, configured: str | None = None
) -> list[str]:
    """Say which login ends soon and cannot renew itself, which is Discovr's.

    Nothing is known of the age of a ``configured`` token that the stored one does not
    replace.
    """
    token = discovr.token_in_force(store, configured)
    if token is None or token.expires_at is None:
        return []
    left = token.expires_at - now
    if left > WARN_BEFORE:
        return []
    day = f"{token.expires_at:%Y-%m-%d}"
    days = math.ceil(left / timedelta(days=1))
    when = f"runs out on {day}, in {count(days, 'day')}"
    if left <= timedelta(0):
        when = f"ran out on {day}"
    return [f"The Discovr login {when}. Log in again: trakt2discovr login discovr"]

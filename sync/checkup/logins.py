"""The logins as they are kept here: their kind, their age, their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.discovr.auth import refresh_token
from connectors.trakt.auth import token_in_force
from sync.checkup.findings import Cause, Finding, ok, problem, warning
from sync.runtime.words import count
from sync.wiring.logins import (
    discovr_login,
    how_to_log_in,
    login_warnings,
    secret,
    trakt_login,
)

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.auth.tokens import TokenStore
    from sync.config import Settings
    from sync.wiring.logins import Login

TRAKT, DISCOVR = "Trakt login", "Discovr login"
NO_LOGIN = "there is none"
_IDENTITY = "rt_"


def check_trakt_login(settings: Settings, store: TokenStore, now: datetime) -> Finding:
    """Judge the Trakt login without asking Trakt. Raises ConfigError for the store."""
    login = trakt_login(settings, store, now)
    again = how_to_log_in(settings, "trakt")
    if login is None:
        return problem(TRAKT, NO_LOGIN, again, Cause.LOGIN)
    if misfit := _trakt_misfit(settings, store, now):
        remedy = f"Take it out of the config if it stands there. {again}"
        return problem(TRAKT, misfit, remedy, Cause.LOGIN)
    if login.has_ended(now):
        ended = f"it ran out on {login.ends_at:%Y-%m-%d} and cannot renew itself"
        return problem(TRAKT, ended, again, Cause.LOGIN)
    text = _describe(login, now)
    if login.renews_itself:
        return ok(TRAKT, f"{text}, renews itself")
    has_secret = settings.trakt.client_secret is not None
    why = "there is no refresh token" if has_secret else "no [trakt] client_secret"
    return warning(TRAKT, f"{text}, cannot renew itself: {why}", again)


def check_discovr_login(
    settings: Settings, store: TokenStore, now: datetime
) -> Finding:
    """Judge the Discovr login, as above."""
    login = discovr_login(settings, store)
    again = how_to_log_in(settings, "discovr")
    if login is None:
        return problem(DISCOVR, NO_LOGIN, again, Cause.LOGIN)
    configured = secret(settings.discovr.refresh_token)
    token = refresh_token(store, configured)
    if misfit := _discovr_misfit(token):
        return problem(DISCOVR, misfit, again, Cause.LOGIN)
    if login.has_ended(now):
        ended = f"it ran out on {login.ends_at:%Y-%m-%d}"
        return problem(DISCOVR, ended, again, Cause.LOGIN)
    text = _describe(login, now)
    if login_warnings(store, now, configured):
        return warning(DISCOVR, text, again)
    if not token.startswith(_IDENTITY):
        odd = "it does not look like a refresh token of Discovr"
        return warning(DISCOVR, f"{text}; {odd}", again)
    return ok(DISCOVR, text)


def _describe(login: Login, now: datetime) -> str:
    parts = [f"in the {login.place}"]
    if login.obtained_at:
        parts.append(f"{count((now - login.obtained_at).days, 'day')} old")
    if login.ends_at and not login.renews_itself:
        days = (login.ends_at - now).days
        parts.append(f"ends on {login.ends_at:%Y-%m-%d}, in {count(days, 'day')}")
    if login.place == "config":
        parts.append("its age is not known")
    return ", ".join(parts)


def _trakt_misfit(settings: Settings, store: TokenStore, now: datetime) -> str | None:
    keys = settings.trakt
    configured = (secret(keys.access_token), secret(keys.refresh_token))
    token = token_in_force(store, configured, now)
    held = [token.access_token, token.refresh_token] if token else []
    found = [text for text in held if text]
    if len(found) > len(set(found)):
        return "access token and refresh token are the same, which they never are"
    if any(text.startswith(_IDENTITY) for text in found):
        return "it is a token of Discovr"
    return _bearer_misfit(found)


def _discovr_misfit(token: str) -> str | None:
    if token.count(".") == 2:
        return (
            "it is a session token, which lives 30 minutes; what is needed is the "
            "refresh token (identity)"
        )
    return _bearer_misfit([token])


def _bearer_misfit(tokens: list[str]) -> str | None:
    if any(text.lower().startswith("bearer") for text in tokens):
        return 'the word "Bearer" is part of it, which belongs to the header'
    return None

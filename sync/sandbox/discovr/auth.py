"""Discovr's credentials: device codes, refresh tokens and session JWTs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sync.sandbox.server.credentials import Credentials, made_up
from sync.sandbox.server.journal import Table, moment
from sync.sandbox.server.server import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sync.sandbox.discovr.quirks import DiscovrQuirks
    from sync.sandbox.server.journal import Journal

_KEY = made_up("discovr signing key").encode()


@dataclass(frozen=True, slots=True)
class SignIn:
    """One refresh token. A revoked one stays known, so that it stays refused."""

    public_id: str
    expires_at: datetime
    is_revoked: bool = False

    @classmethod
    def load(cls, row: dict[str, Any]) -> SignIn:
        """Read a row of the journal."""
        return cls(**{**row, "expires_at": moment(row["expires_at"])})


@dataclass(frozen=True, slots=True)
class Session:
    """What a session token says."""

    id: str
    profile: str
    expires_at: datetime


class DiscovrAuth:
    """Issues and checks the tokens of both tiers."""

    def __init__(
        self, journal: Journal, quirks: DiscovrQuirks, now: Callable[[], datetime]
    ) -> None:
        self._sign_ins = Table(journal, "sign_ins", SignIn.load)
        self._quirks = quirks
        self._now = now
        self._sessions: list[str] = []
        #: The profile selected last; the identity tier has no other way to know.
        self.selected: str | None = None

    def sign_in(self) -> tuple[str, SignIn]:
        """Issue a refresh token."""
        number = len(self._sign_ins.rows) + 1
        token = "rt_" + made_up(f"discovr refresh token {number}", 48)
        lifetime = timedelta(days=self._quirks.refresh_lifetime_days)
        sign_in = SignIn(made_up(f"public id {number}", 12), self._now() + lifetime)
        self._sign_ins.put(token, sign_in)
        return token, sign_in

    def identity(self, headers: Mapping[str, str]) -> tuple[str, SignIn]:
        """Return the refresh token of a request and what it stands for, or refuse."""
        token = _bearer(headers)
        if token.count(".") == 2:
            raise self._refusal("WRONG_TOKEN_KIND")
        sign_in = self._sign_ins.rows.get(token) or self._given(token)
        if sign_in is None or sign_in.is_revoked:
            raise self._refusal("TOKEN_INVALID")
        if self._now() >= sign_in.expires_at:
            raise self._refusal(self._quirks.expiry_code)
        return token, sign_in

    def sign_out(self, headers: Mapping[str, str]) -> None:
        """Revoke the refresh token of a request. Its sessions live out their time."""
        token, sign_in = self.identity(headers)
        self._sign_ins.put(token, replace(sign_in, is_revoked=True))

    def mint(self, profile: str) -> tuple[str, Session]:
        """Open a session on a profile."""
        lifetime = timedelta(seconds=self._quirks.session_lifetime_s)
        expires_at = (self._now() + lifetime).replace(microsecond=0)
        # The time keeps the ids of two processes apart.
        name = f"session {self._now().timestamp()} {len(self._sessions)}"
        session = Session("ses_" + made_up(name, 16), profile, expires_at)
        self._sessions.append(session.id)
        self.selected = profile
        return _encode(session, self._now()), session

    def session(self, headers: Mapping[str, str]) -> Session:
        """Return the session of a request, or refuse."""
        token = _bearer(headers)
        if token.startswith("rt_"):
            raise self._refusal("WRONG_TOKEN_KIND")
        session = _decode(token)
        if session is None:
            raise self._refusal("TOKEN_INVALID")
        most = self._quirks.sessions_at_most
        is_pushed_out = (
            most is not None
            and session.id in self._sessions
            and session.id not in self._sessions[-most:]
        )
        if is_pushed_out or self._now() >= session.expires_at:
            raise self._refusal(self._quirks.expiry_code)
        return session

    def profile(self, headers: Mapping[str, str]) -> str:
        """Return the profile that a call on a list is about, or refuse."""
        if not self._quirks.identity_for_profile:
            return self.session(headers).profile
        self.identity(headers)
        if self.selected is None:
            raise RefusedError(400, "NO_PROFILE", "No profile was selected.")
        return self.selected

    def _given(self, token: str) -> SignIn | None:
        if token != Credentials().discovr_refresh_token:
            return None
        days = -1 if self._quirks.refresh_token_has_expired else 1
        return SignIn(made_up(token, 12), self._now() + timedelta(days=days))

    def _refusal(self, code: str) -> RefusedError:
        return RefusedError(self._quirks.token_error_status, code)


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise RefusedError(401, "TOKEN_INVALID", "The Authorization is missing.")
    return token


def _encode(session: Session, now: datetime) -> str:
    claims = {
        "profileId": session.profile,
        "sessionId": session.id,
        "iat": int(now.timestamp()),
        "exp": int(session.expires_at.timestamp()),
    }
    parts = [_base64(json.dumps(p).encode()) for p in ({"alg": "HS256"}, claims)]
    return ".".join([*parts, _signature(parts)])


def _decode(token: str) -> Session | None:
    *parts, signature = token.split(".")
    if len(parts) != 2 or not hmac.compare_digest(signature, _signature(parts)):
        return None
    claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    return Session(claims["sessionId"], claims["profileId"], expires_at)


def _signature(parts: list[str]) -> str:
    return _base64(hmac.digest(_KEY, ".".join(parts).encode(), hashlib.sha256))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

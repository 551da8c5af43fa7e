"""The JSON documents of ``login`` and ``logout``. Change them only by adding."""

from __future__ import annotations

from datetime import datetime  # pydantic needs it at run time
from typing import Literal

from sync.documents.base import Document, ProfileDocument


class LoginDocument(Document):
    """A login that was stored.

    ``expires_at`` says when a new one is needed, null if this one renews itself;
    ``profile`` is the Discovr profile that later runs write to.
    """

    format: Literal["trakt2discovr/login"] = "trakt2discovr/login"
    version: Literal[1] = 1
    service: Literal["trakt", "discovr"]
    account: str | None = None
    profile: ProfileDocument | None = None
    profiles: tuple[ProfileDocument, ...] = ()
    expires_at: datetime | None = None
    notes: tuple[str, ...] = ()


class LogoutDocument(Document):
    """A login that is forgotten here; ``is_revoked``: the service refuses it too."""

    format: Literal["trakt2discovr/logout"] = "trakt2discovr/logout"
    version: Literal[1] = 1
    service: Literal["trakt", "discovr"]
    was_logged_in: bool
    is_revoked: bool
    notes: tuple[str, ...] = ()

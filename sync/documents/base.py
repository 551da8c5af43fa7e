"""What every document that --json prints is made of."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """Base of all: frozen, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", from_attributes=True, defer_build=True
    )


class ProfileDocument(Document):
    """A Discovr profile."""

    id: str
    name: str


class ProfilesDocument(Document):
    """The profiles of the account."""

    format: Literal["trakt2discovr/profiles"] = "trakt2discovr/profiles"
    version: Literal[1] = 1
    profiles: tuple[ProfileDocument, ...]


class ErrorDocument(Document):
    """Why nothing came of it: what happened, and what to do about it."""

    format: Literal["trakt2discovr/error"] = "trakt2discovr/error"
    version: Literal[1] = 1
    error: str
    message: str
    remedy: str
    exit_code: int

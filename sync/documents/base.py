"""What every document that --json prints is made of."""

from __future__ import annotations

import json
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from sync.runtime.escapes import escape

#: Whose account a rehearsal is about: the sample's, or the person's own download.
Rehearsed: TypeAlias = Literal["sample", "download"]


def to_json(document: BaseModel) -> str:
    """Return a document as JSON that cannot command a terminal either.

    What cannot be printed is escaped, which reads back as the very same text.
    """
    try:
        text = document.model_dump_json(indent=2)
    except ValueError:  # of pydantic's; a path may be of bytes that are no text
        text = json.dumps(document.model_dump(mode="json"), indent=2)
    return escape(text)


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

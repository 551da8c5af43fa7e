"""The JSON documents of ``setup``. Change them only by adding."""

from __future__ import annotations

from typing import Literal

from sync.documents.base import Document, ProfileDocument


class TriedDocument(Document):
    """A setting that was tried, and what was found; ``is_tried``: it could be."""

    setting: str
    found: str
    is_tried: bool = True


class SetupDocument(Document):
    """What was set up. ``config`` is the file that was written.

    ``files`` is the download that later commands read unasked; ``logged_in`` are the
    services to which somebody is signed in now; ``next`` is the command to go on with.
    """

    format: Literal["trakt2discovr/setup"] = "trakt2discovr/setup"
    version: Literal[1] = 1
    config: str
    source: Literal["download", "account"]
    files: tuple[str, ...] = ()
    tried: tuple[TriedDocument, ...] = ()
    logged_in: tuple[str, ...] = ()
    profile: ProfileDocument | None = None
    notes: tuple[str, ...] = ()
    next: str


class KeepDocument(Document):
    """The lines that keep a profile in step by one way, and what to do with them."""

    format: Literal["trakt2discovr/keep"] = "trakt2discovr/keep"
    version: Literal[1] = 1
    name: str
    where: str
    text: str
    then: str

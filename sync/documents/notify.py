"""The JSON document of ``notify``. Change it only by adding."""

from __future__ import annotations

from typing import Literal

from sync.documents.base import Document


class ToldDocument(Document):
    """One address, by its place in ``[notify] urls``; ``problem``: it was not told."""

    address: int
    problem: str | None = None


class NotifyDocument(Document):
    """Who was sent a message, and who took it."""

    format: Literal["trakt2discovr/notify"] = "trakt2discovr/notify"
    version: Literal[1] = 1
    addresses: tuple[ToldDocument, ...]

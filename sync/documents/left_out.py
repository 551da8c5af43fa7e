"""The JSON of what a run could not carry over. Change it only by adding."""

from __future__ import annotations

from typing import Literal

from sync.documents.base import Document, Rehearsed


class TitleDocument(Document):
    """A film or show with the ids that are known of it."""

    kind: Literal["film", "show"]
    title: str
    year: int | None
    ids: dict[str, int | str]


class LeftOutDocument(Document):
    """Plays of a title that are not carried over, and why."""

    title: TitleDocument
    plays: int
    reason: str


class QuarantinedDocument(Document):
    """A record that could not be read as a play, and what can be done about it.

    One that ``is_unsupported`` was read, and Discovr has no place for its kind.
    """

    where: str
    reason: str
    remedy: str = ""
    is_unsupported: bool = False


class SourceDocument(Document):
    """What the source is called, and what its entries carry as ``imported``."""

    name: str = "Trakt"
    label: str = "trakt"


class UnmatchedDocument(Document):
    """What the last run did not carry over, and from where.

    What is ``left_out`` was left out on request.
    """

    format: Literal["trakt2discovr/unmatched"] = "trakt2discovr/unmatched"
    version: Literal[1] = 1
    unmatched: tuple[LeftOutDocument, ...]
    unsupported: tuple[LeftOutDocument, ...]
    quarantined: tuple[QuarantinedDocument, ...]
    source: SourceDocument = SourceDocument()
    left_out: tuple[LeftOutDocument, ...] = ()
    rehearses: Rehearsed | None = None

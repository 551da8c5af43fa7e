"""Copies of a profile as it was, and what ``restore`` brings back of one.

Change them only by adding: people keep copies for years.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from sync.documents.base import Document, Rehearsed
from sync.documents.report import CostDocument, KeptCopyDocument

Finite = Annotated[float, Field(allow_inf_nan=False)]


class CopiedEntryDocument(Document):
    """An entry as the service listed it; without an episode, a whole season.

    ``updated_at`` is when it was watched and ``label`` what the service calls
    ``imported``; null where the service told none. ``count`` is how many viewings it
    stood for.
    """

    media: str
    season: int | None = None
    episode: int | None = None
    progress: Finite
    updated_at: AwareDatetime | None = None
    label: str | None = None
    count: int = 1
    created_at: AwareDatetime | None = None


class CopiedPlaceDocument(Document):
    """A film, or one season of a show."""

    media: str
    season: int | None = None


class CopiedProfileDocument(Document):
    """Whose entries they are; the name is null where nobody had to ask for it."""

    id: str
    name: str | None = None


class CopyDocument(Document):
    """A profile as it was before a run wrote to it.

    ``service`` is the address it was read from, ``command`` the run that came after.
    ``places`` is null where all of the profile is in it; else these films and seasons
    are, and nothing is said of others.
    """

    format: Literal["trakt2discovr/copy"] = "trakt2discovr/copy"
    version: Literal[1] = 1
    at: AwareDatetime
    service: str
    profile: CopiedProfileDocument
    command: str
    places: tuple[CopiedPlaceDocument, ...] | None = None
    entries: tuple[CopiedEntryDocument, ...]


class ChangedEntryDocument(Document):
    """An entry that says something else by now, and stays as it is."""

    copied: CopiedEntryDocument
    now: CopiedEntryDocument


class LeftEntryDocument(Document):
    """An entry that was not brought back, and why."""

    entry: CopiedEntryDocument
    reason: str


class RestoreDocument(Document):
    """What a copy holds and the profile lacks, and what came of it.

    ``missing`` are the entries that are brought back, oldest first; without ``run``
    nothing was written. Of them so many were ``restored``, and the ``failed`` ones were
    not. ``there`` counts those that stand there as in the copy. ``kept_copy`` is the
    profile as it was before. ``is_refused``: somebody said no. ``names`` has what the
    ids in ``media`` stand for, as far as any run has met them.
    """

    format: Literal["trakt2discovr/restore"] = "trakt2discovr/restore"
    version: Literal[1] = 1
    exit_code: int
    file: str
    copied_at: AwareDatetime
    profile: str
    run: int | None
    missing: tuple[CopiedEntryDocument, ...]
    restored: int
    failed: tuple[LeftEntryDocument, ...]
    changed: tuple[ChangedEntryDocument, ...]
    impossible: tuple[LeftEntryDocument, ...]
    there: int
    kept_copy: KeptCopyDocument | None = None
    cost: CostDocument | None = None
    warnings: tuple[str, ...] = ()
    next: str | None = None
    is_refused: bool = False
    rehearses: Rehearsed | None = None
    names: dict[str, str] = Field(default_factory=dict)

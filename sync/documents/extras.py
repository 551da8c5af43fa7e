"""The JSON documents of ``page`` and ``report``. Change them only by adding."""

from __future__ import annotations

from typing import Any, Literal

from sync.documents.base import Document


class PageDocument(Document):
    """A page of recommendations: its filters in Discovr's own words, and why.

    Without ``id`` it was not made; ``is_new`` says whether it was made just now.
    """

    name: str
    filters: dict[str, Any]
    reasons: dict[str, str]
    id: str | None
    is_new: bool


class PagesDocument(Document):
    """The pages that were wished for."""

    format: Literal["trakt2discovr/pages"] = "trakt2discovr/pages"
    version: Literal[1] = 1
    pages: tuple[PageDocument, ...]


class PublishedDocument(Document):
    """Where the report was published."""

    format: Literal["trakt2discovr/published"] = "trakt2discovr/published"
    version: Literal[1] = 1
    service: Literal["pharen"] = "pharen"
    id: str
    title: str
    is_new: bool


class PageFileDocument(Document):
    """Where the report was written as a page, and what it shows.

    ``is_open``: a browser was started with it.
    """

    format: Literal["trakt2discovr/report-page"] = "trakt2discovr/report-page"
    version: Literal[1] = 1
    path: str
    size: int
    profile: str
    run: int | None
    titles: int
    plays: int
    is_open: bool = False

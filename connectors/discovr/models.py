"""What Discovr sends and takes, as pydantic models.

Nobody documents which fields of an entry are required or nullable, so only its id is
relied on (docs.discovr.media, ``get-history-items``).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _aware(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _zero_is_none(value: object) -> object:
    return None if value in ("", 0) else value


Instant = Annotated[datetime, AfterValidator(_aware)]
Number = Annotated[int | None, BeforeValidator(_zero_is_none)]


class Model(BaseModel):
    """Base of all wire models: frozen, and silent about the values it refused."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True
    )


class HistoryItem(Model):
    """One entry of a profile's history; ``id`` is the media id, not an entry id."""

    id: str
    season: Number = None
    episode: Number = None
    progress: float | None = None
    completed: bool | None = None
    updated_at: Annotated[Instant | None, Field(alias="updatedAt")] = None
    created_at: Annotated[Instant | None, Field(alias="createdAt")] = None
    imported: str | None = None
    watched_count: int | None = None
    title: str | None = None


class HistoryPage(Model):
    """One page of entries; ``nextPageToken`` is opaque."""

    items: list[HistoryItem]
    has_more: Annotated[bool, Field(alias="hasMore")]
    next_page_token: Annotated[str | None, Field(alias="nextPageToken")] = None


class Profile(Model):
    """A viewer on the account."""

    id: str
    name: str
    created_at: Annotated[Instant | None, Field(alias="createdAt")] = None


class ProfileList(Model):
    """All profiles of the account, newest first; may be empty."""

    profiles: list[Profile]


class SessionAnswer(Model):
    """A session JWT bound to one profile; ``expiresAt`` in Unix seconds."""

    session_token: Annotated[str, Field(alias="sessionToken")]
    expires_at: Annotated[int, Field(alias="expiresAt")]


class SuccessMessage(Model):
    """The answer to every write; no entry id is ever returned."""

    message: str | None = None

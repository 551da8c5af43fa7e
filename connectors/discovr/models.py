"""What Discovr sends and takes, as pydantic models.

Nobody documents which fields of an entry are required or nullable, so only its id is
relied on (docs.discovr.media, ``get-history-items``).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from connectors.fields import Lenient, Moment, Real, Whole


def _zero_is_none(value: object) -> object:
    return None if value in ("", 0) and value is not False else value


Instant = Moment
Number = Annotated[Whole | None, BeforeValidator(_zero_is_none)]


class Model(BaseModel):
    """Base of all wire models: frozen, and silent about the values it refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        populate_by_name=True,
        allow_inf_nan=False,
        defer_build=True,
    )


class HistoryItem(Model):
    """One entry of a profile's history; ``id`` is the media id, not an entry id."""

    id: str
    media_type: Annotated[str | None, Lenient, Field(alias="mediaType")] = None
    season: Number = None
    episode: Number = None
    progress: Annotated[Real | None, Lenient] = None
    completed: Annotated[bool | None, Lenient] = None
    updated_at: Annotated[Instant | None, Lenient, Field(alias="updatedAt")] = None
    created_at: Annotated[Instant | None, Lenient, Field(alias="createdAt")] = None
    imported: Annotated[str | None, Lenient] = None
    watched_count: Annotated[Whole | None, Lenient] = None
    title: Annotated[str | None, Lenient] = None


class HistoryPage(Model):
    """One page of entries; ``nextPageToken`` is opaque."""

    items: list[HistoryItem]
    has_more: Annotated[bool, Field(alias="hasMore")]
    next_page_token: Annotated[str | None, Field(alias="nextPageToken")] = None


class Profile(Model):
    """A viewer on the account."""

    id: str
    name: str
    created_at: Annotated[Instant | None, Lenient, Field(alias="createdAt")] = None


class ProfileList(Model):
    """All profiles of the account, newest first; may be empty."""

    profiles: list[Profile]


class SessionAnswer(Model):
    """A session JWT bound to one profile; ``expiresAt`` in Unix seconds."""

    session_token: Annotated[str, Field(alias="sessionToken")]
    expires_at: Annotated[Whole, Field(alias="expiresAt")]

"""The smaller calls of Discovr: Continue Watching, and pages of recommendations."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AliasChoices, Field, TypeAdapter

from connectors.discovr.models import Instant, Model, Number
from connectors.errors import ConfigError, ContractError, RejectedError
from connectors.fields import Lenient, Real

if TYPE_CHECKING:
    from connectors.http.client import HttpClient

_PATH = "/profile/playback"


class ListedPoint(Model):
    """One item of Continue Watching, as far as anybody knows its form."""

    id: Annotated[str, Field(validation_alias=AliasChoices("id", "mediaId"))]
    season: Number = None
    episode: Number = None
    progress: Annotated[Real | None, Lenient] = None


class _Listing(Model):
    items: list[ListedPoint]


class PageFilters(Model):
    """What a page is about. Runtimes are in minutes; genres and keywords TMDB ids."""

    media_type: Literal["movie", "tv"] | None = None
    genres: tuple[int, ...] = ()
    keywords: tuple[int, ...] = ()
    region: tuple[str, ...] = ()
    with_runtime_gte: int | None = None
    with_runtime_lte: int | None = None
    with_release_date_gte: date | None = None
    with_release_date_lte: date | None = None
    with_watch_providers: tuple[str, ...] = ()

    def to_api(self) -> dict[str, Any]:
        """Return what is sent: the filters that say something."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Page(Model):
    """A page that was created; it belongs to the session that made it."""

    id: str
    created_at: Annotated[Instant | None, Lenient, Field(alias="createdAt")] = None


_LISTING = TypeAdapter(_Listing)
_PAGE = TypeAdapter(Page)


class PlaybackClient:
    """Resume points of the profile whose session the given client carries."""

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    async def add(self, media_id: str, progress: float, updated_at: datetime) -> None:
        """Add a title. What that does to one that is there already is undocumented."""
        await self.http.request(
            "POST", _PATH, json=_body(media_id, progress, updated_at)
        )

    async def change(
        self,
        media_id: str,
        progress: float,
        updated_at: datetime,
        *,
        season: int | None = None,
        episode: int | None = None,
    ) -> None:
        """Change the point of a title; only this call can name an episode.

        Raises NotFoundError where the title is not there, unless the service then
        creates it: which of the two is undocumented.
        """
        place = {"season": season, "episode": episode}
        body = _body(media_id, progress, updated_at)
        body |= {name: n for name, n in place.items() if n is not None}
        # Repeatable: it sets the one point of a title to the very same values.
        await self.http.request("PATCH", _PATH, json=body, repeatable=True)

    async def listed(self) -> list[ListedPoint] | None:
        """Return what is listed, or None: whether it can be is undocumented."""
        try:
            response = await self.http.request("GET", _PATH, params={"limit": 50})
            return response.parse(_LISTING).items
        except (RejectedError, ConfigError, ContractError):
            return None


class PagesClient:
    """Pages of the profile whose session the given client carries."""

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    async def create(self, filters: PageFilters, name: str) -> Page:
        """Create a page; the profile is that of the session.

        The same filters in the same session give the same page, in another one a
        second: a blind repeat may meet the end of the session.
        """
        body = {"name": name, "pageFilters": filters.to_api()}
        response = await self.http.request("POST", "/pages", json=body)
        return response.parse(_PAGE)


def _body(media_id: str, progress: float, updated_at: datetime) -> dict[str, Any]:
    moment = updated_at.astimezone(UTC).isoformat(timespec="milliseconds")
    return {
        "mediaId": media_id,
        "progress": progress,
        "updatedAt": moment.replace("+00:00", "Z"),
    }

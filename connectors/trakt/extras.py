"""The smaller doors of Trakt: resume points, and what was watched with its genres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from connectors.errors import ContractError
from connectors.trakt.client import PAGE_LIMIT
from connectors.trakt.models import Model, OptionalInt, PlaybackItem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connectors.http.client import HttpClient, Response

T = TypeVar("T")

#: Guards against a service that serves pages without end.
MOST_PAGES = 1_000


class FullTitle(Model):
    """A film or show as ``extended=full`` describes it; ``runtime`` in minutes."""

    title: str | None = None
    year: int | None = None
    genres: list[str] | None = None
    runtime: OptionalInt = None


class WatchedItem(Model):
    """A film or show that was watched; ``plays`` of a show counts its episodes."""

    plays: Annotated[int, Field(ge=0)]
    movie: FullTitle | None = None
    show: FullTitle | None = None


_POINT = TypeAdapter(PlaybackItem)
_WATCHED = TypeAdapter(WatchedItem)


class ExtrasClient:
    """Reads of the signed-in account. All of them are safe to repeat.

    Each returns the records that can be read, and how many cannot.
    """

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    async def playback(self) -> tuple[list[PlaybackItem], int]:
        """Return every resume point, newest pause first; repeats are possible."""
        return await self._read("/sync/playback", {}, _POINT)

    async def watched(
        self, kind: Literal["movies", "shows"]
    ) -> tuple[list[WatchedItem], int]:
        """Return every film or show that was watched, with genres and runtime."""
        path, params = f"/sync/watched/{kind}", {"extended": "full"}
        return await self._read(path, params, _WATCHED)

    async def _read(
        self, path: str, params: dict[str, str], adapter: TypeAdapter[T]
    ) -> tuple[list[T], int]:
        items: list[T] = []
        bad = 0
        async for records in self._pages(path, params):
            for record in records:
                try:
                    items.append(adapter.validate_python(record))
                except ValidationError:
                    bad += 1
        return items, bad

    async def _pages(
        self, path: str, params: dict[str, str]
    ) -> AsyncIterator[list[Any]]:
        """Yield all pages: the announced ones, and on while they come full.

        The announced count comes from a cache and can be too low.
        """
        before: list[Any] = []
        for number in range(1, MOST_PAGES + 1):
            paging = {"page": str(number), "limit": str(PAGE_LIMIT)}
            response = await self.http.request("GET", path, params=params | paging)
            records = response.json()
            if not isinstance(records, list):
                raise ContractError(
                    f"Trakt sent no list ({response.label}).", service="Trakt"
                )
            if records and records == before:
                return  # the service does not page here: it sent everything at once
            yield records
            before = records
            limit = _header(response, "X-Pagination-Limit") or PAGE_LIMIT
            announced = _header(response, "X-Pagination-Page-Count") or 1
            if number >= announced and len(records) < limit:
                return


def _header(response: Response, name: str) -> int | None:
    value = response.headers.get(name, "")
    return int(value) if value.isascii() and value.isdigit() else None

"""The smaller calls of Trakt: resume points, and what was watched with its genres."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from connectors.errors import ContractError
from connectors.fields import Whole
from connectors.trakt.client import PAGE_LIMIT
from connectors.trakt.models import (
    Absent,
    Model,
    OptionalInt,
    OptionalStr,
    OptionalYear,
    PlaybackItem,
)
from connectors.trakt.set_aside import describe_record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connectors.http.client import HttpClient
    from connectors.trakt.set_aside import BadRecord

T = TypeVar("T")

#: Guards against a service that serves pages without end.
MOST_PAGES = 1_000
_MOST_IDLE = 10
#: A show comes with its episodes: 100 a title, at some 80 bytes each.
MOST_OF_A_LIST = 128_000_000


_NO_POINT = "does not fit the form of a resume point"


def _to_texts(value: object) -> list[str] | None:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else None


class FullTitle(Model):
    """A film or show as ``extended=full`` describes it; ``runtime`` in minutes."""

    title: OptionalStr = None
    year: OptionalYear = None
    genres: Annotated[list[str] | None, BeforeValidator(_to_texts)] = None
    runtime: OptionalInt = None


_Full = Annotated[FullTitle | Absent | None, Field(union_mode="left_to_right")]


class WatchedItem(Model):
    """A film or show that was watched; ``plays`` of a show counts its episodes."""

    plays: Annotated[Whole, Field(ge=0)]
    movie: _Full = None
    show: _Full = None


_POINT = TypeAdapter(PlaybackItem)
_WATCHED = TypeAdapter(WatchedItem)


class ExtrasClient:
    """Reads of the signed-in account. All of them are safe to repeat.

    Each returns the records that can be read, and how many cannot.
    """

    def __init__(self, http: HttpClient) -> None:
        self.http = http
        #: The resume points that could not be read.
        self.unreadable: list[BadRecord] = []

    async def playback(self) -> tuple[list[PlaybackItem], int]:
        """Return every resume point, newest pause first; repeats are possible."""
        items, bad = await self._read("/sync/playback", {}, _POINT)
        self.unreadable += [describe_record(record, _NO_POINT) for record in bad]
        return items, len(bad)

    async def watched(
        self, kind: Literal["movies", "shows"]
    ) -> tuple[list[WatchedItem], int]:
        """Return every film or show that was watched, and how many cannot be read."""
        path, params = f"/sync/watched/{kind}", {"extended": "full"}
        items, bad = await self._read(path, params, _WATCHED)
        return items, len(bad)

    async def _read(
        self, path: str, params: dict[str, str], adapter: TypeAdapter[T]
    ) -> tuple[list[T], list[object]]:
        items: list[T] = []
        bad: list[object] = []
        async for records in self._pages(path, params):
            for record in records:
                try:
                    items.append(adapter.validate_python(record))
                except ValidationError:
                    bad.append(record)
        return items, bad

    async def _pages(
        self, path: str, params: dict[str, str]
    ) -> AsyncIterator[list[Any]]:
        """Yield all pages: the announced ones, and on while they come full.

        The announced count comes from a cache and can be too low, or too high. Pages
        with nothing new end it, past that count the first. A service that keeps
        sending new ones is given up.
        """
        known: set[int] = set()
        idle = 0
        left = MOST_OF_A_LIST
        for number in range(1, MOST_PAGES + 1):
            paging = {"page": str(number), "limit": str(PAGE_LIMIT)}
            response = await self.http.request(
                "GET", path, params=params | paging, most_bytes=max(left, 1)
            )
            left -= len(response.body)
            records = response.json()
            if not isinstance(records, list):
                raise ContractError(
                    f"Trakt sent no list ({response.label}).", service="Trakt"
                )
            fresh = {hash(json.dumps(record, sort_keys=True)) for record in records}
            limit = response.count("X-Pagination-Limit") or PAGE_LIMIT
            announced = response.count("X-Pagination-Page-Count") or 1
            idle = idle + 1 if fresh <= known else 0
            if not idle:
                known |= fresh
                yield records
            # A service that does not page here sends everything, again and again.
            is_over = number >= announced and (idle or len(records) < limit)
            if is_over or idle == _MOST_IDLE:
                return
        raise ContractError(f"Trakt sends page after page for {path}.", service="Trakt")

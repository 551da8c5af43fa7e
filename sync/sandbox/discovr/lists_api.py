"""The calls on Continue Watching and on pages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sync.sandbox.discovr.lists import PageBook, PlaybackBook, ResumePoint
from sync.sandbox.server.server import json_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sync.sandbox.account.titles import CatalogueTitle
    from sync.sandbox.discovr.auth import DiscovrAuth
    from sync.sandbox.discovr.wire import DiscovrWire
    from sync.sandbox.discovr.writes import Writes

_PLAYBACK_FIELDS = {"mediaId", "progress", "updatedAt"}
_HERO_COUNT = 10


class PlaybackApi:
    """GET (for the eyes of tests), POST and PATCH on Continue Watching."""

    def __init__(
        self,
        playback: PlaybackBook,
        auth: DiscovrAuth,
        wire: DiscovrWire,
        writes: Writes,
        now: Callable[[], datetime],
    ) -> None:
        self._playback = playback
        self._auth = auth
        self._wire = wire
        self._writes = writes
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """Return the calls."""
        return [
            web.get("/profile/playback", self._list_playback),
            web.post("/profile/playback", self._add_playback),
            web.patch("/profile/playback", self._change_playback),
        ]

    async def _list_playback(self, request: web.Request) -> web.Response:
        profile = self._auth.profile(request.headers)
        points = self._playback.points(profile)
        items = [
            {
                "id": point.media,
                "progress": point.progress,
                "updatedAt": self._wire.time(point.updated_at),
                "season": point.season,
                "episode": point.episode,
            }
            for point in sorted(points, key=lambda p: p.updated_at, reverse=True)
        ]
        return web.json_response({"items": items, "hasMore": False})

    async def _add_playback(self, request: web.Request) -> web.Response:
        point = await self._point(request, _PLAYBACK_FIELDS)
        effect = partial(self._playback.add, point)
        return self._writes.write(effect, "Added to playback.")

    async def _change_playback(self, request: web.Request) -> web.Response:
        point = await self._point(request, _PLAYBACK_FIELDS | {"season", "episode"})
        effect = partial(self._playback.change, point)
        return self._writes.write(effect, "Playback updated.")

    async def _point(self, request: web.Request, fields: set[str]) -> ResumePoint:
        profile = self._auth.profile(request.headers)
        body = await json_object(request)
        self._wire.check_fields(body, fields)
        media = self._wire.media(body.get("mediaId"))
        numbers = [
            self._wire.positive(body, name) if name in fields else None
            for name in ("season", "episode")
        ]
        progress = self._wire.progress(body) if "progress" in body else None
        return ResumePoint(
            self._playback.next_number(),
            profile,
            media,
            progress,
            self._wire.instant(body) or self._now(),
            *(numbers if media.startswith("TV_") else ()),
        )


class PagesApi:
    """Making a page of recommendations, and reading it back."""

    def __init__(
        self,
        pages: PageBook,
        auth: DiscovrAuth,
        wire: DiscovrWire,
        catalogue: Mapping[str, CatalogueTitle],
    ) -> None:
        self._pages = pages
        self._auth = auth
        self._wire = wire
        self._catalogue = catalogue

    def routes(self) -> list[web.RouteDef]:
        """Return the calls."""
        return [
            web.post("/pages", self._make_page),
            web.get("/pages/{id}", self._get_page),
        ]

    async def _make_page(self, request: web.Request) -> web.Response:
        session = self._auth.session(request.headers)
        body = await json_object(request) if await request.read() else {}
        self._wire.check_fields(body, {"pageFilters", "name"})
        filters = self._wire.filters(body)
        page = self._pages.make(session, filters, body.get("name"))
        written = {"id": page.id, "createdAt": self._wire.time(page.created_at)}
        return web.json_response(written | {"pageFilters": page.filters})

    async def _get_page(self, request: web.Request) -> web.Response:
        session = self._auth.session(request.headers)
        page = self._pages.find(request.match_info["id"], session)
        prefix = "TV_" if page.filters.get("media_type") == "tv" else "MV_"
        media_ids = [m for m in self._catalogue if m.startswith(prefix)]
        hero = [
            {"id": media, "title": self._catalogue[media].name}
            for media in media_ids[:_HERO_COUNT]
        ]
        written = {"id": page.id, "createdAt": self._wire.time(page.created_at)}
        name = {"name": page.name} if page.name else {}
        return web.json_response(written | name | {"hero": hero})

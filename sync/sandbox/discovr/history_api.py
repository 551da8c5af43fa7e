"""The calls on Discovr's history list."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sync.sandbox.discovr.history import page_after, recency
from sync.sandbox.server.server import RefusedError, json_object

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sync.domain.plays import Key
    from sync.sandbox.discovr.auth import DiscovrAuth
    from sync.sandbox.discovr.history import HistoryBook, SortKey, StoredEntry, Viewing
    from sync.sandbox.discovr.lists import PlaybackBook
    from sync.sandbox.discovr.quirks import DiscovrQuirks
    from sync.sandbox.discovr.wire import DiscovrWire
    from sync.sandbox.discovr.writes import Writes


class HistoryApi:
    """GET, POST, PATCH and DELETE on the history of a profile."""

    def __init__(
        self,
        book: HistoryBook,
        playback: PlaybackBook,
        auth: DiscovrAuth,
        wire: DiscovrWire,
        writes: Writes,
        quirks: DiscovrQuirks,
    ) -> None:
        self._book = book
        self._playback = playback
        self._auth = auth
        self._wire = wire
        self._writes = writes
        self._quirks = quirks

    def routes(self) -> list[web.RouteDef]:
        """Return the calls."""
        return [
            web.get("/profile/history", self._list_history),
            web.post("/profile/history", self._add_history),
            web.get("/profile/history/{media}", self._list_title),
            web.patch("/profile/history/{media}", self._set_progress),
            web.delete("/profile/history/{media}", self._remove),
        ]

    async def _list_history(self, request: web.Request) -> web.Response:
        profile = self._auth.profile(request.headers)
        entries = self._book.newest_first(profile)
        return self._page(request, self._seen(request, entries), self._book.sort_key)

    async def _list_title(self, request: web.Request) -> web.Response:
        profile = self._auth.profile(request.headers)
        key = self._wire.query_key(request.match_info["media"], request.query)
        entries = self._book.of_season(profile, key.media, key.season)
        if key.episode is not None:
            entries = [entry for entry in entries if entry.key == key]
        entries.sort(key=recency, reverse=True)
        return self._page(request, self._seen(request, entries), recency)

    async def _add_history(self, request: web.Request) -> web.Response:
        profile = self._auth.profile(request.headers)
        viewing = self._wire.viewing(await json_object(request))
        effect = partial(self._add, profile, viewing)
        return self._writes.write(effect, "Added to history.")

    async def _set_progress(self, request: web.Request) -> web.Response:
        profile = self._auth.profile(request.headers)
        key = self._wire.query_key(request.match_info["media"], request.query)
        body = await json_object(request)
        self._wire.check_fields(body, {"progress"})
        progress = self._wire.progress(body)
        effect = partial(self._book.set_progress, profile, key, progress)
        return self._writes.write(effect, "History updated.")

    async def _remove(self, request: web.Request) -> web.Response:
        profile = self._auth.profile(request.headers)
        key = self._wire.query_key(request.match_info["media"], request.query)
        if key.season and not key.episode and self._refuses_seasons:
            raise RefusedError(400, "EPISODE_REQUIRED", "Name an episode.")
        status = self._quirks.delete_absent_status
        if status >= 400 and not self._book.removable(profile, key):
            raise RefusedError(status, "NOT_FOUND", "There is no such entry.")
        effect = partial(self._delete, profile, key)
        return self._writes.write(effect, "Removed from history.")

    def _add(self, profile: str, viewing: Viewing) -> None:
        self._book.add(profile, viewing)
        if self._quirks.history_clears_playback:
            self._playback.clear(profile, viewing.key.media)

    def _delete(self, profile: str, key: Key) -> None:
        self._book.drop(self._book.removable(profile, key))

    @property
    def _refuses_seasons(self) -> bool:
        return self._quirks.delete_without_episode == "refused"

    def _seen(
        self, request: web.Request, entries: Sequence[StoredEntry]
    ) -> Sequence[StoredEntry]:
        visibility = self._book.visibility
        is_big = "media" not in request.match_info
        return visibility.cut(
            visibility.big if is_big else visibility.title,
            entries,
            is_first_page="nextPageToken" not in request.query,
        )

    def _page(
        self,
        request: web.Request,
        entries: Sequence[StoredEntry],
        sort_key: Callable[[StoredEntry], SortKey],
    ) -> web.Response:
        page, cursor = page_after(
            entries,
            sort_key,
            request.query.get("nextPageToken"),
            self._wire.limit(request.query),
            shifting=self._quirks.shifting_cursors,
        )
        items = [self._wire.entry(entry, self._count(entry)) for entry in page]
        written: dict[str, Any] = {"items": items, "hasMore": cursor is not None}
        if cursor is not None or self._quirks.optional == "null":
            written["nextPageToken"] = cursor
        return web.json_response(written)

    def _count(self, entry: StoredEntry) -> int:
        if self._quirks.repeats == "counted":
            return len(self._book.of_key(entry.profile, entry.key))
        return entry.count

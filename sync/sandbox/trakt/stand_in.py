"""The Trakt stand-in: what an extractor calls, as documented or as quirks say."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sync.domain.plays import Kind
from sync.sandbox.server.credentials import Credentials, made_up
from sync.sandbox.server.faults import CLOUDFLARE_PAGE
from sync.sandbox.server.limits import Window
from sync.sandbox.server.server import RefusedError, StandIn, page_of, utc_now
from sync.sandbox.trakt import lists as trakt_lists
from sync.sandbox.trakt.history import HistoryPages, Paging, Selection
from sync.sandbox.trakt.oauth import TraktOauth, TraktTokens
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.wire import TraktWire, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sync.sandbox.account.account import Account, Play
    from sync.sandbox.account.titles import CatalogueTitle
    from sync.sandbox.server.devices import DeviceCodes

#: Agents that Cloudflare turns away: none, those of libraries, and old browsers'.
_BAD_AGENT = re.compile(
    r"(python|aiohttp|node|undici|go-http-client|java|okhttp|curl|mozilla)|$",
    re.IGNORECASE,
)
_PROGRESS_LIMIT = 100
_AUTHED, _UNAUTHED = "AUTHED_API_GET_LIMIT", "UNAUTHED_API_GET_LIMIT"
_NO_PAGING = {"page", "limit"}


class TraktStandIn(StandIn):
    """Plays both hosts of Trakt, data and sign-in, for one account.

    ``devices`` plays the person who answers a sign-in. With ``store_path`` the tokens
    that it hands out are good in the next process too.
    """

    def __init__(
        self,
        account: Account,
        *,
        quirks: TraktQuirks | None = None,
        now: Callable[[], datetime] = utc_now,
        store_path: Path | None = None,
    ) -> None:
        super().__init__(now=now)
        self.account = account
        self.quirks = quirks or TraktQuirks()
        self._wire = TraktWire(self.quirks.missing_ids, self.quirks.keeps_seconds)
        self._history = HistoryPages(account, self.quirks, self._wire)
        #: By user, and by client id and address.
        self._windows = {
            name: Window(self.quirks.get_limit, self.quirks.get_period_s)
            for name in (_AUTHED, _UNAUTHED)
        }
        self._tokens = TraktTokens(self.quirks, now, store_path)
        self._oauth = TraktOauth(self._tokens, self.quirks, now, lambda: self.url)

    @property
    def devices(self) -> DeviceCodes:
        """The device codes under way."""
        return self._oauth.devices

    def routes(self) -> list[web.RouteDef]:
        """Return what the service answers to."""
        kind = "{type:movies|shows|seasons|episodes}"
        routes = [
            web.get("/sync/last_activities", self._get_last_activities),
            web.get("/users/settings", self._get_settings),
            web.get("/shows/{id}/seasons", self._get_seasons),
            web.get("/sync/playback", self._get_playback),
            web.get("/sync/playback/{type:movies|episodes}", self._get_playback),
        ]
        for owner in ("/sync", "/users/{user}"):
            routes += [
                web.get(f"{owner}/history", self._get_history),
                web.get(f"{owner}/history/{kind}", self._get_history),
                web.get(f"{owner}/history/{kind}/{{id}}", self._get_history),
                web.get(f"{owner}/watched/movies", self._get_watched_movies),
                web.get(f"{owner}/watched/shows", self._get_watched_shows),
            ]
        return routes + (self._oauth.routes() if self.quirks.has_oauth else [])

    def admit(self, request: web.Request) -> None:
        """Check in the order of the real thing: Cloudflare, form, key, user, limit."""
        quirks, headers = self.quirks, request.headers
        if request.path == "/activate":  # the web site, for people with browsers
            return
        agent = headers.get("User-Agent", "").strip()
        if quirks.cloudflare_block or _BAD_AGENT.match(agent):
            raise RefusedError(403, "cloudflare")
        if request.content_type != "application/json":
            raise RefusedError(412)
        if request.path.startswith("/oauth/"):
            return
        if headers.get("trakt-api-version") != "2":
            raise RefusedError(400, "invalid_version", "trakt-api-version is missing.")
        client_id = Credentials().trakt_client_id
        if quirks.gone_client_id or headers.get("trakt-api-key") != client_id:
            raise RefusedError(403, "invalid_api_key", "Invalid API key.")
        is_known = self._is_known(headers)
        if not request.path.startswith("/shows/"):
            self._admit_user(is_known=is_known)
        elif not is_known and quirks.refuses_public:
            raise RefusedError(quirks.refuses_public)
        self._take_from_budget(self._bucket(headers))

    def refuse(self, refusal: RefusedError) -> web.Response:
        """Word a refusal: HTML from Cloudflare, else JSON, else nothing at all."""
        if refusal.code == "cloudflare":
            return web.Response(
                status=refusal.status,
                text=CLOUDFLARE_PAGE,
                content_type="text/html",
                headers=refusal.headers,
            )
        if not refusal.code:
            return web.Response(status=refusal.status, headers=refusal.headers)
        body = {"error": refusal.code, "error_description": refusal.message}
        return web.json_response(body, status=refusal.status, headers=refusal.headers)

    def signature(
        self, request: web.Request, response: web.StreamResponse
    ) -> dict[str, str]:
        """Return what only Trakt's own answers carry."""
        if response.content_type == "text/html":
            return {}
        headers = {
            "x-request-id": made_up(f"request {self._arrived}", 32),
            "x-runtime": "0.042",
        }
        if request.method == "GET":
            headers["X-Ratelimit"] = self._ratelimit(self._bucket(request.headers))
        return headers

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._tokens.accepts(token)

    def _bucket(self, headers: Mapping[str, str]) -> str:
        return _AUTHED if self._is_known(headers) else _UNAUTHED

    def _admit_user(self, *, is_known: bool) -> None:
        if not is_known:
            raise RefusedError(401)
        if self.quirks.locked:
            raise RefusedError(423)
        if self.quirks.vip_wall:
            upgrade = {"X-Upgrade-URL": "https://trakt.tv/vip", "X-VIP-User": "false"}
            raise RefusedError(426, headers=upgrade)

    def _take_from_budget(self, bucket: str) -> None:
        window = self._windows[bucket]
        if window.take(self._now()):
            return
        headers = window.retry_after(self._now(), self.quirks.retry_after)
        code = "cloudflare" if self.quirks.cloudflare_429 else "rate_limit_exceeded"
        raise RefusedError(429, code, "Rate limit exceeded.", headers)

    def _ratelimit(self, bucket: str) -> str:
        window = self._windows[bucket]
        return json.dumps(
            {
                "name": bucket,
                "period": int(window.period_s),
                "limit": window.limit,
                "remaining": window.remaining,
                "until": stamp(window.until or self._now()),
            }
        )

    async def _get_last_activities(self, _: web.Request) -> web.Response:
        activities = trakt_lists.last_activities(self.account)
        if self.quirks.activities == "null":
            activities = {
                name: dict.fromkeys(group) if isinstance(group, dict) else None
                for name, group in activities.items()
            }
        elif self.quirks.activities == "sparse":
            episodes = {"watched_at": activities["episodes"]["watched_at"]}
            activities = {"all": activities["all"], "episodes": episodes}
        return web.json_response(activities)

    async def _get_settings(self, _: web.Request) -> web.Response:
        return web.json_response(trakt_lists.settings(self.account))

    async def _get_history(self, request: web.Request) -> web.Response:
        self._check_owner(request)
        selection = Selection.of(request.match_info, request.query)
        item = selection.item
        if item is not None and item not in self._known_ids(selection.kind):
            raise RefusedError(404)
        items, headers = self._history.page(
            selection, Paging.of(request.query), full="full" in _extended(request)
        )
        return web.json_response(items, headers=headers)

    async def _get_watched_movies(self, request: web.Request) -> web.Response:
        self._check_owner(request)
        if self._is_minimal(request):
            return self._minimal(
                request, trakt_lists.minimal_movies(self._counted_plays(), self._wire)
            )
        full = "full" in _extended(request)
        films = trakt_lists.watched_movies(self.account.plays, self._wire, full=full)
        return _paged(films, Paging.of(request.query))

    async def _get_watched_shows(self, request: web.Request) -> web.Response:
        self._check_owner(request)
        specials = request.query.get("specials") == "true"
        if self._is_minimal(request):
            shows = trakt_lists.minimal_shows(
                self._counted_plays(),
                self._wire,
                specials=specials,
                season_numbers=request.query.get("season_numbers") == "true",
            )
            return self._minimal(request, shows)
        progress = "progress" in _extended(request)
        watched = trakt_lists.watched_shows(
            self.account.plays,
            self._wire,
            self._now(),
            progress=progress,
            specials=specials,
            full="full" in _extended(request),
        )
        largest = {"largest": _PROGRESS_LIMIT} if progress else {}
        return _paged(watched, Paging.of(request.query, **largest))

    async def _get_seasons(self, request: web.Request) -> web.Response:
        title = self._find_show(request.match_info["id"])
        extended = _extended(request)
        return web.json_response(
            [
                self._wire.season(
                    season,
                    self._now(),
                    episodes="episodes" in extended,
                    full="full" in extended,
                )
                for season in sorted(title.seasons, key=lambda s: s.number)
            ]
        )

    async def _get_playback(self, request: web.Request) -> web.Response:
        selection = Selection.of(request.match_info, request.query)
        pauses = [
            pause
            for pause in self.account.pauses
            if selection.kind is None
            or (selection.kind == "movies") is (pause.episode is None)
        ]
        if selection.start_at:
            pauses = [p for p in pauses if p.paused_at >= selection.start_at]
        if selection.end_at:
            pauses = [p for p in pauses if p.paused_at <= selection.end_at]
        pauses.sort(key=lambda pause: pause.paused_at, reverse=True)
        full = "full" in _extended(request)
        items = [self._wire.pause(pause, full=full) for pause in pauses]
        if not _NO_PAGING & request.query.keys():
            return web.json_response(items)
        return _paged(items, Paging.of(request.query))

    def _check_owner(self, request: web.Request) -> None:
        if request.match_info.get("user", "me") not in ("me", self.account.user):
            raise RefusedError(404)

    def _is_minimal(self, request: web.Request) -> bool:
        # Attested below /users alone; below /sync the word has no effect here.
        if "user" not in request.match_info or "min" not in _extended(request):
            return False
        if self.quirks.minimal_unavailable is not None:
            raise RefusedError(self.quirks.minimal_unavailable)
        return True

    def _counted_plays(self) -> Sequence[Play]:
        quirks = self.quirks
        hidden = quirks.dropped_after_slicing if quirks.drops_from_minimal else ()
        return [play for play in self.account.plays if play.id not in hidden]

    def _minimal(self, request: web.Request, titles: Mapping[str, Any]) -> web.Response:
        if not _NO_PAGING & request.query.keys() or request.query.get("limit") == "all":
            if _episodes_in(titles) > self.quirks.minimal_limit:
                raise RefusedError(413)
            return web.json_response(titles)
        paging = Paging.of(request.query, self.quirks.minimal_page_limit)
        return web.json_response(dict(page_of(list(titles.items()), *paging)))

    def _known_ids(self, kind: str | None) -> set[int | None]:
        titles = self.account.titles
        if kind in ("movies", "shows"):
            wanted = Kind.FILM if kind == "movies" else Kind.SHOW
            return {title.ids.trakt for title in titles if title.kind is wanted}
        seasons = [season for title in titles for season in title.seasons]
        if kind == "seasons":
            return {season.ids.trakt for season in seasons}
        return {episode.ids.trakt for season in seasons for episode in season.episodes}

    def _find_show(self, name: str) -> CatalogueTitle:
        for title in self.account.titles:
            listed = (str(title.trakt), title.ids.slug, title.ids.imdb)
            if title.kind is Kind.SHOW and name in listed:
                return title
        raise RefusedError(404)


def _extended(request: web.Request) -> set[str]:
    return set(request.query.get("extended", "").split(","))


def _episodes_in(titles: Mapping[str, Any]) -> int:
    """Count the episodes of a minimal list; a film holds its times and no episode."""
    shows = [seasons for seasons in titles.values() if isinstance(seasons, dict)]
    return sum(len(episodes) for seasons in shows for episodes in seasons.values())


def _paged(items: Sequence[Any], paging: Paging) -> web.Response:
    page = page_of(items, paging.page, paging.limit)
    return web.json_response(page, headers=paging.headers(len(items)))

"""The TMDB stand-in: look-ups by other ids, and air dates as plain days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from sync.domain.plays import Kind
from sync.sandbox.account.titles import by_tmdb
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.server.server import RefusedError, StandIn, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date, datetime

    from sync.sandbox.account.titles import CatalogueTitle, Season

    Json = dict[str, Any]

#: More parts than that in one call are refused.
MOST_APPENDED = 20

_INVALID_KEY = 7
_NOT_FOUND = 34
_TOO_MANY_APPENDED = 27


class TmdbStandIn(StandIn):
    """Knows the titles of a catalogue. The API is below ``/3``, see ``api_url``."""

    def __init__(
        self,
        catalogue: Iterable[CatalogueTitle],
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(now=now)
        self._titles = by_tmdb(catalogue)
        #: It stands for a TMDB that knows more: what it lacks, it cannot tell.
        self.is_partial = False

    @property
    def api_url(self) -> str:
        """The base of version 3."""
        return f"{self.url}/3"

    def routes(self) -> list[web.RouteDef]:
        """Return what the service answers to."""
        return [
            web.get("/3/authentication", self._check_key),
            web.get("/3/find/{id}", self._find),
            web.get("/3/movie/{id}", self._get_film),
            web.get("/3/tv/{id}", self._get_show),
            web.get("/3/tv/{id}/season/{number}", self._get_season),
        ]

    def admit(self, request: web.Request) -> None:
        """Ask for a v3 key in the query, or a v4 token in the header."""
        known = Credentials()
        is_key = request.query.get("api_key") == known.tmdb_api_key
        bearer = request.headers.get("Authorization", "")
        if not is_key and bearer != f"Bearer {known.tmdb_token}":
            message = "Invalid API key: You must be granted a valid key."
            raise RefusedError(401, str(_INVALID_KEY), message)

    def refuse(self, refusal: RefusedError) -> web.Response:
        """Word a refusal with TMDB's own numbers."""
        body = {
            "success": False,
            "status_code": int(refusal.code or _NOT_FOUND),
            "status_message": refusal.message
            or "The resource you requested could not be found.",
        }
        return web.json_response(body, status=refusal.status, headers=refusal.headers)

    async def _check_key(self, _: web.Request) -> web.Response:
        return web.json_response({"success": True, "status_code": 1})

    async def _find(self, request: web.Request) -> web.Response:
        source = request.query.get("external_source")
        if source not in ("imdb_id", "tvdb_id"):
            raise RefusedError(400, "5", "Invalid parameters.")
        name = source.removesuffix("_id")
        wanted = request.match_info["id"]
        found = [
            t for t in self._titles.values() if str(getattr(t.ids, name)) == wanted
        ]
        return web.json_response(
            {
                "movie_results": [_film(t) for t in found if t.kind is Kind.FILM],
                "person_results": [],
                "tv_results": [_show(t) for t in found if t.kind is Kind.SHOW],
                "tv_episode_results": [],
                "tv_season_results": [],
            }
        )

    async def _get_film(self, request: web.Request) -> web.Response:
        return web.json_response(_film(self._title(request, Kind.FILM)))

    async def _get_show(self, request: web.Request) -> web.Response:
        title = self._title(request, Kind.SHOW)
        appended = [
            part
            for part in request.query.get("append_to_response", "").split(",")
            if part
        ]
        if len(appended) > MOST_APPENDED:
            message = "Too many append to response objects: the maximum is 20."
            raise RefusedError(400, str(_TOO_MANY_APPENDED), message)
        written = _show(title) | {
            "status": "Ended" if title.has_ended else "Returning Series",
            "in_production": not title.has_ended,
            "number_of_seasons": sum(s.number > 0 for s in title.seasons),
            "seasons": [_season_summary(season) for season in title.seasons],
        }
        for season in title.seasons:
            # What does not exist is left out without a word.
            if f"season/{season.number}" in appended:
                written[f"season/{season.number}"] = _season(season)
        return web.json_response(written)

    async def _get_season(self, request: web.Request) -> web.Response:
        title = self._title(request, Kind.SHOW)
        number = request.match_info["number"]
        season = title.season(int(number)) if number.isdecimal() else None
        if season is None:
            raise RefusedError(404)
        return web.json_response(_season(season))

    def _title(self, request: web.Request, kind: Kind) -> CatalogueTitle:
        number = request.match_info["id"]
        title = self._titles.get((kind, int(number))) if number.isdecimal() else None
        if title is None:
            raise RefusedError(421 if self.is_partial else 404)
        return title


def _film(title: CatalogueTitle) -> Json:
    return {
        "id": title.ids.tmdb,
        "title": title.name,
        "imdb_id": title.ids.imdb,
        "release_date": _day(title.released) or "",
        "runtime": title.runtime,
        "media_type": "movie",
    }


def _show(title: CatalogueTitle) -> Json:
    days = [e.air_date for s in title.seasons if s.number for e in s.episodes]
    first = min((day for day in days if day), default=None)
    return {
        "id": title.ids.tmdb,
        "name": title.name,
        "first_air_date": _day(first) or "",
        "media_type": "tv",
    }


def _season_summary(season: Season) -> Json:
    episodes = _episodes(season)
    return {
        "id": season.ids.tmdb,
        "name": f"Season {season.number}" if season.number else "Specials",
        "season_number": season.number,
        "episode_count": len(episodes),
        "air_date": episodes[0]["air_date"] if episodes else None,
    }


def _season(season: Season) -> Json:
    return _season_summary(season) | {"episodes": _episodes(season)}


def _episodes(season: Season) -> list[Json]:
    episodes = [
        {
            "id": episode.ids.tmdb,
            "name": episode.name,
            "season_number": season.number,
            "episode_number": episode.number,
            "air_date": _day(episode.air_date),
        }
        for episode in season.episodes
    ]
    if season.tmdb_episode_count is None:
        return episodes
    # TMDB counts otherwise: it knows fewer, or more of the same kind.
    counted = episodes[: season.tmdb_episode_count]
    for number in range(len(counted) + 1, season.tmdb_episode_count + 1):
        extra = {"id": None, "name": f"Episode {number}", "episode_number": number}
        counted.append(episodes[-1] | extra)
    return counted


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None

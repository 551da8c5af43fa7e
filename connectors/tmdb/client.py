"""The TMDB API v3, as far as ids and air dates go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from connectors.errors import AuthError, ConfigError, ContractError, ServiceError
from connectors.tmdb.models import FindAnswer, Season, Show, TitleAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.http.client import HttpClient, Response

#: ``append_to_response`` takes up to 20 parts a call.
SEASONS_PER_CALL = 20
#: Episodes come with their whole crew: 20 seasons of a daily show take 20 MB.
MOST_OF_A_SHOW = 64_000_000

_FIND = TypeAdapter(FindAnswer)
_TITLE = TypeAdapter(TitleAnswer)
_SHOW = TypeAdapter(Show)
_SEASON = TypeAdapter(Season)


class ApiKeyAuth:
    """The key: a v3 key (32 hex digits) is a query parameter, a v4 token a header.

    The parameter is added by the client; this class only serves the header.
    """

    def __init__(self, api_key: str) -> None:
        self.api_key = api_key
        self.is_token = len(api_key) > 40

    async def headers(self) -> Mapping[str, str]:
        """Return the Authorization header of a v4 token; none for a v3 key."""
        return {"Authorization": f"Bearer {self.api_key}"} if self.is_token else {}

    async def renew(self, rejected: Mapping[str, str], refusal: AuthError) -> None:
        """Refuse: a key cannot be renewed by a program."""
        del rejected, refusal
        raise _bad_key()


class TmdbClient:
    """Look-ups of ids and air dates. All of them are safe to repeat."""

    def __init__(self, http: HttpClient, key: ApiKeyAuth) -> None:
        self.http = http
        self._key = {} if key.is_token else {"api_key": key.api_key}

    async def find(self, external_id: str | int, source: str) -> FindAnswer:
        """Look up an id of another catalogue; ``source``: imdb_id or tvdb_id."""
        response = await self.http.request(
            "GET",
            f"/find/{external_id}",
            params={"external_source": source, **self._key},
        )
        return response.parse(_FIND)

    async def title(self, number: int, *, is_film: bool) -> TitleAnswer:
        """Return a film or a show by its number. Raises NotFoundError."""
        path = f"/{'movie' if is_film else 'tv'}/{number}"
        response = await self.http.request("GET", path, params=self._key)
        return response.parse(_TITLE)

    async def show(
        self, show: int, seasons: Sequence[int]
    ) -> tuple[Show, list[Season]]:
        """Return a show and those of the wanted seasons that exist, 20 a call."""
        found: list[Season] = []
        answer: Show | None = None
        for start in range(0, max(len(seasons), 1), SEASONS_PER_CALL):
            parts = [f"season/{n}" for n in seasons[start : start + SEASONS_PER_CALL]]
            params = {**self._key, "append_to_response": ",".join(parts)}
            response = await self.http.request(
                "GET", f"/tv/{show}", params=params, most_bytes=MOST_OF_A_SHOW
            )
            answer = response.parse(_SHOW)
            body = response.json()
            present = [body[part] for part in parts if isinstance(body.get(part), dict)]
            found += [_read_season(season) for season in present]
        return answer or Show(id=show), found


def _read_season(season: object) -> Season:
    try:
        return _SEASON.validate_python(season)
    except ValidationError:
        raise ContractError(
            "TMDB describes a season in a form that is not known.", service="TMDB"
        ) from None


def explain(response: Response) -> ServiceError | None:
    """Say in TMDB's own terms what a refusal means, and what to do about it."""
    return _bad_key() if response.status in (401, 403) else None


def _bad_key() -> ConfigError | AuthError:
    return ConfigError(
        "TMDB does not accept the API key.",
        remedy="Correct [tmdb] api_key, or leave it out: ids are then not looked up.",
        service="TMDB",
    )

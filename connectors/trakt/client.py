"""The Trakt API, one thin method per endpoint that a watch history needs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import ConfigDict, Field, TypeAdapter

from connectors.errors import (
    AuthError,
    BlockedError,
    ConfigError,
    ContractError,
    LoginRefusedError,
    RejectedError,
    ServiceError,
)
from connectors.fields import MOST
from connectors.http.retry import http_date
from connectors.trakt import strict
from connectors.trakt.minimal import MinimalShows, dated, decode_shows
from connectors.trakt.models import (
    HistoryItem,
    LastActivities,
    OptionalInstant,
    Season,
    UserSettings,
)
from connectors.trakt.sense import UnusableError, check_kind
from connectors.trakt.set_aside import BadRecord, describe_error
from connectors.trakt.times import NO_TIME, to_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from connectors.http.client import HttpClient, Response
    from connectors.trakt.auth import TraktAuth
    from connectors.trakt.sense import HistoryRecord

#: The largest page that Trakt serves since 2026-06-15; more is silently lowered.
PAGE_LIMIT = 250
#: The page of the minimal lists that other clients of Trakt ask for.
MINIMAL_PAGE_LIMIT = 500
#: What OAuth calls a refresh token that is good no more (RFC 6749, 5.2).
_SPENT = "invalid_grant"
#: A play takes some 45 bytes of a minimal list: of 700,000 plays there is room.
MOST_OF_A_LIST = 32_000_000
#: An episode takes some 1,500 bytes, and a daily show has 16,000 of them.
MOST_OF_A_SHOW = 64_000_000
#: No list that is sent in pages has so many titles.
_MOST_MINIMAL_PAGES = 2_000

_USE_A_DOWNLOAD = (
    "Or download your data from Trakt's settings page and pass it with --from-file, "
    "which needs no API access."
)

_LAZY = ConfigDict(defer_build=True)
#: What the strict decoders raise; then the patient ones have a look.
_MISFITS = (msgspec.DecodeError, UnicodeError, RecursionError)
_Id = Annotated[int, Field(gt=0, le=MOST)]
_ACTIVITIES = TypeAdapter(LastActivities)
_SETTINGS = TypeAdapter(UserSettings)
_SEASONS = TypeAdapter(list[Season], config=_LAZY)
#: A time that cannot be read stands for a play all the same.
_MINIMAL_FILMS = TypeAdapter(dict[_Id, list[OptionalInstant]], config=_LAZY)
_MINIMAL_SHOWS = TypeAdapter(
    dict[_Id, dict[str, dict[_Id, list[OptionalInstant]]]], config=_LAZY
)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of the history, with what its headers announce.

    ``limit`` is the effective page size; ``page_count`` and ``item_count`` come from a
    cached count and are hints only: too low and too high were both seen. ``weight`` is
    how many bytes it came in, unpacked.
    """

    items: Sequence[HistoryRecord]
    bad: Sequence[BadRecord]
    limit: int | None = None
    page_count: int | None = None
    item_count: int | None = None
    weight: int = 0

    @property
    def size(self) -> int:
        """Records on the page, unreadable ones included."""
        return len(self.items) + len(self.bad)


def request_headers(client_id: str) -> dict[str, str]:
    """Return the headers that every Trakt data call needs."""
    return {"trakt-api-version": "2", "trakt-api-key": client_id}


class TraktClient:
    """Reads of the signed-in account. All of them are safe to repeat."""

    def __init__(self, http: HttpClient, auth: TraktAuth | None = None) -> None:
        self.http = http
        self._auth = auth

    def login_mark(self) -> str | None:
        """Return what tells the login from any other; None where nobody can tell."""
        return self._auth.mark() if self._auth else None

    async def last_activities(self) -> tuple[LastActivities, datetime | None]:
        """Return the change stamps, and Trakt's own clock from the Date header."""
        response = await self.http.request("GET", "/sync/last_activities")
        return response.parse(_ACTIVITIES), http_date(response.headers.get("Date", ""))

    async def owner(self) -> frozenset[str]:
        """Return the names of the account, each with what it is before a colon."""
        response = await self.http.request("GET", "/users/settings")
        return response.parse(_SETTINGS).user.names()

    async def history_page(
        self,
        page: int,
        limit: int = PAGE_LIMIT,
        *,
        start_at: datetime | None = None,
        end_at: datetime | None = None,
        title: str = "",
    ) -> HistoryPage:
        """Return one page of plays, newest first; the bounds are on ``watched_at``.

        ``title`` asks for one only, as ``shows/<trakt id>`` or ``movies/<trakt id>``.
        """
        params = {"page": str(page), "limit": str(limit)}
        if start_at:
            params["start_at"] = _stamp(start_at)
        if end_at:
            params["end_at"] = _stamp(end_at)
        path = f"/sync/history/{title}".rstrip("/")
        response = await self.http.request("GET", path, params=params)
        items, bad = read_records(response)
        return HistoryPage(
            items=items,
            bad=bad,
            # A page of none would never end.
            limit=response.count("X-Pagination-Limit") or None,
            page_count=response.count("X-Pagination-Page-Count"),
            item_count=response.count("X-Pagination-Item-Count"),
            weight=len(response.body),
        )

    async def minimal_films(self) -> dict[int, list[datetime]]:
        """Return film id -> play times: everything in one call, or paged if refused.

        A play whose time cannot be read counts as undated.
        """
        films: dict[int, list[datetime]] = {}
        path, params = "/users/me/watched/movies", {"extended": "min"}
        adapter, decode = _MINIMAL_FILMS, strict.FILMS.decode
        for page in await self._minimal(path, params, adapter, decode):
            for film, times in page.items():
                films.setdefault(film, []).extend(dated(times))
        return films

    async def minimal_shows(self) -> dict[int, dict[int, list[datetime]]]:
        """Return show id -> episode id -> play times, specials included."""
        shows: dict[int, dict[int, list[datetime]]] = {}
        for show, seasons in (await self.minimal_seasons()).items():
            episodes = shows.setdefault(show, {})
            for season in seasons.values():
                for episode, times in season.items():
                    episodes.setdefault(episode, []).extend(times)
        return shows

    async def minimal_seasons(self) -> MinimalShows:
        """Return the same by season number; None where Trakt does not tell it."""
        path = "/users/me/watched/shows"
        params = {"extended": "min", "specials": "true", "season_numbers": "true"}
        adapter, decode = _MINIMAL_SHOWS, decode_shows
        return MinimalShows(await self._minimal(path, params, adapter, decode))

    async def seasons(self, show: int) -> list[Season]:
        """Return every season of a show with its episodes and ``first_aired``."""
        response = await self.http.request(
            "GET",
            f"/shows/{show}/seasons",
            params={"extended": "episodes,full"},
            most_bytes=MOST_OF_A_SHOW,
        )
        return response.parse(_SEASONS)

    async def _minimal(
        self,
        path: str,
        params: Mapping[str, str],
        adapter: TypeAdapter[Any],
        decode: Callable[[bytes], Any],
    ) -> list[Any]:
        """Return the pages of a minimal list; paged only when one call is refused.

        Trakt answers 413 above about 99,000 episodes. The paged form has no count, and
        its page size is unknown, so it ends at the first empty page.
        """
        try:
            response = await self._minimal_page(path, params, MOST_OF_A_LIST)
            return [_map(response, adapter, decode)]
        except RejectedError as error:
            if error.status != 413:
                raise
        pages: list[Any] = []
        known: set[int] = set()
        left = MOST_OF_A_LIST
        for number in range(1, _MOST_MINIMAL_PAGES + 1):
            page = {"page": str(number), "limit": str(MINIMAL_PAGE_LIMIT)}
            response = await self._minimal_page(path, {**params, **page}, left)
            titles = _map(response, adapter, decode)
            if not titles:
                return pages
            if known.issuperset(titles):
                raise ContractError("Trakt sends the same minimal list for each page.")
            known.update(titles)
            pages.append(titles)
            left -= len(response.body)
        raise ContractError("Trakt sends more pages of a minimal list than there are.")

    async def _minimal_page(
        self, path: str, params: Mapping[str, str], most: int
    ) -> Response:
        return await self.http.request(
            "GET", path, params=dict(params), most_bytes=max(most, 1)
        )


def read_records(
    response: Response,
) -> tuple[Sequence[HistoryRecord], Sequence[BadRecord]]:
    """Read a page straight from its bytes; only a misfit is read record by record."""
    with suppress(*_MISFITS):
        return strict.HISTORY.decode(response.body), []
    records = response.json()
    if not isinstance(records, list):
        raise ContractError(
            f"Trakt sent no list of plays ({response.label}).", service="Trakt"
        )
    items: list[HistoryItem] = []
    bad: list[BadRecord] = []
    for record in records:
        try:
            items.append(read_record(record))
        except UnusableError as error:
            bad.append(describe_error(record, error))
    return items, bad


def read_record(record: object) -> HistoryItem:
    """Read one record as JSON brings it. Raises UnusableError."""
    if not isinstance(record, dict):
        raise UnusableError("is no object")
    try:
        watched_at = to_instant(record.get("watched_at"))
    except UnusableError:
        raise UnusableError(NO_TIME) from None  # nobody can write it otherwise
    item = HistoryItem.model_validate(record | {"watched_at": watched_at})
    check_kind(item)
    return item


def explain(response: Response) -> ServiceError | None:
    """Say in Trakt's own terms what a refusal means, and what to do about it."""
    status = response.status
    known: dict[int, ServiceError] = {
        401: AuthError(
            "Trakt does not accept the login.",
            remedy="Log in again: trakt2discovr login trakt",
        ),
        413: RejectedError("Trakt refuses to send that much at once."),
        423: BlockedError(
            "Trakt has locked or deactivated this account.",
            remedy="Ask Trakt's support to unlock it.",
        ),
        426: BlockedError(
            "Trakt keeps this call for VIP members, or for one connected app at once.",
            remedy=f"Disconnect other apps in Trakt's settings. {_USE_A_DOWNLOAD}",
        ),
        403: _forbidden(response.headers),
    }
    error = known.get(status)
    if error:
        error.service, error.status = "Trakt", status
    return error


def explain_renewal(response: Response) -> ServiceError | None:
    """As ``explain``, but for the one refusal that is about the login itself."""
    if response.status in (400, 401) and _is_spent(response):
        return LoginRefusedError(
            "Trakt refuses to renew the login.", service="Trakt", status=response.status
        )
    return explain(response)


def _is_spent(response: Response) -> bool:
    """Tell it from a client that is refused; the former backend had a header."""
    with suppress(ContractError):
        body = response.json()
        if isinstance(body, dict) and "error" in body:
            return bool(body["error"] == _SPENT)
    return f'error="{_SPENT}"' in response.headers.get("WWW-Authenticate", "")


def _forbidden(headers: Mapping[str, str]) -> ServiceError:
    # Only answers of Trakt itself carry a request id; Cloudflare's block page has none.
    if "x-request-id" not in headers:
        return BlockedError(
            "Cloudflare, which stands in front of Trakt, blocks this machine.",
            remedy=f"Wait an hour, or use another network. {_USE_A_DOWNLOAD}",
        )
    return ConfigError(
        "Trakt does not know the client id, or has removed it: since 2026-07-30 an API "
        "application needs an active VIP membership of its owner.",
        remedy=f"Put a valid one into [trakt] client_id. {_USE_A_DOWNLOAD}",
    )


def _map(
    response: Response, adapter: TypeAdapter[Any], decode: Callable[[bytes], Any]
) -> Any:
    with suppress(*_MISFITS):
        return decode(response.body)
    # An empty map is written as an empty list by some backends.
    return {} if response.body.strip() == b"[]" else response.parse(adapter)


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

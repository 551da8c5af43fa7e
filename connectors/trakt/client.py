"""The Trakt API, one thin method per endpoint that a watch history needs."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import msgspec
from pydantic import ConfigDict, TypeAdapter, ValidationError

from connectors.errors import (
    AuthError,
    BlockedError,
    ConfigError,
    ContractError,
    RejectedError,
    ServiceError,
)
from connectors.trakt import strict
from connectors.trakt.models import (
    HistoryItem,
    Instant,
    LastActivities,
    Season,
    UserSettings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.http.client import HttpClient, Response

#: The largest page that Trakt serves since 2026-06-15; more is silently lowered.
PAGE_LIMIT = 250
#: The page of the minimal lists that other clients of Trakt ask for.
MINIMAL_PAGE_LIMIT = 500

_USE_A_DOWNLOAD = (
    "Or download your data from Trakt's settings page and pass it with --from-file, "
    "which needs no API access."
)

_LAZY = ConfigDict(defer_build=True)
_HISTORY = TypeAdapter(list[HistoryItem], config=_LAZY)
_ITEM = TypeAdapter(HistoryItem)
_ACTIVITIES = TypeAdapter(LastActivities)
_SETTINGS = TypeAdapter(UserSettings)
_SEASONS = TypeAdapter(list[Season], config=_LAZY)
_MINIMAL_FILMS = TypeAdapter(dict[int, list[Instant]], config=_LAZY)
_MINIMAL_SHOWS = TypeAdapter(
    dict[int, dict[str, dict[int, list[Instant]]]], config=_LAZY
)

#: A play, whichever way it was read.
HistoryRecord: TypeAlias = HistoryItem | strict.StrictItem


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A history record that does not fit the model, with the id that was legible.

    ``identity`` is the same wherever the record is met again. ``trakt_id`` is that of
    the film or episode; None where not even that can be read. ``raw`` is the record.
    """

    identity: str
    reason: str
    kind: str | None = None
    trakt_id: int | None = None
    raw: str = ""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of the history, with what its headers announce.

    ``limit`` is the effective page size; ``page_count`` and ``item_count`` come from a
    cached count and are hints only: too low and too high were both seen.
    """

    items: Sequence[HistoryRecord]
    bad: Sequence[BadRecord]
    limit: int | None = None
    page_count: int | None = None
    item_count: int | None = None

    @property
    def size(self) -> int:
        """Records on the page, unreadable ones included."""
        return len(self.items) + len(self.bad)


def request_headers(client_id: str) -> dict[str, str]:
    """Return the headers that every Trakt data call needs."""
    return {"trakt-api-version": "2", "trakt-api-key": client_id}


class TraktClient:
    """Reads of the signed-in account. All of them are safe to repeat."""

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    async def last_activities(self) -> tuple[LastActivities, datetime | None]:
        """Return the change stamps, and Trakt's own clock from the Date header."""
        response = await self.http.request("GET", "/sync/last_activities")
        return response.parse(_ACTIVITIES), _server_time(response.headers)

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
            limit=_count(response.headers, "X-Pagination-Limit"),
            page_count=_count(response.headers, "X-Pagination-Page-Count"),
            item_count=_count(response.headers, "X-Pagination-Item-Count"),
        )

    async def minimal_films(self) -> dict[int, list[datetime]]:
        """Return film id -> play times: everything in one call, or paged if refused."""
        films: dict[int, list[datetime]] = {}
        path, params = "/users/me/watched/movies", {"extended": "min"}
        adapter, decoder = _MINIMAL_FILMS, strict.FILMS
        for page in await self._minimal(path, params, adapter, decoder):
            for film, times in page.items():
                films.setdefault(film, []).extend(times)
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

    async def minimal_seasons(
        self,
    ) -> dict[int, dict[int | None, dict[int, list[datetime]]]]:
        """Return the same by season number; None where Trakt does not tell it."""
        shows: dict[int, dict[int | None, dict[int, list[datetime]]]] = {}
        path = "/users/me/watched/shows"
        params = {"extended": "min", "specials": "true", "season_numbers": "true"}
        adapter, decoder = _MINIMAL_SHOWS, strict.SHOWS
        for page in await self._minimal(path, params, adapter, decoder):
            for show, seasons in page.items():
                of_show = shows.setdefault(show, {})
                for name, season in seasons.items():
                    number = name.rpartition("|")[2] if "|" in name else ""
                    key = int(number) if number.isdecimal() else None
                    episodes = of_show.setdefault(key, {})
                    for episode, times in season.items():
                        episodes.setdefault(episode, []).extend(times)
        return shows

    async def seasons(self, show: int) -> list[Season]:
        """Return every season of a show with its episodes and ``first_aired``."""
        response = await self.http.request(
            "GET", f"/shows/{show}/seasons", params={"extended": "episodes,full"}
        )
        return response.parse(_SEASONS)

    async def _minimal(
        self,
        path: str,
        params: Mapping[str, str],
        adapter: TypeAdapter[Any],
        decoder: msgspec.json.Decoder[Any],
    ) -> list[Any]:
        """Return the pages of a minimal list; paged only when one call is refused.

        Trakt answers 413 above about 99,000 episodes. The paged form has no count, and
        its page size is unknown, so it ends at the first empty page.
        """
        try:
            response = await self.http.request("GET", path, params=dict(params))
            return [_map(response, adapter, decoder)]
        except RejectedError as error:
            if error.status != 413:
                raise
        pages: list[Any] = []
        while not pages or pages[-1]:
            page = {"page": str(len(pages) + 1), "limit": str(MINIMAL_PAGE_LIMIT)}
            response = await self.http.request("GET", path, params={**params, **page})
            pages.append(_map(response, adapter, decoder))
            if len(pages) > 1 and pages[-1] == pages[-2]:
                raise ContractError("Trakt sends the same minimal list for each page.")
        return pages


def read_records(
    response: Response,
) -> tuple[Sequence[HistoryRecord], Sequence[BadRecord]]:
    """Read a page straight from its bytes; only a misfit is read record by record."""
    with suppress(msgspec.DecodeError):
        return strict.HISTORY.decode(response.body), []
    try:
        return _HISTORY.validate_json(response.body), []
    except ValidationError:
        records = response.json()
    if not isinstance(records, list):
        raise ContractError(
            f"Trakt sent no list of plays ({response.label}).", service="Trakt"
        )
    items: list[HistoryItem] = []
    bad: list[BadRecord] = []
    for record in records:
        read = read_record(json.dumps(record, sort_keys=True))
        if isinstance(read, BadRecord):
            bad.append(read)
        else:
            items.append(read)
    return items, bad


def read_record(text: str) -> HistoryItem | BadRecord:
    """Read one record from its JSON text."""
    try:
        return _ITEM.validate_json(text)
    except ValidationError as error:
        return _bad_record(text, error)


def _bad_record(text: str, error: ValidationError) -> BadRecord:
    # Deeper than movie.ids.tmdb a place names no field but the types that were tried.
    places = {".".join(map(str, e["loc"][:3])) for e in error.errors()}
    fields = ", ".join(sorted(places))
    reason = f"is unreadable: {fields or 'no object'}"
    identity = f"digest {hashlib.sha256(text.encode()).hexdigest()}"
    kind, trakt_id = None, None
    record = json.loads(text)
    if isinstance(record, dict):
        if is_id(number := record.get("id")):
            identity = f"history id {number}"
        for name in ("movie", "episode"):
            part = record.get(name)
            ids = part.get("ids") if isinstance(part, dict) else None
            if isinstance(ids, dict) and is_id(ids.get("trakt")):
                kind, trakt_id = name, ids["trakt"]
                break
    return BadRecord(identity, reason, kind, trakt_id, text)


def is_id(value: object) -> TypeGuard[int]:
    """Tell whether it can be an id of Trakt."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


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
    response: Response, adapter: TypeAdapter[Any], decoder: msgspec.json.Decoder[Any]
) -> Any:
    with suppress(msgspec.DecodeError):
        return decoder.decode(response.body)
    # An empty map is written as an empty list by some backends.
    return {} if response.body.strip() == b"[]" else response.parse(adapter)


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _count(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if value.isascii() and value.isdigit() else None


def _server_time(headers: Mapping[str, str]) -> datetime | None:
    try:
        return parsedate_to_datetime(headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None

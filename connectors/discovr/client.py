"""The Discovr API: the history of one profile, one thin method per endpoint."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from connectors.discovr.models import HistoryItem, HistoryPage
from connectors.discovr.repeats import each_once
from connectors.errors import (
    AuthError,
    ConfigError,
    ContractError,
    LoginRefusedError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    ServiceError,
    TransientError,
    WrongTokenKindError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connectors.http.client import HttpClient, Response

#: The largest page of a Discovr list.
PAGE_LIMIT = 50
#: Half a million entries: no profile has so many.
MOST_PAGES = 10_000
MOST_ENTRIES = MOST_PAGES * PAGE_LIMIT
#: An entry takes some 350 bytes, of which few are kept; more fields may be to come.
MOST_OF_A_LIST = 1_000_000_000
#: A page of the largest size takes some 20,000; should one hold all there is.
_MOST_OF_A_PAGE = 8_000_000
#: So many pages in a row may bring nothing new, while entries move on meanwhile.
_MOST_IDLE = 10

_PAGE = TypeAdapter(HistoryPage)
#: The status that comes with them is undocumented.
_LOGIN_CODES = ("TOKEN_INVALID", "TOKEN_EXPIRED", "WRONG_TOKEN_KIND")
#: A 401 without one of these can have another reason.
_OVER_CODES = ("TOKEN_INVALID", "TOKEN_EXPIRED", "SESSION_EXPIRED")


class DiscovrClient:
    """History of the profile whose session the given client carries."""

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    async def history(self) -> AsyncIterator[list[HistoryItem]]:
        """Yield every entry of the profile, page by page, newest creation first.

        Whether cursors stay stable while entries are added is undocumented: read to the
        end before writing. One entry may come on two pages then; see ``entries``.
        """
        async for page in self._pages("/profile/history", {}):
            yield page

    def entries(self) -> AsyncIterator[list[HistoryItem]]:
        """Yield the same, and once what two pages show that stands there once.

        What they do show of both is looked up in the list of its title.
        """

        async def look(item: HistoryItem) -> list[HistoryItem]:
            return await self.title_history(item.id, season=item.season)

        return each_once(self.history(), look, lambda item: (item.id, item.season))

    async def title_history(
        self, media_id: str, *, season: int | None = None, episode: int | None = None
    ) -> list[HistoryItem]:
        """Return the entries of a film, a season (with defaults) or an episode."""

        async def look(item: HistoryItem) -> list[HistoryItem]:
            number = item.episode
            if season is None or number is None or episode is not None:
                return []  # there is no narrower list
            return await self.title_history(media_id, season=season, episode=number)

        path = f"/profile/history/{media_id}"
        pages = self._pages(path, _numbers(season, episode))
        try:
            once = each_once(pages, look, lambda item: item.episode)
            return [item async for page in once for item in page]
        except NotFoundError:  # how an unknown title answers is undocumented
            return []

    async def add_history(
        self,
        media_id: str,
        *,
        updated_at: datetime | None,
        season: int | None = None,
        episode: int | None = None,
        progress: float = 100,
        imported: str | None = "trakt",
    ) -> None:
        """Append one viewing. Always appends: a blind repeat makes a second entry.

        Without a time the service dates it; without ``imported`` it gets no label.
        """
        body: dict[str, Any] = {"mediaId": media_id, "progress": progress}
        if updated_at is not None:
            body["updatedAt"] = _stamp(updated_at)
        if imported is not None:
            body["imported"] = imported
        body |= {name: int(n) for name, n in _numbers(season, episode).items()}
        await self.http.request("POST", "/profile/history", json=body)

    async def set_progress(
        self,
        media_id: str,
        progress: int,
        *,
        season: int | None = None,
        episode: int | None = None,
    ) -> None:
        """Set one entry's progress, creating it if absent; carries no time or label."""
        await self.http.request(
            "PATCH",
            f"/profile/history/{media_id}",
            params=_numbers(season, episode),
            json={"progress": progress},
        )

    async def remove(
        self, media_id: str, *, season: int | None = None, episode: int | None = None
    ) -> None:
        """Remove history. What exactly goes is undocumented: read back afterwards."""
        await self.http.request(
            "DELETE",
            f"/profile/history/{media_id}",
            params=_numbers(season, episode),
            expect_json=False,
        )

    async def _pages(
        self, path: str, params: dict[str, str]
    ) -> AsyncIterator[list[HistoryItem]]:
        cursor: str | None = None
        seen: set[str] = set()
        known: set[int] = set()
        idle = count = 0
        left = MOST_OF_A_LIST
        for _ in range(MOST_PAGES):
            query = {**params, "limit": str(PAGE_LIMIT)}
            if cursor is not None:
                query["nextPageToken"] = cursor
            most = max(min(left, _MOST_OF_A_PAGE), 1)
            response = await self.http.request(
                "GET", path, params=query, most_bytes=most
            )
            left -= len(response.body)
            page = response.parse(_PAGE)
            count += len(page.items)
            if count > MOST_ENTRIES:
                break
            yield page.items
            if not page.has_more:
                return
            before = len(known)
            known.update(map(hash, page.items))
            idle = idle + 1 if len(known) == before else 0
            if idle == _MOST_IDLE:
                break
            cursor = page.next_page_token
            if cursor is None or cursor in seen:
                # Going on would loop or lose entries, and both end in doubles.
                raise ContractError(
                    "Discovr says that there are more entries but not where.",
                    remedy="Run it again later; nothing was written.",
                    service="Discovr",
                )
            seen.add(cursor)
        raise ContractError(
            "Discovr sends page after page, and no end of it.",
            remedy="Run it again later; nothing was written.",
            service="Discovr",
        )


def explain(response: Response) -> ServiceError | None:
    """Say in Discovr's own terms what a refusal means, and what to do about it."""
    status, code = response.status, error_code(response)
    if status == 401 or code in _LOGIN_CODES:
        kind = WrongTokenKindError if code == "WRONG_TOKEN_KIND" else AuthError
        return kind(
            "Discovr does not accept the login.",
            remedy="Log in again: trakt2discovr login discovr",
            service="Discovr",
            status=status,
        )
    if blocked := _blocked(response):
        return blocked
    if status == 403:
        return ConfigError(
            "Discovr does not allow this app to do that.",
            remedy="Check [discovr] client_id and profile.",
            service="Discovr",
            status=status,
        )
    if status in (400, 404, 409, 422):
        refusal = NotFoundError if status == 404 else RejectedError
        return refusal(
            f"Discovr refused the request ({status}{f', {code}' if code else ''}).",
            service="Discovr",
            status=status,
        )
    return None


def _blocked(response: Response) -> ServiceError | None:
    """Tell Cloudflare, which answers with a page of its own, from Discovr behind it.

    What was asked did not get through then. Any other page may be Discovr's own:
    nobody documents those.
    """
    status = response.status
    is_page = "html" in response.headers.get("Content-Type", "").lower()
    # Its header it puts on everything; its name stands on its own pages.
    is_its_own = is_page and b"cloudflare" in response.body.lower()
    if status not in (403, 503) or not is_its_own:
        return None
    kind = RateLimitedError if status == 403 else TransientError
    return kind(
        f"Cloudflare in front of Discovr blocks this machine (status {status}).",
        remedy="Wait an hour, or use another network; then run it again: it goes on "
        "where it stopped.",
        service="Discovr",
        status=status,
    )


def explain_identity(response: Response) -> ServiceError | None:
    """As ``explain``, where the token that was sent is the login itself."""
    error = explain(response)
    if isinstance(error, AuthError) and error_code(response) in _OVER_CODES:
        return LoginRefusedError(
            error.message, remedy=error.remedy, service="Discovr", status=error.status
        )
    return error


def error_code(response: Response) -> str | None:
    """Read the error code, flat or under ``error``; the wire form is undocumented."""
    try:
        body = response.json()
    except ContractError:
        return None
    for place in (body, body.get("error") if isinstance(body, dict) else None):
        code = place.get("code") if isinstance(place, dict) else None
        # Only what looks like a code: anything else could echo what was sent.
        if (
            isinstance(code, str)
            and code.isascii()
            and code.isupper()
            and len(code) < 40
        ):
            return code
    return None


def _numbers(season: int | None, episode: int | None) -> dict[str, str]:
    pairs = (("season", season), ("episode", episode))
    return {name: str(number) for name, number in pairs if number is not None}


def _stamp(instant: datetime) -> str:
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")

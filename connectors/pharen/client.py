"""The Pharen Hub API: the pages of one workspace, one thin method per endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from connectors.errors import ConfigError, ContractError, RejectedError, ServiceError
from connectors.pharen.models import Page, PageList

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connectors.http.client import HttpClient, Response

SERVICE = "Pharen Hub"
#: The largest page of the list.
PAGE_LIMIT = 100
#: No workspace has so many pages of the list.
MOST_PAGES = 200
#: What is listed comes with its content.
MOST_OF_A_PAGE = 64_000_000

_PATH = "/new-page"
_PAGE = TypeAdapter(Page)
_LIST = TypeAdapter(PageList)
#: The fields of a page: only these are repeated from a refusal.
_FIELDS = ("title", "content")


def request_headers(api_key: str) -> dict[str, str]:
    """Return the header that every call needs: the long-lived key as bearer."""
    return {"Authorization": f"Bearer {api_key}"}


class PharenClient:
    """Pages of the workspace that the key belongs to."""

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    async def pages(self) -> AsyncIterator[Page]:
        """Yield every page, the newest first."""
        known: set[str] = set()
        for number in range(1, MOST_PAGES + 1):
            params = {
                "page": str(number),
                "per_page": str(PAGE_LIMIT),
                "sort": "created_at",
                "order": "desc",
            }
            response = await self.http.request(
                "GET", _PATH, params=params, most_bytes=MOST_OF_A_PAGE
            )
            listed = response.parse(_LIST)
            before = len(known)
            known.update(page.id for page in listed.data)
            for page in listed.data:
                yield page
            if len(known) == before or len(known) >= listed.total:
                return
        raise ContractError(
            "Pharen Hub lists page after page, and no end of it.", service=SERVICE
        )

    async def create(self, title: str, content: str) -> Page:
        """Add a page. Titles need not be unique: a blind repeat adds a second one."""
        body = {"title": title, "content": content}
        response = await self.http.request("POST", _PATH, json=body)
        return response.parse(_PAGE)

    async def read(self, page_id: str) -> Page:
        """Return a page with its content. Raises NotFoundError when it is gone."""
        response = await self.http.request(
            "GET",
            f"{_PATH}/{page_id}",
            label=f"{_PATH}/{{id}}",
            most_bytes=MOST_OF_A_PAGE,
        )
        return response.parse(_PAGE)

    async def update(self, page_id: str, title: str, content: str) -> Page:
        """Replace a page. Raises NotFoundError when it is gone."""
        body = {"title": title, "content": content}
        response = await self.http.request(
            "PUT",
            f"{_PATH}/{page_id}",
            json=body,
            label=f"{_PATH}/{{id}}",
            repeatable=True,  # the same content again changes nothing
        )
        return response.parse(_PAGE)


def explain(response: Response) -> ServiceError | None:
    """Say in Pharen Hub's own terms what a refusal means, and what to do about it."""
    status = response.status
    error: ServiceError | None = None
    if status == 401:
        error = ConfigError(
            "Pharen Hub does not accept the API key.",
            remedy="Make a new key in its settings and put it into [pharen] api_key.",
        )
    elif status == 403:
        error = ConfigError(
            "The API key of Pharen Hub may not do that.",
            remedy="Put a key with write access to pages into [pharen] api_key.",
        )
    elif status == 422:
        field = _refused_field(response)
        error = RejectedError(
            f"Pharen Hub refuses the {field or 'content'} of the page.",
            remedy="Shorten the report or its title (--title), then publish again.",
        )
    if error:
        error.service, error.status = SERVICE, status
    return error


def _refused_field(response: Response) -> str | None:
    try:
        place = response.json()
    except ContractError:
        return None
    for step in ("error", "details", "field"):
        place = place.get(step) if isinstance(place, dict) else None
    return place if place in _FIELDS else None

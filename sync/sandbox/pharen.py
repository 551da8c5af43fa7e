"""The Pharen Hub stand-in: the pages of one workspace, behind one API key."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sync.sandbox.server.credentials import made_up
from sync.sandbox.server.journal import Journal, Table, moment
from sync.sandbox.server.limits import Window
from sync.sandbox.server.server import (
    RefusedError,
    StandIn,
    json_object,
    page_of,
    utc_now,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sync.sandbox.server.limits import RetryAfter

#: The key that the stand-in accepts, in any process.
API_KEY = made_up("pharen api key", 40)
LONGEST_TITLE = 255

_SORTS = ("updated_at", "created_at", "title")


@dataclass(frozen=True, slots=True, kw_only=True)
class PharenQuirks:
    """One possible Pharen Hub. The defaults follow the reference."""

    #: The key may look, but not write.
    read_only: bool = False
    #: Longer contents are refused; no maximum is documented.
    longest_content: int | None = None
    #: Lists leave the contents out.
    short_list: bool = False
    #: Answers hold fields that nobody documented: they may appear at any time.
    new_fields: bool = False
    #: What is sent is not kept to the letter.
    trims_content: bool = False
    requests_per_second: float | None = None
    retry_after: RetryAfter = "seconds"


@dataclass(frozen=True, slots=True)
class HubPage:
    """A page as the workspace keeps it."""

    id: str
    title: str
    content: str
    created_at: datetime
    updated_at: datetime
    is_removed: bool = False

    @classmethod
    def load(cls, row: dict[str, Any]) -> HubPage:
        """Read a row of the journal."""
        times = {name: moment(row[name]) for name in ("created_at", "updated_at")}
        return cls(**{**row, **times})


class PharenStandIn(StandIn):
    """Plays Pharen Hub. The API is below ``/v1``, see ``api_url``.

    With ``store_path`` the pages are there again in the next process.
    """

    def __init__(
        self,
        *,
        quirks: PharenQuirks | None = None,
        store_path: Path | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(now=now)
        self.quirks = quirks or PharenQuirks()
        self._table = Table(Journal(store_path), "pharen", HubPage.load)
        self._window: Window | None = None
        if (rate := self.quirks.requests_per_second) is not None:
            self._window = Window(max(1, int(rate)), max(1, int(rate)) / rate)

    @property
    def api_url(self) -> str:
        """The base of version 1."""
        return f"{self.url}/v1"

    @property
    def pages(self) -> list[HubPage]:
        """All pages, the oldest first."""
        return [page for page in self._table.rows.values() if not page.is_removed]

    def person_adds(self, title: str, content: str = "") -> HubPage:
        """Add a page: the person wrote one herself."""
        number = len(self._table.rows)
        page_id = f"page_{number:04x}{made_up(f'hub page {number}', 12)}"
        page = HubPage(page_id, title, content, self._now(), self._now())
        self._table.put(page.id, page)
        return page

    def person_removes(self, page_id: str) -> None:
        """Remove a page for good; its id is never given out again."""
        self._table.put(page_id, replace(self._table.rows[page_id], is_removed=True))

    def routes(self) -> list[web.RouteDef]:
        """Return what the service answers to."""
        one = "/v1/new-page/{id}"
        return [
            web.get("/v1/new-page", self._list),
            web.post("/v1/new-page", self._add),
            web.get(one, self._get),
            web.put(one, self._change),
            web.delete(one, self._remove),
        ]

    def admit(self, request: web.Request) -> None:
        """Ask for the key, and for its permission to write."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise RefusedError(401, "missing_token", "No API key was sent.")
        if key != API_KEY:
            raise RefusedError(401, "invalid_token", "The API key is not valid.")
        if self.quirks.read_only and request.method != "GET":
            message = "The API key may not write."
            raise RefusedError(403, "insufficient_permissions", message)
        if self._window is not None and not self._window.take(self._now()):
            headers = self._window.retry_after(self._now(), self.quirks.retry_after)
            raise RefusedError(429, "rate_limited", "Too many requests.", headers)

    def refuse(self, refusal: RefusedError) -> web.Response:
        """Word a refusal as the reference shows it."""
        code = refusal.code or "not_found"
        error = {"code": code, "message": refusal.message, **refusal.extra}
        return web.json_response(
            {"error": error}, status=refusal.status, headers=refusal.headers
        )

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        number, size = _number(query.get("page", "1")), query.get("per_page", "20")
        per_page = min(_number(size), 100)
        sort = query.get("sort", "updated_at")
        if sort not in _SORTS:
            raise _invalid("sort")
        is_falling = query.get("order", "desc") == "desc"
        pages = sorted(self.pages, key=attrgetter(sort, "id"), reverse=is_falling)
        data = [self._written(p) for p in page_of(pages, number, per_page)]
        if self.quirks.short_list:
            data = [{k: v for k, v in p.items() if k != "content"} for p in data]
        body = {"data": data, "total": len(pages), "page": number}
        return web.json_response(body | {"per_page": per_page})

    async def _add(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        page = self.person_adds(_title(body), self._content(body) or "")
        return web.json_response(self._written(page), status=201)

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._written(self._find(request)))

    async def _change(self, request: web.Request) -> web.Response:
        page = self._find(request)
        body = await json_object(request)
        if not body.keys() & {"title", "content"}:
            raise _invalid("title")
        title = _title(body) if "title" in body else page.title
        content = self._content(body)
        page = replace(
            page,
            title=title,
            content=page.content if content is None else content,
            updated_at=self._now(),
        )
        self._table.put(page.id, page)
        return web.json_response(self._written(page))

    async def _remove(self, request: web.Request) -> web.Response:
        self.person_removes(self._find(request).id)
        return web.Response(status=204)

    def _find(self, request: web.Request) -> HubPage:
        page = self._table.rows.get(request.match_info["id"])
        if page is None or page.is_removed:
            raise RefusedError(404, "not_found", "No such page.")
        return page

    def _content(self, body: dict[str, Any]) -> str | None:
        content = body.get("content")
        if content is None:
            return None
        longest = self.quirks.longest_content
        if not isinstance(content, str) or (longest and len(content) > longest):
            raise _invalid("content")
        return content.strip() if self.quirks.trims_content else content

    def _written(self, page: HubPage) -> dict[str, Any]:
        fields = asdict(page)
        del fields["is_removed"]
        written = fields | {
            "created_at": page.created_at.isoformat(),
            "updated_at": page.updated_at.isoformat(),
        }
        return written | {"starred": False} if self.quirks.new_fields else written


def _title(body: dict[str, Any]) -> str:
    title = body.get("title")
    if not isinstance(title, str) or not 1 <= len(title) <= LONGEST_TITLE:
        raise _invalid("title")
    return title


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise _invalid("page")
    return int(text)


def _invalid(field: str) -> RefusedError:
    message = f"{field} is not valid."
    extra = {"details": {"field": field}}
    return RefusedError(422, "validation_error", message, extra=extra)

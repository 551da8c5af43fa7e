"""Stands before every view: who asks, from where, and with what.

Nothing behind it has to think of any of this. In order: the host that was asked for
(DNS rebinding), a cookie of ours or an unused link, a page of ours as the place that a
request comes from, and in a form that changes something its token. What every answer
carries keeps a browser from doing more with it than to show it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http import HttpProcessingError

from connectors.errors import (
    AuthError,
    ConfigError,
    InputError,
    ServiceError,
    TransientError,
)
from sync.errors import BugError, GuardError
from sync.ledger import BusyError
from sync.runtime import logs
from sync.runtime.hosts import are_ours
from sync.web.links import ASK, Links, is_same

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping

    from aiohttp.typedefs import Handler, Middleware

    #: Makes a page of what went wrong, for who was let in: status, message, remedy.
    ErrorPage = Callable[[web.Request, int, str, str], Awaitable[str]]

#: The token that each form carries in its hidden field ``token``.
FORM = web.RequestKey("form", str)
#: The rest of an upload, once its token was read.
PARTS = web.RequestKey("parts", MultipartReader)
#: Set by the views, where they have a page for it.
ERROR_PAGE: web.AppKey[ErrorPage] = web.AppKey("error_page")
#: The paths that take an upload, and no other form; all others take none.
UPLOADS: web.AppKey[Collection[str]] = web.AppKey("uploads")
#: Says a command in words as it has to be typed for what runs here.
COMPLETE: web.AppKey[Callable[[str], str]] = web.AppKey("complete")
#: What stands beside the name of the program, also for who is not let in.
BADGE = web.AppKey("badge", str)
#: How a body ends that is none, whoever reads it.
BROKEN = (
    ValueError,
    AssertionError,
    HttpProcessingError,
    web.RequestPayloadError,
    web.HTTPRequestEntityTooLarge,
)
#: The largest form that is no upload.
MOST_BYTES = 1 << 20
#: So long the fields of a form may take.
_LONGEST_FORM_S = 30.0
_LONGEST_TOKEN = 256
_READS = frozenset({"GET", "HEAD"})
_FIELDS, _UPLOAD = "application/x-www-form-urlencoded", "multipart/form-data"
_FRESH = (
    "Press Enter in the terminal where trakt2discovr web runs, or run trakt2discovr "
    "web again: both print a fresh link."
)
_STATUS: tuple[tuple[type[ServiceError], int], ...] = (
    (InputError, 400),
    (ConfigError, 400),
    (AuthError, 403),
    (GuardError, 409),
    (BusyError, 409),
    (TransientError, 503),
    (ServiceError, 500),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an answer is none, and what helps."""

    status: int
    message: str
    remedy: str


_OTHER_HOST = Refusal(
    421,
    "This is not the host that was asked for.",
    "Use the address that trakt2discovr web prints.",
)
_NO_COOKIE = Refusal(403, "This browser was not let in yet, or not since then.", _FRESH)
_USED = Refusal(403, "This link was used before, or is not the newest.", _FRESH)
_ELSEWHERE = Refusal(
    403,
    "Another page asked for this, and only this one may.",
    "Open the address that trakt2discovr web prints.",
)
_NO_TOKEN = Refusal(
    403,
    "The form is of an earlier start of the program, or was not whole.",
    "Go back, load the page again, and send it once more.",
)
_NO_FORM = Refusal(
    415, "This is no form that is known here.", "Load the page again and use its forms."
)
_TOO_LARGE = Refusal(
    413, "The form is too large.", "Send less of it at once, or a file as an upload."
)
_TOO_SLOW = Refusal(408, "The form took too long to arrive.", "Send it once more.")


def policy(styles: Collection[str] = (), scripts: Collection[str] = ()) -> str:
    """Return what a page may do: only what is ours, and nobody may frame it.

    Given are the digests of what stands in a page itself.
    """
    allowed = {
        "default-src": ("'none'",),
        "style-src": ("'self'", *styles),
        "script-src": ("'self'", *scripts),
        "img-src": ("'self'", "data:"),
        "connect-src": ("'self'",),
        "form-action": ("'self'",),
        "frame-ancestors": ("'none'",),
        "base-uri": ("'none'",),
    }
    return "; ".join(f"{name} {' '.join(from_)}" for name, from_ in allowed.items())


def headers(content_policy: str) -> Mapping[str, str]:
    """Return what every answer carries, also one that went wrong."""
    return {
        "Content-Security-Policy": content_policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets through to the views what may be there.

    ``keep`` is told of a connection that was let in, ``touch`` of a person's request,
    ``enter`` of a browser that is new. ``is_open``: paths that anybody on this machine
    may read.
    """

    links: Links
    keep: Callable[[asyncio.BaseProtocol], None]
    touch: Callable[[], None]
    enter: Callable[[], None]
    is_open: Collection[str] = ()

    def middleware(self) -> Middleware:
        """Return it as an application takes it."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            if refusal := _wrong_host(request, self.links):
                return _page(request, refusal)
            if request.path in self.is_open and request.method in _READS:
                return await handler(request)
            if request.path == ASK:
                return await _give_link(request, self.links)
            if (answer := _let_in(request, self.links)) is not None:
                if answer.cookies:
                    self.enter()
                return answer
            return await self._let_through(request, handler)

        return check

    async def _let_through(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        if request.protocol is not None:
            self.keep(request.protocol)
        if "text/event-stream" not in request.headers.get("Accept", ""):
            self.touch()
        request[FORM] = self.links.form
        refusal = _wrong_place(request)
        if refusal is None and request.method not in _READS:
            refusal = await _wrong_form(request, self.links)
        if refusal is not None:
            return await _told(request, _completed(request, refusal))
        return await _answered(request, handler)


def _wrong_host(request: web.Request, links: Links) -> Refusal | None:
    asked = request.headers.getall("Host", ())
    # A whole address is asked of a proxy, and names a host as well.
    is_path = request.raw_path.startswith("/")
    if is_path and len(asked) == 1 and are_ours(asked, links.address):
        return None
    return _OTHER_HOST


async def _give_link(request: web.Request, links: Links) -> web.Response:
    """Answer another start of the program; no browser sends what it sends."""
    is_program = not {"Origin", "Sec-Fetch-Site", "Cookie"} & {*request.headers}
    if request.method != "POST" or not is_program or request.content_type != _FIELDS:
        return _page(request, _ELSEWHERE)
    form = await _read_form(request)
    if isinstance(form, Refusal):
        return _page(request, form)
    given = links.answer(form.get("challenge", ""), form.get("proof", ""))
    if given is None:
        return _page(request, _ELSEWHERE)
    text = web.json_response(given).text
    return web.Response(text=f"{text}\n", content_type="application/json")


def _let_in(request: web.Request, links: Links) -> web.Response | None:
    """Return None for a browser with our cookie; else change its link for one."""
    has_cookie = any(
        is_same(links.cookie, cookie) for cookie in _cookies(request, links)
    )
    token = request.query.get("token")
    if token is None or request.path != "/" or request.method not in _READS:
        return None if has_cookie else _page(request, _NO_COOKIE)
    if not links.use(token) and not has_cookie:
        return _page(request, _USED)
    answer = _onward(request)
    answer.set_cookie(
        links.cookie_name, links.cookie, path="/", httponly=True, samesite="Strict"
    )
    return answer


def _cookies(request: web.Request, links: Links) -> Iterator[str]:
    """Return all that are called like ours: another port may have set one too."""
    for header in request.headers.getall("Cookie", ()):
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            if name == links.cookie_name:
                yield value


def _onward(request: web.Request) -> web.Response:
    """Lead to the clean address.

    A browser that was led here by another page (the file that opens it is one) would
    not send the cookie after a redirect, and does after a page of ours.
    """
    if request.headers.get("Sec-Fetch-Site") in {None, "none", "same-origin"}:
        return web.Response(status=303, headers={"Location": "/"})
    go_on = '<meta http-equiv="refresh" content="0; url=/"><a href="/">Go on</a>'
    return _html(200, "trakt2discovr", go_on)


def _wrong_place(request: web.Request) -> Refusal | None:
    """Refuse what another page asks for, whatever cookie its browser sent along."""
    site = ", ".join(request.headers.getall("Sec-Fetch-Site", ())) or None
    if request.method in _READS:
        is_opened = (
            request.headers.get("Sec-Fetch-Mode") == "navigate"
            and request.headers.get("Sec-Fetch-Dest", "document") == "document"
        )
        is_ours = site in {None, "none", "same-origin"}
        return None if is_ours or is_opened else _ELSEWHERE
    origins = request.headers.getall("Origin", ())
    ours = f"http://{request.headers['Host'].strip()}".lower()
    # A page that gives no referrer says null for its own origin.
    named = [origin for origin in origins if origin.lower() != "null"]
    if any(origin.lower() != ours for origin in named):
        return _ELSEWHERE
    is_told = site == "same-origin" or (site is None and bool(named))
    return None if is_told else _ELSEWHERE


async def _wrong_form(request: web.Request, links: Links) -> Refusal | None:
    """Read the token of a form, which no other page knows.

    Of an upload it is the first field; the rest is left in ``request[PARTS]``.
    """
    is_upload = request.path in request.app.get(UPLOADS, ())
    given: str | Refusal = _NO_FORM
    if request.content_type == _FIELDS and not is_upload:
        form = await _read_form(request)
        given = form if isinstance(form, Refusal) else form.get("token", "")
    elif request.content_type == _UPLOAD and is_upload:
        given = await _read_first(request)
    if isinstance(given, Refusal):
        return given
    return None if is_same(links.form, given) else _NO_TOKEN


async def _read_form(request: web.Request) -> Mapping[str, str] | Refusal:
    try:
        async with asyncio.timeout(_LONGEST_FORM_S):
            form = await request.post()
    except TimeoutError:
        return _TOO_SLOW
    except web.HTTPRequestEntityTooLarge:
        return _TOO_LARGE
    except (*BROKEN, LookupError):
        return _NO_FORM
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def _read_first(request: web.Request) -> str | Refusal:
    try:
        async with asyncio.timeout(_LONGEST_FORM_S):
            request[PARTS] = parts = await request.multipart()
            part = await parts.next()
            if not isinstance(part, BodyPartReader) or part.name != "token":
                return _NO_TOKEN
            token = b""
            while len(token) <= _LONGEST_TOKEN and (piece := await part.read_chunk()):
                token += piece
    except TimeoutError:
        return _TOO_SLOW
    except (*BROKEN, LookupError):
        return _NO_FORM
    return token.decode(errors="replace")


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the view answer; say in words what went wrong with it."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        reason = HTTPStatus(error.status).phrase.lower()
        words = f"That cannot be shown here ({error.status}, {reason})."
        return await _told(request, Refusal(error.status, words, "Begin again at /."))
    except ServiceError as error:
        failure = error
    except ConnectionError:
        raise  # the browser has gone; nobody is left to tell
    except Exception as bug:  # noqa: BLE001  # a bug in a view ends its answer alone
        logs.trace(bug)
        failure = BugError(bug)
    status = next(status for kind, status in _STATUS if isinstance(failure, kind))
    return await _told(request, Refusal(status, failure.message, failure.remedy))


async def _told(request: web.Request, refusal: Refusal) -> web.Response:
    """Say it on a page of the views', if they have one."""
    make = request.app.get(ERROR_PAGE)
    if make is None:
        return _page(request, refusal)
    try:
        text = await make(request, refusal.status, refusal.message, refusal.remedy)
    except Exception as bug:  # noqa: BLE001  # what went wrong first is what counts
        logs.trace(bug)
        return _page(request, refusal)
    return web.Response(status=refusal.status, text=text, content_type="text/html")


def _completed(request: web.Request, refusal: Refusal) -> Refusal:
    complete = request.app.get(COMPLETE)
    return replace(refusal, remedy=complete(refusal.remedy)) if complete else refusal


def _page(request: web.Request, refusal: Refusal) -> web.Response:
    remedy = _completed(request, refusal).remedy
    badge = request.app.get(BADGE, "")
    paragraphs = filter(None, (badge, refusal.message, remedy))
    words = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    again = '<p><a href="/">Try again</a></p>'
    return _html(refusal.status, "trakt2discovr", f"{words}{again}")


def _html(status: int, title: str, body: str) -> web.Response:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}'
        '</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"></head>'
        f"<body><main><h1>{title}</h1>{body}</main></body></html>\n"
    )
    return web.Response(status=status, text=text, content_type="text/html")

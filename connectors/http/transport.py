"""One request over the wire and its whole answer: aiohttp, without some of its habits.

Knows nothing of pace, retry and login.
"""

from __future__ import annotations

import asyncio
import urllib.request
from contextlib import ExitStack
from functools import cache
from importlib import metadata
from json import dumps
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import aiohttp
from multidict import CIMultiDict

from connectors.errors import ConfigError, ServiceError
from connectors.http.body import PACKED_AS, read_body
from connectors.http.outcome import FAULTS, judge_fault
from connectors.http.response import Response
from connectors.standstill import LEAVING
from connectors.urls import is_host, is_loopback

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace
    from yarl import URL

    from connectors.http.outcome import Call

#: Hands a request to the system, with nothing in between that would heed the check.
LEAVING.update(
    (
        aiohttp.ClientRequest.send.__code__,
        aiohttp.BytesPayload.write_with_length.__code__,
    )
)
#: Methods that change nothing.
READS = frozenset({"GET", "HEAD"})
#: Servers close idle connections after 5 s (Node) or more. A write that meets the
#: closing has an unknown outcome, so idle connections are given up before that.
_KEEPALIVE_S = 4.0
_PLAIN_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
#: The part of the time that connecting may take: what ends there was never sent, which
#: lets a write go again.
_CONNECT_SHARE = 0.5


class Transport:
    """Sends to one service, on the caller's session or on its own."""

    def __init__(
        self,
        base: URL,
        *,
        session: aiohttp.ClientSession | None,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> None:
        self._base = base
        self._check_write: Callable[[], Awaitable[None]] | None = None
        self._session = session
        self._owns_session = session is None
        self._timeout_s = timeout_s
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=timeout_s * _CONNECT_SHARE
        )
        self._headers = {
            "User-Agent": user_agent(),
            "Accept": "application/json",
            # Trakt answers 412 without it, to a GET as well.
            "Content-Type": "application/json",
            "Accept-Encoding": PACKED_AS,
            **headers,
        }

    def check_writes(self, check: Callable[[], Awaitable[None]]) -> None:
        """Await ``check`` before each attempt that may change anything.

        Nothing leaves where it raises. It comes when the connection stands (before it
        is asked for on a session of the caller's), and again as the request leaves.
        """
        self._check_write = check

    async def send(
        self,
        call: Call,
        url: URL,
        *,
        params: Mapping[str, str | int | float],
        json: Any,
        text: str | None = None,
        login: Mapping[str, str],
        most_bytes: int,
    ) -> Response | ServiceError:
        """Send once and return the answer, or what went wrong.

        An error is returned, not raised, so that no foreign exception, which may quote
        headers and query, hangs on as its context. The time limit covers connecting,
        headers and body. Of the body ``most_bytes`` are read, unpacked, and then the
        connection is given up; with 0 none is looked at.
        """
        headers = CIMultiDict(self._headers)
        headers.update(login if text is None else {**login, **_PLAIN_TEXT})
        if not all(map(str.isprintable, headers.values())):
            return _unprintable(call.service)
        if not self._owns_session:
            await self._check(call.method)
        checked = self._checked(call.method, json, text)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._open().request(
                    call.method,
                    url,
                    params=params,
                    json=None if checked else json,
                    data=checked or _encoded(text),
                    headers=headers,
                    timeout=self._timeout,
                    **_PLAIN,
                ) as answer,
            ):
                body, is_cut = b"", False
                if most_bytes:
                    body, is_cut = await read_body(answer, most_bytes)
        except FAULTS as fault:
            if not (checked and checked.refusal):
                return judge_fault(call, fault)
            raise checked.refusal from None
        return Response(
            answer.status, answer.headers, body, call.service, call.label, is_cut
        )

    async def close(self) -> None:
        """Close the session, unless it is the caller's."""
        if self._owns_session and self._session is not None:
            await self._session.close()

    async def _check(self, method: str) -> None:
        if self._check_write is not None and method not in READS:
            await self._check_write()

    def _checked(
        self, method: str, value: Any, text: str | None
    ) -> _CheckedBody | None:
        """Return the body of a write that is checked as it leaves.

        Without a body it leaves as soon as our own connector has checked it. On a
        session of the caller's an empty one is what is checked.
        """
        if self._check_write is None or method in READS:
            return None
        body = _encoded(text if value is None else dumps(value))
        if body is None and self._owns_session:
            return None
        return _CheckedBody(body or b"", self._check_write)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_Connector(self._check, keepalive_timeout=_KEEPALIVE_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                # trust_env would also read ~/.netrc, whose entries clash with our
                # Authorization header, and would send loopback through the proxy.
                trust_env=False,
                proxy=proxy_for(self._base),
            )
        return self._session


class _Connector(aiohttp.TCPConnector):
    """Checks each request once its connection stands."""

    def __init__(
        self, check: Callable[[str], Awaitable[None]], *, keepalive_timeout: float
    ) -> None:
        super().__init__(keepalive_timeout=keepalive_timeout)
        self._check = check

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's own signature
    ) -> Connection:
        """Hand out a connection, unless the check refuses the request."""
        connection = await super().connect(req, traces, timeout)
        with ExitStack() as stack:
            stack.callback(connection.close)
            await self._check(req.method)
            stack.pop_all()  # it stays open: the check let it pass
        return connection


class _CheckedBody(aiohttp.BytesPayload):
    """A body that is checked as it leaves, and the headers with it.

    Before Python 3.12 that is a turn of the loop after the connection was handed out,
    in which others get theirs. ``refusal`` is what the check raised.
    """

    def __init__(self, content: bytes, check: Callable[[], Awaitable[None]]) -> None:
        super().__init__(content)
        self._check = check
        self.refusal: ServiceError | None = None

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write it, unless the check refuses it."""
        try:
            await self._check()
        except ServiceError as error:
            self.refusal = error
            raise
        await super().write_with_length(writer, content_length)


class SeveredError(aiohttp.ClientError):
    """The connection broke after it stood: the request may have been handled."""


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode(errors="replace")


def _unprintable(service: str) -> ConfigError:
    return ConfigError(
        f"A token or key for {service} holds a line break or another control "
        "character.",
        remedy="Copy it again, without anything around it.",
        service=service,
    )


async def send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a request again on its own (a client middleware).

    It does so once for GET, PUT, DELETE and other idempotent methods when the
    connection breaks, on fresh connections too (``ClientSession._request``, 3.14). That
    would send a removal twice unseen, and a read past the pacer. Only ClientOSError and
    ServerDisconnectedError make it do so.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        pass
    raise SeveredError


#: What aiohttp would do by itself and is decided here: see ``client.py``, ``body.py``.
_PLAIN: dict[str, Any] = {
    "allow_redirects": False,
    "raise_for_status": False,
    "auto_decompress": False,
    "middlewares": (send_once,),
}


@cache
def user_agent() -> str:
    """Return name and version; an empty or a stock agent is blocked at Trakt's door."""
    try:
        version = metadata.version("trakt2discovr")
    except metadata.PackageNotFoundError:  # run from a bare source tree
        version = "0"
    return f"trakt2discovr/{version}"


def proxy_for(base: URL) -> str | None:
    """Return the proxy that the environment or the system names for that address."""
    host = base.host or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxy = urllib.request.getproxies().get(base.scheme)
    if not proxy:
        return None
    scheme = proxy.partition("://")[0] if "://" in proxy else "http"
    if scheme not in {"http", "https"}:
        raise ConfigError(
            f"The proxy that the environment names for {base.scheme} is a {scheme} "
            "proxy, which is not supported.",
            remedy="Name an http proxy in HTTPS_PROXY, or the host in NO_PROXY.",
        )
    address = proxy if "://" in proxy else f"http://{proxy}"
    if not _is_usable(address):
        raise ConfigError(
            f"The proxy that the environment names for {base.scheme} is no address "
            "that can be used.",
            remedy="Write it as http://host:port in HTTPS_PROXY.",
        )
    return address


def _is_usable(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        host, _ = parts.hostname, parts.port
        # As a header takes a login.
        unquote(f"{parts.username}:{parts.password}").encode("latin-1")
    except ValueError:
        return False
    return bool(host) and is_host(host or "")

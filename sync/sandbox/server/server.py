"""What all stand-ins share: a loopback server that remembers, lags and fails on cue."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from sync.sandbox.server.faults import FaultKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from sync.sandbox.server.faults import Answer, Fault, FaultPlan

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOST = "127.0.0.1"
#: How long a stop waits for answers under way, on top of hurrying them.
_SHUTDOWN_S = 1.0


def utc_now() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as it arrived. ``status`` None: no answer was given (yet).

    ``number`` is the running number that ``faults`` was asked with. Headers are kept
    without the Authorization, of which only is said whether there was one; neither they
    nor the body show in its repr.
    """

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    at: datetime
    status: int | None = None
    fault: FaultKind | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Any = field(default=None, repr=False)
    has_login: bool = False


class RefusedError(Exception):
    """The service refuses a request; each stand-in words it in its own way."""

    def __init__(
        self,
        status: int,
        code: str = "",
        message: str = "",
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code
        self.message = message or code
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


class StandIn(ABC):
    """One service on loopback. Start it, or use it as an async context manager.

    It may be stopped and started again, on another port or on the same, and keeps what
    it holds. ``latency_s`` is waited before each request is looked at; ``faults`` is
    asked what goes wrong with each.
    """

    def __init__(self, *, now: Callable[[], datetime] = utc_now) -> None:
        self.url = ""
        self.seen: list[SeenRequest] = []
        self.latency_s: float = 0
        self.faults: FaultPlan | None = None
        self._now = now
        self._arrived = 0
        self._runner: web.AppRunner | None = None
        self._late: set[asyncio.Task[None]] = set()
        self._hurry = asyncio.Event()

    @abstractmethod
    def routes(self) -> Iterable[web.RouteDef]:
        """Return what the service answers to."""

    @abstractmethod
    def admit(self, request: web.Request) -> None:
        """Refuse, by RefusedError, what the service refuses before it routes."""

    @abstractmethod
    def refuse(self, refusal: RefusedError) -> web.Response:
        """Word a refusal as the service does."""

    def signature(
        self, request: web.Request, response: web.StreamResponse
    ) -> dict[str, str]:
        """Return the headers that mark an answer as the service's own."""
        del request, response
        return {}

    def requests(self, method: str | None = None, path: str = "") -> list[SeenRequest]:
        """Return what was seen of one method, below one path."""
        return [
            seen
            for seen in self.seen
            if method in (None, seen.method) and seen.path.startswith(path)
        ]

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; ``url`` then says where."""
        self._hurry = asyncio.Event()
        app = web.Application(middlewares=[self._serve], client_max_size=8 * 2**20)
        app.add_routes(list(self.routes()))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port).start()
        self.url = f"http://{HOST}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening. Slow answers are hurried, late effects take place now."""
        self._hurry.set()
        await self.settle()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def settle(self) -> None:
        """Let every late effect take place now, so that no test has to wait for it."""
        self._hurry.set()
        while self._late:
            await asyncio.gather(*self._late)
        if self._runner is not None:
            self._hurry = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @web.middleware
    async def _serve(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        number, self._arrived = self._arrived, self._arrived + 1
        await request.read()
        fault = self.faults(request, number) if self.faults else None
        seen = SeenRequest(
            number=number,
            method=request.method,
            path=request.path,
            query=dict(request.query),
            at=self._now(),
            fault=fault.kind if fault else None,
            headers={
                name: value
                for name, value in request.headers.items()
                if name.lower() != "authorization"
            },
            body=await _body(request),
            has_login="Authorization" in request.headers,
        )
        self.seen.append(seen)
        if self.latency_s:
            await self._pause(self.latency_s)
        answer = partial(self._answer, request, handler)
        response = await (self._spoil(fault, request, answer) if fault else answer())
        self._note(seen, None if _is_cut(request) else response.status)
        return response

    def _note(self, seen: SeenRequest, status: int | None) -> None:
        # From the end: what is under way is never far from it. By identity: a test may
        # have cleared the list meanwhile.
        for index in range(len(self.seen) - 1, -1, -1):
            if self.seen[index] is seen:
                self.seen[index] = replace(seen, status=status)
                return

    async def _answer(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        response: web.StreamResponse
        try:
            self.admit(request)
            response = await handler(request)
        except RefusedError as refusal:
            response = self.refuse(refusal)
        except web.HTTPException as error:  # no such route, no such method
            response = self.refuse(RefusedError(error.status, "", error.reason))
        response.headers["Date"] = format_datetime(self._now(), usegmt=True)
        response.headers.update(self.signature(request, response))
        return response

    async def _spoil(
        self, fault: Fault, request: web.Request, answer: Answer
    ) -> web.StreamResponse:
        if fault.kind is FaultKind.LATE:
            self._take_effect_later(fault.after_s, answer)
            return _cut(request)
        genuine = await answer() if fault.takes_effect else None
        match fault.kind:
            case FaultKind.CUT:
                return _cut(request)
            case FaultKind.GARBLED if genuine is not None:
                return _halve(genuine)
            case FaultKind.SHORT_BODY if genuine is not None:
                return await _cut_body(request, genuine)
            case FaultKind.SLOW:
                await self._pause(fault.after_s)
                return genuine or fault.response()
            case _:
                return fault.response()

    def _take_effect_later(self, after_s: float, answer: Answer) -> None:
        async def take_effect() -> None:
            await self._pause(after_s)
            await answer()

        task = asyncio.create_task(take_effect())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _pause(self, seconds: float) -> None:
        hurry = asyncio.ensure_future(self._hurry.wait())
        await asyncio.wait([hurry], timeout=seconds)
        hurry.cancel()


def object_body(request_body: object) -> dict[str, Any]:
    """Return the JSON object that was sent, or refuse what is none."""
    if not isinstance(request_body, dict):
        raise RefusedError(400, "INVALID_BODY", "The body has to be a JSON object.")
    return request_body


async def json_object(request: web.Request) -> dict[str, Any]:
    """Read the body as a JSON object, or refuse."""
    return object_body(await _body(request))


def page_of(items: Sequence[Any], page: int, limit: int) -> list[Any]:
    """Cut one page, counted from 1, out of a list."""
    return list(items[(page - 1) * limit : page * limit])


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError:
        return None


def _is_cut(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _text(response: web.StreamResponse) -> bytes:
    body = response.body if isinstance(response, web.Response) else None
    return body if isinstance(body, bytes) else b""


def _halve(response: web.StreamResponse) -> web.Response:
    whole = _text(response) or b"{}"
    return web.Response(
        status=response.status if _text(response) else 200,
        body=whole[: len(whole) // 2],
        content_type="application/json",
    )


async def _cut_body(
    request: web.Request, response: web.StreamResponse
) -> web.StreamResponse:
    whole = _text(response) or b"{}"
    cut = web.StreamResponse(
        status=response.status if _text(response) else 200,
        headers={
            "Content-Type": "application/json",
            "Content-Length": str(len(whole) + 100),
        },
    )
    cut.force_close()
    await cut.prepare(request)
    await cut.write(whole)
    return cut

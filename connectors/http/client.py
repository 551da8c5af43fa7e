"""The one way to ask a service for something: paced, retried and bounded.

No exception of aiohttp leaves this module, and no message or log line of it holds more
than service, method, label and status. What an outcome means is decided in
``outcome.py``, how often to try in ``retry.py``, when a request may go in
``throttle.py`` and ``pacing.py``; ``transport.py`` talks to aiohttp.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, Self

from yarl import URL

from connectors.clock import SystemClock
from connectors.errors import (
    AuthError,
    ServiceError,
    TransientError,
    UnknownOutcomeError,
)
from connectors.http.outcome import Call, judge_answer, redirect_target
from connectors.http.pacing import TOLD_FROM_S, OpenPacer
from connectors.http.response import Response
from connectors.http.retry import Progress, RetryPolicy, retry_after_s, retrying
from connectors.http.throttle import RequestStats, Throttle
from connectors.http.transport import READS, Transport
from connectors.urls import check_base_url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType

    import aiohttp

    from connectors.clock import Clock
    from connectors.http.entrance import Entrance
    from connectors.http.pacing import Pacer

__all__ = [
    "Auth",
    "HttpClient",
    "RequestStats",
    "Response",
    "RetryPolicy",
    "check_base_url",
]

_log = logging.getLogger("trakt2discovr.http")
_MAX_REDIRECTS = 5
#: No answer to a small question is larger.
MOST_BYTES = 8_000_000


class Auth(Protocol):
    """Says who is asking."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of the next attempt; called before each one."""

    async def renew(self, rejected: Mapping[str, str], refusal: AuthError) -> None:
        """Get a new login, because the service refused these headers, and how.

        Called once per request, which then goes once more. Raises AuthError when there
        is nothing to renew.
        """


@dataclass(frozen=True, slots=True)
class _Message:
    """What goes over the wire; never logged."""

    url: URL
    params: Mapping[str, str | int | float]
    json: Any
    text: str | None
    is_authorized: bool
    most_bytes: int


class HttpClient:
    """A client of one service, used as an async context manager.

    A ``session`` of the caller's stays the caller's; its own middlewares do not run.
    ``explain`` may turn a status of 400 and above into a better error, whose class then
    decides about retries. ``on_wait(service, seconds, reason)`` is told of every wait
    of a second or more, and of shorter ones before a retry once they add up to one;
    not of those of a pacer that was given. ``setting`` names the key
    that holds ``base_url``, for the remedies. ``on_answer`` sees every answer, refusals
    too, as soon as it is there. ``most_bytes`` is how large an answer may be, unpacked.
    Clients of one service that have budgets of their own share its ``entrance``.
    """

    def __init__(  # noqa: PLR0913 - one keyword per thing that a caller may bring
        self,
        service: str,
        base_url: str,
        *,
        session: aiohttp.ClientSession | None = None,
        auth: Auth | None = None,
        pacer: Pacer | None = None,
        retry: RetryPolicy | None = None,
        timeout_s: float = 30.0,
        headers: Mapping[str, str] | None = None,
        explain: Callable[[Response], ServiceError | None] | None = None,
        clock: Clock | None = None,
        on_wait: Callable[[str, float, str], None] | None = None,
        setting: str | None = None,
        on_answer: Callable[[Response], None] | None = None,
        most_bytes: int = MOST_BYTES,
        entrance: Entrance | None = None,
    ) -> None:
        self._setting = setting or f"{service.lower()}.api_url"
        check_base_url(base_url, self._setting)
        self.service = service
        self._base = URL(base_url)
        self._transport = Transport(
            self._base, session=session, headers=headers or {}, timeout_s=timeout_s
        )
        self._auth = auth
        self._clock = clock or SystemClock()
        self._on_wait = partial(on_wait, service) if on_wait else None
        self._retry = retry or RetryPolicy()
        #: What hands out its slots.
        self.pacer = pacer or OpenPacer(clock=self._clock, on_wait=self._on_wait)
        self._throttle = Throttle(
            service,
            self.pacer,
            policy=self._retry,
            clock=self._clock,
            entrance=entrance,
        )
        self._explain = explain
        self._most_bytes = most_bytes
        #: What was waited before retries since that was told last.
        self._untold_s = 0.0
        self._on_answer = on_answer

    @property
    def stats(self) -> RequestStats:
        """The counters of this client so far."""
        return self._throttle.stats

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def check_writes(self, check: Callable[[], Awaitable[None]]) -> None:
        """Await ``check`` before each attempt that may change anything.

        It comes after every wait, as late as can be; where it raises, nothing leaves.
        It may raise a ServiceError.
        """
        self._transport.check_writes(check)

    async def close(self) -> None:
        """Close the session, unless it is the caller's."""
        await self._transport.close()

    async def request(  # noqa: PLR0913  # each says something else about one call
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | float | None] | None = None,
        json: Any = None,
        text: str | None = None,
        label: str | None = None,
        repeatable: bool | None = None,
        authorize: bool = True,
        expect_json: bool = True,
        most_bytes: int | None = None,
    ) -> Response:
        """Send a request and return its answer: whole, and with a status below 300.

        ``path`` is below the base address; parameters that are None are left out. The
        body is ``json``, or ``text`` as it stands.
        ``label`` replaces the path in messages and logs. What is not ``repeatable``
        (by default everything but GET and HEAD) is tried again only if it certainly had
        no effect, else it raises UnknownOutcomeError. ``expect_json=False`` takes any
        body. ``most_bytes`` is how large the answer to this request may be; with 0 its
        body is not read at all. Raises a ServiceError, and nothing else.
        """
        method = method.upper()
        is_read = method in READS
        call = Call(
            service=self.service,
            method=method,
            label=f"{method} {label or path}",
            setting=self._setting,
            is_repeatable=is_read if repeatable is None else repeatable,
            expects_json=expect_json,
        )
        message = _Message(
            url=self._base.joinpath(path.lstrip("/")),
            params={k: v for k, v in (params or {}).items() if v is not None},
            json=json,
            text=text,
            is_authorized=authorize,
            most_bytes=self._most_bytes if most_bytes is None else most_bytes,
        )
        progress = Progress()
        outcome = await self._attempt(call, message, progress)
        if isinstance(outcome, TransientError):
            outcome = await self._try_again(outcome, call, message, progress)
        if isinstance(outcome, Response):
            return outcome
        self.stats.unknown += isinstance(outcome, UnknownOutcomeError)
        raise outcome

    async def _try_again(
        self, first: ServiceError, call: Call, message: _Message, progress: Progress
    ) -> Response | ServiceError:
        """Go on after a first attempt that failed and may be repeated.

        The retry loop is built only now: it costs as much as the sending itself.
        """
        failed: list[ServiceError] = [first]

        async def attempt() -> Response | ServiceError:
            return (
                failed.pop() if failed else await self._attempt(call, message, progress)
            )

        loop = retrying(
            self._retry,
            progress,
            is_passing=lambda outcome: isinstance(outcome, TransientError),
            sleep=partial(self._back_off, call, progress),
        )
        outcome: Response | ServiceError = await loop(attempt)
        return outcome

    async def _attempt(
        self, call: Call, message: _Message, progress: Progress
    ) -> Response | ServiceError:
        progress.attempts += 1
        progress.is_paused = False
        outcome = await self._exchange(call, message, progress)
        is_renewable = message.is_authorized and not progress.is_renewed
        if isinstance(outcome, AuthError) and self._auth and is_renewable:
            progress.is_renewed = True
            await self._auth.renew(progress.login, outcome)
            outcome = await self._exchange(call, message, progress)
        return outcome

    async def _exchange(
        self, call: Call, message: _Message, progress: Progress
    ) -> Response | ServiceError:
        """Send, follow redirects that stay on the host, and judge what came of it."""
        answer = await self._send(call, message, progress)
        for _ in range(_MAX_REDIRECTS):
            if not isinstance(answer, Response) or not 300 <= answer.status < 400:
                break
            target = redirect_target(call, answer, message.url)
            if isinstance(target, ServiceError):
                return target
            message = replace(message, url=target, params={})
            answer = await self._send(call, message, progress)
        outcome: Response | ServiceError = answer
        if isinstance(answer, Response):
            asked_s = retry_after_s(answer.headers, self._clock.now())
            error = judge_answer(call, answer, asked_s, self._explain)
            if error is not None:
                # Cloudflare's 429 lacks it, and so does a service that is down.
                is_own = answer.status == 429 and "X-Ratelimit" in answer.headers
                outcome = self._throttle.heed(
                    error, asked_s, progress, is_own_quota=is_own
                )
        if isinstance(outcome, ServiceError):
            progress.reason = outcome.message
        return outcome

    async def _send(
        self, call: Call, message: _Message, progress: Progress
    ) -> Response | ServiceError:
        """Take a slot and send, with the login of the moment."""
        async with self._throttle.slot() as slot:
            sent_at = self._clock.monotonic()
            if self._auth is not None and message.is_authorized:
                progress.login = await self._auth.headers()
            self.stats.requests += 1
            answer = await self._transport.send(
                call,
                message.url,
                params=message.params,
                json=message.json,
                text=message.text,
                login=progress.login,
                most_bytes=message.most_bytes,
            )
            if isinstance(answer, Response):
                slot.status, slot.headers = answer.status, answer.headers
                if self._on_answer is not None:
                    self._on_answer(answer)
        took_s = self._clock.monotonic() - sent_at
        progress.spent_s += took_s
        _log.debug(
            "%s: %s, %s, %.0f ms, attempt %d",
            call.service,
            call.label,
            slot.status or type(answer).__name__,
            took_s * 1000,
            progress.attempts,
            extra={"key": "http.request"},
        )
        return answer

    async def _back_off(self, call: Call, progress: Progress, seconds: float) -> None:
        """Wait before the next attempt, unless the pacer holds everybody back."""
        self.stats.retries += 1
        _log.debug(
            "%s: %s is tried again, attempt %d failed",
            call.service,
            call.label,
            progress.attempts,
            extra={"key": "http.retry"},
        )
        if seconds <= 0:
            return
        self._untold_s += seconds
        # Many short waits would cost as much unseen as a long one.
        if self._on_wait is not None and self._untold_s >= TOLD_FROM_S:
            self._on_wait(seconds, progress.reason)
            self._untold_s = 0.0
        await self._clock.sleep(seconds)
        progress.spent_s += seconds
        self.stats.waits_s += seconds

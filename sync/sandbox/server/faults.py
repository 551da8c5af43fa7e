"""What can go wrong with one answer, said as values, and seeded mixes of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from email.utils import format_datetime
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

CLOUDFLARE_PAGE = """<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare\
</title></head><body><h1>Sorry, you have been blocked</h1></body></html>"""
GATEWAY_PAGE = """<html><head><title>{status}</title></head><body><center><h1>{status}\
</h1></center><hr><center>cloudflare</center></body></html>"""

_JSON_FAULT = b'{"error":"server_error","message":"Something went wrong."}'


class FaultKind(Enum):
    """Where the answer goes wrong."""

    STATUS = "another status than the service meant"
    CUT = "the connection ends without an answer"
    GARBLED = "the body ends early, and its length says so"
    SHORT_BODY = "the body ends before its announced length"
    HTML = "200 with a web page in place of JSON"
    SLOW = "the answer takes long"
    LATE = "cut at once; the request takes effect some time later"


@dataclass(frozen=True, slots=True)
class Fault:
    """One spoilt answer. ``takes_effect`` says whether the service did what was asked.

    Made by the class methods; ``after_s`` belongs to SLOW and LATE alone.
    """

    kind: FaultKind
    takes_effect: bool = True
    status: int = 200
    body: bytes = _JSON_FAULT
    content_type: str = "application/json"
    retry_after: str | None = None
    after_s: float = 0

    @classmethod
    def answer(
        cls,
        status: int,
        *,
        retry_after: str | int | datetime | None = None,
        html: bool = False,
        takes_effect: bool = False,
    ) -> Fault:
        """Another status; ``retry_after`` in seconds, as a date, or as raw text."""
        if retry_after is not None and not isinstance(retry_after, str | int):
            retry_after = format_datetime(retry_after, usegmt=True)
        page = GATEWAY_PAGE.format(status=status).encode()
        return cls(
            FaultKind.STATUS,
            takes_effect=takes_effect,
            status=status,
            body=page if html else _JSON_FAULT,
            content_type="text/html" if html else "application/json",
            retry_after=None if retry_after is None else str(retry_after),
        )

    @classmethod
    def cloudflare(cls, status: int = 403, *, retry_after: int | None = None) -> Fault:
        """Cloudflare's block page: HTML, and nothing of the service itself."""
        return cls(
            FaultKind.STATUS,
            takes_effect=False,
            status=status,
            body=CLOUDFLARE_PAGE.encode(),
            content_type="text/html",
            retry_after=None if retry_after is None else str(retry_after),
        )

    @classmethod
    def cut_before(cls) -> Fault:
        """Cut the connection before the request has any effect."""
        return cls(FaultKind.CUT, takes_effect=False)

    @classmethod
    def cut_after(cls) -> Fault:
        """Let the request take effect, then cut the connection."""
        return cls(FaultKind.CUT)

    @classmethod
    def garbled(cls) -> Fault:
        """Let the request take effect, then answer with half of the JSON."""
        return cls(FaultKind.GARBLED)

    @classmethod
    def short_body(cls) -> Fault:
        """Let the request take effect, then cut the body before its end."""
        return cls(FaultKind.SHORT_BODY)

    @classmethod
    def html(cls, *, takes_effect: bool = True) -> Fault:
        """Answer 200 with a web page."""
        page = GATEWAY_PAGE.format(status="Just a moment...").encode()
        return cls(
            FaultKind.HTML,
            takes_effect=takes_effect,
            body=page,
            content_type="text/html",
        )

    @classmethod
    def slow(cls, after_s: float, *, takes_effect: bool = True) -> Fault:
        """Let the request take effect at once, and answer ``after_s`` later.

        Without effect, nothing happens but that the client waits: the answer is a 504.
        """
        return cls(
            FaultKind.SLOW, takes_effect=takes_effect, status=504, after_s=after_s
        )

    @classmethod
    def late(cls, after_s: float) -> Fault:
        """Cut at once; the request takes effect ``after_s`` later."""
        return cls(FaultKind.LATE, takes_effect=False, after_s=after_s)

    def response(self) -> web.Response:
        """Return the answer that stands in for the service's own."""
        headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
        return web.Response(
            status=self.status,
            body=self.body,
            content_type=self.content_type,
            headers=headers,
        )


#: Asked once per request, with its running number from 0; None: nothing goes wrong.
FaultPlan: TypeAlias = "Callable[[web.Request, int], Fault | None]"
#: What produces the genuine answer, and with it the effect.
Answer: TypeAlias = "Callable[[], Awaitable[web.StreamResponse]]"


def fault_mix(*, slow_s: float = 0.05, late_s: float = 0.05) -> tuple[Fault, ...]:
    """Return every way in which an answer goes wrong, with effect and without."""
    return (
        Fault.answer(500),
        Fault.answer(500, takes_effect=True),
        Fault.answer(502, html=True),
        Fault.answer(502, html=True, takes_effect=True),
        Fault.answer(503, retry_after=1),
        Fault.answer(503),
        Fault.answer(503, takes_effect=True),
        Fault.answer(504, takes_effect=True),
        Fault.cut_before(),
        Fault.cut_after(),
        Fault.garbled(),
        Fault.short_body(),
        Fault.html(),
        Fault.slow(slow_s),
        Fault.late(late_s),
    )


def seeded_faults(
    seed: int,
    share: float,
    *,
    mix: Sequence[Fault] | None = None,
    only: Callable[[web.Request], bool] | None = None,
) -> FaultPlan:
    """Spoil ``share`` of the answers, the same ones for the same seed.

    The draw hangs on the running number of the request, so that neither concurrency nor
    ``only`` moves the draws of the others.
    """
    faults = fault_mix() if mix is None else tuple(mix)

    def plan(request: web.Request, number: int) -> Fault | None:
        draw = random.Random(f"{seed}/{number}")  # noqa: S311  # repeatable on purpose
        if draw.random() >= share or (only is not None and not only(request)):
            return None
        return draw.choice(faults)

    return plan

"""Device codes: the sign-in on a second screen, as both services offer it."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from aiohttp import web

from sync.sandbox.server.credentials import made_up

if TYPE_CHECKING:
    from collections.abc import Callable

_PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>{service}</title>\
</head><body><h1>{service} (sandbox)</h1><p>{text}</p><form method="post">\
<input name="code" value="{code}"> <button name="answer" value="approve">Allow\
</button> <button name="answer" value="refuse">Refuse</button></form></body></html>"""


class GrantState(Enum):
    """What became of a device code."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    SPENT = "spent"


@dataclass(slots=True)
class Grant:
    """One device code under way."""

    device_code: str
    user_code: str
    expires_at: datetime
    state: GrantState = GrantState.PENDING
    polls: int = 0
    polled_at: datetime | None = None


class DeviceCodes:
    """Issues device codes, and plays the person who answers on the second screen.

    With ``approves_after_polls`` the person needs no test to say yes.
    """

    def __init__(
        self,
        service: str,
        now: Callable[[], datetime],
        *,
        lifetime_s: float,
        user_code: Callable[[int], str],
        approves_after_polls: int | None = None,
    ) -> None:
        self._service = service
        self._now = now
        self._lifetime = timedelta(seconds=lifetime_s)
        self._user_code = user_code
        self._approves_after_polls = approves_after_polls
        self._grants: dict[str, Grant] = {}

    def issue(self) -> Grant:
        """Begin a sign-in."""
        number = len(self._grants) + 1
        device_code = made_up(f"{self._service} device code {number}")
        expires_at = self._now() + self._lifetime
        grant = Grant(device_code, self._user_code(number), expires_at)
        self._grants[device_code] = grant
        return grant

    def poll(self, device_code: str) -> Grant | None:
        """Return what became of a code, and count the question."""
        grant = self._grants.get(device_code)
        if grant is None:
            return None
        grant.polls += 1
        after = self._approves_after_polls
        if grant.state is GrantState.PENDING:
            if self._now() >= grant.expires_at:
                grant.state = GrantState.EXPIRED
            elif after is not None and grant.polls > after:
                grant.state = GrantState.APPROVED
        return grant

    def approve(self, user_code: str | None = None) -> None:
        """Say yes, to the newest code unless one is named. Raises LookupError."""
        self._set(user_code, GrantState.APPROVED)

    def refuse(self, user_code: str | None = None) -> None:
        """Say no. Raises LookupError."""
        self._set(user_code, GrantState.REFUSED)

    def expire(self, user_code: str | None = None) -> None:
        """Let a code run out before its time. Raises LookupError."""
        self._set(user_code, GrantState.EXPIRED)

    def _set(self, user_code: str | None, state: GrantState) -> None:
        grants = [
            grant
            for grant in self._grants.values()
            if grant.state is GrantState.PENDING
            and user_code in (None, grant.user_code)
        ]
        if not grants:
            raise LookupError(f"no code {user_code or ''} is waiting for an answer")
        grants[-1].state = state

    def routes(self) -> list[web.RouteDef]:
        """Return the page on which a person answers."""
        return [
            web.get("/activate", self._show),
            web.post("/activate", self._take_answer),
        ]

    async def _show(self, request: web.Request) -> web.Response:
        return self._page("Enter the code.", request.query.get("code", ""))

    async def _take_answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        code = str(form.get("code", "")).strip()
        answer = self.approve if form.get("answer") == "approve" else self.refuse
        try:
            answer(code)
        except LookupError:
            return self._page("No such code is waiting.", code)
        return self._page("Done. You can close this page.", code)

    def _page(self, text: str, code: str) -> web.Response:
        page = _PAGE.format(service=self._service, text=text, code=html.escape(code))
        return web.Response(text=page, content_type="text/html")

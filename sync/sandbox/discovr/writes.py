"""How Discovr's writes take effect and are answered: at once or late, with any 2xx."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from sync.sandbox.server.server import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sync.sandbox.discovr.quirks import DiscovrQuirks


class Writes:
    """Lets each write take effect when the quirks say so, in the order of arrival."""

    def __init__(self, quirks: DiscovrQuirks, now: Callable[[], datetime]) -> None:
        self._quirks = quirks
        self._now = now
        self._late: deque[tuple[datetime, Callable[[], object]]] = deque()

    def write(self, effect: Callable[[], object], message: str) -> web.Response:
        """Take a write, and answer it."""
        if self._quirks.applied_late_s:
            due = self._now() + timedelta(seconds=self._quirks.applied_late_s)
            self._late.append((due, effect))
        else:
            effect()
        status = self._quirks.write_status
        if status == 204:
            return web.Response(status=status)
        return web.json_response({"message": message}, status=status)

    def catch_up(self) -> None:
        """Let the late writes that are due take effect."""
        while self._late and self._late[0][0] <= self._now():
            _, effect = self._late.popleft()
            with suppress(RefusedError):  # its answer is long gone
                effect()

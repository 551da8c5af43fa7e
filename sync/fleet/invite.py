"""A small page on which a profile's person signs in, by a link of her own.

Codes live for minutes, so one is made when the link is opened. The page says what to do
and looks again by itself; it has no script, and nothing on it is anybody else's.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from connectors.auth.device import CodeRefusedError
from connectors.errors import AuthError, ConfigError, ServiceError
from sync.fleet.calendar import State
from sync.fleet.logins import standing_of
from sync.fleet.sign_in import asked, lacking, sign_in, soon_ending
from sync.runtime import logs
from sync.runtime.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp.typedefs import Handler

    from connectors.auth.device import DeviceCode
    from connectors.discovr.models import Profile as DiscovrProfile
    from sync.fleet.open import Fleet
    from sync.fleet.profiles import Profile
    from sync.wiring.logins import Service

PATH = "/invite/"
#: So many people may be signing in at once.
_MOST = 200
#: So often the page looks whether there is something new.
_LOOK_S = 5
#: What a link of a service may begin with.
_SCHEMES = ("https://", "http://")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{refresh}<title>Sign in</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 2rem auto;
  padding: 0 1rem; color: #1b1b1b; background: #fff; }}
code {{ font-size: 2rem; letter-spacing: .1em; }}
img {{ width: 12rem; height: 12rem; image-rendering: pixelated; }}
@media (prefers-color-scheme: dark) {{ body {{ color: #eee; background: #161616; }}
  a {{ color: #9cf; }} img {{ background: #fff; padding: .5rem; }} }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


@dataclass
class Visit:
    """The sign-in of one profile, as far as it got; what its page shows.

    ``before`` is the service that a sign-in failed for, and why, until that succeeds.
    """

    profile: Profile
    service: Service | None = None
    code: DeviceCode | None = None
    told: str = ""
    before: tuple[Service, str] | None = None
    failure: ServiceError | None = None
    is_done: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    def invite(self, code: DeviceCode) -> None:
        """Show where to go and which code to enter."""
        self.code, self.told = code, ""

    def tell(self, problem: ServiceError) -> None:
        """Say what went wrong; the sign-in goes on nevertheless."""
        self.told = problem.message

    async def choose(self, profiles: Sequence[DiscovrProfile]) -> DiscovrProfile | None:
        """Ask nothing: the fleet knows which profile it is."""
        del profiles
        return None


class Invitations:
    """The sign-ins under way, by profile. Leave it to end them."""

    def __init__(self, fleet: Fleet, read_qr: Callable[[bytes], str | None]) -> None:
        self._fleet = fleet
        self._read_qr = read_qr
        self._vault = fleet.vault()
        self._visits: dict[int, Visit] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def link(self, profile: Profile, base: str) -> str:
        """Return the link of a profile."""
        token = self._vault.invite(profile.id, profile.profile)
        return f"{base.rstrip('/')}{PATH}{token}"

    def answers(self) -> dict[str, Handler]:
        """Return what is answered, by path."""
        return {f"{PATH}{{token}}": self._answer}

    async def close(self) -> None:
        """End what is under way."""
        for visit in [*self._visits.values()]:
            self._end(visit)
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _answer(self, request: web.Request) -> web.Response:
        invited = self._vault.read_invitation(request.match_info["token"])
        found = await self._fleet.profiles.get(invited[0]) if invited else None
        visit = self._visits.get(invited[0]) if invited else None
        if invited and found and found.profile != invited[1]:
            found = visit = None
        if visit and not (found and found.is_read_by(visit.profile.source)):
            self._end(visit)
            visit = None
        if found is None:
            return _page("This link is over", _said("Ask for a new one."), status=404)
        is_over = visit is None or await self._is_over(visit, found)
        # Somebody else may have opened the same link meanwhile.
        now = self._visits.get(found.id)
        visit = self._begin(found, visit) if is_over and now is visit else now
        if visit is None:
            words = "Too many people sign in at this moment. It is tried again."
            return _page("One moment", _said(words), is_waiting=True)
        return self._show(visit)

    def _end(self, visit: Visit) -> None:
        """Give up a sign-in, such as one for what the profile is no more."""
        del self._visits[visit.profile.id]
        if visit.task and not visit.task.done():
            visit.task.cancel()
            self._ending.add(visit.task)
            visit.task.add_done_callback(self._ending.discard)

    async def _is_over(self, visit: Visit, profile: Profile) -> bool:
        """Whether to begin anew: it failed, or a login was lost since it was done."""
        if not visit.is_done:
            return bool(visit.task and visit.task.done())
        # It may have been done while the table was read, which says so only now.
        now = await self._fleet.profiles.get(profile.id) or profile
        logins = await standing_of(self._fleet.database, [now])
        return now.state is State.NEEDS_LOGIN or bool(lacking(now, logins))

    def _begin(self, profile: Profile, last: Visit | None) -> Visit | None:
        tasks = (v.task for v in self._visits.values())
        if sum(bool(task and not task.done()) for task in tasks) >= _MOST:
            return None
        visit = self._visits[profile.id] = Visit(profile)
        if last and not last.is_done:
            visit.before = last.before
            if last.failure and last.service and _is_to_mend(last.failure):
                visit.before = last.service, last.failure.message
            elif last.failure:
                visit.told = last.failure.message
        visit.task = asyncio.create_task(self._sign_in(visit))
        return visit

    def _show(self, visit: Visit) -> web.Response:
        if visit.is_done:
            words = "That was all. You can close this page."
            return _page("You are signed in", _said(words))
        before = visit.before[1] if visit.before else ""
        told = [_said(words) for words in (before, visit.told) if words]
        code = visit.code
        if code is None:
            body = [*told, _said("A code is being made.")]
            return _page("One moment", "\n".join(body), is_waiting=True)
        address = code.address
        if address is None and code.picture:
            address = self._read_qr(code.picture)
        after = _said("This page goes on by itself once you have approved it.")
        body = [*told, *_code(code, address), after]
        user = visit.profile.user if visit.service == "trakt" else None
        name = (visit.service or "").title()
        title = f"Sign in to {name}" + (f" as {user}" if user else "")
        return _page(title, "\n".join(body), is_waiting=True)

    async def _sign_in(self, visit: Visit) -> None:
        fleet, profile = self._fleet, visit.profile
        try:
            logins = await standing_of(fleet.database, [profile])
            services = asked(profile, logins, await soon_ending(fleet))
            if visit.before and visit.before[0] not in services:
                visit.before = None  # it was mended elsewhere
            for service in services:
                visit.service, visit.code = service, None
                await sign_in(fleet, profile, service, visit, Stop())
                if visit.before and visit.before[0] == service:
                    visit.before = None
            await fleet.profiles.signed_in(profile.id, fleet.clock.now())
        except ServiceError as error:
            visit.failure = error
            logs.tell("fleet.uninvited", f"{profile.profile}: {error.message}")
        else:
            visit.is_done, visit.code = True, None
            logs.tell("fleet.invited", f"{profile.profile} has signed in.")


def _is_to_mend(failure: ServiceError) -> bool:
    """Whether it goes wrong again unless somebody does something about it."""
    passes = isinstance(failure, CodeRefusedError)
    return isinstance(failure, AuthError | ConfigError) and not passes


def _code(code: DeviceCode, address: str | None) -> list[str]:
    """Return what leads to where the code is approved, and the code."""
    parts = []
    if address and address.startswith(_SCHEMES):
        shown = escape(address, quote=True)
        link = (
            f'<a href="{shown}" target="_blank" rel="noopener noreferrer">{shown}</a>'
        )
        parts.append(f"<p>Open {link} and enter this code:</p>")
    elif code.picture:
        data = base64.b64encode(code.picture).decode()
        parts.append("<p>Scan this picture with your phone, and enter this code:</p>")
        parts.append(f'<p><img alt="QR code" src="data:image/png;base64,{data}"></p>')
    parts.append(f"<p><code>{escape(code.user_code)}</code></p>")
    return parts


def _said(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _page(
    title: str, body: str, *, is_waiting: bool = False, status: int = 200
) -> web.Response:
    refresh = f'<meta http-equiv="refresh" content="{_LOOK_S}">\n' if is_waiting else ""
    text = _PAGE.format(refresh=refresh, title=escape(title), body=body)
    return web.Response(
        text=text, status=status, content_type="text/html", headers=_HEADERS
    )

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

from connectors.errors import ServiceError
from sync.fleet.calendar import State
from sync.fleet.logins import standing_of
from sync.fleet.sign_in import asked, lacking, sign_in
from sync.runtime import logs
from sync.runtime.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp.typedefs import Handler

    from connectors.auth.device import DeviceCode
    from connectors.discovr.models import Profile as DiscovrProfile
    from sync.fleet.open import Fleet
    from sync.fleet.profiles import Profile

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

    ``before`` says why the one before it came to nothing: it is there to be read as
    long as this one goes on.
    """

    profile: Profile
    service: str = ""
    code: DeviceCode | None = None
    told: str = ""
    before: str = ""
    failure: str = ""
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

    def link(self, profile: Profile, base: str) -> str:
        """Return the link of a profile."""
        return f"{base.rstrip('/')}{PATH}{self._vault.invite(profile.id)}"

    def answers(self) -> dict[str, Handler]:
        """Return what is answered, by path."""
        return {f"{PATH}{{token}}": self._answer}

    async def close(self) -> None:
        """End what is under way."""
        tasks = [v.task for v in self._visits.values() if v.task and not v.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, request: web.Request) -> web.Response:
        number = self._vault.read_invitation(request.match_info["token"])
        found = None if number is None else await self._fleet.profiles.get(number)
        if found is None:
            return _page("This link is over", _said("Ask for a new one."), status=404)
        visit = self._visits.get(found.id)
        if visit is None or await self._is_over(visit, found):
            failure = visit.failure if visit else ""
            visit = self._begin(found)
            if visit is None:
                words = "Too many people sign in at this moment. It is tried again."
                return _page("One moment", _said(words), is_waiting=True)
            visit.before = failure
        return self._show(visit)

    async def _is_over(self, visit: Visit, profile: Profile) -> bool:
        """Whether to begin anew: it failed, or a login was lost since it was done."""
        if not visit.is_done:
            return bool(visit.task and visit.task.done())
        logins = await standing_of(self._fleet.database, [profile])
        return profile.state is State.NEEDS_LOGIN or bool(lacking(profile, logins))

    def _begin(self, profile: Profile) -> Visit | None:
        under_way = sum(not v.is_done for v in self._visits.values())
        if under_way >= _MOST:
            return None
        visit = self._visits[profile.id] = Visit(profile)
        visit.task = asyncio.create_task(self._sign_in(visit))
        return visit

    def _show(self, visit: Visit) -> web.Response:
        if visit.is_done:
            words = "That was all. You can close this page."
            return _page("You are signed in", _said(words))
        told = [_said(words) for words in (visit.before, visit.told) if words]
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
        title = f"Sign in to {visit.service.title()}" + (f" as {user}" if user else "")
        return _page(title, "\n".join(body), is_waiting=True)

    async def _sign_in(self, visit: Visit) -> None:
        fleet, profile = self._fleet, visit.profile
        try:
            logins = await standing_of(fleet.database, [profile])
            for service in asked(profile, logins):
                visit.service, visit.code = service, None
                await sign_in(fleet, profile, service, visit, Stop())
                visit.before = ""
            await fleet.profiles.signed_in(profile.id, fleet.clock.now())
        except ServiceError as error:
            visit.failure = error.message
            logs.tell("fleet.uninvited", f"{profile.profile}: {error.message}")
        else:
            visit.is_done, visit.code = True, None
            logs.tell("fleet.invited", f"{profile.profile} has signed in.")


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

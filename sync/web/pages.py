"""Fills in the templates of the page; whatever is foreign is escaped by Jinja2."""

from __future__ import annotations

import base64
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from aiohttp import web
from markupsafe import Markup

from connectors.urls import is_loopback
from sync.report.page import asset, make_environment
from sync.report.squares import SQUARES, UNSENT
from sync.web.guard import FORM
from sync.web.steps import due, phase, row
from sync.web.words import describe, for_page

if TYPE_CHECKING:
    from jinja2 import Environment

    from sync.web.job import Job
    from sync.web.move import Move

MOVE: web.AppKey[Move] = web.AppKey("move")
#: Stands on every page of a rehearsal.
BADGE_WORDS = "Rehearsal: nothing leaves this computer"
_PNG = b"\x89PNG\r\n\x1a\n"


def static() -> dict[str, tuple[str, bytes]]:
    """Return the style that the report has too, and the script of the page."""
    script = (files("sync.web") / "templates" / "page.js").read_bytes()
    return {
        "/style.css": ("text/css", asset("style.css").encode()),
        "/page.js": ("text/javascript", script),
    }


def fill_in(template: str, **values: Any) -> str:
    """Return a template with its values, as text that can be sent."""
    html = _environment().get_template(template).render(values)
    # Half of a surrogate pair cannot be sent, and titles come from anywhere.
    return html.encode(errors="replace").decode()


def show(
    request: web.Request, here: str, heading: str, /, template: str = "", **values: Any
) -> web.Response:
    """Answer with the page of a step."""
    return web.Response(
        text=page_text(request, here, heading, template, **values),
        content_type="text/html",
    )


def page_text(
    request: web.Request, here: str, heading: str, /, template: str = "", **values: Any
) -> str:
    """Return the page of a step, with what went wrong last and the row of steps."""
    move = request.app[MOVE]
    problem = _problem(move, here)
    notice, move.notice = move.notice, ""
    shared = {
        "move": move,
        "here": here,
        "badge": BADGE_WORDS,
        "heading": heading,
        "steps": row(move, here),
        "phase": phase(move),
        "token": request[FORM],
        "problem": problem,
        "notice": notice,
        "is_live": False,
    }
    return fill_in(template or f"{here}.html", **{**shared, **values})


def code_of(
    job: Job | None, service: str, *, is_rehearsal: bool = False
) -> Markup | None:
    """Return the picture, the address and the code of a sign-in that is under way."""
    if job is None or job.code is None:
        return None
    code, link = job.code, job.code.address or ""
    picture = ""
    if code.picture:
        # Its reader is needed here only.
        from sync.setup.qr import read_qr  # noqa: PLC0415

        link = link or read_qr(code.picture) or ""
        if code.picture.startswith(_PNG):
            data = base64.b64encode(code.picture).decode()
            picture = f"data:image/png;base64,{data}"
    parts = _environment().get_template("parts.html").module
    link = link if _is_address(link) else ""
    # What the macro returns is escaped already.
    return Markup(parts.code(job, service, link, picture, is_rehearsal))  # type: ignore[attr-defined]  # noqa: S704


@cache
def _environment() -> Environment:
    environment = make_environment("sync.web").overlay()
    environment.filters["for_page"] = for_page
    squares = (*SQUARES.values(), UNSENT)
    environment.globals["squares"] = {one.code: one.meaning for one in squares}
    return environment


def _is_address(link: str) -> bool:
    """Whether a browser may be led there: others than these run what they hold."""
    scheme, _, rest = link.partition("://")
    host = rest.partition("/")[0].partition(":")[0]
    return scheme == "https" or (scheme == "http" and is_loopback(host))


def _problem(move: Move, here: str) -> Any:
    """Return what went wrong; of what is no job it is said once, at some step."""
    if here and move.problem:
        problem, move.problem = move.problem, None
        return describe(problem)._replace(action="")
    job = move.job
    if job and job.error and here == due(move):
        return describe(job.error)
    return None

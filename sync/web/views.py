"""The pages: each shows what is known, and changes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from connectors.errors import InputError
from sync.pipeline.undo import UndoOutline
from sync.report.account import build_runs, lay_out
from sync.report.page import render_html
from sync.report.reading import read_report
from sync.runtime.words import count
from sync.runtime.words import duration as in_words
from sync.setup.keeping import ways
from sync.setup.questions import DISCOVR_ID, QUESTIONS, TRAKT_ID, TRAKT_SECRET
from sync.web.actions import add_actions
from sync.web.choice import Choice
from sync.web.guard import BADGE, COMPLETE, ERROR_PAGE, FORM, UPLOADS
from sync.web.job import Kind
from sync.web.numbers import read_number
from sync.web.pages import BADGE_WORDS, MOVE, code_of, fill_in, page_text, show, static
from sync.web.past import count_undone, plainly, read_run, say_writes
from sync.web.planned import Planned
from sync.web.server import add_files
from sync.web.steps import due, onward, open_steps, phase
from sync.web.upload import kept, uploads_folder

if TYPE_CHECKING:
    from markupsafe import Markup

    from sync.setup.questions import Question
    from sync.web.job import Job
    from sync.web.move import Move

#: While something goes on it is told this often; so long a quiet stream stays open.
_SOON_S, _LATER_S, _PAUSE_S = 1.0, 15.0, 0.2


def add_views(app: web.Application, move: Move) -> None:
    """Answer for the seven steps, and for what belongs to them."""
    app[MOVE] = move
    app[ERROR_PAGE] = _wrong
    app[COMPLETE] = move.complete
    app[UPLOADS] = ("/from/download",)
    app[BADGE] = BADGE_WORDS if move.is_rehearsal else ""
    for path, view in {
        "/": _begin,
        "/from": _from,
        "/read": _read,
        "/to": _to,
        "/plan": _plan,
        "/plan/rows": _rows,
        "/plan/title": _title,
        "/plan/same": _same,
        "/watch": _watch,
        "/proof": _proof,
        "/report": _report,
        "/after": _after,
        "/after/run": _run,
        "/events": _events,
    }.items():
        app.router.add_get(path, view, allow_head=False)
    add_actions(app)
    add_files(app, static())


async def _begin(request: web.Request) -> web.Response:
    raise web.HTTPSeeOther(f"/{due(request.app[MOVE])}")


def _at(request: web.Request, step: str) -> Move:
    """Return the move; lead on where that step cannot be shown yet."""
    move = request.app[MOVE]
    if step not in open_steps(move):
        raise web.HTTPSeeOther(f"/{due(move)}")
    return move


def _live(move: Move, *kinds: Kind) -> Job | None:
    """Return the job if it is one of these, and does something now."""
    job = move.job
    return job if job and job.kind in kinds and job.is_working else None


async def _from(request: web.Request) -> web.Response:
    move = _at(request, "from")
    missing = move.missing_keys("trakt")
    code = _code(move, Kind.TRAKT, "Trakt")
    return show(
        request,
        "from",
        "Sign in to Trakt" if code else "Where is your history?",
        code=code,
        keys=_questions(missing, TRAKT_ID, TRAKT_SECRET),
        is_signed_in=move.is_signed_in("trakt"),
        is_live=bool(code or _live(move, Kind.TRAKT)),
        beside=_kept_beside(move),
        **_files(move),
    )


async def _read(request: web.Request) -> web.Response:
    move = _at(request, "read")
    is_live = bool(_live(move, Kind.READ))
    reading = move.reading
    receipt = reading.receipt if reading and not is_live else None
    heading = "Reading your history" if is_live else "Your history is read first"
    if receipt:
        heading = f"{count(receipt.plays, 'play')} read"
    return show(
        request,
        "read",
        heading,
        receipt=receipt,
        unreadable=reading.unreadable if reading else 0,
        is_live=is_live,
        **_files(move),
    )


async def _to(request: web.Request) -> web.Response:
    move = _at(request, "to")
    code = _code(move, Kind.DISCOVR, "Discovr")
    job = move.job
    was_asked = job and job.kind in (Kind.PROFILES, Kind.DISCOVR) and not job.error
    return show(
        request,
        "to",
        "Sign in to Discovr" if code else "Where does it go?",
        code=code,
        keys=_questions(move.missing_keys("discovr"), DISCOVR_ID),
        is_signed_in=move.is_signed_in("discovr"),
        has_no_profile=bool(was_asked and job and job.is_over and not move.profiles),
        is_live=bool(code or _live(move, Kind.DISCOVR, Kind.PROFILES)),
    )


async def _plan(request: web.Request) -> web.Response:
    move = _at(request, "plan")
    job = move.job
    if job and job.kind is Kind.CARRY and job.was_agreed and not job.is_over:
        raise web.HTTPSeeOther("/watch")
    is_live = bool(_live(move, Kind.CARRY))
    plan = _planned(move)
    heading = "What would be written" if plan or not is_live else "Making the plan"
    values = _part(request, plan) if plan else {}
    return show(request, "plan", heading, plan=plan, is_live=is_live, **values)


async def _rows(request: web.Request) -> web.Response:
    plan = _planned(request.app[MOVE])
    if plan is None:
        raise web.HTTPConflict
    values = _part(request, plan)
    text = fill_in("rows.html", plan=plan, token=request[FORM], **values)
    return web.Response(text=text, content_type="text/html")


async def _title(request: web.Request) -> web.Response:
    move = _at(request, "plan")
    key, plan = request.query.get("title", ""), _planned(move)
    found = plan.show(key) if plan and key in plan.titles else None
    if found is None:
        raise web.HTTPSeeOther("/plan")
    if request.query.get("part") == "map":
        values = {"found": found, "key": key, "token": request[FORM]}
        text = fill_in("unfolded.html", is_listed=False, **values)
        return web.Response(text=text, content_type="text/html")
    name = f"{found.name} ({found.year})" if found.year else found.name
    return show(request, "plan", name, template="title.html", found=found, key=key)


async def _same(request: web.Request) -> web.Response:
    """Say which title of the history goes by the id that was given for another."""
    move = _at(request, "plan")
    key, plan = request.query.get("title", ""), _planned(move)
    title = plan.titles.get(key) if plan else None
    if plan is None or title is None:
        raise web.HTTPSeeOther("/plan")
    said = request.query.get("id", "")
    other = plan.shared(title, said)
    if other is None:
        raise web.HTTPSeeOther("/plan")
    return show(
        request,
        "plan",
        "Are these one title?",
        template="same.html",
        key=key,
        said=said,
        title=title,
        other=other,
        plays=plan.plays_of(key),
    )


async def _watch(request: web.Request) -> web.Response:
    move = _at(request, "watch")
    is_live = bool(_live(move, Kind.CARRY))
    heading = "Carrying it over" if is_live else "Carried over"
    if move.job and move.job.error:
        heading = "Not everything is carried over yet"
    return show(request, "watch", heading, is_live=is_live)


async def _proof(request: web.Request) -> web.Response:
    move = _at(request, "proof")
    if move.proof is None:
        raise web.HTTPSeeOther(f"/{due(move)}")
    return show(request, "proof", move.proof.head.headline)


async def _report(request: web.Request) -> web.Response:
    move = request.app[MOVE]
    data = await read_report(move.settings)
    # It takes a while for a long history, and others want to be answered.
    data = replace(data, is_rehearsal=move.is_rehearsal, back="/proof")
    html = await asyncio.to_thread(render_html, data)
    return web.Response(text=html, content_type="text/html")


async def _after(request: web.Request) -> web.Response:
    move = _at(request, "after")
    asks = move.job.asks if move.job else None
    outline = asks if isinstance(asks, UndoOutline) else None
    runs, standing = await move.runs()
    rows, undone = build_runs(runs), await count_undone(move, runs)
    return show(
        request,
        "after",
        "Take a run back" if outline else "What comes after",
        outline=outline,
        minutes=in_words(max(1, outline.seconds)) if outline else "",
        runs=[
            (plainly(row), row.id in standing, say_writes(run, undone[run.id]))
            for row, run in zip(rows, runs, strict=True)
        ],
        ways=ways(move.settings, move.place, is_sandbox=move.is_rehearsal),
        is_live=bool(_live(move, Kind.UNDO)),
    )


async def _run(request: web.Request) -> web.Response:
    move = _at(request, "after")
    number = read_number(request.query.get("run", ""))
    past = await read_run(move, number) if number else None
    if past is None:
        raise InputError("There is no such run.", remedy="Choose one of the list.")
    (row,) = map(plainly, build_runs([past.run]))
    summary = past.run.summary
    balance = None
    if past.found:
        balance = lay_out(past.found, summary["plays"], summary.get("repeats", 0))
    return show(
        request,
        "after",
        f"Run {row.id}",
        template="run.html",
        run=row,
        balance=balance,
        past=past,
    )


async def _events(request: web.Request) -> web.StreamResponse:
    """Tell a page what goes on, until it shows something past."""
    move, seen = request.app[MOVE], request.query.get("phase", "")
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    sent: dict[str, str] = {}

    async def tell(name: str, text: str) -> None:
        if sent.get(name) != text:
            sent[name] = text
            lines = "".join(f"data: {line}\n" for line in text.splitlines())
            await answer.write(f"event: {name}\n{lines}\n".encode())

    while phase(move) == seen and not move.is_ending:
        job = move.job
        if job and job.is_working:
            await tell("live", fill_in("live.html", move=move))
            await tell("say", job.progress.spoken())
        else:
            await answer.write(b":\n\n")
        # Whoever is slow to read gets fewer of them, as each is made when it is sent.
        await move.bell.wait(_SOON_S if job and job.is_working else _LATER_S)
        await asyncio.sleep(_PAUSE_S)
    if not move.is_ending:
        await tell("go", f"/{onward(move, request.query.get('here', ''))}")
    return answer


async def _wrong(request: web.Request, status: int, message: str, remedy: str) -> str:
    del status
    return page_text(
        request,
        "",
        "That did not work",
        template="wrong.html",
        message=message,
        remedy=remedy,
    )


def _code(move: Move, kind: Kind, service: str) -> Markup | None:
    if move.job is None or move.job.kind is not kind:
        return None
    return code_of(move.job, service, is_rehearsal=move.is_rehearsal)


def _planned(move: Move) -> Planned | None:
    asks = move.job.asks if move.job else None
    return asks if isinstance(asks, Planned) else None


def _part(request: web.Request, plan: Planned) -> dict[str, Any]:
    words, what = request.query.get("q", ""), request.query.get("what", "")
    number = read_number(request.query.get("page", ""))
    part = plan.find(words, what, number or 1)
    found = f"{part.found:,} of {count(len(plan.rows), 'title')}"
    found += f", page {part.number} of {part.pages}" if part.pages > 1 else ""
    return {"part": part, "q": words, "what": what, "found": found}


def _questions(missing: list[str], *keys: str) -> list[tuple[Question, bool]]:
    """Return what a sign-in needs, and whether it has to be asked yet."""
    return [(q, q.setting in missing) for q in QUESTIONS if q.key in keys]


def _files(move: Move) -> dict[str, str]:
    files, size = move.choice.files, move.choice.size
    names = ", ".join(path.name for path in files)
    return {"files": names, "size": _in_kb(size)}


def _kept_beside(move: Move) -> dict[str, str] | None:
    """Return the download that is kept here while something else is chosen."""
    path = kept(uploads_folder(move.settings))
    if path is None or path in move.choice.files:
        return None
    return {"name": path.name, "size": _in_kb(Choice(files=(path,)).size)}


def _in_kb(size: int) -> str:
    return f"{max(1, round(size / 1e3)):,} kB"

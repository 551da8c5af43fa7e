"""What the forms do: each is one call, and leads to where it can be seen."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

from connectors.errors import ConfigError, InputError, ServiceError
from sync.domain.overrides import read_id
from sync.domain.plays import title_key
from sync.setup.questions import ACCOUNT, DOWNLOAD, TMDB_KEY
from sync.web.choice import NOTHING, Choice
from sync.web.guard import PARTS
from sync.web.job import Kind
from sync.web.numbers import read_number
from sync.web.pages import MOVE
from sync.web.planned import Planned, skip_of
from sync.web.steps import due
from sync.web.upload import receive, remove, uploads_folder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from sync.domain.plays import Title
    from sync.web.move import Move

    #: Returns where to look, None for where it goes on.
    Action = Callable[[Move, Mapping[str, str]], Awaitable[str | None]]

_OLD = InputError(
    "The plan was answered, or made anew, in the meantime.",
    remedy="Look at it, and answer then.",
)
_OLD_UNDO = InputError(
    "What would be taken back was answered, or asked anew, in the meantime.",
    remedy="Choose the run again, and answer then.",
)


def add_actions(app: web.Application) -> None:
    """Take the forms of all steps. Each change is a POST, and ends at a page."""
    app.router.add_post("/from/download", _download)
    for path, act in {
        "/from/sample": _sample,
        "/from/account": _account,
        "/from/remove": _remove,
        "/read": _read,
        "/read/accept": _accept,
        "/to/sign-in": _sign_in,
        "/to/list": _list,
        "/to/profile": _profile,
        "/plan": _carry,
        "/plan/answer": _answer,
        "/plan/leave-out": _leave_out,
        "/plan/take-in": _take_in,
        "/plan/id": _give_id,
        "/plan/id-back": _take_id_back,
        "/plan/key": _key,
        "/stop": _stop,
        "/again": _again,
        "/after/undo": _undo,
        "/after/answer": _answer_undo,
    }.items():
        app.router.add_post(path, _action(path, act))


def _action(path: str, act: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def view(request: web.Request) -> web.Response:
        form = await request.post()
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        return await _done(request.app[MOVE], path, act(request.app[MOVE], fields))

    return view


async def _done(move: Move, path: str, work: Awaitable[str | None]) -> web.Response:
    """Do it, and lead on; what is wrong is said at the step of the form."""
    try:
        # What was said of the one before is read by now.
        move.problem = None
        there = await work
    except ServiceError as error:
        move.problem = error
        there = path.split("/")[1]
    raise web.HTTPSeeOther(f"/{there or due(move)}")


async def _download(request: web.Request) -> web.Response:
    move = request.app[MOVE]

    async def work() -> str | None:
        # The one that is kept may be read just now; a question gives way.
        await move.make_room()
        folder = uploads_folder(move.settings)
        upload = await receive(request[PARTS], folder, move.clock)
        return await _take_file(move, upload.path)

    return await _done(move, "/from/download", work())


async def _sample(move: Move, _form: Mapping[str, str]) -> str | None:
    if move.sample is None:
        raise InputError("Only a rehearsal has a download of its own.")
    folder, sample = uploads_folder(move.settings), move.sample

    def make() -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        place = folder / "download-sample"
        place.mkdir(mode=0o700, parents=True)
        sample(place / "trakt-export-sample.zip")
        return place / "trakt-export-sample.zip"

    return await _take_file(move, await asyncio.to_thread(make))


async def _take_file(move: Move, path: Path) -> str | None:
    await move.choose_source(Choice(DOWNLOAD, (path,)))
    move.read()
    return "read"


async def _account(move: Move, form: Mapping[str, str]) -> str | None:
    await move.answer(form)
    await move.choose_source(Choice(ACCOUNT))
    if move.is_signed_in("trakt"):
        move.read()
    else:
        move.sign_in("trakt", then="read")
    return None


async def _remove(move: Move, _form: Mapping[str, str]) -> str | None:
    if not move.choice.is_account:
        await move.choose_source(NOTHING)
    await remove(move.settings, move.clock)
    return "from"


async def _read(move: Move, _form: Mapping[str, str]) -> str | None:
    await move.make_room()
    move.read()
    return "read"


async def _accept(move: Move, _form: Mapping[str, str]) -> str | None:
    if move.reading is None or move.reading.receipt is None:
        raise InputError("Nothing was read yet.", remedy="Read it first.")
    await move.make_room()
    move.reading.accepts = True
    if not move.has_target:
        return "to"
    move.carry()
    return None


async def _sign_in(move: Move, form: Mapping[str, str]) -> str | None:
    await move.make_room()
    await move.answer(form)
    move.sign_in("discovr")
    return "to"


async def _list(move: Move, _form: Mapping[str, str]) -> str | None:
    await move.make_room()
    move.list_profiles()
    return "to"


async def _profile(move: Move, form: Mapping[str, str]) -> str | None:
    await move.make_room()
    await move.choose_profile(form.get("profile", ""))
    return "to"


async def _carry(move: Move, _form: Mapping[str, str]) -> str | None:
    await move.make_room()
    move.carry()
    return None


async def _answer(
    move: Move, form: Mapping[str, str], old: ServiceError = _OLD
) -> str | None:
    """Agree to what was shown, and to nothing else; or put it away."""
    job, is_yes = move.job, form.get("answer") == "yes"
    if job is None or not job.asks or form.get("plan") != str(job.number):
        raise old
    job.answer(is_yes=is_yes)
    if not is_yes:
        await job.wait()
        return "plan" if job.kind is Kind.CARRY else "after"
    await move.bell.wait(1.0)
    return None


async def _answer_undo(move: Move, form: Mapping[str, str]) -> str | None:
    return await _answer(move, form, _OLD_UNDO)


async def _leave_out(move: Move, form: Mapping[str, str]) -> str | None:
    title = _title(move, form)
    skip = skip_of(title)
    if not skip:
        raise InputError(
            f"{title.label} has neither an id nor a name by which it could be left out."
        )
    await move.leave_out(skip, is_left_out=True)
    move.notice = f"{title.label} is left out from now on."
    return "plan"


async def _take_in(move: Move, form: Mapping[str, str]) -> str | None:
    await move.leave_out(form.get("skip", ""), is_left_out=False)
    return "plan"


async def _give_id(move: Move, form: Mapping[str, str]) -> str | None:
    title = _title(move, form)
    try:
        said = read_id(form.get("id", ""), title.kind)
    except ValueError as error:
        raise InputError(
            f"What was given for {title.label} {error}.",
            remedy="Paste the address of its page on themoviedb.org.",
        ) from None
    query = urlencode({"title": title_key(title), "id": said})
    if form.get("sure") != "yes" and _planned(move).shared(title, said):
        return f"plan/same?{query}"
    await move.give_id(title, said)
    return "plan"


async def _take_id_back(move: Move, form: Mapping[str, str]) -> str | None:
    given = {one.key: one.title for one in _planned(move).given}
    title = given.get(form.get("title", ""))
    if title is None:
        raise _OLD
    await move.give_id(title, "")
    return "plan"


async def _key(move: Move, form: Mapping[str, str]) -> str | None:
    move.notice = ", ".join(await move.take_key(TMDB_KEY, form.get(TMDB_KEY, "")))
    return "plan"


async def _stop(move: Move, _form: Mapping[str, str]) -> str | None:
    move.stop()
    await move.bell.wait(1.0)
    return None


async def _again(move: Move, form: Mapping[str, str]) -> str | None:
    """Do what helps against what went wrong, as its button says."""
    job, action = move.job, form.get("action", "")
    if job is None or not job.is_over:
        return None
    if action in ("trakt", "discovr"):
        move.sign_in("trakt" if action == "trakt" else "discovr", then="again")
    elif action == "accept":
        return await _accept(move, form)
    elif job.kind is Kind.CARRY:
        move.carry(is_forced=action == "force")
    else:
        move.repeat()
    return None


async def _undo(move: Move, form: Mapping[str, str]) -> str | None:
    number = read_number(form.get("run", ""))
    if form.get("run") and not number:
        raise InputError("There is no such run.", remedy="Choose one of the list.")
    await move.make_room()
    move.undo(number)
    await move.bell.wait(1.0)
    return "after"


def _title(move: Move, form: Mapping[str, str]) -> Title:
    """Return the title that a form of the plan is about."""
    title = _planned(move).titles.get(form.get("title", ""))
    if title is None:
        raise ConfigError("That title is not in the plan.", remedy="Look again.")
    return title


def _planned(move: Move) -> Planned:
    asks = move.job.asks if move.job else None
    if not isinstance(asks, Planned):
        raise _OLD
    return asks

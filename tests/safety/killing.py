"""A death in virtual time: everything stops at one moment; the state stays as it is."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.safety.arena import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from aiohttp import web

    from tests.safety.arena import Arena

#: The database and its log; what SQLite keeps beside them dies with the process.
_STATE = ("state.sqlite3", "state.sqlite3-wal")


def moment(number: int, phase: Phase) -> Callable[[web.Request, Phase], bool]:
    """Tell that moment of a run: its request ``number``, counted from 0."""
    left = {Phase.BEFORE: number, Phase.DONE: number}

    def is_moment(_request: web.Request, now: Phase) -> bool:
        left[now] -= 1
        return now is phase and left[now] < 0

    return is_moment


async def migrate_until(
    place: Arena, is_moment: Callable[[web.Request, Phase], bool]
) -> bool:
    """Migrate until that moment; return whether it came."""
    return await run_until(place, place.migrate(is_forced=True), is_moment)


async def run_until(
    place: Arena,
    work: Coroutine[Any, Any, object],
    is_moment: Callable[[web.Request, Phase], bool],
) -> bool:
    """Run until that moment, as if by SIGKILL; return whether it came.

    The run is cancelled there, no later request has an effect, and the state stays what
    it was at the moment.
    """
    run, is_dead = asyncio.create_task(work), False

    def hook(request: web.Request, phase: Phase) -> bool:
        nonlocal is_dead
        if not is_dead:
            if not is_moment(request, phase):
                return False
            is_dead = True
            _keep(place)
            run.cancel()
        return phase is Phase.BEFORE

    place.tell(hook)
    try:
        await asyncio.wait([run])
        place.tell(None)
        if not is_dead:
            await run
            return False
        with suppress(asyncio.CancelledError):
            run.exception()  # of the dead nobody hears
        return True
    finally:
        if is_dead:
            _put_back(place)


def _keep(place: Arena) -> None:
    """Let nothing that is written from now on count."""
    if place.server:
        place.server.shut_out()
    else:
        _copy_state(place.folder, place.folder / "kept")


def _put_back(place: Arena) -> None:
    if place.server:
        place.server.let_in()
        return
    for name in (*_STATE, "state.sqlite3-shm"):
        (place.folder / name).unlink(missing_ok=True)
    kept = place.folder / "kept"
    _copy_state(kept, place.folder)
    shutil.rmtree(kept)


def _copy_state(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for name in _STATE:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)

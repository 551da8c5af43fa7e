"""What ``web`` does: serves the page, leads a browser to it, and ends in good order."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from yarl import URL

from sync.cli.browser import has_screen, open_file
from sync.cli.runner import Exit
from sync.cli.runner import run as run_command
from sync.cli.session import (
    can_ask,
    look_at_settings,
    open_settings,
    read_line,
    with_typed,
)
from sync.cli.view.lines import say
from sync.config import data_folder, environment_values, load_settings
from sync.errors import StoppedError
from sync.runtime.signals import heeding
from sync.runtime.values import Address
from sync.setup.places import config_place, overlay
from sync.web.links import ask_for_link, notice_file, write_door
from sync.web.move import Move
from sync.web.server import HERE, served
from sync.web.upload import uploads_folder
from sync.web.views import add_views

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.config import Settings
    from sync.runtime.stop import Stop
    from sync.web.server import Site

_FOLDER = "web"
#: Browsers that the system keeps in a box may read no hidden folder.
_BOXED = Path("/snap")
_IDLE = (
    "Nobody asked for anything in an hour, so the page has ended. What was done is "
    "kept. Open it again: trakt2discovr web"
)
_TUNNEL = (
    "From another machine, first run this there: ssh -L {port}:127.0.0.1:{port} HOST"
)


def web(
    context: Context, *, port: int | None, listen: Address | None, no_open: bool
) -> int:
    """Serve the page until somebody ends it, or nobody needs it any more."""
    if port is not None and listen is not None:
        raise click.UsageError("--port and --listen contradict each other: keep one.")
    if context.as_json:
        raise click.UsageError("--json prints one document, and web prints a link.")
    address = listen or Address(HERE.host, port or 0)
    work = partial(_serve, context, address, listen is not None, not no_open)
    return run_command(context, work)


async def _serve(
    context: Context,
    address: Address,
    has_health: bool,  # noqa: FBT001  # bound once, above
    opens: bool,  # noqa: FBT001
    output: Output,
    stop: Stop,
) -> int:
    place = config_place(context.config, is_sandbox=context.is_sandbox)
    notice = _notice(context, place)
    door = _door(notice)
    guide = _Guide(output, door, opens=opens)
    if link := await ask_for_link(notice):
        await guide.lead(link, await ask_for_link(notice) or link)
        return Exit.DONE
    async with AsyncExitStack() as stack:
        move = await _open_move(context, stack, place)
        site = await stack.enter_async_context(
            served(
                move,
                partial(add_views, move=move),
                door=door,
                notice=notice,
                address=address,
                has_health=has_health,
            )
        )
        # A terminal that is closed ends it as well as a signal does.
        hangs_up = partial(signal.raise_signal, signal.SIGTERM)
        stack.enter_context(heeding("SIGHUP", hangs_up))
        try:
            await guide.stay(site)
        except asyncio.CancelledError:
            if not stop.is_requested:
                raise
            if move.is_busy:
                output.tell_of_stopping(move.under_way)
            raise StoppedError(
                "The page has ended; what was under way is settled, and what was done "
                "is kept.",
                # The command for it comes last, as for all that is stopped.
                remedy="Opened again, it goes on from there.",
            ) from None
        finally:
            await move.end()
    say(output.notes, output.context.complete(_IDLE))
    return Exit.DONE


def _notice(context: Context, place: Path) -> Path:
    """Return the file that says where the page for these sides runs, if it does."""
    if context.is_sandbox:
        return notice_file(data_folder() / _FOLDER, ("sandbox", place))
    state = look_at_settings(context).state.url
    return notice_file(data_folder() / _FOLDER, (state, place, context.profile or ""))


def _door(notice: Path) -> Path:
    """Return the file that leads a browser in; one that it may read."""
    if _BOXED.is_dir():
        return Path.home() / "trakt2discovr.html"
    return notice.with_suffix(".html")


async def _open_move(context: Context, stack: AsyncExitStack, place: Path) -> Move:
    load: Callable[[], Settings] = partial(_load, context, place)
    sample = None
    lent = await open_settings(context, stack)  # warns of a config others can read
    if context.is_sandbox:
        # The stand-ins are needed here only.
        from sync.sandbox.account.sample import sample_account  # noqa: PLC0415
        from sync.sandbox.rehearsal import nobody_signed_in  # noqa: PLC0415
        from sync.sandbox.trakt.export import write_export  # noqa: PLC0415

        load = partial(_load_rehearsal, context, nobody_signed_in(lent), place)
        sample = partial(write_export, sample_account())
    folder = uploads_folder(load()).parent / _FOLDER
    environment = {} if context.is_sandbox else _environment(place)
    move = Move(
        load,
        place,
        folder,
        environment=environment,
        sample=sample,
        complete=context.complete,
    )
    await move.open()
    return move


def _environment(place: Path) -> Mapping[str, Mapping[str, str]]:
    """Return what of the environment goes into a config that is new."""
    return {} if place.exists() else environment_values(os.environ)


def _load(context: Context, place: Path) -> Settings:
    """Read the settings, from the config that is written too once it is there."""
    return with_typed(load_settings(place, is_new=not place.exists()), context)


def _load_rehearsal(context: Context, lent: Settings, place: Path) -> Settings:
    return with_typed(overlay(lent, place), context)


class _Guide:
    """Leads a browser to the page: by a file that it opens, and by a link to copy."""

    def __init__(self, output: Output, door: Path, *, opens: bool) -> None:
        self._output = output
        self._door = door
        self._opens = opens and has_screen()

    async def stay(self, site: Site) -> None:
        """Let the first browser in, and others on Enter, until nobody comes."""
        await self.lead(site.links.make(), site.links.make())
        if can_ask():
            self._say("Enter prints a fresh link, Ctrl-C ends the page.")
        asking = asyncio.ensure_future(self._answer(site))
        try:
            await site.idle.wait()
        finally:
            asking.cancel()

    async def lead(self, link: str, spare: str) -> None:
        """Open the browser, if there is one; a spare link is printed in any case."""
        if await self._open(link):
            self._say("The page opens in your browser. If not, open this there:")
        else:
            self._say("Open this in a browser; it lets one browser in, once:")
        click.echo(spare)
        if "SSH_CONNECTION" in os.environ:
            self._say(_TUNNEL.format(port=URL(spare).port))

    async def _open(self, link: str) -> bool:
        if not self._opens:
            return False
        try:
            write_door(self._door, link)
        except OSError:
            return False
        return await asyncio.to_thread(open_file, self._door)

    async def _answer(self, site: Site) -> None:
        """Print a fresh link for each Enter, while somebody is at the terminal."""
        while can_ask() and await read_line() is not None:
            click.echo(site.links.make())

    def _say(self, words: str) -> None:
        if not self._output.context.is_quiet:
            say(self._output.notes, words)

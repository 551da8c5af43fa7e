"""What commands share: their settings, and questions to the person at the terminal.

A question leaves the event loop, and so signals, at work.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from connectors.errors import InputError
from sync.cli.view.texts import clean
from sync.config import exposed_secrets, find_config, load_settings, salvage_settings
from sync.events import Finished, Stage, Warned
from sync.runtime import logs
from sync.runtime.shell import quote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from sync.cli.context import Context
    from sync.cli.progress import Reporter
    from sync.cli.runner import Output
    from sync.config import Settings
    from sync.events import Event
    from sync.extract.remembered import Remembered


def read_settings(
    context: Context, *, warn: Callable[[str], None] | None = None
) -> Settings:
    """Load the settings, with what was typed over them.

    ``warn`` is told if others can read the secrets, by default on stderr.
    """
    settings = look_at_settings(context)
    warn_if_exposed(settings, find_config(context.config), warn)
    return settings


def look_at_settings(context: Context) -> Settings:
    """Do the same where they are read once more, and say nothing."""
    return with_typed(load_settings(context.config), context)


def warn_if_exposed(
    settings: Settings, place: Path | None, warn: Callable[[str], None] | None = None
) -> None:
    """Say so if others can read the secrets in that file."""
    if exposed := exposed_secrets(settings, place):
        told = warn or partial(click.echo, err=True)
        told(clean(f"Warning: {exposed}. Run: chmod 600 {quote(str(place))}"))


def warn_in_log(warning: str) -> None:
    """Tell of a config that others can read as one line of the log."""
    logs.tell("config.exposed", warning, level=logging.WARNING)


def salvage(context: Context) -> Settings:
    """Return what can be read of a wrong config, to tell whose it is."""
    return with_typed(salvage_settings(context.config), context)


def with_typed(settings: Settings, context: Context) -> Settings:
    """Put what was typed in the place of what is set: the profile, what is left out."""
    profile = {"profile": context.profile} if context.profile else {}
    wanted = {"since": context.since, "only": context.only}
    return settings.model_copy(
        update={
            "discovr": settings.discovr.model_copy(update=profile),
            "history": settings.history.model_copy(
                update={name: value for name, value in wanted.items() if value}
            ),
        }
    )


async def open_settings(
    context: Context,
    stack: AsyncExitStack,
    files: Sequence[Path] | None = (),
    *,
    warn: Callable[[str], None] | None = None,
) -> Settings:
    """Load the settings; with --sandbox those that lead to stand-ins, started here.

    ``files`` tells which rehearsal is meant; None is the last one, for commands that
    look back at what was done. ``warn`` as for ``read_settings``.
    """
    settings = read_settings(context, warn=warn)
    if not context.is_sandbox:
        return settings
    # The stand-ins are needed here only.
    from sync.sandbox.rehearsal import open_sandbox  # noqa: PLC0415

    is_rehearsal = None if files is None else bool(files)
    settings = await stack.enter_async_context(
        open_sandbox(settings, is_rehearsal=is_rehearsal)
    )
    return with_typed(settings, context)


def rehearsing(context: Context, files: Sequence[Path] | None) -> Context:
    """Return a context that knows whose account a rehearsal is about.

    ``files`` as for ``open_settings``, which may change the answer and comes later.
    """
    if not context.is_sandbox:
        return context
    # As above.
    from sync.sandbox import rehearsal  # noqa: PLC0415

    is_own = rehearsal.was_own_rehearsed_last() if files is None else bool(files)
    return replace(
        context,
        rehearses="download" if is_own else "sample",
        has_two=rehearsal.was_own_rehearsed(),
    )


async def recall(settings: Settings) -> Remembered | None:
    """Return what the last run of the profile read, where that was files."""
    from sync.extract.remembered import recall_files  # noqa: PLC0415  # few need it

    return await recall_files(settings.state.url, settings.discovr.profile)


async def find_inputs(
    context: Context,
    settings: Settings,
    named: Sequence[Path],
    tell: Callable[[Event], None],
) -> Context:
    """Return the context with the files to read: those named, else the last run's.

    None of them stands for Trakt's API. What was remembered and is gone, or has
    changed, is told. Raises InputError for a named one that is not there, and for one
    that is gone where there is no API to ask; ConfigError for a profile that is not
    there, of which nothing can be remembered.
    """
    from sync.extract.remembered import require_files  # noqa: PLC0415  # few need it

    await asyncio.to_thread(require_files, named)
    remembered = await recall(settings)
    if named:
        paths = tuple(path.absolute() for path in named)
        is_known = remembered is not None and remembered.paths == paths
        return context.reading(named, is_remembered=is_known)
    if remembered is None:
        if not has_api(settings):
            await require_profile(settings)
        return context
    if gone := remembered.gone():
        words = f"The last run read {_list(gone)}, which is not there any more"
        # A rehearsal of a download has an API that knows nothing of it.
        if context.is_sandbox or not has_api(settings):
            raise InputError(
                f"{words}.",
                remedy="Name it where it is now, or name a new download: "
                "trakt2discovr migrate FILE",
            )
        tell(Warned(f"{words}: your account on Trakt is read instead."))
        return context
    paths = remembered.paths
    tell(Finished(Stage.EXTRACT, f"reading {_list(paths)}, as before"))
    if changed := remembered.changed():
        day = f"{remembered.at:%Y-%m-%d}"
        tell(Warned(f"{_list(changed)} has changed since it was read on {day}."))
    return context.reading(paths, is_remembered=True)


async def require_profile(settings: Settings) -> None:
    """Raise ConfigError, with the list, for a profile that the account lacks."""
    # The network's libraries: only where a command cannot go on.
    from sync.wiring import bootstrap  # noqa: PLC0415

    await bootstrap.require_profile(settings)


def knowing(context: Context, settings: Settings) -> Context:
    """Return a context whose hints advise no sign-in for which a key is missing."""
    from sync.wiring.logins import SERVICES, missing_keys  # noqa: PLC0415  # few need it

    locked = frozenset(s for s in SERVICES if missing_keys(settings, s))
    return replace(context, locked=locked)


def has_api(settings: Settings) -> bool:
    """Whether Trakt's API can be asked."""
    return settings.trakt.client_id is not None


def _list(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))


def require_an_answer(context: Context, *, yes: bool, look: str) -> None:
    """Refuse to write where there is nobody to ask; ``look`` is what writes nothing."""
    if not yes and not can_ask():
        raise click.UsageError(
            "There is no terminal to ask on: add --yes to write, or look with "
            f"{context.call(look)}."
        )


def can_ask() -> bool:
    """Tell whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def agree(question: str) -> bool:
    """Ask whether to go on; anything but yes is no."""
    answer = await ask(f"{question} [y/N]")
    return (answer or "").strip().lower() in {"y", "yes"}


async def ask(question: str, *, is_secret: bool = False) -> str | None:
    """Print the question on stderr and return the line typed; None at its end.

    ``input`` would block the loop, which is where Ctrl-C is heeded. What is secret does
    not show.
    """
    with _unseen() if is_secret else nullcontext():
        end = " " if question.endswith("?") else ": "
        click.echo(clean(question) + end, nl=False, err=True)
        line = await read_line()
    if is_secret:
        click.echo(err=True)
    return line


@contextmanager
def _unseen() -> Iterator[None]:
    """Show nothing of what is typed, where the terminal can be told so."""
    try:
        import termios  # noqa: PLC0415  # Windows has none
    except ModuleNotFoundError:
        yield
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = before.copy()
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


async def read_line() -> str | None:
    """Return the next line of stdin; None at its end. The loop goes on meanwhile."""
    loop, is_there = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(sys.stdin, is_there.set)
    except NotImplementedError:  # Windows lets no loop watch a terminal
        return await _read_in_a_thread(loop)
    try:
        await is_there.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline() or None


async def _read_in_a_thread(loop: asyncio.AbstractEventLoop) -> str | None:
    """Wait for the line in a thread that holds up nobody's end."""
    line: asyncio.Future[str] = loop.create_future()

    def tell(text: str) -> None:
        if not line.done():
            line.set_result(text)

    def read() -> None:
        loop.call_soon_threadsafe(tell, sys.stdin.readline())

    threading.Thread(target=read, daemon=True).start()
    return await line or None


@asynccontextmanager
async def opened(
    context: Context, output: Output, files: Sequence[Path] | None = ()
) -> AsyncIterator[tuple[Settings, Reporter]]:
    """Load the settings, start the sandbox if asked to, and show progress."""
    from sync.cli.progress import Reporter  # noqa: PLC0415  # status shows none

    async with AsyncExitStack() as stack:
        output.context = rehearsing(output.context, files)
        settings = await open_settings(context, stack, files)
        output.context = knowing(output.context, settings)
        with Reporter(
            output.notes,
            is_quiet=context.is_quiet,
            has_bars=not context.is_verbose,
            complete=output.context.complete,
        ) as reporter:
            yield settings, reporter

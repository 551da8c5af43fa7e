"""Runs one command: signals, errors in words, and the exit codes of the contract."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import shutil
import signal
import sys
from contextlib import ExitStack, suppress
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.console import Console

from connectors.errors import AuthError, ConfigError, InputError, ServiceError
from sync.cli.pager import show_paged
from sync.cli.view.lines import say, show_next
from sync.cli.view.texts import clean, to_json
from sync.documents.base import ErrorDocument
from sync.errors import BugError, GuardError, StoppedError, UnwritableError
from sync.ledger import BusyError, StateError
from sync.runtime import logs
from sync.runtime.signals import heeding
from sync.runtime.stop import Stop
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pydantic import BaseModel
    from rich.text import Text

    from sync.cli.context import Context
    from sync.runtime.logs import LogFormat


class Exit(IntEnum):
    """Exit codes; scripts depend on them."""

    DONE = 0
    BUG = 1
    USAGE = 2
    LOGIN = 3
    INCOMPLETE = 4
    GUARD = 5
    BUSY = 6


_CODES: tuple[tuple[type[ServiceError], Exit], ...] = (
    (BugError, Exit.BUG),
    (UnwritableError, Exit.USAGE),
    (ConfigError, Exit.USAGE),
    (InputError, Exit.USAGE),
    (StateError, Exit.USAGE),
    (AuthError, Exit.LOGIN),
    (GuardError, Exit.GUARD),
    (BusyError, Exit.BUSY),
    (ServiceError, Exit.INCOMPLETE),
)

#: Lines that go to a file or a pipe are not broken.
_ENDLESS = 10_000
#: Shows the cursor again, which moving bars hide.
_CURSOR = b"\x1b[?25h\n"
#: Nothing here depends on how high a terminal is.
_HEIGHT = 25


class _PlainConsole(Console):
    """A console on one stream: what is no terminal gets no control character at all.

    A closed pipe is left to the runner, which knows the exit code. Text of somebody
    else cannot command the terminal.
    """

    def __init__(self, context: Context, *, stderr: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        is_terminal = stream.isatty()
        super().__init__(
            stderr=stderr,
            highlight=False,
            emoji=False,
            soft_wrap=not is_terminal,
            width=_width() if is_terminal else _ENDLESS,
            # A width is heeded with a height alone where the terminal is a dumb one.
            height=_HEIGHT if _is_dumb() else None,
            # Said outright, because the environment may claim otherwise.
            force_terminal=is_terminal,
            no_color=None if context.has_colors else True,
        )

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(clean(text), **options)


class Output:
    """stdout for the result, stderr for everything else."""

    def __init__(self, context: Context, *, is_logging: bool = False) -> None:
        self.context = context
        self._is_logging = is_logging
        # A title may hold what the terminal or the pipe cannot show.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        self.result = _PlainConsole(context)
        self.notes = _PlainConsole(context, stderr=True)

    def emit(self, document: BaseModel, show: Callable[[Console], None]) -> None:
        """Print the result: the document with --json, the view for people without."""
        if self.context.as_json:
            sys.stdout.write(to_json(document) + "\n")
        else:
            show(self.result)

    async def emit_long(
        self, document: BaseModel, show: Callable[[Console], None]
    ) -> None:
        """Do the same; what is longer than the terminal goes through the pager."""
        if self.context.as_json or self.context.is_quiet:
            self.emit(document, show)
        else:
            await show_paged(self.result, show)

    def fail(self, error: ServiceError, code: int) -> None:
        """Say what happened and what to do; with --json on stdout, as a document."""
        message = self.context.complete(error.message)
        remedy = self.context.complete(error.remedy)
        if self.context.as_json:
            document = ErrorDocument(
                error=type(error).__name__,
                message=message,
                remedy=remedy,
                exit_code=code,
            )
            sys.stdout.write(to_json(document) + "\n")
        if self._is_logging:
            is_stop = isinstance(error, StoppedError)
            logs.tell(
                "program.stopped" if is_stop else "program.failed",
                f"{message} {remedy}",
                level=logging.INFO if is_stop else logging.ERROR,
                error=type(error).__name__,
                exit_code=int(code),
            )
            return
        is_stopped = isinstance(error, StoppedError)
        say(self.notes, message if is_stopped else f"Error: {message}")
        say(self.notes, remedy)
        if code == Exit.INCOMPLETE or is_stopped:
            show_next(self.notes, self.context.again)

    def tell_of_stopping(self, writes: int) -> None:
        """Say, at the moment of the signal, what is still done and what is safe."""
        what = f"the {count(writes, 'write')} under way" if writes else "what is noted"
        words = (
            f"Stopping: finishing {what}; press Ctrl-C again to leave at once, nothing "
            "is lost."
        )
        if self._is_logging:
            logs.tell("program.stopping", words)
        else:
            say(self.notes, words)


def run(
    context: Context,
    work: Callable[[Output, Stop], Coroutine[None, None, int]],
    *,
    log_format: LogFormat | None = None,
) -> int:
    """Run a command to its exit code; nothing but SystemExit gets past it.

    With ``log_format`` an error is a log line like all that goes to stderr.
    """
    with ExitStack() as stack:
        if log_format or context.is_verbose:
            level = logging.DEBUG if context.is_verbose else logging.INFO
            level = logging.WARNING if context.is_quiet else level
            stack.enter_context(logs.shown(log_format or "text", level=level))
        return _run(work, Output(context, is_logging=log_format is not None))


def _run(
    work: Callable[[Output, Stop], Coroutine[None, None, int]], output: Output
) -> int:
    interruption = _Interruption(output)
    try:
        code = asyncio.run(interruption.guard(work(output, interruption.stop)))
        sys.stdout.flush()
    except ServiceError as error:
        failure = error
    except asyncio.CancelledError:
        when = "after writing" if interruption.stop.was_heeded else "before writing"
        failure = StoppedError(f"Stopped {when}; the state is intact.")
    except BrokenPipeError:
        # The reader of stdout has gone, as with ``| head``; nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except OSError as error:
        is_full = error.errno in UnwritableError.causes
        failure = UnwritableError(error) if is_full else BugError(error)
    except Exception as bug:  # noqa: BLE001  # only here do bugs become words
        logs.trace(bug)
        failure = BugError(bug)
    else:
        return code
    is_stopped = isinstance(failure, StoppedError)
    code = interruption.exit_code if is_stopped else _code(failure)
    # Where the error itself cannot be said, the code still can.
    with suppress(OSError):
        output.fail(failure, code)
    return code


def _code(error: ServiceError) -> Exit:
    return next(code for kind, code in _CODES if isinstance(error, kind))


def _width() -> int | None:
    """Ask a dumb terminal for its width, which rich takes to be 80; None: rich asks."""
    return shutil.get_terminal_size().columns if _is_dumb() else None


def _is_dumb() -> bool:
    return os.environ.get("TERM", "").lower() in {"dumb", "unknown"}


class _Interruption:
    """SIGINT and SIGTERM: the first ends the run in good order, a second at once."""

    def __init__(self, output: Output) -> None:
        self.stop = Stop()
        self.exit_code = 130
        self._output = output

    async def guard(self, work: Coroutine[None, None, int]) -> int:
        task = asyncio.ensure_future(work)
        with (
            heeding("SIGINT", partial(self._interrupt, signal.SIGINT, task)),
            heeding("SIGTERM", partial(self._interrupt, signal.SIGTERM, task)),
        ):
            return await task

    def _interrupt(self, number: signal.Signals, task: asyncio.Future[int]) -> None:
        self.exit_code = 128 + number
        if self.stop.is_requested:
            # Every intent is on disk before its request leaves: nothing is lost.
            if self._output.notes.is_interactive:
                os.write(sys.stderr.fileno(), _CURSOR)
            os._exit(self.exit_code)
        self.stop.request()
        if not self.stop.is_heeded:
            task.cancel()
            return
        self._output.tell_of_stopping(self.stop.under_way)

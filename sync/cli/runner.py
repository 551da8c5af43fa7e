"""Runs one command: signals, errors in words, and the exit codes of the contract."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import signal
import sys
from contextlib import ExitStack
from enum import IntEnum
from typing import TYPE_CHECKING

from rich.console import Console

from connectors.errors import AuthError, ConfigError, InputError, ServiceError
from sync import logs
from sync.documents import ErrorDocument
from sync.errors import BugError, GuardError, StoppedError
from sync.ledger import BusyError, StateError
from sync.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pydantic import BaseModel

    from sync.cli.context import Context
    from sync.logs import LogFormat


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
    (ConfigError, Exit.USAGE),
    (InputError, Exit.USAGE),
    (StateError, Exit.USAGE),
    (AuthError, Exit.LOGIN),
    (GuardError, Exit.GUARD),
    (BusyError, Exit.BUSY),
    (ServiceError, Exit.INCOMPLETE),
)


class _PlainConsole(Console):
    """A console that leaves a closed pipe to the runner, which knows the exit code."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Output:
    """stdout for the result, stderr for everything else."""

    def __init__(self, context: Context, *, is_logging: bool = False) -> None:
        self._as_json = context.as_json
        self._is_logging = is_logging
        # A title may hold what the terminal or the pipe cannot show.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        is_plain = not sys.stdout.isatty()
        self.result = _PlainConsole(highlight=False, soft_wrap=is_plain)
        self.notes = _PlainConsole(stderr=True, highlight=False)

    def emit(self, document: BaseModel, show: Callable[[Console], None]) -> None:
        """Print the result: the document with --json, the view for people without."""
        if self._as_json:
            sys.stdout.write(document.model_dump_json(indent=2) + "\n")
        else:
            show(self.result)

    def fail(self, error: ServiceError, code: int) -> None:
        """Say what happened and what to do; with --json on stdout, as a document."""
        if self._as_json:
            document = ErrorDocument(
                error=type(error).__name__,
                message=error.message,
                remedy=error.remedy,
                exit_code=code,
            )
            sys.stdout.write(document.model_dump_json(indent=2) + "\n")
        if self._is_logging:
            is_stop = isinstance(error, StoppedError)
            logs.tell(
                "program.stopped" if is_stop else "program.failed",
                str(error),
                level=logging.INFO if is_stop else logging.ERROR,
                error=type(error).__name__,
                exit_code=int(code),
            )
            return
        self.notes.print(f"Error: {error.message}", markup=False, soft_wrap=True)
        self.notes.print(error.remedy, markup=False, soft_wrap=True)


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
    interruption = _Interruption()
    try:
        return asyncio.run(interruption.guard(work(output, interruption.stop)))
    except ServiceError as error:
        failure = error
    except asyncio.CancelledError:
        when = "after writing" if interruption.stop.was_heeded else "before writing"
        failure = StoppedError(f"Stopped {when}; the state is intact.")
    except BrokenPipeError:
        # The reader of stdout has gone, as with ``| head``; nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as bug:  # noqa: BLE001  # only here do bugs become words
        logs.trace(bug)
        failure = BugError(bug)
    is_stopped = isinstance(failure, StoppedError)
    code = interruption.exit_code if is_stopped else _code(failure)
    output.fail(failure, code)
    return code


def _code(error: ServiceError) -> Exit:
    return next(code for kind, code in _CODES if isinstance(error, kind))


class _Interruption:
    """SIGINT and SIGTERM: the first ends the run in good order, a second at once."""

    def __init__(self) -> None:
        self.stop = Stop()
        self.exit_code = 130

    async def guard(self, work: Coroutine[None, None, int]) -> int:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupt, number, task)
        return await task

    def _interrupt(self, number: signal.Signals, task: asyncio.Future[int]) -> None:
        self.exit_code = 128 + number
        if self.stop.is_requested:
            # Every intent is on disk before its request leaves: nothing is lost.
            os._exit(self.exit_code)
        self.stop.request()
        if not self.stop.is_heeded:
            task.cancel()

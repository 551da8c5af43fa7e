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
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from connectors.errors import ServiceError
from connectors.standstill import heeding_standstills
from sync.cli.view.texts import GLUE, clean
from sync.documents.base import ErrorDocument, to_json
from sync.errors import BugError, StoppedError, UnwritableError
from sync.runtime import logs
from sync.runtime.signals import heeding
from sync.runtime.stop import Stop
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from pydantic import BaseModel
    from rich.console import Console

    from sync.cli.context import Context
    from sync.runtime.logs import LogFormat

Document = TypeVar("Document", bound="BaseModel")


class Exit(IntEnum):
    """Exit codes; scripts depend on them. Each error knows its own."""

    DONE = 0
    BUG = 1
    USAGE = 2
    LOGIN = 3
    INCOMPLETE = 4
    GUARD = 5
    BUSY = 6


#: Shows the cursor again, which moving bars hide.
_CURSOR = b"\x1b[?25h\n"


def _columns() -> int:
    return shutil.get_terminal_size().columns


class Output:
    """stdout for the result, stderr for everything else."""

    def __init__(self, context: Context, *, is_logging: bool = False) -> None:
        self.context = context
        self._is_logging = is_logging
        # A title may hold what the terminal or the pipe cannot show.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")

    @cached_property
    def result(self) -> Console:
        """Where the result goes, laid out."""
        return self._console(is_result=True)

    @cached_property
    def notes(self) -> Console:
        """Where everything else goes."""
        return self._console(is_result=False)

    def _console(self, *, is_result: bool) -> Console:
        # Heavy, and a result in plain lines needs none.
        from sync.cli.view.console import PlainConsole  # noqa: PLC0415

        return PlainConsole(
            sys.stdout if is_result else sys.stderr,
            has_colors=self.context.has_colors,
        )

    def emit(
        self,
        document: BaseModel | Callable[[], BaseModel],
        show: Callable[[Console], None],
    ) -> None:
        """Print the result: the document with --json, the view for people without."""
        if self.context.as_json:
            self._print(document() if callable(document) else document)
        else:
            self.introduced(show)(self.result)

    def introduced(self, show: Callable[[Console], None]) -> Callable[[Console], None]:
        """Say first whose account it is about, where that is not plain."""
        words = None if self.context.is_quiet else self.context.introduction
        if words is None:
            return show

        def show_both(console: Console) -> None:
            from sync.cli.view.lines import say  # noqa: PLC0415  # as above

            say(console, words)
            show(console)

        return show_both

    def completed(self, document: Document) -> Document:
        """Return a document that says whose account it is about, if it has a place."""
        if "rehearses" not in type(document).model_fields:
            return document
        return document.model_copy(update={"rehearses": self.context.rehearses})

    def _print(self, document: BaseModel) -> None:
        sys.stdout.write(to_json(self.completed(document)) + "\n")

    def emit_lines(
        self, document: BaseModel, lines: Iterable[str], *, hang: int = 0
    ) -> None:
        """Print a result whose view is plain lines.

        On a terminal what does not fit goes on below, at ``hang`` if it is indented.
        """
        if self.context.as_json:
            self._print(document)
            return
        words = None if self.context.is_quiet else self.context.introduction
        whole = [words, *lines] if words else list(lines)
        if sys.stdout.isatty() and max(map(len, whole), default=0) > _columns():
            self._lay_out(whole, hang)
            return
        for line in whole:
            sys.stdout.write(f"{clean(line.replace(GLUE, ' '))}\n")

    def _lay_out(self, lines: Iterable[str], hang: int) -> None:
        from sync.cli.view.lines import say  # noqa: PLC0415  # as above

        for line in lines:
            text = line.lstrip()
            indent = len(line) - len(text)
            say(self.result, text, indent=indent, hang=hang if indent else 0)

    async def emit_long(
        self, document: BaseModel, show: Callable[[Console], None]
    ) -> None:
        """Do the same; what is longer than the terminal goes through the pager."""
        if self.context.as_json or self.context.is_quiet:
            self.emit(document, show)
        else:
            # As above.
            from sync.cli.pager import show_paged  # noqa: PLC0415

            await show_paged(self.result, self.introduced(show))

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
        from sync.cli.view.lines import say, show_next  # noqa: PLC0415  # as above

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
            return
        from sync.cli.view.lines import say  # noqa: PLC0415  # as above

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
    code = interruption.exit_code if is_stopped else failure.exit_code
    # Where the error itself cannot be said, the code still can.
    with suppress(OSError):
        output.fail(failure, code)
    return code


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
            heeding_standstills(),
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

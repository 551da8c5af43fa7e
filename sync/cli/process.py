"""What a process can find itself with: closed streams, a full disk, Ctrl-C at once."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

_STOPPED = 128 + signal.SIGINT
_UNWRITABLE = 2


def run_program(program: Callable[[], None]) -> NoReturn:
    """Run the program to its exit code. Nothing gets past it but that."""
    _fill_closed_streams()
    # A run heeds it in its own way; this is for what comes before and after.
    signal.signal(signal.SIGINT, _leave)
    code: int | str | None = 0
    try:
        program()
    except SystemExit as end:
        code = end.code
    except OSError as error:
        code = _say_unwritable(error)
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError as error:
            if not isinstance(error, BrokenPipeError):
                code = _say_unwritable(error)
            # The interpreter flushes it too: let what is still there go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    sys.exit(code)


def begin_collecting() -> None:
    """Look for garbage from now on, among what comes: all that is there stays."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _fill_closed_streams() -> None:
    """Open what is closed on nothing, before a file of ours gets its number.

    Whatever is printed would else end in that file, be it the state database.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def _leave(*_: object) -> NoReturn:
    """Leave at once: no write is under way, and what was done is noted."""
    with suppress(OSError):
        os.write(2, b"\nStopped; nothing was under way. Run it again to go on.\n")
    os._exit(_STOPPED)


def _say_unwritable(error: OSError) -> int:
    with suppress(OSError):
        os.write(
            2,
            f"Error: The output cannot be written: {error.strerror}.\n"
            "Make room where it goes, or send it elsewhere. What was done is noted; "
            "run it again.\n".encode(),
        )
    return _UNWRITABLE

"""Long texts on a terminal: shown by the person's pager, a screen at a time."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

#: What ``less`` is told where its person says nothing: end at once if all fits, show
#: colours, and leave the text on the screen.
_LESS = "FRX"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


async def show_paged(console: Console, show: Callable[[Console], None]) -> bool:
    """Show it; tell whether the pager did, as it is longer than the terminal."""
    pager = _find_pager()
    height = _height(console)
    if pager is None or height is None:
        show(console)
        return False
    with console.capture() as captured:
        show(console)
    text = captured.get()
    if text.count("\n") >= height and await _page(pager, text, console.file):
        return True
    console.file.write(text)
    console.file.flush()
    return False


def _find_pager() -> list[str] | None:
    """Return the command; None where there is none, or its person wants none."""
    wanted = os.environ.get("PAGER")
    try:
        words = shlex.split("less" if wanted is None else wanted)
    except ValueError:
        return None
    if not words or words == ["cat"] or shutil.which(words[0]) is None:
        return None
    return words


def _height(console: Console) -> int | None:
    """Return how many lines fit; None where nobody can turn pages."""
    if not (console.is_terminal and sys.stdin.isatty()) or console.is_dumb_terminal:
        return None
    try:
        return os.get_terminal_size(console.file.fileno()).lines or None
    except (OSError, ValueError):
        return None


async def _page(command: list[str], text: str, stream: IO[str]) -> bool:
    """Tell whether the pager took it; the loop stays at work meanwhile."""
    if Path(command[0]).name != "less":
        text = _COLOURS.sub("", text)
    process = _start(command, stream)
    if process is None:
        return False
    try:
        with _not_interrupted():
            await asyncio.to_thread(_feed, process, text.encode(errors="replace"))
    except asyncio.CancelledError:
        process.terminate()
        raise
    return process.returncode == 0


def _start(command: list[str], stream: IO[str]) -> subprocess.Popen[bytes] | None:
    environment = {**os.environ, "LESS": os.environ.get("LESS", _LESS)}
    try:
        return subprocess.Popen(  # noqa: S603  # the person's own command
            command, stdin=subprocess.PIPE, stdout=stream.fileno(), env=environment
        )
    except OSError:
        return None


def _feed(process: subprocess.Popen[bytes], text: bytes) -> None:
    with suppress(BrokenPipeError):
        process.communicate(text)
    process.wait()


@contextmanager
def _not_interrupted() -> Iterator[None]:
    """Leave Ctrl-C to the pager, in which it ends a search and not the program."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

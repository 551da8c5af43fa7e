"""The real program as a process of its own, on a terminal or without one.

It is forked from a server that has imported everything, because starting afresh takes
seconds; ``test_processes.py`` starts it afresh once.
"""

from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
import os
import pty
import signal
import struct
import sys
import termios
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.reduction import DupFd
from typing import TYPE_CHECKING, Any

from sync.cli import main
from sync.sandbox.server.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

    from sync.sandbox.server.server import StandIn

KEYS = Credentials()
PATIENCE_S = 60.0
#: The height of a terminal whose width matters: nothing scrolls away.
LINES = 200
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    ["__main__", __name__, "sync.cli.commands.login", "sync.ledger.migrate"]
)


def environment(
    folder: Path, trakt: StandIn, discovr: StandIn, **more: str
) -> dict[str, str]:
    """Point the program at the stand-ins; its state is in that folder."""
    settings = {
        "TRAKT__CLIENT_ID": KEYS.trakt_client_id,
        "TRAKT__CLIENT_SECRET": KEYS.trakt_client_secret,
        "TRAKT__API_URL": trakt.url,
        "TRAKT__AUTH_URL": trakt.url,
        "DISCOVR__CLIENT_ID": KEYS.discovr_client_id,
        "DISCOVR__API_URL": discovr.url,
        "DISCOVR__REQUESTS_PER_SECOND": "500",
        "STATE__TOKENS": str(folder / "tokens.json"),
        "STATE__URL": f"sqlite:///{folder / 'state.sqlite3'}",
    }
    named = {f"TRAKT2DISCOVR_{name}": value for name, value in settings.items()}
    ours = {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}
    return {**os.environ, **ours, **named, **more}


@dataclass
class Program:
    """A run under way. ``screen`` is what its terminal (or stderr) shows so far."""

    process: ForkServerProcess
    keyboard: int
    screen: str = ""
    stdout: str = ""
    shown: asyncio.Event = field(default_factory=asyncio.Event)
    readers: list[asyncio.Task[None]] = field(default_factory=list)

    async def shows(self, words: str) -> None:
        """Wait until the screen shows these words."""
        async with asyncio.timeout(PATIENCE_S):
            while words not in self.screen:
                self.shown.clear()
                await self.shown.wait()

    def types(self, line: str) -> None:
        os.write(self.keyboard, f"{line}\n".encode())

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        assert self.process.pid is not None
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    async def ends(self) -> int:
        """Return the exit code, once everything that was printed is read."""
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait(self.readers)
        self.process.join(PATIENCE_S)
        assert self.process.exitcode is not None
        return self.process.exitcode

    def take(self, text: bytes, *, is_result: bool) -> None:
        if is_result:
            self.stdout += text.decode()
        else:
            self.screen += text.decode()
        self.shown.set()


@asynccontextmanager
async def program(
    *args: str,
    env: dict[str, str],
    on_terminal: bool = False,
    columns: int | None = None,
) -> AsyncIterator[Program]:
    """Run the program; with a terminal its stdin and stderr are one.

    With ``columns`` the terminal is that wide, and stdout is on it too.
    """
    result, stdout = os.pipe()
    has_terminal = on_terminal or columns is not None
    keyboard, terminal = pty.openpty() if has_terminal else os.pipe()
    stdin = terminal if has_terminal else os.open(os.devnull, os.O_RDONLY)
    if columns is not None:
        size = struct.pack("HHHH", LINES, columns, 0, 0)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
    screen = stdout if columns is None else terminal
    process = _SERVER.Process(
        target=_become, args=(args, env, _Files((stdin, screen, terminal)))
    )
    process.start()
    for handle in {stdin, stdout, terminal}:
        os.close(handle)
    run = Program(process, keyboard)
    for handle, is_result in ((result, True), (keyboard, False)):
        reading = _read(handle, run, is_result=is_result)
        run.readers.append(asyncio.create_task(reading))
    try:
        yield run
    finally:
        if process.is_alive():
            run.kill()
        await run.ends()
        process.close()
        for handle in (result, keyboard):
            os.close(handle)


class _Files:
    """Open files that travel to the new process."""

    _travelling: Sequence[Any]

    def __init__(self, handles: Sequence[int]) -> None:
        self._handles = handles

    def __getstate__(self) -> dict[str, Any]:
        return {"_travelling": [DupFd(handle) for handle in self._handles]}

    def take_places(self) -> None:
        """Make them stdin, stdout and stderr."""
        for number, handle in enumerate(self._travelling):
            os.dup2(handle.detach(), number)


def _become(args: Sequence[str], env: dict[str, str], files: _Files) -> None:
    os.environ.clear()
    os.environ.update(env)
    files.take_places()
    encoding = env["PYTHONIOENCODING"]
    sys.stdin = os.fdopen(0, encoding=encoding, closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding=encoding, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding=encoding, closefd=False, buffering=1)
    sys.argv = ["trakt2discovr", *args]
    main()


async def _read(handle: int, run: Program, *, is_result: bool) -> None:
    loop, is_over = asyncio.get_running_loop(), asyncio.Event()

    def look() -> None:
        try:
            text = os.read(handle, 65536)
        except OSError:  # how Linux says that nobody has the terminal open any more
            text = b""
        if not text:
            loop.remove_reader(handle)
            is_over.set()
        run.take(text, is_result=is_result)

    loop.add_reader(handle, look)
    await is_over.wait()

"""The real program as a process of its own, on a terminal or without one."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync.sandbox.server.credentials import Credentials
from tests.forks import fork_program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

    from sync.sandbox.server.server import StandIn

KEYS = Credentials()
PATIENCE_S = 60.0
#: The height of a terminal whose width matters: nothing scrolls away.
LINES = 200


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
    result: int
    screen: str = ""
    stdout: str = ""
    is_closed: bool = False
    shown: asyncio.Event = field(default_factory=asyncio.Event)
    readers: list[asyncio.Task[None]] = field(default_factory=list)
    #: How much the screen showed when something was last typed.
    typed_at: int = 0

    async def shows(self, words: str, *, after: int = 0) -> None:
        """Wait until the screen shows these words, ``after`` so many characters."""
        async with asyncio.timeout(PATIENCE_S):
            while words not in self.screen[after:]:
                self.shown.clear()
                await self.shown.wait()

    async def answers(self, question: str, line: str) -> None:
        """Wait until that is asked, or asked again, and type the answer.

        Who types before it is asked may type while the terminal still shows it.
        """
        await self.shows(question, after=self.typed_at)
        self.types(line)

    def types(self, line: str) -> None:
        self.typed_at = len(self.screen)
        os.write(self.keyboard, f"{line}\n".encode())

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return not self.is_closed and self.process.is_alive()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def ends(self) -> int:
        """Return the exit code, once everything that was printed is read."""
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait(self.readers)
        self.process.join(PATIENCE_S)
        assert self.process.exitcode is not None
        return self.process.exitcode

    def close(self) -> None:
        """Let go of it, once it has ended."""
        self.is_closed = True
        self.process.close()
        for handle in (self.result, self.keyboard):
            os.close(handle)

    def take(self, text: bytes, *, is_result: bool) -> None:
        if is_result:
            self.stdout += text.decode()
        else:
            self.screen += text.decode()
        self.shown.set()


@asynccontextmanager
async def program(
    *args: str,
    env: Mapping[str, str],
    on_terminal: bool = False,
    columns: int | None = None,
    **options: Any,
) -> AsyncIterator[Program]:
    """Run the program; with a terminal its stdin and stderr are one.

    With ``columns`` the terminal is that wide, and stdout is on it too. The other
    options are those of ``fork_program``.
    """
    run = launch(*args, env=env, on_terminal=on_terminal, columns=columns, **options)
    try:
        yield run
    finally:
        if run.process.is_alive():
            run.kill()
        await run.ends()
        run.close()


def launch(
    *args: str,
    env: Mapping[str, str],
    on_terminal: bool = False,
    columns: int | None = None,
    **options: Any,
) -> Program:
    """Start it. Whoever does has to wait for its end, and to close it."""
    result, stdout = os.pipe()
    has_terminal = on_terminal or columns is not None
    keyboard, terminal = pty.openpty() if has_terminal else os.pipe()
    stdin = terminal if has_terminal else os.open(os.devnull, os.O_RDONLY)
    if columns is not None:
        size = struct.pack("HHHH", LINES, columns, 0, 0)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
    screen = stdout if columns is None else terminal
    process = fork_program(args, env, (stdin, screen, terminal), **options)
    for handle in {stdin, stdout, terminal}:
        os.close(handle)
    run = Program(process, keyboard, result)
    for handle, is_result in ((result, True), (keyboard, False)):
        reading = _read(handle, run, is_result=is_result)
        run.readers.append(asyncio.create_task(reading))
    return run


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

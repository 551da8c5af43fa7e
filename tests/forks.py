"""Processes that are forked from a server which has imported everything.

To start the program afresh takes a second, most of it imports. ``is_afresh`` does so
all the same: a few tests start it the way a person does.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
from multiprocessing.reduction import DupFd
from typing import TYPE_CHECKING, Any

from connectors.discovr import device
from sync.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from multiprocessing.context import ForkServerProcess

#: How often a forked program asks whether its code was approved; 5 s if afresh.
DISCOVR_POLLS_S = 0.2
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "__main__",
        __name__,
        "connectors.tmdb.client",
        "connectors.trakt.extras",
        "filelock",
        "sync.cli.app",
        "sync.cli.fleet",
        "sync.cli.commands.carry",
        "sync.cli.commands.doctor",
        "sync.cli.commands.login",
        "sync.cli.commands.status",
        "sync.cli.commands.sync",
        "sync.cli.view.bars",
        "sync.cli.view.console",
        "sync.documents.report_store",
        "sync.extract.files",
        "sync.extract.listed",
        "sync.ledger.migrate",
        "sync.ledger.shared",
        "sync.ledger.sqlite",
        "sync.ledger.tables",
        "sync.pipeline.run",
        "sync.pipeline.carry",
        "sync.pipeline.compare",
        "sync.pipeline.copies",
        "sync.pipeline.documents",
        "sync.pipeline.incremental",
        "sync.pipeline.undo",
        "sync.load.loader",
        "sqlalchemy.dialects.sqlite",
        "sync.sandbox.running",
        "sync.wiring.bootstrap",
        "tests.ledger_suite.victim",
    ]
)


def fork_program(
    args: Sequence[str],
    env: Mapping[str, str],
    files: tuple[int, int, int],
    *,
    is_afresh: bool = False,
    most_bytes: int | None = None,
) -> ForkServerProcess:
    """Start the program; ``files`` become stdin, stdout and stderr.

    No file that it writes may grow beyond ``most_bytes``.
    """
    become = _start_afresh if is_afresh else _become
    return fork(become, args, dict(env), Files(files), most_bytes)


def fork(target: Callable[..., object], *args: Any) -> ForkServerProcess:
    """Call a function in a process of its own."""
    process = _SERVER.Process(target=target, args=args)
    process.start()
    return process


class Files:
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


def _become(
    args: Sequence[str],
    env: dict[str, str],
    files: Files,
    most_bytes: int | None,
) -> None:
    os.environ.clear()
    os.environ.update(env)
    files.take_places()
    _limit(most_bytes)
    encoding = env["PYTHONIOENCODING"]
    sys.stdin = os.fdopen(0, encoding=encoding, closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding=encoding, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding=encoding, closefd=False, buffering=1)
    sys.argv = ["trakt2discovr", *args]
    device.INTERVAL_S = DISCOVR_POLLS_S
    main()


def _start_afresh(
    args: Sequence[str],
    env: dict[str, str],
    files: Files,
    most_bytes: int | None,
) -> None:
    files.take_places()
    _limit(most_bytes)
    command = [sys.executable, "-m", "sync", *args]
    os.execve(command[0], command, env)  # noqa: S606  # the program itself


def _limit(most_bytes: int | None) -> None:
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

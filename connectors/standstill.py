"""A process that stood still and goes on: what was about to leave does not leave.

Before each write the program asks whether it still may. From there to the system's call
it takes some microseconds. Stopped just there (Ctrl-Z, SIGSTOP) it would send, when it
goes on, what another run may have sent meanwhile. A machine that sleeps and a container
that is frozen give no signal: there these microseconds remain.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

#: The code that hands a request to the system. What is raised there is a fault of that
#: request; anywhere else it would fall upon who knows nothing of it.
LEAVING: set[CodeType] = set()


class StoodStillError(ConnectionError):
    """The process stood still as a request left; it may have left before."""


@contextmanager
def heeding_standstills() -> Iterator[None]:
    """Break off, meanwhile, the request that was leaving when the process was stopped.

    Its outcome is unknown then. A thread, which may not have signals, and a system that
    lacks this one go on without.
    """
    number = getattr(signal, "SIGCONT", None)
    if number is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, _break_off)
    try:
        yield
    finally:
        signal.signal(number, before or signal.SIG_DFL)


def _break_off(_number: int, frame: FrameType | None) -> None:
    """Raise in the request that leaves right now, if one does.

    A signal of Python comes between two steps of the main thread: the frames are those
    of the step, and what waits is not among them.
    """
    while frame is not None:
        if frame.f_code in LEAVING:
            raise StoodStillError
        frame = frame.f_back

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

#: The code in which a request is under way. What is raised there is judged as a fault
#: of that request.
UNDER_WAY: set[CodeType] = set()


class StoodStillError(ConnectionError):
    """The process stood still within a request, which may have left before."""


@contextmanager
def heeding_standstills() -> Iterator[None]:
    """Break off, meanwhile, the request in which the process was stopped.

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
    """Raise in the request that runs right now, if there is one.

    A signal of Python comes between two steps of the main thread: the frames are those
    of the step, and what waits is not among them.
    """
    while frame is not None:
        if frame.f_code in UNDER_WAY:
            raise StoodStillError
        frame = frame.f_back

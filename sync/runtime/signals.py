"""Signals for a running loop, on systems that let a loop have them and on others."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def heeding(name: str, heed: Callable[[], None]) -> Iterator[None]:
    """Call ``heed`` in the running loop for each signal of that name, meanwhile.

    A system that does not know the signal never sends it. Windows lets no loop have
    signals: there the process gets it, and hands it on.
    """
    number = getattr(signal, name, None)
    if number is None:
        yield
        return
    loop, before = asyncio.get_running_loop(), signal.getsignal(number)
    try:
        loop.add_signal_handler(number, heed)
    except NotImplementedError:
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(heed))
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            loop.remove_signal_handler(number)
        signal.signal(number, before or signal.SIG_DFL)

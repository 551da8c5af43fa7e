"""Tells a caller of events, and lets nothing that it does with them end a run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sync.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.events import Event


class Listener:
    """Hands events to a callback of somebody else's, or to nobody."""

    def __init__(self, on_event: Callable[[Event], None] | None) -> None:
        self._on_event = on_event
        self._is_known = False

    def __call__(self, event: Event) -> None:
        """Tell of an event. What the callback raises is logged, the first time."""
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as fault:  # noqa: BLE001  # it is a stranger's code
            if self._is_known:
                return
            self._is_known = True
            logs.trace(fault)
            said = f"The listener to events failed ({type(fault).__name__})."
            logs.tell("listener.failed", said, level=logging.WARNING)

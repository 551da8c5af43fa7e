"""A polite request to stop, and whether anything is under way that heeds it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stop:
    """Asked for from outside, looked at between writes.

    While nobody heeds it there is nothing to finish: the caller may simply cancel.
    """

    def __init__(self) -> None:
        self.is_requested = False
        self.is_heeded = False
        self.was_heeded = False

    def request(self) -> None:
        """Ask for no further writes."""
        self.is_requested = True

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Mark the stretch in which what is under way gets finished and settled."""
        self.is_heeded = self.was_heeded = True
        try:
            yield
        finally:
            self.is_heeded = False

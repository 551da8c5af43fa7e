"""A polite request to stop, and whether anything is under way that heeds it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Stop:
    """Asked for from outside, looked at between writes.

    The call that it was handed to finishes what is under way and raises StoppedError.
    While ``is_heeded`` is False there is nothing to finish: the caller may cancel the
    call instead, which need not wait until everything is read.
    """

    def __init__(self) -> None:
        self.is_requested = False
        self.is_heeded = False
        self.was_heeded = False
        self._count: Callable[[], int] = _nothing

    def request(self) -> None:
        """Ask for no further writes."""
        self.is_requested = True

    @property
    def under_way(self) -> int:
        """How many writes are being finished, as far as anybody counts them."""
        return self._count()

    @contextmanager
    def heeded(self, under_way: Callable[[], int] | None = None) -> Iterator[None]:
        """Mark the stretch in which what is under way gets finished and settled.

        ``under_way`` counts the writes that this is.
        """
        self.is_heeded = self.was_heeded = True
        self._count = under_way or _nothing
        try:
            yield
        finally:
            self.is_heeded = False
            self._count = _nothing


def _nothing() -> int:
    return 0

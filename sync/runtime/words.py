"""Numbers in words, for all who speak to a person."""

from __future__ import annotations

from connectors.words import count

__all__ = ["count", "entries"]


def entries(number: int) -> str:
    """Count entries."""
    return count(number, "entry", "entries")

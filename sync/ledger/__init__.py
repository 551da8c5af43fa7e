"""The ledger: durable rows of what was intended and how it ended, and a few facts.

What is written, and in which order, is decided elsewhere. Importing this package is
cheap; the database library comes in with the first look at ``Ledger``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync.domain.writes import Before, Outcome, Row
from sync.ledger.errors import BusyError, StateError
from sync.ledger.records import CachedShow, Holder, Run

if TYPE_CHECKING:
    from sync.ledger.ledger import Ledger

__all__ = [
    "Before",
    "BusyError",
    "CachedShow",
    "Holder",
    "Ledger",
    "Outcome",
    "Row",
    "Run",
    "StateError",
]


def __getattr__(name: str) -> Any:
    if name != "Ledger":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sync.ledger.ledger import Ledger  # noqa: PLC0415  # see the docstring above

    return Ledger

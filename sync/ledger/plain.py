"""Plain SQL: statements that both databases take as they stand.

What each run asks, also one that finds nothing new, and what ``status`` asks, is said
in it. So neither has to import SQLAlchemy where the driver comes with Python.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    #: What a statement takes, by the names that stand behind its colons.
    Values = Mapping[str, Any]

T = TypeVar("T")

#: Both databases limit the parameters of one statement; this is well below.
_CHUNK = 1000
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Plain(Protocol):
    """An open transaction that is sent plain SQL.

    Instants go in aware and are read by ``to_instant``; what JSON can hold goes in as
    text (``to_json``) and is read by ``from_json``.
    """

    #: Behind a SELECT: keeps its rows as they are until the transaction ends.
    keeping: ClassVar[str]

    def rows(self, statement: str, values: Values | None = None) -> list[Any]:
        """Send a statement, and return its rows as tuples."""

    def each(self, statement: str, values: Sequence[Values]) -> None:
        """Send a statement once for each of these."""

    def from_json(self, value: Any) -> Any:
        """Read a column that holds JSON."""


def whole(text: str) -> str:
    """Make text storable: what no database can hold becomes a replacement mark."""
    if text.isprintable():  # nothing of the kind is in it
        return text
    # NUL, which PostgreSQL refuses, and halves of surrogate pairs.
    printable = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return printable.encode(errors="replace").decode()


def to_utc(instant: datetime) -> datetime:
    """Turn an instant to UTC; refuse one without a zone."""
    if instant.tzinfo is None:
        raise ValueError("An instant without a time zone says nothing.")
    return instant.astimezone(UTC)


def to_instant(value: str | datetime) -> datetime:
    """Read an instant of either database."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC)


def to_json(value: Any) -> str:
    """Write what JSON can hold, without the blanks: of small values a seventh."""
    return _encode(value)


def cut(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut it into pieces that fit into one statement."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]

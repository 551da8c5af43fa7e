"""What outlives the process, even one that is killed: JSON lines, and tables."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from connectors.files import PRIVATE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


class Journal:
    """Appends records and reads them back; without a path it forgets at once.

    A record is with the operating system before ``append`` returns, so SIGKILL cannot
    take it back. A last line that was cut short is dropped when the file is read.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def read(self) -> list[dict[str, Any]]:
        """Return what was appended, oldest first."""
        if self._path is None or not self._path.exists():
            return []
        text = self._path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            self._path.write_bytes(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def append(self, record: dict[str, Any]) -> None:
        """Keep one record."""
        if self._path is None:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A rehearsal of a person's own download says what she watched.
        with os.fdopen(os.open(self._path, _APPENDING, PRIVATE), "ab") as file:
            file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


class Row(Protocol):
    """A frozen dataclass of plain values and datetimes."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


R = TypeVar("R", bound=Row)


class Table(Generic[R]):
    """Rows by id, in the order in which they came. Every change is journalled first."""

    def __init__(
        self, journal: Journal, name: str, load: Callable[[dict[str, Any]], R]
    ) -> None:
        self._journal = journal
        self._name = name
        self.rows: dict[str, R] = {}
        for record in journal.read():
            if record["table"] != name:
                continue
            if record["row"] is None:
                self.rows.pop(record["id"], None)
            else:
                self.rows[record["id"]] = load(record["row"])

    def put(self, row_id: str, row: R) -> None:
        """Add a row, or replace the one of that id in its place."""
        values = {name: _plain(value) for name, value in asdict(row).items()}
        self._journal.append({"table": self._name, "id": row_id, "row": values})
        self.rows[row_id] = row

    def drop(self, row_id: str) -> None:
        """Remove a row."""
        self._journal.append({"table": self._name, "id": row_id, "row": None})
        self.rows.pop(row_id, None)


def moment(text: str) -> datetime:
    """Read an instant back."""
    return datetime.fromisoformat(text)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value

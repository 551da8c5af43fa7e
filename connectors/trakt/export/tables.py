"""Tables as text: the header, wherever it stands, and the rows below it."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.trakt.export.columns import has_time, squash
from connectors.trakt.sense import UnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.trakt.export.columns import Row

#: So many lines may stand above the header: what the table is, or who made it.
_MOST_ABOVE = 10
_DIGIT = re.compile(r"\d")
_QUOTED = re.compile(r'"[^"]*"')
_TOO_FEW = "is incomplete: it has fewer cells than the header"
_TOO_MANY = "has more cells than the header, so nobody can tell which is which"
_ADD_CELLS = "Add the cells that are missing at its end, empty ones included."
_QUOTE_IT = "Put a title that holds a comma into quotation marks, and run it again."


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that does not fit the header: its cells, and what is wrong with it."""

    cells: list[str]
    error: UnusableError


class Table:
    """A table; ``header`` holds its column names, none where it is no table."""

    def __init__(self, text: str) -> None:
        if "\n" not in text:
            text = text.replace("\r", "\n")  # as a spreadsheet of long ago ends lines
        self._stream = io.StringIO(text, newline="")
        self._above = 0
        self._delimiter = ","
        self.header = self._find_header()
        self._starts: list[int] = []
        #: Whether the last row ends early, and its line with it.
        self.is_cut = False
        #: Where a quotation mark swallows rows, as it is not closed in its line.
        self.open_quote: int | None = None

    def rows(self) -> Iterator[Row | BrokenRow]:
        """Yield the rows by column name. Raises csv.Error."""
        names = _tell_apart(self.header)
        lines: list[str] = []
        reader = csv.reader(self._hand_on(lines), delimiter=self._delimiter)
        for cells in reader:
            is_long, start = len(lines) > 1, reader.line_num - len(lines) + 1
            is_ended = lines[-1:] == [] or lines[-1].endswith(("\n", "\r"))
            lines.clear()
            if not any(map(str.strip, cells)):
                continue
            if _is_header(cells, names):  # of another table, joined to this one
                names = _tell_apart([cell.strip() for cell in cells])
                continue
            self._starts.append(self._above + start)
            is_few = len(cells) < len(names)
            is_many = any(map(str.strip, cells[len(names) :]))
            if is_long and (is_few or is_many or self._holds_row(cells)):
                self.open_quote = self.open_quote or self._above + start
            self.is_cut = is_few and not is_ended
            if is_few:
                yield BrokenRow(cells, UnusableError(_TOO_FEW, _ADD_CELLS))
            elif is_many:
                yield BrokenRow(cells, UnusableError(_TOO_MANY, _QUOTE_IT))
            else:
                yield dict(zip(names, cells, strict=False))

    def _hand_on(self, lines: list[str]) -> Iterator[str]:
        for line in self._stream:
            lines.append(line)
            yield line

    def _holds_row(self, cells: list[str]) -> bool:
        """Whether a line within a cell would be a row by itself."""
        inner = [line for cell in cells for line in cell.splitlines()[1:]]
        least = max(len(self.header) - 1, 1)
        return any(line.count(self._delimiter) >= least for line in inner)

    def place(self, row: int) -> str:
        """Say which row it is, counted below the header, and which line if not so."""
        line = self._starts[row - 1]
        return f"row {row}" if line == row + 1 else f"row {row} (line {line})"

    def _find_header(self) -> list[str]:
        """Go below the line that names a time of watching; else below the first."""
        first: list[str] = []
        after = 0
        for number in range(1, _MOST_ABOVE + 1):
            line = self._stream.readline().strip()
            if not line or line.lower()[:4] == "sep=":
                continue
            delimiter = _find_delimiter(line)
            cells = next(csv.reader([line], delimiter=delimiter), [])
            names = [cell.strip() for cell in cells]
            if len(names) > 1 and has_time(names):
                self._above, self._delimiter = number, delimiter
                return names
            if not first:
                first, after = names, self._stream.tell()
                self._above, self._delimiter = number, delimiter
        self._stream.seek(after)
        return first if len(first) > 1 else []

    def first_row(self) -> list[str]:
        """Return the cells of the first row; no others are read after that."""
        row = next(self.rows(), None)
        if row is None:
            return []
        return row.cells if isinstance(row, BrokenRow) else [*row.values()]


def _is_header(cells: list[str], names: list[str]) -> bool:
    """Whether a row below a header names columns again, with a time or without."""
    if len(cells) > 1 and has_time(cells):
        return True
    if any(map(_DIGIT.search, cells)):  # as in each play: it has its time
        return False
    words = [squash(cell) for cell in cells if cell.strip()]
    again = sum(word in {*map(squash, names)} for word in words)
    return again >= max(2, len(words) / 2)


def _find_delimiter(line: str) -> str:
    return max(",;\t|", key=_QUOTED.sub("", line).count)


def _tell_apart(names: list[str]) -> list[str]:
    """Mark a second column of one name by a blank, which is no part of a name."""
    apart: list[str] = []
    for name in names:
        apart.append(name + " " * sum(name == other.rstrip() for other in apart))
    return apart

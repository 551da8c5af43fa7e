"""The two forms of the file in which a person gives ids: TOML and CSV.

Both keep whatever a person added: comments, further keys, further columns.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from typing import TYPE_CHECKING, Any, Protocol

from sync.domain.desired import NOT_POSSIBLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    #: kind, title, year, tmdb, on_tmdb, plays, reason, search, and ids by catalogue.
    Fields = Mapping[str, Any]

FORMAT = "trakt2discovr/ids"

_HEADER = """\
trakt2discovr: titles that need an id of TMDB, and the ids that you gave.

Search for a title on https://www.themoviedb.org (the address above each one does that)
and put the number of its page between the quotes of tmdb: for
https://www.themoviedb.org/tv/1396-breaking-bad that is 1396. The whole address will do,
and so will an IMDb id such as tt0903747 if [tmdb] api_key is set. Write skip in the
place of an id to leave the title out for good; leave tmdb empty to decide later.

Save the file where it is: the next run reads it, and only these titles go again.

Your id wins over the one that {source} has. To correct a title that was carried over
under a wrong id, add an entry for it by hand: kind, title and year as the report has
them, and tmdb. What was written under the wrong id stays until you take it back: sync
--prune or undo.
"""


class FormError(Exception):
    """The file is not of this form; the text goes on after its name."""


class Form(Protocol):
    """One form of the file."""

    def read(self, text: str) -> list[tuple[str, Fields]]:
        """Return the entries with their places. Raises FormError."""

    def write(
        self,
        text: str | None,
        changes: Sequence[Fields],
        added: Iterable[Fields],
        information: Iterable[Fields],
    ) -> str:
        """Return the text with the entries changed, one by one, and others added.

        ``information`` replaces what was listed before as not possible.
        """


class Toml:
    """An array of tables, ``[[title]]``; a new file names the ``source`` of them."""

    def __init__(self, source: str) -> None:
        self._source = source

    def read(self, text: str) -> list[tuple[str, Fields]]:
        """Return the entries with their places. Raises FormError."""
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            # The message of the parser names line and column, never the text.
            raise FormError(f"is not valid TOML: {error}") from None
        except (ValueError, RecursionError):
            what = "a number of thousands of digits, or lists within lists"
            raise FormError(f"holds {what}") from None
        if document.get("format") != FORMAT:
            raise FormError("was not written by trakt2discovr unmatched --out")
        titles = document.get("title", [])
        if not isinstance(titles, list) or not all(isinstance(t, dict) for t in titles):
            raise FormError("has a title that is no [[title]]")
        return [(f"entry {number}", fields) for number, fields in enumerate(titles, 1)]

    def write(
        self,
        text: str | None,
        changes: Sequence[Fields],
        added: Iterable[Fields],
        information: Iterable[Fields],
    ) -> str:
        """Return the text with the entries changed and added."""
        import tomlkit  # noqa: PLC0415  # needed when such a file is written only

        document = tomlkit.parse(text) if text is not None else _empty(self._source)
        document.pop("not_possible", None)
        entries: Any = document.get("title", [])
        for entry, change in zip(entries, changes, strict=True):
            entry.update({n: _to_item(v) for n, v in change.items()})
        parts = [document.as_string().rstrip(), ""]
        for name, group in (("title", added), ("not_possible", information)):
            parts += [f"[[{name}]]\n{_entry(fields)}" for fields in group]
        written = "\n".join(parts)
        self.read(written)  # a title that is an array in one line takes no more tables
        return written


def _empty(source: str) -> Any:
    import tomlkit  # noqa: PLC0415  # as above

    document = tomlkit.document()
    for line in _HEADER.format(source=source).splitlines():
        document.add(tomlkit.comment(line) if line else tomlkit.nl())
    document.add(tomlkit.nl())
    document["format"] = FORMAT
    document["version"] = 1
    return document


def _entry(fields: Fields) -> str:
    import tomlkit  # noqa: PLC0415  # as above

    entry = tomlkit.document()
    if search := fields.get("search"):
        entry.add(tomlkit.comment(search))
    for name, value in fields.items():
        if name == "ids":
            ids = tomlkit.inline_table()
            ids.update({catalogue: _to_item(v) for catalogue, v in value.items()})
            entry[name] = ids
        elif value is not None and name != "search":
            entry[name] = _to_item(value)
    return entry.as_string()


def _to_item(value: Any) -> Any:
    """Return a text so that no terminal heeds it: TOML itself allows what some do."""
    if not isinstance(value, str) or not _CONTROL.search(value):
        return value
    import tomlkit  # noqa: PLC0415  # as above
    from tomlkit.items import String, StringType, Trivia  # noqa: PLC0415  # as above

    written = tomlkit.string(value).as_string()[1:-1]  # some is escaped by then
    return String(StringType.SLB, value, _CONTROL.sub(_escape, written), Trivia())


#: Column by catalogue: ``tmdb`` is what the person fills in.
_IDS = {
    "trakt": "trakt",
    "slug": "slug",
    "imdb": "imdb",
    "tvdb": "tvdb",
    "tmdb": "known_tmdb",
}
_FIRST = ("kind", "title", "year", "tmdb", "on_tmdb", "plays", "reason")
_COLUMNS = (*_FIRST, *_IDS.values(), "search")
#: What we write into; ``tmdb`` is the person's.
_OWN = frozenset(_COLUMNS) - {"tmdb"}


#: What spreadsheets take for the beginning of a formula, wide forms included.
_BEGINS = "=+@\uff1d\uff0b\uff20\uff0d-"
#: What makes a spreadsheet run a cell, behind marks that keep it from that.
_FORMULA = re.compile(rf"'*\s*[{_BEGINS}]")
#: The same where a spreadsheet of another country parts cells.
_PARTED = re.compile(rf"[;,](?=\s*[{_BEGINS}])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_WRITTEN = re.compile(r"\\u([0-9a-f]{4})")


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _to_cells(fields: Fields) -> dict[str, Any]:
    """Return the fields so that no program runs them, and no terminal heeds them."""
    return {n: _to_cell(v) if isinstance(v, str) else v for n, v in fields.items()}


def _to_cell(text: str) -> str:
    text = _WRITTEN.sub(r"\\u005cu\1", text)  # stood there before: it stays itself
    text = _PARTED.sub(_escape, _CONTROL.sub(_escape, text))
    return f"'{text}" if _FORMULA.match(text) else text


def _from_cells(row: Mapping[str, str]) -> dict[str, str]:
    """Read back the columns of ours; what a person added stays as it is."""
    return {n: _from_cell(v) for n, v in row.items() if n in _OWN}


def _from_cell(cell: str) -> str:
    text = cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell
    return _WRITTEN.sub(_unescape, text)


def _unescape(written: re.Match[str]) -> str:
    letter = chr(int(written[1], 16))
    return letter if letter in "\\;," or _CONTROL.match(letter) else written[0]


class Table:
    """A table with a header; the ids of a title stand in columns of their own."""

    def read(self, text: str) -> list[tuple[str, Fields]]:
        """Return the entries with their places. Raises FormError."""
        rows, _, _ = self._parse(text)
        return [(f"line {line}", self._fields(row)) for line, row in rows]

    def write(
        self,
        text: str | None,
        changes: Sequence[Fields],
        added: Iterable[Fields],
        information: Iterable[Fields],
    ) -> str:
        """Return the text with the entries changed and added."""
        rows, columns, delimiter = self._parse(text) if text else ([], [], ",")
        columns += [name for name in _COLUMNS if name not in columns]
        file = io.StringIO(newline="")
        writer = csv.DictWriter(file, columns, delimiter=delimiter, restval="")
        writer.writeheader()
        for (_, row), change in zip(rows, changes, strict=True):
            writer.writerow({**row, **_to_cells(_from_cells(row)), **_to_cells(change)})
        for fields in (*added, *information):
            ids = {_IDS[n]: v for n, v in fields.get("ids", {}).items()}
            own = {n: v for n, v in fields.items() if n != "ids" and v is not None}
            writer.writerow(_to_cells({**own, **ids}))
        return file.getvalue()

    def _parse(
        self, text: str
    ) -> tuple[list[tuple[int, dict[str, str]]], list[str], str]:
        first = text.lstrip().partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        reader = csv.DictReader(
            io.StringIO(text, newline=""), delimiter=delimiter, strict=True
        )
        rows: list[tuple[int, dict[str, str]]] = []
        try:
            columns = list(reader.fieldnames or ())
            if not {"kind", "title", "tmdb"}.issubset(columns):
                raise FormError("was not written by trakt2discovr unmatched --out")
            for row in reader:
                if None in row:
                    line = f"line {reader.line_num}"
                    raise FormError(f"has more cells than columns in {line}")
                # What was listed as not possible is listed anew each time.
                if row["tmdb"] or row.get("reason") not in NOT_POSSIBLE:
                    cells = {name: value or "" for name, value in row.items()}
                    rows.append((reader.line_num, cells))
        except csv.Error as error:
            line = f"line {reader.reader.line_num}"
            raise FormError(f"is no readable table in {line}: {error}") from None
        return rows, columns, delimiter

    def _fields(self, row: Mapping[str, str]) -> Fields:
        row = {**row, **_from_cells(row)}
        ids = {name: row.get(column) for name, column in _IDS.items()}
        return {**row, "ids": {name: value for name, value in ids.items() if value}}

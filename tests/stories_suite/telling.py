"""How a story is worded: a line for each thing that happened, and what differs."""

from __future__ import annotations

import difflib
import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

from sync.events import Finished, Waiting, Warned
from sync.pipeline.documents import report_document, restore_document, undo_document
from sync.pipeline.result import Report, exit_code
from sync.pipeline.undo import Undone

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence
    from pathlib import Path

    from pydantic import BaseModel

    from sync.sandbox.discovr.history import StoredEntry
    from sync.sandbox.server.server import SeenRequest


#: What is told among the requests; and, of a run that wrote, in the ledger.
_TOLD = {"cost", "command", "profile", "exit_code"}
_SHORT = _TOLD | {"operations", "names"}
#: Of each value that a request asks with.
_LONGEST = 40
#: Columns that say little: what is the same in all rows, and digests of the others.
_UNTOLD = {"profile", "operation_id", "shared", "digest"}
#: A moment of a run, of which only the day is told: a second more changes no outcome.
_DAY = re.compile(r"(202[6-9]-\d\d-\d\d)[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?")
#: What two files of the same content differ in.
_OF_A_FILE = re.compile(r'("(?:changed_ns|digest)":)("\w+"|\d+)')
#: Which process holds a profile, how new the tables are, and what is told elsewhere.
_ASIDE = {"t2d_holder", "t2d_version", "t2d_shared_title"}
_NUMBERED = {"t2d_run", "t2d_operation"}
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 't2d_%'"


def changes(before: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    """Yield what there is now and was not before; of what went, how it is known."""
    old, lines = ([*map(_steady, part)] for part in (before, now))
    gone, new = Counter(old) - Counter(lines), Counter(lines) - Counter(old)
    known = {_name(line) for line in new}
    yield from (f"+ {line}" for line in _taken(lines, new))
    names = Counter(_name(line) for line in gone.elements())
    for name, count in names.items():
        if name not in known:
            yield f"- {name}" + (f" x {count}" if count > 1 else "")


def rows_of(file: Path) -> Iterator[str]:
    """Yield a line for each row of a ledger; only what has a number has an order."""
    if not file.exists():
        return
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as state:
        state.row_factory = sqlite3.Row
        for name in [row["name"] for row in state.execute(_TABLES)]:
            rows = state.execute(f"SELECT * FROM {name}")  # noqa: S608  # ours
            if name not in _ASIDE:
                lines = [_row(row) for row in rows if "report" not in tuple(row)]
                in_order = lines if name in _NUMBERED else sorted(lines)
                yield from (f"{name.removeprefix('t2d_')} {line}" for line in in_order)


def said(event: Finished | Waiting | Warned) -> str:
    match event:
        case Finished(stage, summary):
            return f"{stage}: {summary}"
        case Waiting(service, seconds, reason):
            return f"waits {seconds:.2f} s for {service}: {reason}"
        case Warned(message):
            return f"warns: {message}"


def _steady(line: str) -> str:
    return _OF_A_FILE.sub(r"\1", _DAY.sub(r"\1", line))


def _name(line: str) -> str:
    """Return what tells a line from the others: its words before the first value."""
    return line.partition("  ")[0]


def _taken(lines: Iterable[str], wanted: Counter[str]) -> Iterator[str]:
    for line in lines:
        if wanted[line] > 0:
            wanted[line] -= 1
            yield line


def outcome_of(outcome: object, command: str) -> Iterator[str]:
    if isinstance(outcome, Report):
        code = exit_code(outcome, is_strict=False)
        strict = exit_code(outcome, is_strict=True)
        yield f"exit code  {code}, with --strict {strict}"
        document = report_document(outcome, command, code)
        yield from _lines(document, without=_SHORT if outcome.run else _TOLD)
    elif isinstance(outcome, Undone):
        yield from _lines(undo_document(outcome))
    else:
        yield from _lines(restore_document(outcome, 0))  # type: ignore[arg-type]


def _lines(document: BaseModel, without: Container[str] = ()) -> Iterator[str]:
    for name, value in document.model_dump(mode="json", exclude_defaults=True).items():
        if value in (None, [], {}) or name in without:
            continue
        if name == "titles":
            for each in value:
                title = each.pop("title")
                yield f"title {title['title']}  {as_json(each)}"
        elif isinstance(value, list):
            yield from (f"{name}  {as_json(each)}" for each in value)
        else:
            yield f"{name}  {as_json(value)}"


def request_line(request: SeenRequest) -> str:
    asked = ((k, v) for k, v in sorted(request.query.items()) if k != "api_key")
    query = "&".join(f"{k}={v[:_LONGEST]}" for k, v in asked)
    status = "" if request.status == 200 else f" -> {request.status}"
    return f"{request.method} {request.path}" + (f"?{query}" if query else "") + status


def as_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _row(row: sqlite3.Row) -> str:
    """Return what a row holds; the profile is the same in all, and moments are many."""
    told = list[str]()
    for name in row.keys():  # noqa: SIM118  # a row of sqlite3 is no dict
        value = row[name]
        if name in _UNTOLD or value in (None, "", "[]", "{}"):
            continue
        plain = value.hex() if isinstance(value, bytes) else value
        told.append(f"{name}={plain}")
    known_by = 1 if told[0].startswith(("id=", "name=")) else 2
    return f"{' '.join(told[:known_by])}  {' '.join(told[known_by:])}"


def entry_line(entry: StoredEntry) -> str:
    key = "/".join(str(part) for part in entry.key if part is not None)
    count = f" x {entry.count}" if entry.count != 1 else ""
    at = f"{entry.updated_at:%Y-%m-%d %H:%M:%S.%f}"
    return f"{key} {entry.progress} {at} {entry.imported}{count}"


def difference(usual: str, text: str) -> str:
    """Return the lines that differ, each below the heads of its command and part."""
    before, now = usual.splitlines(), text.splitlines()
    told, shown = list[str](), ["", ""]
    matcher = difflib.SequenceMatcher(None, before, now, autojunk=False)
    for what, a, b, c, d in matcher.get_opcodes():
        if what == "equal":
            continue
        heads = _heads(now[: c + 1])
        told += [h for h, old in zip(heads, shown, strict=True) if h != old]
        shown = heads
        told += [f"- {line}" for line in before[a:b] if line]
        told += [f"+ {line}" for line in now[c:d] if line]
    return "\n".join([*told, ""])


def _heads(lines: Sequence[str]) -> list[str]:
    """Return the command and the part that a line belongs to."""
    command = part = ""
    for line in lines:
        if line.startswith(("==", "#")):
            command, part = line, ""
        elif line.endswith(":") and not line.startswith(" "):
            part = line
    return [command, part]

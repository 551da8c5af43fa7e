"""Logs on stderr, as text or as JSON lines, with a stable key for each event.

A log call names its key and its facts as values; the sentence is for people. Neither
holds a secret, because all of ours are built from what may be shown.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeAlias

from sync.runtime.escapes import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

LogFormat: TypeAlias = Literal["text", "json"]

#: The number of the turn under way, in a job that repeats; it stands on every line.
turn: ContextVar[int | None] = ContextVar("turn", default=None)
_ROOT = "trakt2discovr"
_log = logging.getLogger(f"{_ROOT}.sync")


def tell(key: str, sentence: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Log one event of the program itself."""
    _log.log(level, "%s", sentence, extra={"key": key, "facts": facts})


def trace(bug: BaseException) -> None:
    """Log where a bug came from: the lines of code, and no value of any."""
    for frame in traceback.extract_tb(bug.__traceback__):
        place = f"{frame.filename}:{frame.lineno} in {frame.name}: {frame.line}"
        tell("bug.frame", place, level=logging.DEBUG)


@contextmanager
def shown(log_format: LogFormat, *, level: int) -> Iterator[None]:
    """Show our own events on stderr meanwhile.

    Of what libraries log, only warnings and worse: the rest is nobody's promise.
    """
    ours, everything, handler = logging.getLogger(_ROOT), logging.root, _StderrHandler()
    handler.setFormatter(JsonLines() if log_format == "json" else PlainLines())
    before = ours.level
    everything.addHandler(handler)
    ours.setLevel(level)
    try:
        yield
    finally:
        ours.setLevel(before)
        everything.removeHandler(handler)


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what stderr is now: progress bars stand in for it while they show."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Lose a line that cannot be written: nobody can be told, and nothing ends."""


class PlainLines(logging.Formatter):
    """``TIME LEVEL LOGGER SENTENCE``, on one line whatever the sentence holds."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        number = turn.get()
        place = record.name if number is None else f"{record.name}[{number}]"
        sentence = "".join(c if c.isprintable() else " " for c in record.getMessage())
        return f"{_time(record)} {record.levelname.lower()} {place} {sentence}"


class JsonLines(logging.Formatter):
    """One object a line: time, level, event, turn, message, and the event's facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "event": getattr(record, "key", record.name),
            "logger": record.name,
            "message": record.getMessage(),
        }
        number = turn.get()
        if number is not None:
            line["turn"] = number
        text = json.dumps({**line, **getattr(record, "facts", {})}, default=str)
        return escape(text)


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds")

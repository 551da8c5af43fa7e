"""Log lines: parsed as they come, one event a line, with its key."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest

from sync.runtime import logs


def test_a_json_line_holds_the_event_its_time_and_its_facts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logs.shown("json", level=logging.INFO):
        token = logs.turn.set(7)
        logs.tell("run.finished", "Two\nlines \N{SNOWMAN}.", plays=3, at=timedelta(1))
        logs.turn.reset(token)
    (text,) = capsys.readouterr().err.splitlines()
    line = json.loads(text)
    at = datetime.fromisoformat(line.pop("time"))
    assert at.utcoffset() == timedelta(0)
    assert line == {
        "level": "info",
        "event": "run.finished",
        "logger": "trakt2discovr.sync",
        "turn": 7,
        "message": "Two\nlines \N{SNOWMAN}.",
        "plays": 3,
        "at": "1 day, 0:00:00",
    }


def test_a_line_of_text_is_one_line_whatever_it_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logs.shown("text", level=logging.INFO):
        logs.tell("run.finished", "Two\nlines\x1b[31m.")
    (text,) = capsys.readouterr().err.splitlines()
    time, rest = text.split(" ", 1)
    assert datetime.fromisoformat(time).tzinfo
    assert rest == "info trakt2discovr.sync Two lines [31m."


def test_requests_come_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    with logs.shown("json", level=logging.DEBUG):
        logging.getLogger("trakt2discovr.http").debug(
            "%s: %s", "Trakt", "GET /x", extra={"key": "http.request"}
        )
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "http.request"
    assert line["message"] == "Trakt: GET /x"


def test_of_what_libraries_log_warnings_alone_are_shown_and_nothing_stays_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ours, everything = logging.getLogger("trakt2discovr"), logging.getLogger()
    before = (ours.level, everything.level, list(everything.handlers))
    with logs.shown("json", level=logging.DEBUG):
        logging.getLogger("aiohttp.client").info("a detail")
        assert capsys.readouterr().err == ""
        logging.getLogger("asyncio").warning("slow")
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["event"], line["message"]) == (
        "warning",
        "asyncio",
        "slow",
    )
    assert (ours.level, everything.level, list(everything.handlers)) == before


class Shut:
    """A stream behind which nobody is any more, or no room."""

    def __init__(self, fault: BaseException) -> None:
        self._fault = fault

    def write(self, _text: str) -> int:
        raise self._fault

    def flush(self) -> None:
        raise self._fault


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(
    "stream",
    [None, Shut(BrokenPipeError()), Shut(OSError(28, "No space")), Shut(ValueError())],
    ids=["closed", "pipe", "full", "shut"],
)
def test_a_line_that_cannot_be_written_ends_nothing(
    log_format: logs.LogFormat, stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with logs.shown(log_format, level=logging.INFO), monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", stream)
        logs.tell("x", "cut \x1b[31m\n", odd=float("nan"), more={1: object()})

"""The run as it is seen: bars on a terminal, lines elsewhere, and an honest time."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from connectors.errors import ServiceError, TransientError
from sync.cli.progress import Reporter
from sync.errors import StoppedError
from sync.events import Advanced, Finished, Stage, Waiting
from sync.runtime.pace import LEAST_S, Pace
from tests.terminal_suite.screens import CONTROL, render

LOAD, READ = Stage.LOAD, Stage.READ


class Show:
    """A reporter on a terminal, with a clock that is moved by hand."""

    def __init__(
        self, *, is_terminal: bool = True, is_quiet: bool = False, has_bars: bool = True
    ) -> None:
        self.file = io.StringIO()
        self.time = 0.0
        console = Console(
            file=self.file,
            width=80,
            force_terminal=is_terminal,
            force_interactive=is_terminal,
            highlight=False,
            _environ={"TERM": "xterm-256color"},
        )
        self.reporter = Reporter(
            console, is_quiet=is_quiet, has_bars=has_bars, now=lambda: self.time
        )

    def tell(self, *events: Advanced | Finished | Waiting) -> None:
        for event in events:
            self.reporter.on_event(event)

    @property
    def screen(self) -> str:
        if self.reporter._bars:
            self.reporter._bars.refresh()
        return render(self.file.getvalue().replace("\n", "\r\n"), 80)


@pytest.fixture(autouse=True)
def _at_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


def test_before_the_total_is_known_nothing_is_said_of_it() -> None:
    with (show := Show()).reporter:
        show.tell(Advanced(Stage.EXTRACT, 0))
        assert "Reading Trakt" in show.screen
        assert "0" not in show.screen
        show.tell(Advanced(Stage.EXTRACT, 250))
        assert " 250 pages" in show.screen
        assert " of " not in show.screen
        show.tell(Advanced(Stage.EXTRACT, 250, 913))
        assert "250 of 913 pages" in show.screen


def test_the_time_left_is_that_of_the_measured_pace() -> None:
    with (show := Show()).reporter:
        show.tell(Advanced(LOAD, 0, 100))
        assert "left" not in show.screen
        show.time = 10
        show.tell(Advanced(LOAD, 20, 100))
        assert "20 of 100 writes 0:40 left" in show.screen
        show.time = 13  # nothing more arrives, so the pace sinks
        assert "20 of 100 writes 0:52 left" in show.screen


def test_during_a_wait_it_says_for_whom_how_long_and_why() -> None:
    with (show := Show()).reporter:
        show.tell(Advanced(LOAD, 0, 100))
        show.time = 10
        show.tell(Advanced(LOAD, 20, 100))
        show.tell(Waiting("Discovr", 30, "the service asked for a pause"))
        for time, left, rest in ((10, "0:30", "1:10"), (32, "0:08", "0:48")):
            show.time = time
            wait = f"Waiting {left} for Discovr: the service asked for a pause"
            assert wait in show.screen
            assert f"20 of 100 writes {rest} left" in show.screen
        show.time = 45
        show.tell(Advanced(LOAD, 30, 100))
        assert "Waiting" not in show.screen
        assert "30 of 100 writes 0:35 left" in show.screen


def test_a_wait_for_one_service_slows_no_stage_of_another() -> None:
    with (show := Show()).reporter:
        show.tell(Advanced(Stage.EXTRACT, 0, 100), Advanced(READ, 0))
        show.tell(Waiting("Discovr", 600, "the service asked for a pause"))
        show.time = 10
        show.tell(Advanced(Stage.EXTRACT, 50, 100))
        assert "50 of 100 pages 0:10 left" in show.screen


def test_a_stage_that_is_over_leaves_one_line_and_no_bar() -> None:
    with (show := Show()).reporter:
        show.tell(Advanced(READ, 5), Finished(READ, "5 entries read from Discovr"))
    assert show.screen == "5 entries read from Discovr\n"


def test_nothing_is_left_on_the_screen_for_a_question() -> None:
    with (show := Show()).reporter:
        show.tell(Advanced(LOAD, 5, 10))
        show.reporter.pause()
        assert show.screen == "\n"


@pytest.mark.parametrize("kind", ["pipe", "plain", "ci"])
def test_elsewhere_there_is_a_line_a_stage_and_no_control_character(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "ci":
        monkeypatch.setenv("CI", "true")
    show = Show(is_terminal=kind != "pipe", has_bars=kind != "plain")
    with show.reporter:
        show.tell(Advanced(READ, 0), Advanced(READ, 5))
        show.tell(Finished(READ, "5 entries read from Discovr"))
        show.tell(Advanced(LOAD, 0, 9))
        for time in range(0, 130, 10):
            show.time = time
            show.tell(Waiting("Discovr", 10, "the service asked for a pause"))
        show.tell(Waiting("Trakt", 90, "500 requests in 300 s are used up"))
        show.tell(Finished(LOAD, "9 entries written"))
    assert show.file.getvalue().splitlines() == [
        "5 entries read from Discovr",
        *["Waiting 10 seconds for Discovr: the service asked for a pause"] * 3,
        "Waiting 1 minute 30 seconds for Trakt: 500 requests in 300 s are used up",
        "9 entries written",
    ]
    assert not CONTROL.search(show.file.getvalue())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TransientError("Gone."), "5 of 9 writes done; none of them is sent again.\n"),
        (StoppedError("Stopped."), ""),
    ],
)
def test_a_fault_in_the_middle_leaves_word_of_what_is_done(
    error: ServiceError, words: str
) -> None:
    show = Show(is_terminal=False)
    show.tell(Advanced(LOAD, 5, 9))
    show.reporter.__exit__(type(error), error, None)
    assert show.file.getvalue() == words


def test_quiet_shows_nothing() -> None:
    with (show := Show(is_quiet=True)).reporter:
        show.tell(Advanced(READ, 5), Waiting("Discovr", 9, "x"), Finished(READ, "x"))
    assert show.file.getvalue() == ""


def test_a_reason_cannot_command_the_terminal() -> None:
    with (show := Show(is_terminal=False)).reporter:
        show.tell(Finished(READ, "\x1b[2J\rred"), Waiting("Discovr", 9, "\x1b[2J"))
    assert not CONTROL.search(show.file.getvalue())


@given(
    st.floats(0.1, 100),
    st.lists(st.tuples(st.floats(0.01, 5), st.floats(0, 500)), min_size=1, max_size=40),
)
def test_an_even_pace_is_foreseen_whatever_was_waited(
    rate: float, steps: list[tuple[float, float]]
) -> None:
    now, worked, pace = 7.0, 0.0, Pace(7.0)
    for step, wait in steps:
        now += step
        worked += step
        pace.note(now, round(worked * rate * 1e6))
        pace.wait(now, wait)
        now += wait
    total = round(worked * rate * 1e6) + round(60 * rate * 1e6)
    left = pace.left_s(now, total)
    if left is None:
        assert worked < LEAST_S
    else:
        assert left == pytest.approx(60, rel=1e-3)


def test_a_pace_that_changes_is_noticed_within_half_a_minute() -> None:
    pace = Pace(0)
    for second in range(100):
        pace.note(second, second * 10)
    for second in range(100, 135):
        pace.note(second, 990 + second - 99)
    assert pace.left_s(134, 1125) == pytest.approx(100, rel=0.1)


def test_waits_that_overlap_count_once() -> None:
    pace = Pace(0)
    pace.note(10, 10)
    pace.wait(10, 20)
    pace.wait(15, 5)
    pace.wait(20, 20)
    assert pace.left_s(20, 20) == pytest.approx(30)
    pace.note(50, 20)
    assert pace.left_s(50, 30) == pytest.approx(10)

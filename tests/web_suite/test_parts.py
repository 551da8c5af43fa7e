"""What the page is made of: words for errors, progress, what leaves a title out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import AuthError, ConfigError, InputError, ServiceError
from sync.documents.move import BalanceDocument
from sync.domain.plays import Ids, Kind, Title
from sync.domain.skips import TitleShelf, read_skip
from sync.errors import IncompleteReadError, StoppedError
from sync.events import Advanced, Finished, Stage, Waiting, Warned
from sync.ports import Receipt
from sync.report.page import render_html
from sync.web.past import say_writes
from sync.web.planned import fold, skip_of
from sync.web.progress import Progress
from sync.web.proof import _proof
from sync.web.words import describe, for_page
from tests.report_suite.builders import data, failure, report, run

if TYPE_CHECKING:
    from collections.abc import Iterator

ids = st.builds(
    Ids,
    trakt=st.none() | st.integers(1, 10**6),
    imdb=st.none() | st.integers(10**6, 10**7).map("tt{}".format),
    tmdb=st.none() | st.integers(1, 10**6),
    tvdb=st.none() | st.integers(1, 10**6),
)
names = st.text(max_size=20) | st.sampled_from(
    ["tt0903747", "MV_12", "tmdb:5", "https://trakt.tv/shows/x", "24", "(2010)"]
)
titles = st.builds(
    Title, st.sampled_from(Kind), names, st.none() | st.integers(1900, 2030), ids
)


def kinds(of: type[ServiceError]) -> Iterator[type[ServiceError]]:
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


@pytest.mark.parametrize("kind", sorted(set(kinds(ServiceError)), key=str))
@pytest.mark.parametrize("remedy", [None, "Run trakt2discovr migrate --force", "Wait."])
def test_no_remedy_on_a_page_is_a_command(
    kind: type[ServiceError], remedy: str | None
) -> None:
    error = kind.__new__(kind)
    ServiceError.__init__(error, "It went wrong.", remedy=remedy)
    problem = describe(error)
    assert problem.message == "It went wrong."
    assert problem.button
    assert problem.remedy.endswith(".")
    assert "trakt2discovr" not in problem.remedy
    assert "--" not in problem.remedy
    assert "[" not in problem.remedy


def test_a_warning_on_a_page_names_no_command() -> None:
    ends = "The Discovr login runs out on 2026-12-01, in 3 days."
    assert for_page(f"{ends} Log in again: trakt2discovr login discovr") == ends
    assert for_page(ends) == ends
    only = "To go on with it: trakt2discovr unmatched --out ids.toml"
    assert for_page(only) == only


def test_each_kind_of_trouble_has_the_button_that_helps() -> None:
    receipt = Receipt("Trakt", 3, missing=("Show",))
    for error, action in (
        (AuthError("Discovr does not accept the login."), "discovr"),
        (AuthError("It ended.", service="Trakt"), "trakt"),
        (IncompleteReadError(receipt), "accept"),
        (StoppedError("Stopped."), "again"),
        (InputError("There is no file."), "again"),
        (ConfigError("A setting is wrong."), "again"),
    ):
        assert describe(error).action == action


@given(title=titles, others=st.lists(titles, max_size=4))
def test_what_leaves_a_title_out_means_that_title(
    title: Title, others: list[Title]
) -> None:
    skip = skip_of(title)
    if not skip:
        assert not any(title.ids.known().values())
        return
    assert title in TitleShelf([title]).find(read_skip(skip))
    if title.ids.known():
        found = TitleShelf([title, *others]).find(read_skip(skip))
        _, name, value = skip.split(":")
        assert all(str(getattr(one.ids, name)) == value for one in found)
        assert all(one.kind is title.kind for one in found)


@given(words=st.text())
def test_titles_are_found_whatever_their_case_and_accents(words: str) -> None:
    assert fold(fold(words)) == fold(words)
    assert fold(f"  {words}  ") == fold(words)


def test_accents_do_not_count() -> None:
    assert fold("Amélie  POULAIN") == fold("amelie poulain")


def test_progress_says_how_much_how_long_and_for_whom_it_waits() -> None:
    now = 0.0
    progress = Progress(now=lambda: now)
    assert progress.lines() == []
    assert progress.spoken() == ""
    progress.on_event(Advanced(Stage.LOAD, 0, 100))
    now = 10.0
    progress.on_event(Advanced(Stage.LOAD, 20, 100))
    (line,) = progress.lines()
    assert line.counted == "20 of 100 writes"
    assert (line.share, line.left, line.is_over) == (20, "0:40 left", False)
    assert progress.spoken() == "Writing to Discovr: 20 %"
    progress.on_event(Waiting("Discovr", 90, "it asks for a slower pace"))
    now = 30.0
    assert progress.waits() == ["Waiting 1:10 for Discovr: it asks for a slower pace"]
    assert progress.lines()[0].left == "1:50 left"
    now = 101.0
    assert progress.waits() == []
    progress.on_event(Warned("The login ends soon."))
    progress.on_event(Finished(Stage.LOAD, "100 entries written"))
    (line,) = progress.lines()
    assert (line.counted, line.is_over) == ("100 entries written", True)
    assert progress.spoken() == "100 entries written"
    assert progress.warnings == ["The login ends soon."]


def test_what_a_download_is_read_from_is_called_so() -> None:
    progress = Progress(is_download=True, now=lambda: 0.0)
    progress.on_event(Advanced(Stage.EXTRACT, 0))
    (line,) = progress.lines()
    assert line.words == "Reading the download"
    assert line.share is None


def test_a_storm_of_warnings_is_bounded() -> None:
    progress = Progress(now=lambda: 0.0)
    for number in range(1_000):
        progress.on_event(Warned(f"Warning {number}."))
        progress.on_event(Finished(Stage.CATALOGUE, f"note {number}"))
    assert len(progress.warnings) <= 50
    assert len(progress.notes) <= 50


@pytest.mark.parametrize(
    ("summary", "undone", "said"),
    [
        ({"operations": 5, "failed": 0}, 0, "5 writes: 5 arrived"),
        ({"operations": 1, "failed": 1}, 0, "1 write: 1 failed"),
        (
            {"operations": 191, "failed": 0, "arrived": 9, "unsent": 182},
            0,
            "191 writes: 9 arrived, 182 not sent",
        ),
        (
            {"operations": 191, "failed": 0, "arrived": 9, "unsent": 182},
            9,
            "191 writes: 9 arrived, 9 of them taken back since, 182 not sent",
        ),
        (
            {"operations": 9, "failed": 3, "arrived": 6, "unclear": 2, "unsent": 0},
            0,
            "9 writes: 6 arrived, 1 failed, 2 unclear",
        ),
        ({"operations": 0, "failed": 0}, 0, "0 writes"),
        ({}, 0, ""),
        ({}, 3, "3 writes taken back"),
    ],
)
def test_a_run_has_one_count_of_its_writes(
    summary: dict[str, int], undone: int, said: str
) -> None:
    assert say_writes(run(summary=summary), undone) == said


@pytest.mark.parametrize(
    ("outcomes", "name", "code", "said"),
    [
        (["not sent"] * 2, "not sent yet", "w", "2 writes were not sent yet"),
        (["rejected", "not sent"], "not written yet", "w", "1 write did not arrive; "),
        (["rejected"], "failed", "f", "1 write did not arrive"),
    ],
)
def test_what_was_never_sent_is_not_called_failed(
    outcomes: list[str], name: str, code: str, said: str
) -> None:
    failed = tuple(
        failure("TV_1", "", 1, 2, 3).model_copy(update={"outcome": outcome})
        for outcome in outcomes
    )
    balance = BalanceDocument(read=10, written=4, failed=6)
    found = _proof(
        data(report=report(failed=failed, balance=balance, verification=None))
    )
    row = found.balance.rows[-1]
    assert (row.name, row.code, row.plays) == (name, code, 6)
    assert f"6 {name}." in found.balance.sentence
    assert said in found.head.proof
    assert found.unsent == outcomes.count("not sent")
    assert found.unsent + found.failed == len(failed)
    assert found.is_waiting is ("rejected" not in outcomes)
    # Each of them would have stood for two more.
    assert found.saved == 5 - 2 * len(failed)


def test_a_report_leads_back_only_where_it_is_served() -> None:
    kept, rehearsed = render_html(data()), data(is_rehearsal=True, back="/proof")
    assert "Back to" not in kept
    assert "Rehearsal: nothing" not in kept
    served = render_html(rehearsed)
    assert '<a href="/proof">Back to trakt2discovr</a>' in served
    assert '<p class="badge">Rehearsal: nothing leaves this computer</p>' in served

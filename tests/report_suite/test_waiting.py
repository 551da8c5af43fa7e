"""What waits for its turn has not failed: in every view, and in every count."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.cli.view.totals import show_totals
from sync.documents.move import BalanceDocument
from sync.domain.plan import Fate
from sync.domain.plays import Key
from sync.domain.writes import Outcome, Settled
from sync.pipeline.documents import report_document
from sync.pipeline.result import Move, Report, move_fact, to_balance
from sync.report.account import build_balance
from sync.report.data import ReportData
from sync.report.markdown import render
from sync.report.page import build_page, render_html
from sync.report.squares import Lacking
from sync.report.watched import build_films, build_shows, failure_details
from sync.web.past import _found
from tests.factories import T0
from tests.report_suite.builders import data, failure, film, report, run, show
from tests.strangers_suite.test_one_count import accounts
from tests.terminal_suite.reports import draw

_ENDS = [Settled(Outcome.APPLIED), Settled(Outcome.REJECTED, "no"), None]


@st.composite
def runs(draw: st.DrawFn) -> Report:
    """Draw a run that was stopped, or came to its end, or was lost in between."""
    found = draw(accounts())
    ends = st.sampled_from([*_ENDS, Settled.left_open(), Settled.in_doubt()])
    some = st.sampled_from(draw(st.sampled_from([_ENDS[::2], _ENDS[:2], _ENDS])))
    kind = draw(st.sampled_from([ends, some]))
    settled = {o.id: draw(kind) for o in found.prepared.plan.operations}
    known = {id_: end for id_, end in settled.items() if end}
    ended = replace(found, settled=known, verification=None)
    return replace(ended, move=Move(ended.weigh_move(()), T0))


def read(html: str) -> str:
    """Return what somebody reads on the page."""
    body = re.sub("<(style|script)>.*?</\\1>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub("<[^>]*>", " ", body)).split())


@given(runs())
@settings(max_examples=25)
def test_what_waits_is_counted_for_itself_everywhere(found: Report) -> None:
    total, _ = found.balance()
    tried = [o for o in found.failed if o.id in found.settled]
    assert total.is_even
    assert 0 <= total.unsent <= total.fates[Fate.FAILED]
    if not tried:
        assert total.unsent == total.fates[Fate.FAILED]
    if len(tried) == len(found.failed):
        assert total.unsent == 0
    assert found.move
    assert to_balance(move_fact(found.move.balance)) == found.move.balance
    document = report_document(found, "migrate", 4)
    assert document.balance.unsent == total.unsent
    counts = {"failed": total.fates[Fate.FAILED] - total.unsent}
    counts["not sent yet"] = total.unsent
    texts = {
        "page": build_balance(document.balance, document.failed).sentence,
        "markdown": render(document, T0).partition("## Balance")[2],
        "terminal": draw(lambda c: show_totals(c, found, is_plan=False), 99),
    }
    for name, text in texts.items():
        for words, plays in counts.items():
            told = re.search(rf"(\d+) (?:\| | )?{words}\b", text)
            assert (int(told[1]) if told else 0) == plays, (name, words)


@given(runs())
@settings(max_examples=12)
def test_nothing_is_called_failed_where_nothing_was_tried_in_vain(
    found: Report,
) -> None:
    waiting = [o for o in found.failed if o.id not in found.settled]
    document = report_document(found, "migrate", 4)
    page = read(render_html(ReportData(document, T0)))
    markdown = render(document, T0)
    for text in (page, markdown):
        words = text.lower()
        assert ("not sent yet" in words) is bool(waiting)
        is_lost = len(waiting) < len(found.failed)
        if not found.prepared.compared.extraction.quarantined:
            assert bool(re.search("## failed|failed writes", words)) is is_lost


@given(runs())
@settings(max_examples=12)
def test_a_plan_that_nobody_sent_waits_whole(found: Report) -> None:
    planned = replace(found, run=None, settled={})
    move = planned.weigh_move(())
    assert move.unsent == move.fates[Fate.FAILED]


@pytest.mark.parametrize(
    ("unsent", "outcomes", "lines"),
    [
        (4, ["rejected", "not sent"], {"f": 2, "w": 4}),
        (6, ["not sent"], {"w": 6}),
        (0, ["rejected"], {"f": 6}),
        # What an earlier version kept says it of the writes alone.
        (0, ["not sent"], {"w": 6}),
        (0, ["rejected", "not sent"], {"w": 6}),
    ],
)
def test_the_page_has_a_line_for_what_waits(
    unsent: int, outcomes: list[str], lines: dict[str, int]
) -> None:
    failed = tuple(
        failure("TV_1", "", 1).model_copy(update={"outcome": one}) for one in outcomes
    )
    balance = BalanceDocument(read=10, written=4, failed=6, unsent=unsent)
    page = build_page(data(report=report(failed=failed, balance=balance)))
    shown = {row.code: row.plays for row in page.balance.rows}
    assert shown == {"o": 4, **lines}
    columns = {"written": 4, "failed": 6}
    lacking = Lacking.of(failed)
    assert lacking == (outcomes.count("rejected"), outcomes.count("not sent"))
    past = _found({"columns": columns, **lacking._asdict(), "unsent_plays": unsent})
    assert {line.code: plays for line, plays in past.items()} == {"o": 4, **lines}
    groups = [group.code for group in page.left]
    assert groups == sorted({"rejected": "f", "not sent": "w"}[o] for o in outcomes)


def test_a_square_waits_whose_write_was_not_sent() -> None:
    lost = failure("TV_1", "", 1, 2).model_copy(update={"outcome": "not sent"})
    alien = failure("MV_1", "not sent")
    key = alien.operation.key.model_copy(update={"season": None, "episode": None})
    operation = alien.operation.model_copy(update={"key": key})
    details = failure_details([lost, alien.model_copy(update={"operation": operation})])
    assert details[Key("MV_1")] == "not sent yet"
    fates = {1: Fate.FAILED, 2: Fate.ALREADY_THERE, 3: Fate.FAILED}
    (shown,) = build_shows([show("Dark", fates)], details)
    squares = shown.seasons[0].squares
    assert [square.code for square in squares] == ["w", "t", "f"]
    assert "Episode 1: not sent yet; watched" in squares[0].text
    assert "Episode 2: already there (not sent yet); watched" in squares[1].text
    ((shown_film,),) = (year.films for year in build_films([film()], details))
    assert shown_film.state == "written (not sent yet)"
    page = build_page(data(show("Dark", fates), report=report(failed=(lost,))))
    assert "w" in [state.code for state in page.states]


def test_the_latest_runs_say_what_was_not_sent() -> None:
    counts = {"operations": 14, "failed": 0, "unsent": 9}
    page = build_page(data(runs=(run(summary=counts), run(summary={"operations": 3}))))
    assert [row.writes for row in page.runs] == ["14, 9 not sent", "3"]

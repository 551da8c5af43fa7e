"""One count of plays: the same in every text, in the JSON and on the page."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.cli.view.end import show_report
from sync.cli.view.plan import show_plan
from sync.daemon.turn import Result
from sync.documents.words import say_move, say_share
from sync.domain.balance import ON_DISCOVR
from sync.domain.desired import transform
from sync.domain.origin import TRAKT
from sync.domain.plan import Fate
from sync.domain.plays import Kind
from sync.domain.reconcile import reconcile
from sync.domain.rules import Rules
from sync.domain.verify import Verification
from sync.domain.writes import Outcome, Settled
from sync.pipeline.documents import left_out_document, report_document
from sync.pipeline.prepared import Prepared, Reading
from sync.pipeline.recovery import Recovery
from sync.pipeline.result import Move, Report, move_fact, to_balance
from sync.ports import Extraction, Quarantined, Receipt
from sync.report.account import build_balance, build_head, build_left
from sync.report.data import ReportData
from sync.report.markdown import render
from tests.domain_suite import strategies
from tests.factories import T0
from tests.terminal_suite.reports import context, draw

if TYPE_CHECKING:
    from sync.documents.report import ReportDocument
    from sync.domain.balance import Balance

odd = st.builds(
    Quarantined,
    where=st.integers(1, 99).map("history.json item {}".format),
    reason=st.just("has no time of watching"),
    kind=st.sampled_from([None, Kind.FILM, Kind.SHOW]),
    is_unsupported=st.booleans(),
)


@st.composite
def accounts(draw: st.DrawFn) -> Report:
    """Draw an account on both sides, and a run in which some writes went astray."""
    plays = draw(st.lists(strategies.plays(), max_size=14, unique_by=lambda p: p.id))
    records = tuple(draw(st.lists(odd, max_size=4)))
    existing = draw(st.lists(strategies.entries(), max_size=8))
    rules = Rules(airings=draw(strategies.catalogues))
    desired = transform(plays, {})
    plan = reconcile(desired, existing, rules)
    extraction = Extraction(plays, Receipt("Trakt", len(plays), requests=3), records)
    reading = Reading(extraction, desired)
    prepared = Prepared(
        "prf_1",
        reading,
        existing,
        Recovery({}),
        rules,
        plan,
        whole=reading,
        origin=TRAKT,
    )
    outcomes = draw(
        st.lists(
            st.sampled_from([Outcome.APPLIED, Outcome.REJECTED, None]),
            min_size=len(plan.operations),
            max_size=len(plan.operations),
        )
    )
    settled = {
        o.id: Settled(outcome, "no")
        for o, outcome in zip(plan.operations, outcomes, strict=True)
        if outcome
    }
    lost = draw(st.booleans()) and plan.operations
    missing = tuple(o.key for o in plan.operations[:1] if o.progress) if lost else ()
    report = Report(prepared, 1, settled, Verification(len(existing), missing))
    keys = sorted(desired.watched, key=lambda key: key.order)
    ours = draw(st.sets(st.sampled_from(keys))) if keys else set()
    return replace(report, move=Move(report.weigh_move(ours), T0))


def flat(text: str) -> str:
    return " ".join(text.split())


def columns(total: Balance) -> dict[str, int]:
    return {fate.value: total.fates[fate] for fate in Fate}


def counts_of(document: ReportDocument) -> dict[str, Any]:
    dumped = document.balance.model_dump()
    return {fate.value: dumped[fate.value] for fate in Fate}


def shown_lines(text: str) -> list[int]:
    """Return the numbers of the balance, as a person reads them on the terminal."""
    block = text.strip().partition("\n\n")[0].splitlines()[1:]
    lines = [re.match(r"  +([\d,]+)  \w", line) for line in block]
    return [int(found[1].replace(",", "")) for found in lines if found]


@given(accounts())
@settings(max_examples=12)
def test_every_view_of_a_run_has_the_same_count(report: Report) -> None:
    total, _ = report.balance()
    assert total.is_even
    document = report_document(report, "migrate", 0)
    read = len(report.prepared.compared.extraction.plays)
    read += len(report.prepared.compared.extraction.quarantined)
    assert total.read == document.balance.read == document.receipt.plays == read
    assert counts_of(document) == columns(total)
    for show in (
        lambda c: show_plan(c, replace(report, run=None, settled={}), context()),
        lambda c: show_report(c, report, context(), "x"),
    ):
        text = draw(show, 100)
        said = re.findall(r"([\d,]+) plays? read from", text)
        assert [int(number.replace(",", "")) for number in said] == [read]
        unread = re.findall(r"([\d,]+) of them unreadable", text)
        assert sum(map(int, unread)) == report.unreadable
        assert sum(shown_lines(text)) == read
    assert Result.of(report, is_good=True).plays == read
    markdown = render(document, T0)
    assert f"- {read} play" in markdown
    assert build_balance(document.balance).read == read


@given(accounts())
@settings(max_examples=12)
def test_what_is_left_out_is_listed_as_often_as_it_counts(report: Report) -> None:
    total, _ = report.balance()
    left = left_out_document(report.prepared)
    records = left.quarantined
    unread = [record for record in records if not record.is_unsupported]
    assert sum(one.plays for one in left.unmatched) == total.fates[Fate.UNMATCHED]
    beyond = sum(one.plays for one in left.unsupported) + len(records) - len(unread)
    assert beyond == total.fates[Fate.UNSUPPORTED]
    assert len(unread) == total.fates[Fate.UNREADABLE] == report.unreadable
    document = report_document(report, "migrate", 0)
    groups = build_left(document, {})
    listed = [len(group.items) for group in groups if group.code == "r"]
    assert sum(listed) == len(unread)
    text = flat(draw(lambda c: show_report(c, report, context(), "x"), 200))
    if unread:
        assert f"{len(unread)} record" in text
        assert "everything" not in text.lower().replace("not everything", "")


@given(accounts())
@settings(max_examples=12)
def test_the_whole_move_balances_and_is_said_alike_everywhere(report: Report) -> None:
    assert report.move
    move, (total, _) = report.move.balance, report.balance()
    assert move.is_even
    assert move.read == total.read
    # Only who wrote an entry is told apart otherwise, not whether it is there.
    assert move.on_discovr == total.on_discovr
    assert move.fates[Fate.FAILED] == total.fates[Fate.FAILED]
    assert to_balance(move_fact(move)) == move
    document = report_document(report, "migrate", 0)
    assert document.move
    assert document.move.on_discovr == sum(move.fates[fate] for fate in ON_DISCOVR)
    words = say_move(document.move)
    assert f"{words}." in flat(
        draw(lambda c: show_report(c, report, context(), ""), 99)
    )
    assert f"**{words}**" in render(document, T0)
    head = build_head(ReportData(report=document, at=T0))
    assert head.headline == words
    # Nothing that went astray, or is not there, is said to be there.
    if total.fates[Fate.FAILED]:
        assert "100 %" not in words
        assert not head.is_proved


@given(accounts())
@settings(max_examples=12)
def test_a_plan_that_was_not_sent_is_not_there(report: Report) -> None:
    planned = replace(report, run=None, settled={}, verification=None)
    move = planned.weigh_move(())
    assert move.is_even
    assert not move.fates[Fate.WRITTEN]
    written = planned.balance()[0].fates
    lacking = {v for o in planned.prepared.plan.operations for v in o.viewings}
    assert (move.fates[Fate.FAILED] > 0) == bool(
        [key for key, _ in lacking if key in planned.prepared.plan.fates]
    )
    assert move.fates[Fate.FAILED] <= written[Fate.WRITTEN] + written[Fate.COVERED]


@given(st.integers(0, 5000), st.integers(1, 5000))
@settings(max_examples=40)
def test_a_share_is_never_rounded_to_all_or_to_nothing(part: int, whole: int) -> None:
    part = min(part, whole)
    share = say_share(part, whole)
    assert (share == "100 %") == (part == whole)
    assert (share == "0 %") == (part == 0)

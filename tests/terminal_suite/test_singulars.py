"""``1 entry``, never ``1 entries``: wherever a text says a number and a noun."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connectors.words import count
from sync.cli.commands.status import StatusView
from sync.cli.view.end import show_report
from sync.cli.view.lists import show_left_out
from sync.cli.view.plan import show_plan
from sync.daemon.turn import Result, finished_turn
from sync.documents.left_out import UnmatchedDocument
from sync.documents.status import (
    CountDocument,
    LastUndoDocument,
    ProfileStateDocument,
    RunDocument,
    StatusDocument,
)
from sync.domain.desired import NO_ID, SPECIAL
from sync.domain.verify import Verification
from sync.errors import (
    EmptyHistoryError,
    IncompleteReadError,
    MissingEntriesError,
    UnsafePlanError,
    UnsafeRemovalError,
)
from sync.extras.taste import LEAST_PLAYS, Watched, derive
from sync.load.breaker import RefusingServiceError
from sync.pipeline.documents import report_document
from sync.pipeline.result import describe
from sync.ports import Receipt
from sync.report.markdown import render
from sync.report.page import render_html
from tests.factories import T0, episode, film, play
from tests.report_suite.builders import data, left_out
from tests.report_suite.builders import report as builds
from tests.strangers_suite.one_run import one_run
from tests.terminal_suite.reports import context, draw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.documents.status import DatabaseDocument

ROOT = Path(__file__).parents[2]
#: All that is counted in words.
NOUNS = (
    "bytes|days|entries|episodes|events|files|films|hours|items|minutes|months|pages|"
    "plays|points|profiles|ratings|records|repeats|requests|runs|seasons|seconds|"
    "shows|squares|times|titles|tries|walks|wishes|writes|years|zeros"
)
ODD = re.compile(rf"(?<![\w.,:#-])1 (?:(?!is|holds)[a-z]+ ){{0,2}}?({NOUNS})\b(?!-)")
#: What counts in words.
HELPERS = {"count", "entries", "count_entries"}
#: May import nothing of this program; what they say of a number is shown below.
PURE = ("sync/domain/", "sync/extras/taste.py")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield every text with something filled in, as if that were 1."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    is_counting = any(f"import {name}" in source for name in ("count", "entries"))
    counted = {
        target.id
        for node in ast.walk(tree)
        if is_counting and isinstance(node, ast.Assign) and _counts(node.value)
        for target in ast.walk(node)
        if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (
                str(part.value)
                if isinstance(part, ast.Constant)
                else "x"
                if _counts(part) or _names(part) & counted
                else "1"
                for part in node.values
            )
            yield node.lineno, "".join(parts)


def _counts(part: ast.AST) -> bool:
    """Whether it is counted in words already."""
    return bool(_names(part) & HELPERS)


def _names(part: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}


def test_no_text_of_the_program_says_one_of_many() -> None:
    found = []
    seen = 0
    for folder in ("sync", "connectors", "trakt2discovr"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if "sandbox" in path.parts or name.startswith(PURE):
                continue
            for line, text in texts(path):
                seen += 1
                if ODD.search(text):
                    found.append((name, line, text))
    assert seen > 400
    assert found == []


def test_the_templates_say_no_number_and_noun_themselves() -> None:
    for path in (ROOT / "sync" / "report" / "templates").glob("*.html"):
        text = re.sub(r"\{\{.*?\| plural\(.*?\}\}", "x", path.read_text("utf-8"))
        text = re.sub(r"\{\{.*?\}\}", "1", text)
        assert not ODD.search(re.sub(r"<[^>]*>", "", text)), path.name


def errors(number: int) -> Iterator[str]:
    receipt = Receipt("Trakt", number, missing=("Dark: 1 play",) * (5 + number))
    for error in (
        IncompleteReadError(receipt),
        UnsafePlanError(number, number),
        MissingEntriesError(number, number),
        UnsafeRemovalError(number, number, "Trakt"),
        EmptyHistoryError(number, "Trakt"),
        RefusingServiceError.refused(number, 402),
    ):
        yield str(error)


def views(number: int) -> Iterator[str]:
    """Yield what every view says where there is that many of everything."""
    report = one_run(number)
    options = context(is_verbose=number > 1)
    yield draw(lambda c: show_plan(c, report, options), 100)
    yield draw(lambda c: show_report(c, report, options, "next"), 100)
    result = Result(is_good=True, run=1, plays=number, written=number)
    yield finished_turn(result, T0, T0).message
    document = report_document(report, "migrate", 0)
    yield render(document, T0)
    page = data(report=builds(balance=document.balance, writes=number, saved=number))
    yield re.sub(r"<style.*</style>|<[^>]*>", " ", render_html(page), flags=re.DOTALL)
    lefts = tuple(left_out(f"Title {n}", NO_ID) for n in range(number))
    lefts = tuple(left.model_copy(update={"plays": number}) for left in lefts)
    listed = UnmatchedDocument(unmatched=lefts, unsupported=(), quarantined=())
    yield draw(lambda c: show_left_out(c, listed), 100)
    keys = tuple(report.prepared.plan.fates)[:number]
    yield describe(Verification(number, unexpected=keys, foreign=keys), "Trakt")
    yield from status(number)
    yield from errors(number)
    watched = [Watched(plays=1)] * number
    yield str(derive(film().kind, watched).reasons)


def status(number: int) -> Iterator[str]:
    run = RunDocument(
        number=1,
        command="migrate",
        started_at=T0,
        finished_at=T0,
        outcome="finished",
        plays=number,
        writes=number,
        failed=0,
        arrived=number,
        unsent=number,
    )
    for undone in {0, number}:
        profile = ProfileStateDocument(
            id="prf_1",
            last_run=run.model_copy(update={"undone": undone}),
            last_undo=LastUndoDocument(run=1, writes=number, left_alone=number, at=T0),
            unmatched=CountDocument(titles=number, plays=number),
            unsupported=CountDocument(titles=number, plays=number),
            unreadable=number,
            removed=number,
            move=report_document(one_run(number), "migrate", 0).move,
        )
        document = StatusDocument(
            at=T0,
            wanted="Me",
            profile="prf_1",
            profiles=(profile,),
            logins=(),
            database=_database(),
        )
        yield "\n".join(StatusView(context(), document).lines())


def _database() -> DatabaseDocument:
    # Imported late: pydantic builds it at once.
    from sync.documents.status import DatabaseDocument  # noqa: PLC0415

    return DatabaseDocument(kind="sqlite", place="state.sqlite3")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_no_view_says_one_of_many_nor_several_of_one(number: int) -> None:
    shown = list(views(number))
    assert len(shown) > 12
    for text in shown:
        assert not ODD.search(text), ODD.search(text)
        several = re.search(r"(?<![\w.,:#-])[02] (play|entry|write|title)\b", text)
        assert not several, text


def test_one_helper_counts() -> None:
    assert [count(n, "entry", "entries") for n in (0, 1, 2)] == [
        "0 entries",
        "1 entry",
        "2 entries",
    ]
    assert count(1200, "play is", "plays are") == "1,200 plays are"
    assert LEAST_PLAYS > 1  # what the purest part says of all plays are many
    assert SPECIAL
    assert episode(1, 1) != play()

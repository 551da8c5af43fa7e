"""Why a write ended as it did: the texts that are kept in people's ledgers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sync
from sync.domain.writes import Outcome, Settled

APPLIED, REJECTED, UNKNOWN = Outcome.APPLIED, Outcome.REJECTED, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("settled", "outcome", "detail"),
    [
        (Settled.found_in_place(), APPLIED, "found in place"),
        (Settled.unclear(1), UNKNOWN, "no clear answer"),
        (Settled.unclear(2), UNKNOWN, "no clear answer to 2 writes"),
        (Settled.unclear(5), UNKNOWN, "no clear answer to 5 writes"),
        (Settled.covers_too_much(), REJECTED, "an episode could not be kept out of it"),
        (Settled.found_later(), APPLIED, "found by a later run"),
        (Settled.in_doubt(), UNKNOWN, "not sent again while lists show too little"),
        (Settled.not_sent(), REJECTED, "not sent"),
        (Settled.not_wanted(), REJECTED, "not there, nor wanted now"),
        (Settled.not_found_by(7), REJECTED, "not found by run 7"),
        (Settled.found_after(7), APPLIED, "found after run 7"),
        (Settled.not_there_after(7), REJECTED, "not there after run 7"),
    ],
)
def test_the_texts_in_the_ledger_stay(
    settled: Settled, outcome: Outcome, detail: str
) -> None:
    assert settled == (outcome, detail)


def test_no_other_file_words_such_a_reason() -> None:
    """Elsewhere a detail is the service's own message, never a text."""
    root = Path(sync.__file__).parent
    worded = [
        f"{path.relative_to(root)}:{call.lineno}"
        for path in sorted(root.rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and _settles(call) and _has_text(call)
    ]
    assert not worded


def _settles(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return name in {"Settled", "settle", "close"}


def _has_text(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(_is_text(node) for argument in given for node in ast.walk(argument))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )

"""The command that looks for changes which no test notices."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from cosmic_ray.mutating import mutate_code

from scripts.mutation.functions import function_at
from scripts.mutation.known import read_known
from scripts.mutation.mutants import (
    OPERATORS,
    ROOT,
    Mutant,
    mutants_of,
    sample,
)
from scripts.mutation.reach import SUITES, Reach

if TYPE_CHECKING:
    from collections.abc import Iterator

GUARD = "sync/domain/guard.py"


def changes(operator: str, code: str) -> Iterator[str]:
    number = 0
    while (changed := mutate_code(code, OPERATORS[operator], number)) is not None:
        yield changed.strip()
        number += 1


@pytest.mark.parametrize(
    ("operator", "code", "expected"),
    [
        ("DropOperand", "x = a and b and c", ["b and c", "a and c", "a and b"]),
        ("DropOperand", "x = a or b", ["b", "a"]),
        ("DropFilter", "x = [y for y in z if y if w]", ["[y for y in z if True if w]"]),
        ("NegateIn", "x = a in b", ["a not in b"]),
        ("NegateIn", "x = a not in b", ["a in b"]),
        ("ReplaceComparisonOperator_Lt_LtE", "x = a < b", ["a <= b"]),
        ("NumberReplacer", "x = 4", ["5", "3"]),
        ("DropCall", "x = f()", []),
    ],
)
def test_an_operator_makes_its_changes(
    operator: str, code: str, expected: list[str]
) -> None:
    found = list(changes(operator, code + "\n"))[: len(expected) or 1]
    assert [ast.unparse(ast.parse(one)) for one in found] == [
        f"x = {one}" for one in expected
    ]


def test_a_step_is_left_out() -> None:
    code = "def f():\n    g()\n    x.h(1)\n    return g()\n"
    assert list(changes("DropCall", code)) == [
        "def f():\n    None\n    x.h(1)\n    return g()",
        "def f():\n    g()\n    None\n    return g()",
    ]


@pytest.fixture(scope="module")
def mutants() -> list[Mutant]:
    return list(mutants_of("sync/load/breaker.py"))


def test_the_same_seed_draws_the_same(mutants: list[Mutant]) -> None:
    assert sample(mutants, 5, 1) == sample(mutants, 5, 1) != sample(mutants, 5, 2)
    assert all(Mutant.named(mutant.name) == mutant for mutant in mutants)


def test_what_nobody_runs_is_left_alone(mutants: list[Mutant]) -> None:
    assert len(mutants) > 50
    for mutant in mutants:
        line = (ROOT / mutant.file).read_text("utf-8").splitlines()[mutant.line - 1]
        assert "TYPE_CHECKING" not in line
        assert not line.strip().startswith("@")


def test_a_star_between_parameters_is_no_product() -> None:
    found = [m for m in mutants_of("sync/pipeline/prepare.py") if "Mul" in m.operator]
    lines = (ROOT / "sync/pipeline/prepare.py").read_text("utf-8").splitlines()
    assert [lines[m.line - 1] for m in found if "*," in lines[m.line - 1]] == []


def test_a_change_in_a_function_is_found_in_it(mutants: list[Mutant]) -> None:
    found = [(m, function_at(m)) for m in sample(mutants, 12, 1)]
    functions = [(m, changed) for m, changed in found if changed is not None]
    assert functions
    for mutant, (name, line, code) in functions:
        assert (code.co_qualname, line <= mutant.line) == (name, True)
        assert name.split(".")[0] in (ROOT / mutant.file).read_text("utf-8")


def test_a_line_asks_the_tests_that_run_it_and_an_import_those_of_the_file() -> None:
    near, far = "tests/domain_suite/a.py::b", "tests/pipeline_suite/a.py::b"
    other = "tests/cli_suite/a.py::b"
    lines = {7: {far, near, other}, 8: {far}, 0: {near, far}}
    reach = Reach({GUARD: lines}, {near: 2.0, far: 1.0})
    ask = {line: reach.tests_of(Mutant(GUARD, "AddNot", 0, line)) for line in (7, 8, 9)}
    assert ask == {7: [near, far], 8: [far], 9: [near, far]}
    # What was made of it before the first test may be in any of their cases.
    made = Reach({GUARD: lines}, {near: 2.0, far: 1.0}, {GUARD: {8}})
    assert made.tests_of(Mutant(GUARD, "AddNot", 0, 8)) == [far, near]
    few = Reach({GUARD: lines}, {near: 2.0, far: 1.0}, most=1)
    assert few.tests_of(Mutant(GUARD, "AddNot", 0, 7)) == [near]
    slow = Reach({GUARD: lines}, {near: 2.0, far: 60.0})
    assert slow.tests_of(Mutant(GUARD, "AddNot", 0, 7)) == [near]


def test_every_room_has_its_suites() -> None:
    for room, suites in SUITES.items():
        assert (ROOT / room).is_dir()
        assert all((ROOT / "tests" / suite).is_dir() for suite in suites)


def test_what_makes_no_difference_is_there_still_and_says_why() -> None:
    for known in read_known():
        lines = (ROOT / known.file).read_text("utf-8").splitlines()
        stripped = "\n".join(line.strip() for line in lines)
        assert known.line in stripped, f"{known.file}: {known.line}"
        assert known.line != known.becomes
        assert len(known.reason) > 20

"""How much of the long suites is run: a few cases, the part that CI runs, or all.

The README's command leaves out what is marked ``long``. ``pytest --long=part`` runs the
part that CI runs after it, ``--long=whole`` all; both run nothing else. A suite with
thousands of cases asks ``choose`` which of them, a property ``examples`` how many; a
single long test is only marked.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
Test = TypeVar("Test", bound="Callable[..., Any]")


class Length(Enum):
    """What was asked for."""

    FEW = "few"
    PART = "part"
    WHOLE = "whole"


#: Set by the conftest, before any test is collected.
asked = Length.FEW


def pick(few: T, part: T, whole: T) -> T:
    """Return what belongs to the length that was asked for."""
    return {Length.FEW: few, Length.PART: part, Length.WHOLE: whole}[asked]


def choose(few: Iterable[T], part: Iterable[T], whole: Iterable[T]) -> list[Any]:
    """Return cases to parametrize with; all but the few are marked ``long``."""
    marks = () if asked is Length.FEW else (pytest.mark.long,)
    return [pytest.param(case, marks=marks) for case in pick(few, part, whole)]


def at_every_length(test: Test) -> Test:
    """Run a test at each length; ``pick`` says how much of it then."""
    return test if asked is Length.FEW else pytest.mark.long(test)


def examples(few: int, part: int, whole: int, **options: Any) -> Callable[[Test], Test]:
    """Run a property at each length, with so many examples."""
    count = pick(few, part, whole)

    def decorate(test: Test) -> Test:
        return at_every_length(settings(max_examples=count, **options)(test))

    return decorate

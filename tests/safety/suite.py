"""How much of the long suites is run: all of it, or the part that CI runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

#: Set by ``scripts/safety``.
IS_WHOLE = os.environ.get("SAFETY_SUITE") == "whole"


def part(cases: Sequence[T], step: int) -> Sequence[T]:
    """Return all cases in the whole suite, else every ``step``-th."""
    return cases if IS_WHOLE else cases[::step]

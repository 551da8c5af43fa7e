"""A plugin of pytest that judges mutants, some at a time."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import click

from scripts.mutation.judge import Judge, Judgement

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from scripts.mutation.mutants import Mutant
    from scripts.mutation.reach import Reach

#: What the forked judges have in common: it is there before they are.
_common: list[tuple[Judge, Reach]] = []


class Trial:
    """Judges mutants once pytest has collected the tests, in place of running all."""

    def __init__(
        self, tried: Sequence[Mutant], reach: Reach, jobs: int, *, is_telling: bool
    ) -> None:
        self._tried = tried
        self._reach = reach
        self._jobs = jobs
        self._is_telling = is_telling
        self.judged: dict[Mutant, Judgement] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge them all, and tell of each."""
        _common.append((Judge(session), self._reach))
        with ProcessPoolExecutor(self._jobs, get_context("fork")) as judges:
            found = zip(self._tried, judges.map(_judge, self._tried), strict=True)
            for number, (mutant, (judgement, took)) in enumerate(found, 1):
                self.judged[mutant] = judgement
                click.echo(f"{number:4} {mutant.name}: {judgement.verdict.value}")
                click.echo(f"     {took} {judgement.by}")
                if self._is_telling:
                    click.echo(judgement.said)
        return True


def _judge(mutant: Mutant) -> tuple[Judgement, str]:
    judge, reach = _common[-1]
    began = time.monotonic()
    judgement = judge.judge(mutant, reach)
    took_s = time.monotonic() - began
    return judgement, f"{took_s:.1f} s, {len(reach.tests_of(mutant))} tests run it;"

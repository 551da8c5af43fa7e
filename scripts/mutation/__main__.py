"""``scripts/mutate``: some mutants by a seed, and which of them no test notices."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import click
import pytest

from scripts.mutation.judge import OPTIONS, Judge, Verdict
from scripts.mutation.known import FILE, as_entry, reasons
from scripts.mutation.mutants import ROOT, Mutant, find_mutants, sample
from scripts.mutation.reach import SUITES, folders, read_reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.mutation.reach import Reach

#: What is to be noticed at least, of what makes a difference.
GOAL = 0.95


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", default=1, show_default=True, help="Which sample is drawn.")
@click.option("--sample", "count", default=200, show_default=True, help="How many.")
@click.option("--only", default="", help="Of mutants whose name begins so, all.")
@click.option("--tell", is_flag=True, help="Say what the tests said of each.")
def main(*, seed: int, count: int, only: str, tell: bool) -> None:
    """Change the program in one place at a time, and see whether a test notices.

    What makes no difference stands in tests/mutants.toml and is not tried again. Ends
    with 1 where fewer than 95 % are noticed.
    """
    mutants = list(find_mutants(SUITES))
    if only:
        chosen = [m for m in mutants if m.name.startswith(only) and m.is_valid]
    else:
        chosen = sample(mutants, count, seed)
    known = reasons()
    tried = [m for m in chosen if (m.file, *m.change) not in known]
    equivalent = len(chosen) - len(tried)
    click.echo(f"{len(tried)} of {len(mutants):,} mutants; {equivalent} more are known")
    trial = Trial(tried, read_reach(), is_telling=tell)
    os.environ["CI"] = "true"  # the same made-up examples each time
    pytest.main([*OPTIONS, "-s", *folders()], plugins=[trial])
    verdicts = trial.verdicts
    survivors = [m for m, verdict in verdicts.items() if not verdict.is_noticed]
    _show(survivors, verdicts)
    share = 1 - len(survivors) / len(tried) if tried else 1.0
    counts = Counter(verdict.value for verdict in verdicts.values())
    for what, number in counts.most_common():
        click.echo(f"{number:5} {what}")
    click.echo(f"{equivalent:5} make no difference, by tests/mutants.toml")
    click.echo(f"{share:.1%} of what makes a difference is noticed.")
    sys.exit(share < GOAL)


class Trial:
    """A plugin of pytest that judges mutants once the tests are collected."""

    def __init__(
        self, tried: Sequence[Mutant], reach: Reach, *, is_telling: bool
    ) -> None:
        self._tried = tried
        self._reach = reach
        self._is_telling = is_telling
        self.verdicts: dict[Mutant, Verdict] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge, in place of running all tests."""
        judge = Judge(session)
        for number, mutant in enumerate(self._tried, 1):
            tests = self._reach.tests_of(mutant)
            began = time.monotonic()
            verdict = judge.judge(mutant, tests, self._reach.seconds_of(tests))
            self.verdicts[mutant] = verdict
            took = f"{time.monotonic() - began:.1f} s, {len(tests)} tests run it"
            click.echo(f"{number:4} {mutant.name}: {verdict.value} ({took})")
            if self._is_telling:
                click.echo(judge.said)
        return True


def _show(survivors: Sequence[Mutant], verdicts: dict[Mutant, Verdict]) -> None:
    """Print the survivors as entries for the list of what makes no difference."""
    if survivors:
        where = FILE.relative_to(ROOT)
        click.echo(
            "\nWrite a test for each of these. If one makes no difference to anybody, "
            f"say in {where} why:\n"
        )
    for mutant in survivors:
        click.echo(f"# {mutant.name} {verdicts[mutant].value}\n{as_entry(mutant)}")


if __name__ == "__main__":
    main()

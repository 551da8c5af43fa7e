"""``scripts/mutate``: some mutants by a seed, and which of them no test notices."""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

import click
import pytest

from scripts.mutation.judge import OPTIONS
from scripts.mutation.known import FILE, as_entry, reasons
from scripts.mutation.mutants import ROOT, Mutant, find_mutants, sample
from scripts.mutation.reach import SUITES, folders, read_reach
from scripts.mutation.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.mutation.judge import Judgement

#: What is to be noticed at least, of what makes a difference.
GOAL = 0.95


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", default=1, show_default=True, help="Which sample is drawn.")
@click.option("--sample", "count", default=200, show_default=True, help="How many.")
@click.option("--only", default="", help="Of mutants whose name begins so, all.")
@click.option("--tell", is_flag=True, help="Say what the tests said of each.")
@click.option("--jobs", default=2, show_default=True, help="How many at a time.")
@click.option("--tests", "most", type=int, help="Ask each no more tests than that.")
def main(
    *, seed: int, count: int, only: str, tell: bool, jobs: int, most: int | None
) -> None:
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
    trial = Trial(tried, read_reach(most), jobs, is_telling=tell)
    os.environ["CI"] = "true"  # the same made-up examples each time
    pytest.main([*OPTIONS, "-s", *folders()], plugins=[trial])
    judged = trial.judged
    survivors = {m: j for m, j in judged.items() if not j.verdict.is_noticed}
    _show(survivors)
    share = 1 - len(survivors) / len(judged) if judged else 1.0
    counts = Counter(judgement.verdict.value for judgement in judged.values())
    for what, number in counts.most_common():
        click.echo(f"{number:5} {what}")
    by = Counter(j.by.split("/")[1] for j in judged.values() if j.by)
    click.echo(f"      noticed by {', '.join(f'{s} {n}' for s, n in by.most_common())}")
    click.echo(f"{equivalent:5} make no difference, by tests/mutants.toml")
    click.echo(f"{share:.1%} of what makes a difference is noticed.")
    sys.exit(share < GOAL or len(judged) < len(tried))


def _show(survivors: Mapping[Mutant, Judgement]) -> None:
    """Print the survivors as entries for the list of what makes no difference."""
    if survivors:
        where = FILE.relative_to(ROOT)
        click.echo(
            "\nWrite a test for each of these. If one makes no difference to anybody, "
            f"say in {where} why:\n"
        )
    for mutant, judgement in survivors.items():
        click.echo(f"# {mutant.name} {judgement.verdict.value}\n{as_entry(mutant)}")


if __name__ == "__main__":
    main()

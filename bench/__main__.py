"""``python -m bench [NAME...]``: all benches, or those that are named."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from bench.measure import Noise, Result
from bench.sizes import FULL, QUICK
from bench.table import document, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.sizes import Sizes

#: The benches, in the order in which they run.
BENCHES = {
    "requests": "bench.counting",
    "plan": "bench.first_plan",
    "start": "bench.starting",
    "cpu": "bench.planning",
    "undo": "bench.undoing",
    "extraction": "bench.extraction",
    "pace": "bench.pace",
    "account": "bench.big_account",
    "web": "bench.web_page",
    "fleet": "bench.fleet",
    "month": "bench.fleet_month",
    "size": "bench.fleet_size",
}


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Names: {', '.join(BENCHES)}.",
)
@click.argument(
    "names", nargs=-1, type=click.Choice(list(BENCHES)), metavar="[NAME]..."
)
@click.option("--quick", is_flag=True, help="Tiny sizes, without rivals: does it run?")
@click.option("--whole", is_flag=True, help="Simulate all of a million profiles.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, no table.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the JSON here too.")
def main(
    names: Sequence[str],
    *,
    quick: bool,
    whole: bool,
    as_json: bool,
    out: Path | None,
) -> None:
    """Measure NAME..., by default all of them."""
    notes = Console(stderr=True, highlight=False)
    results: list[Result] = []
    noise, sizes = Noise(), QUICK if quick else FULL
    if whole:
        sizes = replace(sizes, fleet_simulated=sizes.fleet_profiles)
    for name in names or BENCHES:
        notes.print(f"measuring {name} ...")
        result = asyncio.run(run(name, sizes, noise))
        results.append(result)
        if not as_json:
            show(_console(), result)
    about = "how steady the machine was, between the measurements"
    results.append(Result("noise", about, [noise.row()]))
    if as_json:
        sys.stdout.write(document(results))
    else:
        show(_console(), results[-1])
    if out:
        out.write_text(document(results), encoding="utf-8")


def _console() -> Console:
    console = Console(highlight=False)
    # A file has no width of its own.
    return console if console.is_terminal else Console(highlight=False, width=120)


async def run(name: str, sizes: Sizes, noise: Noise) -> Result:
    """Run one bench."""
    result: Result = await import_module(BENCHES[name]).run(sizes, noise)
    return result


if __name__ == "__main__":
    main()

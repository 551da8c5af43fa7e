"""What ``fleet demo`` does: a fleet on this machine alone, from start to proof."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sync.cli.commands.fleet import opening, tell_done
from sync.cli.runner import Exit, run
from sync.cli.view.lines import say
from sync.documents.fleet import FleetDocument
from sync.runtime.words import count

if TYPE_CHECKING:
    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.runtime.stop import Stop


def demo(context: Context, profiles: int) -> int:
    """Show it; 4 if the proof fails."""
    if not context.is_sandbox:
        raise click.UsageError(
            "The demo is a rehearsal: trakt2discovr --sandbox fleet demo"
        )

    async def work(output: Output, _stop: Stop) -> int:
        opening()
        from sync.fleet.demo import Demo  # noqa: PLC0415  # an extra

        def tell(line: str) -> None:
            if not context.is_quiet:
                say(output.notes, line)

        width = len(str(profiles))
        names = [f"Person {number:0{width}}" for number in range(1, profiles + 1)]
        with tempfile.TemporaryDirectory(prefix="fleet-demo-") as folder:
            proof = await Demo(Path(folder), names, tell).run()
        whole = f"{proof.whole} of {count(proof.profiles, 'profile')} whole"
        entries = count(proof.entries, "entry", "entries")
        pace = f"at most {proof.most_in_a_second:,} in a second"
        refused = f"{proof.refused:,} refused"
        notes = (
            f"{whole}; {entries}, {proof.twice:,} twice.",
            f"{count(proof.requests, 'request')} to Discovr, {pace}, {refused}.",
        )
        document = FleetDocument(done="demo", count=proof.profiles, notes=notes)
        return tell_done(
            output, document, Exit.DONE if proof.is_good else Exit.INCOMPLETE
        )

    return run(context, work)

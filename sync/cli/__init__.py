"""The command line. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import gc

from sync.cli.process import run_program

#: Plays, entries and plans come by the hundred thousand and hold no cycles. To look
#: through all of them every few hundred objects, as Python does by itself, takes a
#: third of the time and finds nothing.
GC_THRESHOLDS = (50_000, 10, 10)


def main() -> None:
    """Run the program; the entry point of the console script."""
    gc.set_threshold(*GC_THRESHOLDS)
    run_program(_run)


def _run() -> None:
    from sync.cli.app import app  # noqa: PLC0415  # see the module's docstring

    app(prog_name="trakt2discovr")

"""The command line. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import gc
import os

from sync.cli.process import run_program

#: Plays, entries and plans come by the hundred thousand and hold no cycles. To look
#: through all of them every few hundred objects, as Python does by itself, takes a
#: third of the time and finds nothing.
GC_THRESHOLDS = (50_000, 10, 10)


def main() -> None:
    """Run the program; the entry point of the console script."""
    gc.set_threshold(*GC_THRESHOLDS)
    gc.disable()  # until a command has been imported (``begin_collecting``)
    # We have none, and pydantic would read about every package here to find that out.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    run_program(_run)


def _run() -> None:
    from sync.cli.app import app  # noqa: PLC0415  # see the module's docstring

    app(prog_name="trakt2discovr")

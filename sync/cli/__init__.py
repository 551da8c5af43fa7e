"""The command line. Nothing heavy is imported before a command needs it."""

from __future__ import annotations


def main() -> None:
    """Run the program; the entry point of the console script."""
    from sync.cli.app import app  # noqa: PLC0415  # see the module's docstring

    app(prog_name="trakt2discovr")

"""The options of ``status`` and ``doctor``; the work is in the modules named below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sync.cli.context import Context


@click.command(epilog="Example: trakt2discovr status")
@click.pass_obj
def status(context: Context) -> None:
    """Show the last run, what is open, and the logins. Asks nobody, changes nothing."""
    from sync.cli.commands import status as status_command  # noqa: PLC0415  # keeps --help fast

    raise SystemExit(status_command.status(context))


@click.command(epilog="Example: trakt2discovr doctor")
@click.pass_obj
def doctor(context: Context) -> None:
    """Check everything that a run depends on. Says how to put it right.

    Nothing is written to a service; a login that has run out may be renewed.
    """
    from sync.cli.commands import doctor as doctor_command  # noqa: PLC0415  # keeps --help fast

    raise SystemExit(doctor_command.doctor(context))

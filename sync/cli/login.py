"""``login`` and ``logout``: the commands; what they do is in sync.cli.sign_in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sync.cli.context import Context

_SERVICE = click.argument(
    "service", type=click.Choice(["trakt", "discovr"]), metavar="SERVICE"
)


@click.command(epilog="Example: trakt2discovr login discovr --profile Me")
@_SERVICE
@click.option("--profile", help="Discovr: the profile to write to, by id or name.")
@click.pass_obj
def login(context: Context, service: str, profile: str | None) -> None:
    """Sign in to a service. You approve a code on your phone or in a browser.

    SERVICE is trakt or discovr. The code and the address are shown on stderr; the login
    is kept in the token store.
    """
    if profile and service != "discovr":
        raise click.UsageError("--profile goes with login discovr only.")
    from sync.cli.commands import login as sign_in  # noqa: PLC0415  # keeps --help fast

    raise SystemExit(sign_in.login(context, service, profile))


@click.command(epilog="Example: trakt2discovr logout trakt")
@_SERVICE
@click.pass_obj
def logout(context: Context, service: str) -> None:
    """Sign out of a service. Revokes the login there and forgets it here.

    SERVICE is trakt or discovr.
    """
    from sync.cli.commands import login as sign_in  # noqa: PLC0415  # keeps --help fast

    raise SystemExit(sign_in.logout(context, service))

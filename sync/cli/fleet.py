"""The commands of the fleet; what they do is in sync.cli.commands.fleet."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sync.cli.declare import Parsed, declared
from sync.runtime.values import parse_address

if TYPE_CHECKING:
    from sync.cli.declare import Work

_FILE = click.Path(dir_okay=False, path_type=Path)
_STATES = ("active", "paused", "needs_login", "gone")


@click.group(epilog="Example: trakt2discovr fleet status")
def fleet() -> None:
    """Run many profiles, by workers that share one PostgreSQL.

    Begin with trakt2discovr fleet init. Or see all of it first on this machine alone:
    trakt2discovr --sandbox fleet demo
    """


_command = functools.partial(declared, fleet)
_NAMES = click.argument("names", metavar="PROFILE...", nargs=-1, required=True)


@_command("Example: trakt2discovr fleet init")
@click.option(
    "--new-key",
    "gives_up",
    is_flag=True,
    help="The key is lost: go on with a new one. Whose login it does not open has to "
    "sign in again.",
)
def init() -> Work:
    """Make the tables, and the key for the logins. Run it again after an upgrade."""
    from sync.cli.commands import fleet as work  # noqa: PLC0415  # as in sync.cli.app

    return work.init


@_command("Example: trakt2discovr fleet add profiles.csv")
@click.argument("file", type=_FILE)
def add() -> Work:
    """Add the profiles of a table, or change them. They are due at once.

    FILE is a CSV with the columns profile,source,every: a Discovr profile (by id, or by
    a name that nobody else has), a Trakt user or a download, an interval such as 6h.
    With shared in a column login a profile lives by your own login to Discovr.
    """
    from sync.cli.commands import fleet as work  # noqa: PLC0415  # the same

    return work.add


@_command("Example: trakt2discovr fleet login Me")
@click.argument("name", metavar="[PROFILE]", required=False)
@click.option(
    "--shared",
    is_flag=True,
    help="In place of a profile: your own to Discovr, for all whose login is shared.",
)
@click.option(
    "--service",
    type=click.Choice(["trakt", "discovr"]),
    help="To this one alone; by default to what it lacks, or to both.",
)
def login() -> Work:
    """Sign a profile in. Its person approves the codes on a phone or in a browser."""
    from sync.cli.commands import fleet_login as work  # noqa: PLC0415  # the same

    return work.login


@_command("Example: trakt2discovr fleet logout --shared")
@click.option(
    "--shared", is_flag=True, help="Your own to Discovr, for all whose login is shared."
)
def logout() -> Work:
    """Forget the login that serves all. Discovr is asked to end it too."""
    from sync.cli.commands import fleet_login as work  # noqa: PLC0415  # the same

    return work.logout


@_command(
    "Example: trakt2discovr fleet invite --listen 127.0.0.1:8788 --url "
    "https://join.example.org"
)
@click.argument("names", metavar="[PROFILE]...", nargs=-1)
@click.option(
    "--listen",
    type=Parsed("address", parse_address),
    default="127.0.0.1:8788",
    show_default=True,
    help="Serve the page here.",
)
@click.option(
    "--url",
    help="Where others reach the page, such as https://join.example.org: put what "
    "speaks TLS before it.",
)
def invite() -> Work:
    """Let people sign in by themselves. Prints a link for each, and serves the page.

    Without PROFILE it is for all that lack a login. A link is good for 30 days, while
    this runs; it makes the codes when it is opened. With --json it prints the links and
    ends.
    """
    from sync.cli.commands import fleet_login as work  # noqa: PLC0415  # the same

    return work.invite


@_command("Example: trakt2discovr fleet work --slots 8 --listen 127.0.0.1:9465")
@click.option(
    "--slots",
    type=click.IntRange(2, 500),
    default=4,
    show_default=True,
    help="How many profiles at once: so many migrations, and so many syncs.",
)
@click.option(
    "--listen",
    type=Parsed("address", parse_address),
    help="Answer /healthz and /metrics here, such as 127.0.0.1:9465.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Log to stderr in lines of text, or of JSON.",
)
def work() -> Work:
    """Be a worker, and run what is due until you are stopped.

    Start as many as you like, on any machine that reaches the database.
    """
    from sync.cli.commands import fleet as work  # noqa: PLC0415  # the same

    return work.work


@_command("Example: trakt2discovr fleet list --state needs_login")
@click.option("--state", type=click.Choice(_STATES), help="Only these.")
def list_() -> Work:
    """List the profiles. When each is due, and what went wrong."""
    from sync.cli.commands import fleet as work  # noqa: PLC0415  # the same

    return work.list_profiles


@_command("Example: trakt2discovr fleet status --follow")
@click.option(
    "--follow",
    is_flag=True,
    help="Show a bar until every profile that can be brought over has been.",
)
def status() -> Work:
    """Show how the fleet is, in numbers."""
    from sync.cli.commands import fleet as work  # noqa: PLC0415  # the same

    return work.status


@_command("Example: trakt2discovr fleet due Me")
@_NAMES
def due() -> Work:
    """Run these profiles now, before all others."""
    from sync.cli.commands import fleet as work  # noqa: PLC0415  # the same

    return functools.partial(work.change, how="due")


@_command("Example: trakt2discovr fleet pause Me")
@_NAMES
def pause() -> Work:
    """Run these profiles no more, until they are resumed."""
    from sync.cli.commands import fleet as work  # noqa: PLC0415  # the same

    return functools.partial(work.change, how="pause")


@_command("Example: trakt2discovr fleet resume Me")
@_NAMES
def resume() -> Work:
    """Go on with these profiles. They were paused, or waited for a login."""
    from sync.cli.commands import fleet as work  # noqa: PLC0415  # the same

    return functools.partial(work.change, how="resume")


@_command("Example: trakt2discovr fleet remove Me")
@_NAMES
def remove() -> Work:
    """Take these profiles out of the fleet, and forget their logins.

    What was written stays on Discovr, and the ledger knows it still.
    """
    from sync.cli.commands import fleet as work  # noqa: PLC0415  # the same

    return functools.partial(work.change, how="remove")


@_command("Example: trakt2discovr fleet limits")
def limits() -> Work:
    """Show what all workers together may send."""
    from sync.cli.commands import fleet as work  # noqa: PLC0415  # the same

    return work.limits


@fleet.group(epilog="Example: trakt2discovr fleet keys rotate")
def keys() -> None:
    """Look after the keys that the logins are encrypted with."""


@functools.partial(declared, keys)("Example: trakt2discovr fleet keys rotate")
def rotate() -> Work:
    """Make a new key, and encrypt every login with it.

    Workers that run read the new key by themselves. The key before it stays in the file
    until you rotate once more: a worker may still encrypt with it.
    """
    from sync.cli.commands import fleet as work  # noqa: PLC0415  # the same

    return work.rotate_keys


@_command("Example: trakt2discovr --sandbox fleet demo --profiles 50")
@click.option(
    "--profiles",
    type=click.IntRange(2, 500),
    default=10,
    show_default=True,
    help="How many.",
)
def demo() -> Work:
    """See a fleet at work on this machine.

    Stand-ins for the services, a private database, workers, one of them killed, and a
    proof that everything arrived once.
    """
    from sync.cli.commands import fleet_demo as work  # noqa: PLC0415  # the same

    return work.demo


fleet.commands["list"] = fleet.commands.pop(list_.name or "")
list_.name = "list"

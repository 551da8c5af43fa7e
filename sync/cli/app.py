"""The commands and their options; what they do is in sync.cli.commands."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sync.cli import checkup, extras
from sync.cli.completion import completion
from sync.cli.context import Context
from sync.cli.group import WORDS, Group
from sync.cli.login import login, logout
from sync.cli.sync_options import sync

if TYPE_CHECKING:
    from collections.abc import Callable

_FILE = click.Path(dir_okay=True, path_type=Path)

_CODES = """\b
Example: trakt2discovr --sandbox migrate

\b
Exit codes:
  0         done, or nothing to do
  1         a bug
  2         usage, config, input or state database is wrong: see the message
  3         log in (again)
  4         not everything is in its place: run it again, or read the report
  5         a guard refused, and nothing was written
  6         another run holds this profile
  130, 143  stopped by Ctrl-C or a signal; nothing is lost

The result goes to stdout, everything else to stderr.
"""


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_CODES,
)
@click.version_option(package_name="trakt2discovr")
@click.option("-c", "--config", type=_FILE, help="Config file (TOML).")
@click.option("--sandbox", is_flag=True, help="Rehearse against local stand-ins.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Name everything; log requests.")
@click.option("-q", "--quiet", is_flag=True, help="Print the result alone.")
@click.option(
    "--no-color",
    is_flag=True,
    help="No colours, as with NO_COLOR in the environment; TERM=dumb also stops "
    "everything that moves.",
)
@click.pass_context
def app(
    context: click.Context,
    config: Path | None,
    *,
    sandbox: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Carry your watch history from Trakt to Discovr: exactly, and once.

    Try it first without any account: with --sandbox before the command nothing leaves
    this machine. The options here stand before the command.
    """
    if verbose and quiet:
        raise click.UsageError("-v and -q contradict each other: leave one out.")
    context.obj = Context(
        config=config,
        is_sandbox=sandbox,
        as_json=as_json,
        is_verbose=verbose,
        is_quiet=quiet,
        has_colors=not no_color,
        words=context.meta.get(WORDS, ()),
    )


_YES = click.option(
    "--yes", is_flag=True, help="Do not ask; needed without a terminal."
)
_FORCE = click.option("--force", is_flag=True, help="Go past a guard that refused.")


def _reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every command that reads both sides."""
    for option in reversed(
        (
            click.option(
                "--from-file",
                "files",
                type=_FILE,
                multiple=True,
                help="Read this Trakt account download or backup instead of the API; "
                "may be given several times.",
            ),
            click.option(
                "--accept-incomplete",
                is_flag=True,
                help="Go on though the history is not proved whole; this only adds.",
            ),
            click.option(
                "--strict",
                is_flag=True,
                help="Exit 4 for specials and unmatched titles too.",
            ),
        )
    ):
        command = option(command)
    return command


def _runs(command: Callable[..., None]) -> Callable[..., None]:
    """Import what does the work only now, and hand the context over."""

    @click.pass_obj
    @functools.wraps(command)
    def call(context: Context, /, **options: Any) -> None:
        from sync.cli.commands import carry as commands  # noqa: PLC0415  # keeps --help fast

        run = getattr(commands, command.__name__)
        raise SystemExit(run(context, **options))

    return call


@app.command(epilog="Example: trakt2discovr migrate --from-file trakt-export-me.zip")
@_reading
@click.option("--dry-run", is_flag=True, help="Show the plan and write nothing at all.")
@_YES
@_FORCE
@_runs
def migrate() -> None:
    """Carry everything over, once. Run it again to resume: nothing is sent twice."""


@app.command(epilog="Example: trakt2discovr plan --out plan.json")
@_reading
@click.option("--out", type=_FILE, help="Also write the plan to this file.")
@_runs
def plan() -> None:
    """Show what would be written, and why."""


@app.command(epilog="Example: trakt2discovr apply plan.json")
@click.argument("file", type=_FILE)
@_YES
@_FORCE
@_runs
def apply() -> None:
    """Carry out exactly that plan. Refuses if either side has moved since."""


@app.command(epilog="Example: trakt2discovr undo 3")
@click.argument("run", type=int, required=False)
@_YES
@_runs
def undo() -> None:
    """Remove what a run added. By default the last one, and nothing else."""


@app.command(epilog="Example: trakt2discovr verify")
@_reading
@_runs
def verify() -> None:
    """Read Discovr back and name every difference."""


@app.command(epilog="Example: trakt2discovr profiles")
@_runs
def profiles() -> None:
    """List the profiles of the Discovr account."""


@app.command(epilog="Example: trakt2discovr unmatched --out unmatched.toml")
@click.option(
    "--out",
    type=_FILE,
    help="Write the list to this file (TOML, or CSV by its suffix), to fill in ids.",
)
@_runs
def unmatched() -> None:
    """List what could not be carried over. Names all known ids."""


app.add_command(sync)
app.add_command(login)
app.add_command(logout)
app.add_command(extras.page)
app.add_command(extras.report)
app.add_command(checkup.status)
app.add_command(checkup.doctor)
app.add_command(completion)

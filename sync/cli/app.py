"""The commands and their options; what they do is in sync.cli.commands."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sync.cli.context import PROGRAM, Context
from sync.cli.declare import Parsed, declared
from sync.cli.fleet import fleet
from sync.cli.group import WORDS, Group
from sync.domain.filters import Only
from sync.runtime.values import parse_address, parse_interval
from sync.runtime.wanted import parse_since

if TYPE_CHECKING:
    from sync.cli.declare import Work

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


_FILE = click.Path(dir_okay=True, path_type=Path)
_DAY = click.DateTime(["%Y-%m-%d"])
_MINUTES = click.IntRange(min=1)
_INTERVAL = Parsed("interval", parse_interval)
_ADDRESS = Parsed("address", parse_address)

# The options and arguments that several commands have.
_YES = click.option(
    "--yes", is_flag=True, help="Do not ask; needed without a terminal."
)
_FORCE = click.option("--force", is_flag=True, help="Go past a guard that refused.")
_STRICT = click.option(
    "--strict", is_flag=True, help="Exit 4 for specials and unmatched titles too."
)
_NAMED = click.argument("named", metavar="[FILE]...", type=_FILE, nargs=-1)
_FROM_FILE = click.option(
    "--from-file",
    "files",
    type=_FILE,
    multiple=True,
    help="Read this Trakt account download or backup instead of what the last run "
    "read, or the API; may be given several times.",
)
_SINCE = click.option(
    "--since",
    type=Parsed("date", parse_since),
    help="Leave out what was watched before this day (from midnight UTC) or instant; "
    "for this once, in place of [history] since.",
)
_ONLY = click.option(
    "--only",
    "only_kind",
    type=click.Choice([only.value for only in Only]),
    help="Leave out the others; for this once, in place of [history] only.",
)
_ACCEPT_INCOMPLETE = click.option(
    "--accept-incomplete",
    is_flag=True,
    help="Go on though the history is not proved whole; this only adds, and never "
    "goes with --prune.",
)
_SERVICE = click.argument(
    "service", type=click.Choice(["trakt", "discovr"]), metavar="SERVICE"
)


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_CODES,
)
@click.version_option(package_name="trakt2discovr")
@click.option("-c", "--config", type=_FILE, help="Config file (TOML).")
@click.option("--profile", help="Discovr profile, by id or name, for this once.")
@click.option("--sandbox", is_flag=True, help="Rehearse against local stand-ins.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Name everything; log requests.")
@click.option("-q", "--quiet", is_flag=True, help="Print the result alone, in short.")
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
    profile: str | None,
    *,
    sandbox: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Carry your watch history from Trakt to Discovr: exactly, and once.

    Begin with trakt2discovr setup, which asks for all that is needed. Or try it first
    without any account: with --sandbox before the command nothing leaves this machine.
    The options here stand before the command.
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
        profile=profile,
    )


_command = functools.partial(declared, app)


@_command("Example: trakt2discovr setup")
@_NAMED
@click.option(
    "--source",
    type=click.Choice(["download", "account"]),
    help="What you come with: a download of Trakt, or an account with API access.",
)
@click.option("--trakt-client-id", help="Of your Trakt application.")
@click.option("--discovr-client-id", help="Of your Discovr application.")
@click.option(
    "--non-interactive",
    is_flag=True,
    help="Ask nothing: options and the environment answer, secrets by it alone.",
)
@click.option("--no-login", is_flag=True, help="Write the config and sign in later.")
@click.option("--yes", is_flag=True, help="Change a config that is there, unasked.")
@click.option(
    "--keep",
    type=click.Choice(["systemd", "cron", "docker"]),
    help="Do none of that: print the lines that keep it in step from now on.",
)
def setup() -> Work:
    """Set everything up. Asks, tries each answer, signs in, and writes the config.

    FILE is a Trakt account download or backup, for those who come with one. Whatever
    is asked for, it says where that is made.
    """
    from sync.cli.commands import setup as work

    return work.setup


@_command("Example: trakt2discovr web")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="Listen here rather than on any free port, such as for a tunnel.",
)
@click.option("--no-open", is_flag=True, help="Print the link and open no browser.")
@click.option(
    "--listen",
    type=_ADDRESS,
    help="Listen here, on this machine alone, and answer /healthz and /metrics too.",
)
def web() -> Work:
    """Open a page in the browser to run it all from. It is for this machine alone.

    A run goes on when the page is closed; run this again to get back to it.
    """
    from sync.cli.commands import web as work

    return work.web


@_command("Example: trakt2discovr migrate trakt-export-me.zip")
@_NAMED
@_FROM_FILE
@_SINCE
@_ONLY
@_ACCEPT_INCOMPLETE
@_STRICT
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show the plan and write nothing.",
)
@_YES
@_FORCE
def migrate() -> Work:
    """Carry everything over, once. Run it again to resume: nothing is sent twice.

    FILE is a Trakt account download or backup, which needs no access to Trakt's API.
    Later commands remember it.
    """
    from sync.cli.commands import carry

    return carry.migrate


@_command("Example: trakt2discovr sync --every 6h")
@click.option(
    "--every",
    type=_INTERVAL,
    help="Stay, and run this often: 90s, 30m, 6h, 1d. Counts as --yes.",
)
@click.option("--once", is_flag=True, help="Run once, whatever the config says.")
@click.option(
    "--prune/--no-prune",
    default=None,
    help="Take back what was removed on Trakt, as far as it came from here.",
)
@_SINCE
@_ONLY
@_ACCEPT_INCOMPLETE
@_YES
@_FORCE
@_STRICT
@click.option(
    "--listen",
    type=_ADDRESS,
    help="With --every: answer /healthz and /metrics here, such as 127.0.0.1:9464.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="Log to stderr in lines of text, as --every does, or of JSON.",
)
def sync() -> Work:
    """Carry over what changed since the last run. With --every, again and again."""
    from sync.cli.commands import sync as work

    return work.sync


@_command("Example: trakt2discovr plan --out plan.json")
@_NAMED
@_FROM_FILE
@_SINCE
@_ONLY
@_ACCEPT_INCOMPLETE
@_STRICT
@click.option("--out", type=_FILE, help="Also write the plan to this file.")
def plan() -> Work:
    """Show what would be written, and why.

    FILE is a Trakt account download or backup, as with migrate.
    """
    from sync.cli.commands import carry

    return carry.plan


@_command("Example: trakt2discovr apply plan.json")
@click.argument("file", type=_FILE)
@_YES
@_FORCE
def apply() -> Work:
    """Carry out exactly that plan. Refuses if either side has moved since."""
    from sync.cli.commands import carry

    return carry.apply


@_command("Example: trakt2discovr verify")
@_NAMED
@_FROM_FILE
@_SINCE
@_ONLY
@_ACCEPT_INCOMPLETE
@_STRICT
def verify() -> Work:
    """Read Discovr back and name every difference.

    FILE is a Trakt account download or backup, as with migrate.
    """
    from sync.cli.commands import carry

    return carry.verify


@_command("Example: trakt2discovr undo 3")
@click.argument("run", type=int, required=False)
@click.option(
    "--all", "all_runs", is_flag=True, help="Every run, the latest first, in one go."
)
@_FORCE
@_YES
def undo() -> Work:
    """Remove what a run added. By default the last one, and nothing else.

    Run it again to go on where it was stopped.
    """
    from sync.cli.commands import carry

    return carry.undo


@_command("Example: trakt2discovr restore copy.json")
@click.argument("file", type=_FILE)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show the plan and write nothing.",
)
@click.option(
    "--other-profile",
    is_flag=True,
    help="Restore the copy of another profile, or of one at another address.",
)
@_YES
def restore() -> Work:
    """Bring back what a copy of the profile has and it lacks.

    FILE is a copy of the profile as it was: each run that writes keeps one first, and
    names it at its end, as status does. What is there is never written over.
    """
    from sync.cli.commands import restore as work

    return work.restore


@_command("Example: trakt2discovr status")
def status() -> Work:
    """Show the last run, what is open, and the logins. Asks nobody, changes nothing."""
    from sync.cli.commands import status as work

    return work.status


@_command("Example: trakt2discovr unmatched --out unmatched.toml")
@click.option(
    "--out",
    type=_FILE,
    help="Write the list to this file (TOML, or CSV by its suffix), to fill in ids.",
)
def unmatched() -> Work:
    """List what could not be carried over. Names all known ids."""
    from sync.cli.commands import carry

    return carry.unmatched


@_command("Example: trakt2discovr report --html report.html")
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    help="Write it to this file as a page for the browser, with a map of every season.",
)
@click.option(
    "--open",
    "opens",
    is_flag=True,
    help="Open that page in the browser; without --html it is kept in the data folder.",
)
@click.option(
    "--publish", type=click.Choice(["pharen"]), help="Publish it on Pharen Hub."
)
@click.option("--title", help="What to call the published page.")
@_YES
def report() -> Work:
    """Show the report of the whole move. As Markdown, as a page, or published."""
    from sync.cli.commands import report as work

    return work.report


@_command("Example: trakt2discovr page --only films --dry-run")
@click.option(
    "--only", type=click.Choice(["films", "shows"]), help="One page, not one of each."
)
@click.option("--name", help="What to call the page.")
@click.option(
    "--genre",
    "genres",
    multiple=True,
    help="A genre, by TMDB's id or name or by Trakt's word; may be given several "
    "times. This and each of the following replaces what was found out.",
)
@click.option("--min-minutes", type=_MINUTES, help="The shortest.")
@click.option("--max-minutes", type=_MINUTES, help="The longest.")
@click.option("--released-from", type=_DAY, help="The oldest, by its first day.")
@click.option("--released-to", type=_DAY, help="The newest.")
@click.option(
    "--keyword", "keywords", type=int, multiple=True, help="A TMDB keyword id."
)
@click.option("--region", "regions", multiple=True, help="A country, such as DE.")
@click.option("--provider", "providers", multiple=True, help="Where it can be watched.")
@click.option("--by-hand", is_flag=True, help="Only what is given here; read nothing.")
@click.option(
    "--again",
    is_flag=True,
    help="Make it again, even if it was or may have been made before.",
)
@click.option("--dry-run", is_flag=True, help="Show the filters and why; make nothing.")
@_YES
def page() -> Work:
    """Make a page on Discovr. It fits what you watched: films and shows apart."""
    from sync.cli.commands import page as work

    return work.page


@_command("Example: trakt2discovr login discovr --profile Me")
@_SERVICE
@click.option("--profile", help="Discovr: the profile to write to, by id or name.")
def login() -> Work:
    """Sign in to a service. You approve a code on your phone or in a browser.

    SERVICE is trakt or discovr. The code and the address are shown on stderr; the login
    is kept in the token store.
    """
    from sync.cli.commands import login as work

    return work.login


@_command("Example: trakt2discovr logout trakt")
@_SERVICE
def logout() -> Work:
    """Sign out of a service. Revokes the login there and forgets it here.

    SERVICE is trakt or discovr.
    """
    from sync.cli.commands import login as work

    return work.logout


@_command("Example: trakt2discovr profiles")
def profiles() -> Work:
    """List the profiles of the Discovr account."""
    from sync.cli.commands import carry

    return carry.profiles


@_command("Example: trakt2discovr doctor")
def doctor() -> Work:
    """Check everything that a run depends on. Says how to put it right.

    Nothing is written to a service; a login that has run out may be renewed.
    """
    from sync.cli.commands import doctor as work

    return work.doctor


@_command("Example: trakt2discovr notify")
@click.argument("text", required=False)
def notify() -> Work:
    """Send a message to every address of [notify]. Without TEXT it is a test.

    They are told by themselves, once, when a job needs you, and when all is well again.
    """
    from sync.cli.commands import notify as work

    return work.notify


@_command(
    "\b\nExample: trakt2discovr completion bash >> ~/.bashrc\n\n"
    "\b\nTo install it, once, and open a new shell:\n"
    "  bash  trakt2discovr completion bash >> ~/.bashrc\n"
    "  zsh   trakt2discovr completion zsh >> ~/.zshrc\n"
    "  fish  trakt2discovr completion fish \\\n"
    "          > ~/.config/fish/completions/trakt2discovr.fish\n\n"
    "For zsh, 'autoload -U compinit; compinit' has to stand above it in ~/.zshrc."
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
def completion() -> Work:
    """Print the shell completion. SHELL is bash (from 4.4), zsh or fish."""
    return _print_completion


def _print_completion(_context: Context, shell: str) -> int:
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    variable = f"_{PROGRAM}_complete".upper()
    click.echo(found(app, {}, PROGRAM, variable).source())
    return 0


app.add_command(fleet)

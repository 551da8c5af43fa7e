"""The options of ``page`` and ``report``; the work is in modules of their own."""

from __future__ import annotations

import functools
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.cli.context import Context

_MODULES = {"page": "commands.page", "report": "commands.report"}
_DAY = click.DateTime(["%Y-%m-%d"])
_MINUTES = click.IntRange(min=1)
_YES = click.option(
    "--yes", is_flag=True, help="Do not ask; needed without a terminal."
)


def _runs(command: Callable[..., None]) -> Callable[..., None]:
    """Import what does the work only now, and hand the context over."""

    @click.pass_obj
    @functools.wraps(command)
    def call(context: Context, /, **options: Any) -> None:
        module = import_module(f"sync.cli.{_MODULES[command.__name__]}")
        run = getattr(module, command.__name__)
        raise SystemExit(run(context, **options))

    return call


@click.command(epilog="Example: trakt2discovr page --only films --dry-run")
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
    "--again", is_flag=True, help="Make it anew though it was made before: a page ends."
)
@click.option("--dry-run", is_flag=True, help="Show the filters and why; make nothing.")
@_YES
@_runs
def page() -> None:
    """Make a page on Discovr. It fits what you watched: films and shows apart."""


@click.command(epilog="Example: trakt2discovr report --html report.html")
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    help="Write it to this file as a page for the browser, with a map of every season.",
)
@click.option(
    "--publish", type=click.Choice(["pharen"]), help="Publish it on Pharen Hub."
)
@click.option("--title", help="What to call the published page.")
@_YES
@_runs
def report() -> None:
    """Show the report of the last run. As Markdown, as a page, or published."""

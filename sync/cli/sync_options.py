"""The options of ``sync``; the work is in sync.cli.sync_command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sync.runtime.values import parse_address, parse_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.cli.context import Context


class _Parsed(click.ParamType[Any]):
    """A value that one of our own functions reads."""

    def __init__(self, name: str, parse: Callable[[object], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Read it; what cannot be read is a usage error that shows an example."""
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


@click.command(epilog="Example: trakt2discovr sync --every 6h")
@click.option(
    "--every",
    type=_Parsed("interval", parse_interval),
    help="Stay, and run this often: 90s, 30m, 6h, 1d. Counts as --yes.",
)
@click.option("--once", is_flag=True, help="Run once, whatever the config says.")
@click.option(
    "--prune/--no-prune",
    default=None,
    help="Take back what was removed on Trakt, as far as it came from here.",
)
@click.option("--yes", is_flag=True, help="Do not ask; needed without a terminal.")
@click.option("--force", is_flag=True, help="Go past a guard that refused.")
@click.option(
    "--strict", is_flag=True, help="Exit 4 for specials and unmatched titles too."
)
@click.option(
    "--listen",
    type=_Parsed("address", parse_address),
    help="With --every: answer /healthz and /metrics here, such as 127.0.0.1:9464.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="Log to stderr in lines of text, as --every does, or of JSON.",
)
@click.pass_obj
def sync(context: Context, /, **options: Any) -> None:
    """Carry over what changed since the last run. With --every, again and again."""
    from sync.cli.commands import sync as sync_command  # noqa: PLC0415  # keeps --help fast

    raise SystemExit(sync_command.sync(context, **options))

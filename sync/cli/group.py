"""The group of commands: remembers what was typed, and helps with what is misplaced.

With --json even a usage error leaves a document on stdout: click knows only sentences.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from sync.cli.context import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Where the words that were typed are kept, in the ``meta`` of the click context.
WORDS = "trakt2discovr.words"


class Group(click.Group):
    """The program: its options stand before the command, and it says so."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the options before the command."""
        with _documenting(as_json="--json" in args):
            return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember the words, so that a command can be named to be run again."""
        ctx.meta[WORDS] = tuple(args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order in which they are needed."""
        names = super().list_commands(ctx)
        return sorted(names, key=lambda n: (_place(n), n))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an option that belongs before it gets a hint."""
        with _documenting(as_json=ctx.params["as_json"]):
            try:
                return super().invoke(ctx)
            except click.UsageError as error:
                raise _explain(error, ctx, _names(self.params)) from None


def _explain(
    error: click.UsageError, ctx: click.Context, ours: set[str]
) -> click.UsageError:
    if not isinstance(error, click.NoSuchOption) or error.option_name not in ours:
        return error
    command = error.ctx.info_name if error.ctx else "COMMAND"
    name = error.option_name
    words = f"{name} stands before the command: {ctx.info_name} {name} {command}"
    return click.UsageError(words, error.ctx)


def _names(options: Sequence[click.Parameter]) -> set[str]:
    return {name for option in options for name in option.opts}


def _place(name: str) -> int:
    return COMMANDS.index(name) if name in COMMANDS else len(COMMANDS)


@contextmanager
def _documenting(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        if as_json:
            _print_document(error)
        raise


def _print_document(error: click.UsageError) -> None:
    # Everything heavy stays away from --help.
    from sync.documents.base import ErrorDocument, to_json  # noqa: PLC0415

    command = error.ctx.command_path if error.ctx else "trakt2discovr"
    message, *_ = error.format_message().split("\n\n")
    document = ErrorDocument(
        error=type(error).__name__,
        message=" ".join(message.split()),
        remedy=f"See {command} --help",
        exit_code=error.exit_code,
    )
    click.echo(to_json(document))

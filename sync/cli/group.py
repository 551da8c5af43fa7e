"""The group of commands: remembers what was typed, and helps with what is misplaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sync.cli.usage import Program

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The commands in the order in which a newcomer needs them; others follow by name.
_ORDER = (
    "migrate",
    "sync",
    "plan",
    "apply",
    "verify",
    "undo",
    "status",
    "unmatched",
    "report",
    "page",
    "login",
    "logout",
    "profiles",
    "doctor",
)
#: Where the words that were typed are kept, in the ``meta`` of the click context.
WORDS = "trakt2discovr.words"


class _Hints(click.Group):
    """A group whose options stand before the command, and which says so."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember the words, so that a command can be named to be run again."""
        ctx.meta[WORDS] = tuple(args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order in which they are needed."""
        names = super().list_commands(ctx)
        return sorted(names, key=lambda n: (_place(n), n))

    def invoke(self, ctx: click.Context) -> Any:
        """Invoke the command; an option that belongs before it gets a hint."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _explain(error, ctx, _names(self.params)) from None


class Group(Program, _Hints):
    """The program, with its hints inside what makes them a document."""


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
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)

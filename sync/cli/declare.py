"""How a command is declared, so that --help imports nothing of what it does."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from sync.cli.process import begin_collecting
from sync.domain.filters import Only

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.cli.context import Context

    #: What does the work of a command, from its options to its exit code.
    Work = Callable[..., int]

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # before click 8.4 it took no type


class Parsed(_ParamType):
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


def declared(
    group: click.Group, epilog: str
) -> Callable[[Callable[[], Work]], click.Command]:
    """Make a command of a function that imports what does the work, and returns it.

    It is called once the command has to run: ``--help`` imports nothing of it.
    """

    def declare(find: Callable[[], Work]) -> click.Command:
        @click.pass_obj
        @functools.wraps(find)
        def call(context: Context, /, **options: Any) -> None:
            typed = {n: options.pop(n) for n in ("since", "only_kind") if n in options}
            if only := typed.get("only_kind"):
                context = replace(context, only=Only(only))
            if since := typed.get("since"):
                context = replace(context, since=since)
            work = find()
            begin_collecting()
            raise SystemExit(work(context, **options))

        return group.command(epilog=epilog)(call)

    return declare

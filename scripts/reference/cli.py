"""The page about the commands, read from the commands themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scripts.reference.markdown import assemble, code, table
from sync.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = "trakt2discovr"
_INTRO = """\
The options of the program itself stand before the command, those of a command behind
it. The result goes to stdout, progress and messages to stderr. A command that writes
shows what it will do and asks; without a terminal it needs `--yes`. How each one
ends is in [exit codes](exit-codes.md), what `--json` prints in [JSON
documents](json.md)."""


def page() -> str:
    """Return the page."""
    whole = app.make_context(_NAME, [], resilient_parsing=True)
    names = app.list_commands(whole)
    index = table(
        ("command", "what it does"),
        (
            (f"[`{name}`](#{name})", app.commands[name].get_short_help_str(limit=200))
            for name in names
        ),
    )
    usage = f"```text\n{_NAME} [OPTIONS] COMMAND\n```"
    return assemble(
        "Commands",
        _INTRO,
        usage,
        _options(app, whole),
        index,
        *(
            part
            for name in names
            for part in _commands(name, app.commands[name], whole)
        ),
    )


def _commands(name: str, command: click.Command, whole: click.Context) -> Iterator[str]:
    """Return the part of a command, and of those below it."""
    yield _command(name, command, whole)
    if isinstance(command, click.Group):
        for below in sorted(command.commands):
            yield from _commands(f"{name} {below}", command.commands[below], whole)


def _command(name: str, command: click.Command, whole: click.Context) -> str:
    context = command.make_context(name, [], parent=whole, resilient_parsing=True)
    help_text = "\n".join(line.strip() for line in (command.help or "").splitlines())
    usage = " ".join([_NAME, name, *command.collect_usage_pieces(context)])
    parts = [
        f"{'##' if ' ' not in name else '###'} {name}",
        help_text,
        f"```text\n{usage}\n```",
        _options(command, context),
    ]
    # Click marks lines that are not to be joined with a backspace.
    example = (command.epilog or "").replace("\b\n", "").removeprefix("Example: ")
    if "\n" in example:
        parts.append(f"```text\n{example.strip()}\n```")
    elif example:
        parts.append(f"For example `{example}`")
    return "\n\n".join(part for part in parts if part)


def _options(command: click.Command, context: click.Context) -> str:
    records = [param.get_help_record(context) for param in command.get_params(context)]
    rows = [(code(record[0]), record[1]) for record in records if record]
    return table(("option", "what it does"), rows)

"""Every command of the program, with words that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sync.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What a command needs to know beside its name, by the name of the argument.
_ARGUMENTS = {"service": "trakt", "names": "Me", "shell": "bash"}
#: What keeps a command from asking, from staying, and from leaving this machine.
_OPTIONS = {
    "migrate": ["--yes"],
    "sync": ["--yes"],
    "apply": ["--yes"],
    "undo": ["--yes"],
    "restore": ["--yes"],
    "page": ["--yes"],
    "setup": ["--non-interactive", "--no-login", "--yes"],
    "fleet login": ["Me"],
    "fleet logout": ["--shared"],
}


def every_command(folder: Path) -> Iterator[list[str]]:
    """Yield the words of each but ``web``, which stays: it has tests of its own.

    The file that some name is ``named.json`` in that folder.
    """
    for words, command in _leaves(app, ()):
        if words == ("web",):
            continue
        needed = [p for p in command.params if isinstance(p, click.Argument)]
        typed = [
            str(folder / "named.json") if p.name == "file" else _ARGUMENTS[p.name or ""]
            for p in needed
            if p.required
        ]
        yield [*words, *_OPTIONS.get(" ".join(words), []), *typed]


def _leaves(
    group: click.Group, before: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _leaves(command, (*before, name))
        else:
            yield (*before, name), command

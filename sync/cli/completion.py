"""``completion``: prints what teaches a shell the commands, options and files."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from sync.cli.context import PROGRAM

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog="\b\nExample: trakt2discovr completion bash >> ~/.bashrc\n\n"
    "\b\nTo install it, once, and open a new shell:\n"
    "  bash  trakt2discovr completion bash >> ~/.bashrc\n"
    "  zsh   trakt2discovr completion zsh >> ~/.zshrc\n"
    "  fish  trakt2discovr completion fish \\\n"
    "          > ~/.config/fish/completions/trakt2discovr.fish\n\n"
    "For zsh, 'autoload -U compinit; compinit' has to stand above it in ~/.zshrc."
)
@click.argument("shell", type=click.Choice(_SHELLS), metavar="SHELL")
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the shell completion. SHELL is bash (from 4.4), zsh or fish."""
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    program = context.find_root().command
    variable = f"_{PROGRAM}_complete".upper()
    click.echo(found(program, {}, PROGRAM, variable).source())

"""What every command does first: find its settings, and make sure it may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sync.cli.ask import can_ask
from sync.config import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AsyncExitStack
    from pathlib import Path

    from sync.cli.context import Context
    from sync.config import Settings


async def open_settings(
    context: Context, stack: AsyncExitStack, files: Sequence[Path] | None = ()
) -> Settings:
    """Load the settings; with --sandbox those that lead to stand-ins, started here.

    ``files`` tells which rehearsal is meant; None is the last one, for commands that
    look back at what was done.
    """
    settings = load_settings(context.config)
    if not context.is_sandbox:
        return settings
    # The stand-ins are needed here only.
    from sync.sandbox.rehearsal import open_sandbox  # noqa: PLC0415

    is_rehearsal = None if files is None else bool(files)
    return await stack.enter_async_context(
        open_sandbox(settings, is_rehearsal=is_rehearsal)
    )


def require_an_answer(context: Context, *, yes: bool, look: str) -> None:
    """Refuse to write where there is nobody to ask; ``look`` is what writes nothing."""
    if not yes and not can_ask():
        raise click.UsageError(
            "There is no terminal to ask on: add --yes to write, or look with "
            f"{context.call(look)}."
        )

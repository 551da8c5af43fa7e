"""What is wrong with the usage, said as a document too: click knows only sentences."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator


class Program(click.Group):
    """The program; with --json even a usage error leaves one document on stdout."""

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

    def invoke(self, ctx: click.Context) -> Any:
        """Read the command with its options, and run it."""
        with _documenting(as_json=ctx.params["as_json"]):
            return super().invoke(ctx)


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
    from sync.documents.report import ErrorDocument  # noqa: PLC0415

    command = error.ctx.command_path if error.ctx else "trakt2discovr"
    message, *_ = error.format_message().split("\n\n")
    document = ErrorDocument(
        error=type(error).__name__,
        message=" ".join(message.split()),
        remedy=f"See {command} --help",
        exit_code=error.exit_code,
    )
    click.echo(document.model_dump_json(indent=2))

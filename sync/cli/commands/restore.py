"""``restore``: shows what differs from a copy, asks, and brings back what is gone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sync import api
from sync.cli.runner import Exit, run
from sync.cli.session import agree, opened, require_an_answer
from sync.cli.view.end import describe_cost
from sync.cli.view.kept import show_restore_plan, show_restored
from sync.pipeline.documents import restore_document
from sync.runtime.shell import quote

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from sync.cli.context import Context
    from sync.cli.progress import Reporter
    from sync.cli.runner import Output
    from sync.pipeline.restore import Restoration
    from sync.runtime.stop import Stop


def restore(
    context: Context, *, file: Path, dry_run: bool, other_profile: bool, yes: bool
) -> int:
    """Bring back what is missing; with ``dry_run`` only show it."""
    name = quote(str(file))
    if not dry_run:
        require_an_answer(context, yes=yes, look=f"restore --dry-run {name}")

    async def work(output: Output, stop: Stop) -> int:
        async with opened(context, output, None) as (settings, reporter):
            restoration = await api.restore(
                settings,
                file,
                confirm=partial(_confirm, output, reporter, yes=yes),
                accepts_other=other_profile,
                is_dry=dry_run,
                stop=stop,
                on_event=reporter.on_event,
            )
        # A plan, refused or not, claims nothing to be back.
        is_done = restoration.run is None or restoration.is_complete
        code = Exit.DONE if is_done else Exit.INCOMPLETE
        following = _next(output.context, restoration, name, is_dry=dry_run)
        document = restore_document(
            restoration, code, warnings=reporter.warnings, next_=following
        )
        # Who was asked has seen the plan, on the other stream.
        is_new = dry_run or not restoration.operations
        show = partial(_show, restoration, context, following, is_plan=is_new)
        output.emit(document, show)
        return code

    return run(context, work)


async def _confirm(
    output: Output, reporter: Reporter, plan: Restoration, *, yes: bool
) -> bool:
    """Show the plan; return whether to go on."""
    context = output.context
    reporter.pause()
    if not (yes and (context.as_json or context.is_quiet)):
        show_restore_plan(output.notes, plan, is_full=context.is_verbose)
    return yes or await agree("Bring back what is missing?")


def _show(
    restoration: Restoration,
    context: Context,
    following: str,
    console: Console,
    *,
    is_plan: bool,
) -> None:
    if is_plan:
        show_restore_plan(console, restoration, is_full=context.is_verbose)
    spent = describe_cost(restoration.cost) if restoration.cost else ""
    show_restored(console, restoration, context, spent, following)


def _next(
    context: Context, restoration: Restoration, name: str, *, is_dry: bool
) -> str:
    """Choose the command that goes on from here."""
    is_open = not restoration.is_complete
    if is_dry and is_open:
        return context.call(f"restore {name}")
    return context.again if is_open else context.call("status")

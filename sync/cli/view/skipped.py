"""What is left out on request, and how to leave out more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.cli.view.left_out import show_titles
from sync.cli.view.lines import heading, say
from sync.config import find_config
from sync.runtime.words import count

if TYPE_CHECKING:
    from rich.console import Console

    from sync.cli.context import Context
    from sync.domain.desired import LeftOut
    from sync.pipeline.result import Report


def show_skipped(console: Console, report: Report, context: Context) -> None:
    """Name what is left out, by the reason."""
    groups: dict[str, list[LeftOut]] = {}
    for left in report.prepared.compared.desired.skipped:
        groups.setdefault(left.reason, []).append(left)
    if not groups:
        return
    heading(console, "Left out on request")
    for reason, group in groups.items():
        plays = sum(left.plays for left in group)
        say(console, f"{count(plays, 'play')}: {reason}", indent=2, hang=4)
        show_titles(console, group, is_full=context.is_verbose)


def show_how_to_skip(console: Console, context: Context) -> None:
    """Say how a title is left out for good."""
    file = find_config(context.config) or "config.toml"
    words = f'To leave a title out, put it into {file}: [history] skip = ["TITLE"]'
    say(console, words, hang=2)


def show_for_this_once(console: Console, context: Context) -> None:
    """Say that what was typed holds for one run, and what holds for all."""
    if not context.leaving:
        return
    file = find_config(context.config) or "config.toml"
    keys = [f'{name.removeprefix("--")} = "{value}"' for name, value in context.leaving]
    say(
        console,
        f"{' and '.join(name for name, _ in context.leaving)} held for this once: "
        f"without, the next run carries over what was left out. To keep to it, put it "
        f"into {file}: [history] {', '.join(keys)}",
        hang=2,
    )

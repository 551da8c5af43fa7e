"""What is said of a TMDB key: what it would save, and how to get and set one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sync.cli.view.lines import say
from sync.cli.view.texts import duration, glue
from sync.config import find_config
from sync.runtime.words import count

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from sync.cli.context import Context
    from sync.pipeline.result import Report

KEYS_AT = "https://www.themoviedb.org/settings/api"


def show_saving(console: Console, report: Report, context: Context) -> bool:
    """Say first what a key would save, where there is none; return whether it would."""
    outlook = report.outlook
    if outlook is None or not outlook.could_save:
        return False
    writes = len(report.prepared.plan.operations)
    rest = (outlook.requests - outlook.could_save) / outlook.per_second
    instead = f"{_about(rest)} instead of {_about(outlook.seconds)}"
    if console.is_terminal:
        say(console)
    say(
        console,
        f"About {_rounded(outlook.could_save):,} of {count(writes, 'write')} can be "
        f"saved ({instead}): a free TMDB key gives the air dates, and with them one "
        "entry stands for a whole season. (Estimated from your history.)",
        style="bold yellow",
    )
    file = find_config(context.config) or "config.toml"
    say(console, f"Get a key: {KEYS_AT}", indent=2)
    # A key is set for real runs; a rehearsal has its own.
    setup = replace(context, is_sandbox=False, profile=None).call("setup")
    say(console, f"Set it: {glue(setup)}", indent=2)
    where = glue(str(file))
    say(console, f'Or put it into {where}: [tmdb] api_key = "..."', indent=2, hang=4)
    if not console.is_terminal:
        say(console)
    return True


def show_key_offer(console: Console) -> None:
    """Say what a key is good for, before it is asked for."""
    say(
        console,
        "With a free TMDB key the air dates are known, and one entry can stand for a "
        "whole season: a fraction of the writes.",
    )
    say(console, f"Get a key: {KEYS_AT}", indent=2)


def show_no_key(console: Console) -> None:
    """Say what a key looks like."""
    say(console, "That is no TMDB key: it has 32 letters and digits, or is a token.")


def show_kept_key(console: Console, path: Path, *, is_kept: bool) -> None:
    """Say where the key is now."""
    if is_kept:
        say(console, f"It is in {glue(str(path))} from now on.", indent=2, hang=4)
        return
    say(
        console,
        f"It is used now, but {glue(str(path))} cannot be written. Put it there "
        'yourself: [tmdb] api_key = "..."',
        indent=2,
        hang=4,
    )


def _rounded(number: int) -> int:
    """Leave out what an estimate cannot know."""
    return round(number, min(0, 2 - len(str(number))))


def _about(seconds: float) -> str:
    return duration(round(seconds / 60) * 60 if seconds >= 120 else seconds)

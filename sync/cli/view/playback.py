"""What becomes of the resume points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.cli.view.lines import heading, say
from sync.cli.view.texts import title

if TYPE_CHECKING:
    from rich.console import Console

    from sync.pipeline.result import Report

#: So many points are named that stay behind for one reason.
FEW = 8


def show_playback(
    console: Console, report: Report, *, is_full: bool, is_brief: bool = False
) -> None:
    """Show which resume points are carried over, and why the others are not."""
    result = report.playback
    if result is None:
        return
    left = () if is_brief and not is_full else result.plan.left
    if not (result.plan.chosen or left or result.error):
        return
    heading(console, "Resume points")
    points = result.plan.chosen
    if points:
        is_tried = bool(result.written or result.failed)
        done = f"{len(result.written):,} of {len(points):,} carried over"
        state = done if is_tried else f"{len(points):,} to be written"
        seen = "" if result.seen is None else f", {result.seen:,} read back"
        say(console, f"{state}{seen}", indent=2)
    for resume, reason in result.failed:
        say(console, f"failed: {title(resume.point.label)}: {reason}", indent=2, hang=4)
    reasons: dict[str, list[str]] = {}
    for point in left:
        name = f"{title(point.point.label)} at {point.point.progress:g} %"
        reasons.setdefault(point.reason, []).append(name)
    for reason, names in reasons.items():
        shown = names if is_full else names[:FEW]
        more = len(names) - len(shown)
        rest = [f"and {more:,} more (-v names them)"] if more else []
        say(console, f"{len(names):,} left out: {reason}", indent=2, hang=4)
        say(console, ", ".join([*shown, *rest]), indent=4)
    if result.error is not None:
        say(console, f"{result.error.message} {result.error.remedy}", indent=2, hang=4)

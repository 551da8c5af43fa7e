"""What becomes of the resume points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.cli.view.lines import heading, say
from sync.cli.view.texts import title
from sync.runtime.words import count

if TYPE_CHECKING:
    from rich.console import Console

    from sync.pipeline.result import Report

#: Points that stay behind are named where there are no more than this.
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
    for point in left if is_full else left[:FEW]:
        name, progress = title(point.point.label), point.point.progress
        line = f"left out: {name} at {progress:g} %, {point.reason}"
        say(console, line, indent=2, hang=4)
    if len(left) > FEW and not is_full:
        more = count(len(left) - FEW, "more point")
        say(console, f"... and {more} left out (-v names them)", indent=2)
    if result.error is not None:
        say(console, f"{result.error.message} {result.error.remedy}", indent=2, hang=4)

"""How plans and reports look to a person: plain words, no meaning by colour alone."""

from __future__ import annotations

from sync.cli.view.end import next_command, show_report
from sync.cli.view.lines import show_next
from sync.cli.view.lists import show_left_out, show_profiles, show_undone
from sync.cli.view.plan import show_plan

__all__ = [
    "next_command",
    "show_left_out",
    "show_next",
    "show_plan",
    "show_profiles",
    "show_report",
    "show_undone",
]

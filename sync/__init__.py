"""trakt2discovr: carries a watch history from Trakt to Discovr, exactly and once.

``from sync import Settings, migrate`` is all that another tool needs. Importing this
package is cheap: the rest comes in with the first look at a name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sync.api import apply, migrate, plan, sync, undo, unmatched, verify
    from sync.config import Settings, load_settings
    from sync.pipeline.result import Report
    from sync.report.data import ReportData
    from sync.report.page import render_html
    from sync.report.reading import read_report

__all__ = [
    "Report",
    "ReportData",
    "Settings",
    "apply",
    "load_settings",
    "migrate",
    "plan",
    "read_report",
    "render_html",
    "sync",
    "undo",
    "unmatched",
    "verify",
]

_HOMES = {
    "Report": "sync.pipeline.result",
    "ReportData": "sync.report.data",
    "Settings": "sync.config",
    "load_settings": "sync.config",
    "apply": "sync.api",
    "migrate": "sync.api",
    "plan": "sync.api",
    "read_report": "sync.report.reading",
    "render_html": "sync.report.page",
    "sync": "sync.api",
    "undo": "sync.api",
    "unmatched": "sync.api",
    "verify": "sync.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

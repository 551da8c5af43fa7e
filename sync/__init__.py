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

__all__ = [
    "Report",
    "Settings",
    "apply",
    "load_settings",
    "migrate",
    "plan",
    "sync",
    "undo",
    "unmatched",
    "verify",
]

_HOMES = {
    "Report": "sync.pipeline.result",
    "Settings": "sync.config",
    "load_settings": "sync.config",
    "apply": "sync.api",
    "migrate": "sync.api",
    "plan": "sync.api",
    "sync": "sync.api",
    "undo": "sync.api",
    "unmatched": "sync.api",
    "verify": "sync.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

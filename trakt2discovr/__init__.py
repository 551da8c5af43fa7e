"""Carry a watch history from Trakt to Discovr, exactly and once.

``from trakt2discovr import load_settings, migrate`` is how another tool begins. All
names are those of the package ``sync``, which this one hands on: its own name cannot be
taken by a folder or a package of somebody else's. Importing it is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sync import *  # noqa: F403  # what each name stands for is said there

PROJECT = "trakt2discovr"

#: The list of ``sync`` once more: type checkers and editors read it, and run nothing.
__all__ = [  # noqa: F405  # see above
    "UNKNOWN_DATE",
    "Action",
    "Advanced",
    "AuthError",
    "Balance",
    "BlockedError",
    "BugError",
    "BusyError",
    "Cause",
    "CheckedSource",
    "Clock",
    "CodeExpiredError",
    "CodeRefusedError",
    "ConfigError",
    "ContractError",
    "Diagnosis",
    "EmptyHistoryError",
    "Entry",
    "Event",
    "Extraction",
    "Fate",
    "Finding",
    "Finished",
    "GuardError",
    "HiddenEntriesError",
    "Ids",
    "IncompleteReadError",
    "IncrementalSource",
    "InputError",
    "KeptCopy",
    "Key",
    "Kind",
    "Ledger",
    "LoginRefusedError",
    "MissingEntriesError",
    "MovedError",
    "NamedSource",
    "NamedTarget",
    "NotFoundError",
    "Operation",
    "OtherProfileError",
    "Outcome",
    "Pacer",
    "Plan",
    "Play",
    "PlaybackSource",
    "PlaybackTarget",
    "Quarantined",
    "RateLimitedError",
    "RecallingTarget",
    "Receipt",
    "RefusingServiceError",
    "RejectedError",
    "RemovedTooMuchError",
    "Report",
    "ReportData",
    "Restoration",
    "RestoringTarget",
    "Resume",
    "ResumePoint",
    "ServiceError",
    "Settings",
    "Settled",
    "Source",
    "SourceCheck",
    "Spent",
    "Stage",
    "StateError",
    "Stop",
    "StoppedError",
    "StoredToken",
    "Target",
    "Title",
    "TokenStore",
    "TransientError",
    "UnbegunError",
    "UndoOutline",
    "Undone",
    "UnkeptCopyError",
    "UnknownOutcomeError",
    "UnmatchedDocument",
    "UnsafePlanError",
    "UnsafeRemovalError",
    "UnwritableError",
    "Verdict",
    "Verification",
    "Waiting",
    "Warned",
    "WrongTokenKindError",
    "apply",
    "examine",
    "load_settings",
    "migrate",
    "plan",
    "read_report",
    "rehearsal",
    "render_html",
    "restore",
    "sync",
    "undo",
    "unmatched",
    "verify",
]


def _check_parts() -> Any:
    """Return the package ``sync``, if it and ``connectors`` are ours.

    Both names are common: a folder beside a script hides ours, and so does a package
    of that name from elsewhere. Raises ImportError, which says what to do about it.
    """
    for name in ("sync", "connectors"):
        part = import_module(name)
        if getattr(part, "PROJECT", None) != PROJECT:
            place = getattr(part, "__file__", None) or next(iter(part.__path__))
            raise ImportError(
                f"The package {name!r} at {place} is not the one of {PROJECT}. Rename "
                "that file or folder; if it was installed, uninstall it and run "
                f"pip install --force-reinstall {PROJECT}."
            )
    return import_module("sync")


_sync = _check_parts()

if not TYPE_CHECKING:  # to a type checker it would mean that there is every name

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(_sync, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

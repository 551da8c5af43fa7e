"""Refusals of the pipeline itself; what services do wrong is in connectors.errors."""

from __future__ import annotations

import errno
import traceback
from typing import TYPE_CHECKING

from connectors.errors import ConfigError, ServiceError
from sync.runtime.words import count, entries

if TYPE_CHECKING:
    from pathlib import Path

    from sync.ports import Receipt


class BugError(ServiceError):
    """An exception that nobody foresaw; its message may hold anything, so it is cut."""

    default_remedy = "Report it, with what the same command prints with -v."
    exit_code = 1

    def __init__(self, bug: Exception) -> None:
        where = traceback.extract_tb(bug.__traceback__)[-1]
        place = f"{where.name}, line {where.lineno}"
        super().__init__(f"This is a bug: {type(bug).__name__} in {place}.")


class UnbegunError(ConfigError):
    """Nothing was carried over yet, and [sync] after_migrate says to wait for that."""

    default_remedy = (
        "Look at the plan and agree to it: trakt2discovr migrate. From then on sync "
        "goes on by itself."
    )

    def __init__(self) -> None:
        super().__init__(
            "Nothing was carried over to this profile yet, and [sync] after_migrate "
            "waits until you have done so."
        )


class UnwritableError(ServiceError):
    """What is printed or kept cannot be written: a disk is full, or a device fails."""

    default_remedy = (
        "Make room where it goes, or send it elsewhere. What was done is noted; run it "
        "again."
    )
    exit_code = 2

    #: What the system says of a place, rather than of a fault of the program.
    causes = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})

    def __init__(self, error: OSError) -> None:
        super().__init__(f"The output cannot be written: {error.strerror}.")


class UnkeptCopyError(UnwritableError):
    """The copy of the profile cannot be kept, without which nothing is written."""

    default_remedy = (
        "Make room there, or name a folder that may be written to: [state] copies. "
        "Then run it again."
    )

    def __init__(self, folder: Path, error: OSError) -> None:
        ServiceError.__init__(
            self,
            "A copy of your profile as it is cannot be kept, so nothing was written "
            f"to it: {folder} cannot be written ({error.strerror}).",
        )


class GuardError(ServiceError):
    """A guard refused: the numbers are in the message, force goes past it."""

    exit_code = 5


class IncompleteReadError(GuardError):
    """The extraction is not proved whole, so nothing is loaded."""

    default_remedy = (
        "Run it again; or go on with what was read, by --accept-incomplete, which only "
        "ever adds."
    )

    remedy_for_files = (
        "Make the download again, or name all of its files; or go on with what was "
        "read, by --accept-incomplete, which only ever adds."
    )
    remedy_for_pruning = (
        "Run it again; or go on with what was read, by --accept-incomplete --no-prune, "
        "which only ever adds."
    )
    remedy_for_plans = (
        "Run it again; or make a plan of what can be read: trakt2discovr plan "
        "--accept-incomplete --out FILE"
    )

    def __init__(self, receipt: Receipt) -> None:
        parts = [*receipt.doubts]
        if receipt.missing:
            shown = "; ".join(receipt.missing[:5])
            more = len(receipt.missing) - 5
            rest = f"; and {count(more, 'more title')}" if more > 0 else ""
            parts.append(f"Missing: {shown}{rest}.")
        super().__init__(
            f"The history from {receipt.source} ({count(receipt.plays, 'play')}) is "
            f"not proved whole, so nothing was written. {' '.join(parts)}",
            remedy=None if receipt.requests else self.remedy_for_files,
        )
        self.receipt = receipt


class UnsafePlanError(GuardError):
    """The plan changes too much of what the person did on Discovr."""

    default_remedy = (
        "Look at it with trakt2discovr plan; if that is what you want, add --force."
    )

    def __init__(self, changed: int, own: int) -> None:
        super().__init__(
            f"The plan changes {changed:,} of the {entries(own)} that you "
            "made on Discovr yourself, so nothing was written."
        )


class MissingEntriesError(GuardError):
    """Discovr shows so little of what was written that it looks like a fault."""

    default_remedy = (
        "Look at the profile on Discovr, and run it again once the entries show. If "
        "they really were removed, trakt2discovr migrate --force leaves it so; to "
        'write them again, set [history] conflict = "trakt" as well.'
    )

    def __init__(self, missing: int, applied: int) -> None:
        earlier = count(applied, "entry that was", "entries that were")
        super().__init__(
            f"Discovr does not show {missing:,} of {earlier} written earlier, neither "
            "in its list nor title by title: nothing was written."
        )


class HiddenEntriesError(GuardError):
    """Discovr shows too little of what is to be taken back: it looks like a fault."""

    default_remedy = (
        "Look at the profile on Discovr, and run it again once the entries show. If "
        "they really were removed, trakt2discovr undo --force takes note of that."
    )

    def __init__(self, missing: int, wanted: int) -> None:
        entries = count(wanted, "write that is", "writes that are")
        super().__init__(
            f"Discovr does not show {missing:,} of {entries} to be taken back, though "
            "each title was looked at twice. What it does not show was left as it is."
        )


class UnsafeRemovalError(GuardError):
    """So much has gone from the source that it looks like a fault, not like a wish."""

    _force = (
        "if that much is really gone, add --force. Without --prune nothing is removed."
    )
    default_remedy = f"Look at your history there; {_force}"

    def __init__(self, stale: int, written: int, source: str) -> None:
        watched = count(
            written, "watched film or episode is", "watched films and episodes are"
        )
        super().__init__(
            f"{stale:,} of {watched} no longer on {source}, "
            "which is more than is taken back unasked: nothing was written.",
            remedy=f"Look at your history on {source}; {self._force}",
        )


class EmptyHistoryError(GuardError):
    """Nothing is left at the source, which never deletes anything."""

    default_remedy = (
        "If it really is, use trakt2discovr undo to take back what was written."
    )

    def __init__(self, stale: int, source: str) -> None:
        kept = count(stale, "entry that was", "entries that were")
        verb = "stays" if stale == 1 else "stay"
        super().__init__(
            f"The history on {source} is empty now: the {kept} carried "
            f"over {verb}, and nothing was written."
        )


class MovedError(GuardError):
    """A plan file no longer fits: one side is not what it was."""

    default_remedy = "Make a new plan: trakt2discovr plan --out FILE"


class OtherProfileError(GuardError):
    """The copy is of another profile, or of one at another address."""

    default_remedy = (
        "Name a copy of this profile: trakt2discovr status names the last one. If you "
        "mean it, add --other-profile."
    )

    def __init__(self, theirs: str, ours: str) -> None:
        super().__init__(
            f"The copy is of {theirs}, and this is {ours}: nothing was written."
        )


class StoppedError(ServiceError):
    """A signal stopped the run; what was under way is settled, the state is intact."""

    default_remedy = "Run it again: it goes on where it stopped."
    #: As after Ctrl-C; a command that SIGTERM ended exits with 143.
    exit_code = 130

"""The lock of a profile where the database is a file or in memory."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from sync.ledger.errors import BusyError, StateError
from sync.ledger.records import Holder

if TYPE_CHECKING:
    from pathlib import Path


class FileProfileLock:
    """A lock file that the system frees when its process dies, by whatever means.

    Who holds it stands in a second file: lockers may truncate the first, and Windows
    lets nobody else read it.
    """

    def __init__(self, profile: str, path: Path) -> None:
        self._profile = profile
        self._lock = FileLock(f"{path}.lock", timeout=0, mode=0o600, thread_local=False)
        self._holder = path.with_name(f"{path.name}.holder")

    def acquire(self, holder: Holder) -> None:
        """Take it in the name of ``holder``, or raise BusyError at once."""
        try:
            self._lock.acquire()
            self._holder.touch(mode=0o600)
            self._holder.write_text(json.dumps(asdict(holder), default=str), "utf-8")
        except Timeout as error:
            raise BusyError(self._profile, self._read_holder()) from error
        except OSError as error:
            self.release()
            raise StateError(
                f"The lock file {self._lock.lock_file} cannot be written: "
                f"{error.strerror}.",
                remedy="Allow writing to its folder, or change [state] url.",
            ) from error

    def check(self) -> None:
        """Raise BusyError if it is taken, without taking it.

        Only what a killed run left behind is tried, and freed again at once: a lock
        that nobody has ever held stays untouched.
        """
        if not self._holder.exists():
            return
        try:
            self._lock.acquire()
        except (Timeout, OSError) as error:  # that of another user cannot be tried
            raise BusyError(self._profile, self._read_holder()) from error
        self._lock.release()

    def release(self) -> None:
        """Free it; without effect when it was not taken."""
        if self._lock.is_locked:
            with suppress(OSError):
                self._holder.unlink()
            self._lock.release()

    def _read_holder(self) -> Holder | None:
        """Read who holds it; None in the moment before that is written."""
        try:
            fields = json.loads(self._holder.read_text("utf-8"))
            return Holder(
                **{**fields, "since": datetime.fromisoformat(fields["since"])}
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None


class LocalProfileLock:
    """The lock within one process, for a database that no other process can see."""

    def __init__(self, profile: str, held: dict[str, Holder]) -> None:
        self._profile = profile
        self._held = held
        self._is_mine = False

    def acquire(self, holder: Holder) -> None:
        """Take it in the name of ``holder``, or raise BusyError at once."""
        self.check()
        self._held[self._profile] = holder
        self._is_mine = True

    def check(self) -> None:
        """Raise BusyError if it is taken, without taking it."""
        if self._profile in self._held:
            raise BusyError(self._profile, self._held[self._profile])

    def release(self) -> None:
        """Free it; without effect when it was not taken."""
        if self._is_mine:
            self._is_mine = False
            del self._held[self._profile]

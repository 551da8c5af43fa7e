"""Trakt account downloads and backups, read as if they were the API.

``read_export`` takes today's flat zip, the older nested one, an unpacked folder of
either, single files, traktexport files, what common backup scripts write, and the rows
that Trakt's own importer takes. What a file is, its content tells.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.clock import SystemClock
from connectors.errors import InputError
from connectors.trakt.export.archive import label, open_members
from connectors.trakt.export.budget import Budget, Limits
from connectors.trakt.export.conclusion import REMEDY, ExportData, conclude
from connectors.trakt.export.reader import Reader
from connectors.trakt.times import AHEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from connectors.clock import Clock
    from connectors.trakt.models import HistoryItem

__all__ = ["DEFAULT_LIMITS", "ExportData", "Limits", "read_export"]

DEFAULT_LIMITS = Limits()


def read_export(
    paths: Sequence[Path],
    *,
    limits: Limits = DEFAULT_LIMITS,
    receive: Callable[[list[HistoryItem]], object] | None = None,
    clock: Clock | None = None,
) -> ExportData:
    """Read all plays of the files and folders named, as one account.

    With ``receive`` each page of plays is handed over at once and ``items`` stays
    empty: 100,000 items weigh some 350 MB, what a caller makes of them far less. Raises
    InputError when nothing can be read, or more than ``limits`` allows.
    """
    if not paths:
        raise InputError("No file was named.", remedy=REMEDY)
    budget = Budget(limits)
    now = (clock or SystemClock()).now()
    reader = Reader(now + AHEAD, receive, limits.held_bytes)
    with _paused_collector():
        for path in map(Path, paths):
            before = reader.progress
            for member in open_members(path, budget):
                is_inside = member.container == str(path)
                prefix = f"{label(path)}: " if is_inside and len(paths) > 1 else ""
                reader.take(member, prefix)
            if reader.progress == before:
                reader.disappoint(f"{label(path)} holds nothing of a watch history.")
    return conclude(reader, now)


@contextmanager
def _paused_collector() -> Iterator[None]:
    """Keep the garbage collector from walking the plays again and again.

    None of them can be garbage, and it would take longer than all the rest.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

"""Fingerprints of both sides, by which a plan file knows whether either has moved."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.domain.desired import Desired
    from sync.domain.entries import Entry


def source_digest(desired: Desired) -> str:
    """Digest what was watched and when; the same for every way of reading it."""
    return _digest(
        f"{key}|{'|'.join(t.isoformat() for t in viewing.times)}"
        for key, viewing in desired.watched.items()
    )


def target_digest(entries: Iterable[Entry]) -> str:
    """Digest what stands in the profile, in any order."""
    return _digest(
        f"{e.key}|{e.updated_at and e.updated_at.isoformat()}|{e.progress}|{e.count}"
        for e in entries
    )


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()

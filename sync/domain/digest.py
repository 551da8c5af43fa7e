"""Fingerprints of both sides, by which a plan file knows whether either has moved."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.domain.desired import Desired
    from sync.domain.entries import Entry

    #: A digest per title, by media id.
    State = Mapping[str, str]


def source_state(desired: Desired) -> State:
    """Digest what was watched and when; the same for every way of reading it."""
    return _state(
        (key.media, f"{key}|{'|'.join(t.isoformat() for t in viewing.times)}")
        for key, viewing in desired.watched.items()
    )


def target_state(entries: Iterable[Entry]) -> State:
    """Digest what stands in the profile, in any order."""
    return _state(
        (e.key.media, f"{e.key}|{e.updated_at}|{e.progress}|{e.count}") for e in entries
    )


def moved(before: State, after: State) -> list[str]:
    """Name the titles that are not the same on both."""
    titles = before.keys() | after.keys()
    return sorted(media for media in titles if before.get(media) != after.get(media))


def _state(lines: Iterable[tuple[str, str]]) -> State:
    titles: defaultdict[str, list[str]] = defaultdict(list)
    for media, line in lines:
        titles[media].append(line)
    return {media: _digest(titles[media]) for media in sorted(titles)}


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]

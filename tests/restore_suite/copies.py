"""Copies to restore, and what a profile holds as a copy would have it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from hypothesis import strategies as st

from sync.domain.entries import Entry
from sync.domain.plays import Key
from sync.pipeline.copy_file import Copy, write_copy
from tests.safety.accounts import watched_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sync.sandbox.discovr.history import StoredEntry
    from tests.safety.arena import Arena

#: What is said of an entry: its key, progress, time and label.
Said: TypeAlias = "tuple[Key, float, datetime | None, str | None]"

KEYS = [
    Key("MV_101"),
    Key("MV_900"),
    *(Key("TV_201", 1, n) for n in (None, 1, 4)),
    *(Key("TV_900", season, n) for season in (1, 2) for n in (None, 1, 7)),
]
PROGRESS = st.sampled_from([0, 5, 37.5, 79, 79.5, 80, 100])
LABELS = st.sampled_from([None, "trakt", "letterboxd", "Ünïcode \U0001f3ac"])
#: To the millisecond, which is what the service keeps.
TIMES = st.integers(-(10**9), 10**9).map(
    lambda ms: watched_on(ms / 10**9, 0).replace(microsecond=abs(ms) % 1000 * 1000)
)


def entries(times: st.SearchStrategy[datetime | None] = TIMES) -> st.SearchStrategy:
    """Draw entries of every form: films, episodes, defaults, zeros, with and without
    a label.
    """
    return st.builds(
        Entry,
        key=st.sampled_from(KEYS),
        updated_at=times,
        progress=PROGRESS.map(float),
        imported=LABELS,
    )


def said(entries: Iterable[Entry]) -> Counter[Said]:
    return Counter((e.key, e.progress, e.updated_at, e.imported) for e in entries)


def standing(place: Arena) -> Counter[Said]:
    """Return what stands in the profile, as the service has it."""
    return Counter(
        (e.key, float(e.progress or 0), e.updated_at, e.imported)
        for e in place.discovr.entries()
    )


def copy_of(place: Arena, entries: Sequence[Entry], **fields: object) -> Copy:
    values = {
        "at": place.clock.now(),
        "service": "http://127.0.0.1",
        "profile": place.discovr.profiles[0].id,
        "name": "Me",
        "command": "migrate",
        "entries": entries,
    }
    return Copy(**{**values, **fields})  # type: ignore[arg-type]


def put_down(place: Arena, entries: Sequence[Entry], **fields: object) -> Path:
    """Write a copy of the profile of an arena that holds these entries."""
    return write_copy(place.folder / "given", copy_of(place, entries, **fields))


def own(
    key: Key, progress: float = 100, day: float = 0, label: str | None = None
) -> Entry:
    return Entry(key, watched_on(day).astimezone(UTC), progress, label)


def as_listed(entries: Iterable[StoredEntry]) -> list[Entry]:
    """Return them as the program reads them."""
    return [
        Entry(e.key, e.updated_at, float(e.progress or 0), e.imported, e.count)
        for e in entries
    ]

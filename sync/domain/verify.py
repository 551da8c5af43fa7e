"""Compares a profile with what should be there: every difference, by name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.domain.plays import to_minute

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from sync.domain.desired import Desired
    from sync.domain.entries import Entry
    from sync.domain.plan import Plan
    from sync.domain.plays import Key, Place


@dataclass(frozen=True, slots=True)
class Verification:
    """What differs; all empty when everything is in its place.

    ``missing``: watched, and not shown as completed. ``doubled``: one viewing that
    stands there more than once. ``unexpected``: imported by us, and not watched.
    """

    entries: int
    missing: tuple[Key, ...] = ()
    doubled: tuple[Key, ...] = ()
    unexpected: tuple[Key, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether everything is there, once."""
        return not (self.missing or self.doubled)

    @property
    def is_clean(self) -> bool:
        """Whether there is no difference at all."""
        return self.is_whole and not self.unexpected


def compare(
    desired: Desired, plan: Plan, entries: Sequence[Entry], label: str
) -> Verification:
    """Compare the entries with what should be there.

    ``label`` is that of the source of ``desired``: of what other sources brought, or
    the person, it cannot tell. ``plan`` is the plan made against these very entries:
    what it would still write is what is missing.
    """
    ours = [e for e in entries if e.imported == label]
    seasons = {key.place for key in desired.watched}
    return Verification(
        entries=len(entries),
        missing=_sorted({o.key for o in plan.operations if o.progress}),
        doubled=_sorted(_doubled(ours)),
        unexpected=_sorted(e.key for e in ours if not _is_watched(e, desired, seasons)),
    )


def _doubled(entries: Iterable[Entry]) -> list[Key]:
    viewings = Counter(
        (e.key, to_minute(e.updated_at)) for e in entries if e.updated_at
    )
    return [key for (key, _), count in viewings.items() if count > 1]


def _is_watched(entry: Entry, desired: Desired, seasons: Container[Place]) -> bool:
    if not entry.is_completed:
        return True
    # Of a default it is known which season it is about, not which episodes.
    return (
        entry.key.place in seasons if entry.is_default else entry.key in desired.watched
    )


def _sorted(keys: Iterable[Key]) -> tuple[Key, ...]:
    return tuple(sorted(keys, key=lambda key: key.order))

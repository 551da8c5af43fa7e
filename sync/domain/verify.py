"""Compares a profile with what should be there: every difference, by name."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from sync.domain.plays import to_minute

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Sequence

    from sync.domain.desired import Desired
    from sync.domain.entries import Entry
    from sync.domain.plan import Plan
    from sync.domain.plays import Key, Place


@dataclass(frozen=True, slots=True)
class Verification:
    """What differs; all empty when everything is in its place.

    ``missing``: watched, and not shown as completed. ``doubled``: one viewing that
    stands there more than once. ``unexpected``: imported by us, and gone from where it
    came from. ``foreign``: labelled like ours, and not written from here. What is
    ``elsewhere`` is no difference: another source brought it, or nobody noted which.
    """

    entries: int
    missing: tuple[Key, ...] = ()
    doubled: tuple[Key, ...] = ()
    unexpected: tuple[Key, ...] = ()
    foreign: tuple[Key, ...] = ()
    elsewhere: tuple[Key, ...] = ()

    @property
    def keys(self) -> Iterable[Key]:
        """All that differs, and what is elsewhere."""
        parts = (self.missing, self.doubled, self.unexpected, self.foreign)
        return chain(*parts, self.elsewhere)

    @property
    def is_whole(self) -> bool:
        """Whether everything is there, once."""
        return not (self.missing or self.doubled)

    def once_gone(self, keys: Collection[Key]) -> Verification:
        """Return it as it is once these entries of ours were taken back."""
        left = tuple(key for key in self.unexpected if key not in keys)
        return replace(self, unexpected=left)

    @property
    def is_clean(self) -> bool:
        """Whether there is no difference at all."""
        return self.is_whole and not (self.unexpected or self.foreign)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known of the entries that the reading lacks.

    ``gone`` are keys that their source lacks; ``held`` those that another one has;
    ``written`` all that was written from here. What is ``left_out`` on request the
    source has all the same.
    """

    gone: Collection[Key] = ()
    held: Collection[Key] = ()
    written: Collection[Key] = ()
    left_out: Collection[Key] = ()

    def kind_of(self, entry: Entry) -> str:
        """Say which field of Verification an entry belongs to."""
        if _has(entry, self.held):
            return "elsewhere"
        if _has(entry, self.gone):
            return "unexpected"
        return "elsewhere" if entry.key in self.written else "foreign"


def compare(
    desired: Desired,
    plan: Plan,
    entries: Sequence[Entry],
    label: str,
    provenance: Provenance | None = None,
) -> Verification:
    """Compare the entries with what should be there.

    ``label`` is that of the source of ``desired``: of what other sources brought, or
    the person, it cannot tell. ``plan`` is the plan made against these very entries:
    what it would still write is what is missing.
    """
    known = provenance or Provenance()
    lacking: defaultdict[str, list[Key]] = defaultdict(list)
    for entry in surplus(desired, entries, label, known.left_out):
        lacking[known.kind_of(entry)].append(entry.key)
    return Verification(
        entries=len(entries),
        missing=_sorted({o.key for o in plan.operations if o.progress}),
        doubled=_sorted(_doubled(e for e in entries if e.imported == label)),
        **{name: _sorted(keys) for name, keys in lacking.items()},
    )


def surplus(
    desired: Desired,
    entries: Iterable[Entry],
    label: str,
    left_out: Collection[Key] = (),
) -> Iterator[Entry]:
    """Return the entries with that label which say what was not watched."""
    there = (desired.watched, frozenset(left_out))
    seasons = {*desired.watched.places, *(key.place for key in left_out)}
    for entry in entries:
        if entry.imported == label and not _is_watched(entry, there, seasons):
            yield entry


def _has(entry: Entry, keys: Collection[Key]) -> bool:
    if entry.is_default:
        return any(key[:2] == entry.key[:2] for key in keys)
    return entry.key in keys


def _doubled(entries: Iterable[Entry]) -> list[Key]:
    viewings = Counter(
        (e.key, to_minute(e.updated_at)) for e in entries if e.updated_at
    )
    return [key for (key, _), count in viewings.items() if count > 1]


def _is_watched(
    entry: Entry, there: Iterable[Container[Key]], seasons: Container[Place]
) -> bool:
    if not entry.is_completed:
        return True
    # Of a default it is known which season it is about, not which episodes.
    if entry.is_default:
        return entry.key.place in seasons
    return any(entry.key in keys for keys in there)


def _sorted(keys: Iterable[Key]) -> tuple[Key, ...]:
    return tuple(sorted(keys, key=lambda key: key.order))

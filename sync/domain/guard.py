"""Thresholds that refuse an unsafe plan unless it is forced."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sync.domain.plan import Action

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sync.domain.entries import Entry
    from sync.domain.plan import Operation

#: A plan may change so large a part of what the person did on Discovr.
MOST_CHANGED_SHARE = 0.25
#: More than that of a run cannot be missing on Discovr by anybody's wish.
MOST_MISSING_SHARE = 0.5
#: Fewer changes than that are never worth a refusal.
FEWEST_GUARDED = 10


class Change(NamedTuple):
    """How many entries a plan changes or removes, of how many that it may not lose."""

    changed: int
    own: int

    @property
    def is_unsafe(self) -> bool:
        """Whether that is more than a guard lets pass."""
        return (
            self.changed >= FEWEST_GUARDED
            and self.changed > self.own * MOST_CHANGED_SHARE
        )


def is_mostly_missing(missing: int, written: int) -> bool:
    """Whether so many of what was written cannot be missing by anybody's wish."""
    return missing >= FEWEST_GUARDED and missing > written * MOST_MISSING_SHARE


def measure(
    operations: Sequence[Operation], existing: Iterable[Entry], labels: Collection[str]
) -> Change:
    """Count the entries of the person's own, and those that the plan sets.

    ``labels`` mark those that are not theirs.
    """
    own = {entry.key for entry in existing if entry.imported not in labels}
    changed = {o.key for o in operations if o.action is Action.SET} & own
    return Change(len(changed), len(own))

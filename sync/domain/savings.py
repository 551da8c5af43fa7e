"""What air dates would save, guessed from the history itself.

Without them nobody knows which seasons were seen to their end, and only those become
one entry. What the history tells: a season is at its end once a later one was begun,
and how long the seasons are that this person has seen to theirs. Decides nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from sync.domain.plan import Action
from sync.domain.plays import UNKNOWN_DATE
from sync.domain.rules import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.domain.desired import Desired
    from sync.domain.entries import Entry
    from sync.domain.plan import Operation
    from sync.domain.plays import Place

#: How long seasons are where the history does not tell: shares of one.
_LENGTHS = {6: 0.1, 8: 0.2, 10: 0.25, 12: 0.1, 13: 0.15, 16: 0.05, 22: 0.1, 24: 0.05}
#: How much a season seen to its end counts beside them; those of the same show more.
_OWN, _SAME_SHOW = 1.0, 5.0
#: How many of the seasons that were begun last are seen to their end.
_FINISHED = 0.6


def estimate_savings(
    desired: Desired,
    existing: Iterable[Entry],
    operations: Iterable[Operation],
    mode: Mode,
) -> int:
    """Say about how many of these writes air dates would save.

    ``operations`` are those of a plan that was made without any.
    """
    if mode is Mode.OFF:
        return 0
    standing = {entry.key.place for entry in existing if entry.is_default}
    watched = _watched(desired)
    needing = Counter(
        operation.key.place
        for operation in operations
        if operation.action is Action.ADD and operation.key.episode is not None
    )
    last: dict[str, int] = {}
    for place in watched:
        last[place.media] = max(last.get(place.media, 0), place.season or 0)
    lengths = _lengths(watched, last)
    of_all: Counter[int] = Counter()
    for counts in lengths.values():
        of_all.update(counts)
    total = 0.0
    for place, writes in needing.items():
        numbers = watched[place]
        gaps = max(numbers, default=0) - len(numbers)
        if not numbers or place in standing:
            continue
        if gaps and mode is Mode.CLEAN:
            continue  # of what was left out, and has aired, no default can stand
        is_over = (place.season or 0) < last[place.media]
        share = (
            1.0 if is_over else _is_whole(max(numbers), of_all, lengths[place.media])
        )
        total += share * max(0, writes - 1 - gaps)
    return round(total)


def _watched(desired: Desired) -> dict[Place, set[int]]:
    """Return the episodes of each season; those of unknown date make no default."""
    found: defaultdict[Place, set[int]] = defaultdict(set)
    dated: set[Place] = set()
    for key, viewing in desired.watched.items():
        if key.season and key.episode:
            found[key.place].add(key.episode)
            if viewing.latest != UNKNOWN_DATE:
                dated.add(key.place)
    return {p: numbers if p in dated else set() for p, numbers in found.items()}


def _lengths(
    watched: Mapping[Place, set[int]], last: Mapping[str, int]
) -> defaultdict[str, Counter[int]]:
    """Return how long the seasons are that are at their end, by show."""
    found: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for place, numbers in watched.items():
        if numbers and (place.season or 0) < last[place.media]:
            found[place.media][max(numbers)] += 1
    return found


def _is_whole(length: int, of_all: Counter[int], of_show: Counter[int]) -> float:
    """Say how likely a season has no more episodes than that.

    Whoever does not see a season to its end is taken to stop anywhere in it.
    """

    def weight(number: int) -> float:
        usual = _LENGTHS.get(number, 0.0)
        return usual + _OWN * of_all[number] + _SAME_SHOW * of_show[number]

    ended = _FINISHED * weight(length)
    longer = {n for n in (*_LENGTHS, *of_all) if n > length}
    stopped = (1 - _FINISHED) * sum(weight(n) / (n - 1) for n in longer)
    return ended / (ended + stopped) if ended + stopped else 1.0

"""The arithmetic of a run: every play that was read ends in exactly one fate."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.domain.plan import Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from sync.domain.desired import Desired
    from sync.domain.plan import Plan
    from sync.domain.plays import Key, Title


#: What a client of Discovr shows as watched.
ON_DISCOVR = (Fate.WRITTEN, Fate.ALREADY_THERE, Fate.COVERED)


@dataclass(slots=True)
class Balance:
    """Plays by what became of them. ``repeats`` of a key are counted with it.

    Of those that are kept, ``gone`` had been written and were removed on Discovr. Of
    those that failed, ``unsent`` have not: the turn of their write never came.
    """

    read: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    repeats: int = 0
    gone: int = 0
    unsent: int = 0

    @property
    def is_even(self) -> bool:
        """Whether the fates add up to what was read."""
        return self.read == self.fates.total()

    @property
    def on_discovr(self) -> int:
        """How many of the plays are on Discovr as watched."""
        return sum(self.fates[fate] for fate in ON_DISCOVR)

    def add(self, fate: Fate, plays: int, repeats: int = 0) -> None:
        """Count plays that came out of the same decision."""
        self.fates[fate] += plays
        self.repeats += repeats


def balance(
    read: int,
    desired: Desired,
    plan: Plan,
    quarantined: int = 0,
    failed: Collection[tuple[Key, datetime]] = (),
    unsent: Collection[tuple[Key, datetime]] = (),
    fate_of: Callable[[Key], Fate] | None = None,
) -> tuple[Balance, dict[Title, Balance]]:
    """Return the balance of a run, and that of each title.

    ``read`` is counted where the plays came in, independently of the fates; with the
    ``quarantined``, which belong to no title that could be told.
    ``failed`` names the viewings whose write, or whose season default's write, did not
    arrive; ``unsent`` those of them whose turn never came. ``fate_of`` tells what
    became of a key where the plan is not about all of them.
    """
    fate_of = fate_of or plan.fates.__getitem__
    titles: defaultdict[Title, Balance] = defaultdict(Balance)
    # To hash a title takes longer than all the rest.
    by_media: dict[str, Balance] = {}
    for key, viewing in desired.watched.items():
        part = by_media.get(key.media)
        if part is None:
            part = by_media[key.media] = titles[desired.titles[key.media]]
        if not (key in plan.older or failed or plan.gone):
            part.add(fate_of(key), viewing.plays, viewing.plays - 1)  # as most are
            continue
        fates = {**plan.older.get(key, {}), viewing.latest: fate_of(key)}
        # Plays beyond one a viewing are repeats; they share the fate of the latest.
        spare = viewing.plays - len(fates)
        for minute, fate in fates.items():
            more = spare if minute == viewing.latest else 0
            is_failed = failed and (key, minute) in failed
            part.add(Fate.FAILED if is_failed else fate, 1 + more, more)
            if is_failed and (key, minute) in unsent:
                part.unsent += 1 + more
            if fate is Fate.KEPT and key in plan.gone:
                part.gone += 1 + more
    _add_left_out(titles, desired)
    total = Balance(read)
    for part in titles.values():
        part.read = part.fates.total()
        total.fates += part.fates
        total.repeats += part.repeats
        total.gone += part.gone
        total.unsent += part.unsent
    total.add(Fate.UNREADABLE, quarantined)
    return total, dict(titles)


def _add_left_out(titles: Mapping[Title, Balance], desired: Desired) -> None:
    for fate, group in (
        (Fate.UNMATCHED, desired.unmatched),
        (Fate.UNSUPPORTED, desired.unsupported),
        (Fate.LEFT_OUT, desired.skipped),
    ):
        for left in group:
            titles[left.title].add(fate, left.plays)

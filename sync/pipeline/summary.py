"""The plan in broad strokes: per title what it takes, or why it takes nothing.

What the whole will cost in requests and time is foreseen here too. How any of it looks
is decided by those who show it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.domain.plan import Action, Fate
from sync.ports import ENTRIES_A_PAGE
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.domain.balance import Balance
    from sync.domain.plan import Operation, Plan, SeasonNote
    from sync.domain.plays import Title
    from sync.pipeline.playback import PlaybackPlan
    from sync.pipeline.prepared import Prepared

_FATES = {
    Fate.ALREADY_THERE: "already there",
    Fate.COVERED: "under a season default already",
    Fate.KEPT: "kept as you set it",
    Fate.UNSUPPORTED: "not possible on Discovr",
    Fate.UNMATCHED: "unmatched",
    Fate.UNREADABLE: "cannot be read",
    Fate.LEFT_OUT: "left out on request",
}
_REMOVED = "kept: removed on Discovr"


@dataclass(frozen=True, slots=True)
class Writes:
    """Writes by what they are about.

    ``changes`` mark entries as watched that stand there under 80 %; ``zeros`` hold an
    episode that nobody watched out of a season default.
    """

    seasons: int = 0
    episodes: int = 0
    films: int = 0
    changes: int = 0
    zeros: int = 0

    @property
    def total(self) -> int:
        """How many there are."""
        return self.seasons + self.episodes + self.films + self.changes + self.zeros


@dataclass(frozen=True, slots=True)
class TitleSummary:
    """One title: its balance, the episodes watched, and what is written for it.

    ``reason`` says why nothing is, where nothing is.
    """

    title: Title
    balance: Balance
    episodes: int = 0
    writes: Writes = field(default_factory=Writes)
    seasons: tuple[SeasonNote, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is still to come: requests to Discovr, and the time they take.

    ``could_save`` is about how many of them air dates would save, where there are none.
    """

    requests: int
    per_second: float
    could_save: int = 0

    @property
    def seconds(self) -> float:
        """How long that takes at this pace."""
        return self.requests / self.per_second


def count_writes(operations: Iterable[Operation]) -> Writes:
    """Count writes by what they are about."""
    counts = Counter(map(_subject, operations))
    return Writes(**counts)


def say_writes(writes: Writes) -> str:
    """Say what is written: ``5 season entries``, ``3 season + 10 episode entries``."""
    parts = {
        "season": writes.seasons,
        "episode": writes.episodes,
        "film": writes.films,
    }
    there = [(name, number) for name, number in parts.items() if number]
    # "2 season + 1 episode entries" would say one of many.
    rest = [f"1 {there.pop()[0]}"] if len(there) > 1 and there[-1][1] == 1 else []
    found = []
    if there:
        word = "entry" if there[-1][1] == 1 else "entries"
        named = " + ".join(f"{number:,} {name}" for name, number in there)
        found.append(" + ".join([f"{named} {word}", *rest]))
    if writes.changes:
        found.append(f"{writes.changes:,} set to watched")
    if writes.zeros:
        found.append(count(writes.zeros, "zero"))
    return ", ".join(found)


def summarize_titles(
    prepared: Prepared, balances: Mapping[Title, Balance]
) -> list[TitleSummary]:
    """Outline every title of which anything was read, in the order of their names."""
    plan, titles = prepared.plan, prepared.compared.desired.titles
    media = {title: key for key, title in titles.items()}
    notes: dict[str, list[SeasonNote]] = {}
    for note in plan.seasons:
        notes.setdefault(note.season.media, []).append(note)
    operations: dict[str, list[Operation]] = {}
    for operation in plan.operations:
        operations.setdefault(operation.key.media, []).append(operation)
    fates = _fates(plan)
    found = []
    for title in sorted(balances, key=lambda title: (title.label, title.kind)):
        key = media.get(title, "")
        of_title = tuple(notes.get(key, ()))
        writes = count_writes(operations.get(key, ()))
        found.append(
            TitleSummary(
                title,
                balances[title],
                episodes=sum(note.watched for note in of_title),
                writes=writes,
                seasons=of_title,
                reason=""
                if writes.total
                else _why_none(fates.get(key) or _of_plays(balances[title])),
            )
        )
    return found


def foresee(prepared: Prepared, playback: PlaybackPlan, per_second: float) -> Estimate:
    """Say what carrying out the plan costs: the writes, and what reads them back.

    ``sync`` reads nothing back: whatever had no clear answer is looked up at once.
    """
    operations = prepared.plan.operations
    pages = 0
    if operations and prepared.since is None:
        added = sum(operation.action is Action.ADD for operation in operations)
        pages = math.ceil((len(prepared.existing) + added) / ENTRIES_A_PAGE)
    # A resume point of a show takes two writes: only the second names the episode.
    points = sum(1 if r.key.season is None else 2 for r in playback.chosen)
    removals = len(prepared.removals.rows)
    requests = len(operations) + removals + pages + points
    return Estimate(requests, per_second, prepared.could_save)


def _subject(operation: Operation) -> str:
    if not operation.progress:
        return "zeros"
    if operation.action is Action.SET:
        return "changes"
    if operation.key.season is None:
        return "films"
    return "seasons" if operation.is_default else "episodes"


def _fates(plan: Plan) -> dict[str, Counter[str]]:
    """Count the keys of each title by what became of them, in words."""
    fates: dict[str, Counter[str]] = {}
    for key, fate in plan.fates.items():
        is_gone = fate is Fate.KEPT and key in plan.gone
        words = _REMOVED if is_gone else _FATES.get(fate, "")
        fates.setdefault(key.media, Counter())[words] += 1
    return fates


def _of_plays(balance: Balance) -> Counter[str]:
    """Count the plays of a title of which nothing is planned, such as specials."""
    return Counter({_FATES.get(f, ""): n for f, n in balance.fates.items() if n})


def _why_none(fates: Counter[str]) -> str:
    if len(fates) < 2:
        return "".join(fates)
    in_order = (*_FATES.values(), _REMOVED)
    return ", ".join(f"{fates[words]:,} {words}" for words in in_order if fates[words])

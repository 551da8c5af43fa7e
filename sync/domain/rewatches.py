"""``plays = "all"``: every viewing has a place of its own, not only the latest.

The identity of a viewing is (key, minute). The plan for the latest viewings says what
is kept and what is set; what is added is decided here, for all viewings together.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sync.domain.entries import FIRST_EPISODE, count_viewings, minutes_of
from sync.domain.plan import Action, Cover, Fate, Operation, Plan, SeasonNote
from sync.domain.plays import UNKNOWN_DATE, Key, Place, to_minute
from sync.domain.rules import Mode, SeasonRecord
from sync.domain.seasons import Airings, Span, span_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from sync.domain.desired import Desired
    from sync.domain.entries import Entry
    from sync.domain.rules import Rules

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)

_NEVER = "never watched, and a season default would cover it"
_LONG_AGO = Span(*[datetime.min.replace(tzinfo=UTC)] * 2)


def add_older_viewings(
    plan: Plan, desired: Desired, existing: Iterable[Entry], rules: Rules
) -> Plan:
    """Return the plan with an entry for every viewing that has none.

    Each complete round of a season may get a default of its own.
    """
    shelf = _Shelf(existing, rules)
    fates: defaultdict[Place, dict[Key, Fate]] = defaultdict(dict)
    for key, fate in plan.fates.items():
        fates[key.place][key] = fate
    planned: defaultdict[Place, list[Operation]] = defaultdict(list)
    for operation in plan.operations:
        planned[operation.key.place].append(operation)
    plans = {
        place: _PlacePlan(desired, rules, shelf, fates[place], planned[place])
        for place in fates
    }
    operations = [o for part in plans.values() for o in part.operations()]
    latest, older, gone = dict(plan.fates), {}, {*plan.gone}
    for part in plans.values():
        for key, by_minute in part.fates().items():
            gone |= {key} if Fate.KEPT in by_minute.values() else set()
            latest[key] = by_minute.pop(desired.watched[key].latest)
            older[key] = by_minute
    return replace(
        plan,
        operations=tuple(sorted(operations, key=lambda o: o.order)),
        fates=latest,
        seasons=tuple(plans[note.season].note(note) for note in plan.seasons),
        older=older,
        gone=frozenset(gone),
    )


def _in_order(operations: list[Operation]) -> list[Operation]:
    """Let what is set go before what is added behind it.

    A zero limits every default of its season, and PATCH may keep but one entry of its
    key: what is added later is safe from both.
    """
    first: dict[Key, datetime] = {}
    for operation in operations:
        if operation.action is Action.ADD:
            at = operation.watched_at
            first[operation.key] = min(first.get(operation.key, at), at)

    def moved(operation: Operation) -> Operation:
        key = operation.key
        behind = key if operation.progress else key._replace(episode=None)
        at = first.get(behind, operation.watched_at)
        return replace(operation, watched_at=min(at, operation.watched_at))

    return [o if o.action is Action.ADD else moved(o) for o in operations]


class _Shelf:
    """The viewings that stand in the profile."""

    def __init__(self, existing: Iterable[Entry], rules: Rules) -> None:
        self._written = rules.written
        self._labels = rules.labels
        self._entries: defaultdict[Key, list[Entry]] = defaultdict(list)
        for entry in existing:
            self._entries[entry.key].append(entry)

    def minutes(self, key: Key, wanted: Iterable[datetime] = ()) -> set[datetime]:
        """Return the minutes of completed viewings, merged ones included.

        What hides behind an entry is taken for what was written last: what was written
        before that may have gone. Behind one of ours, what was not written as far as is
        known is taken for the oldest of ``wanted``: the ledger may have been lost.
        """
        mine = self._entries[key]
        done = [e for e in mine if e.is_completed]
        listed = minutes_of(done)
        # They may be merged into an entry that is not completed, too.
        hidden = count_viewings(mine) - len(mine)
        unseen = [t for t in reversed(self._written.get(key, ())) if t not in listed]
        if listed and any(e.imported in self._labels for e in done):
            lost = {*wanted}.difference(unseen)
            unseen += sorted(t for t in lost if t < min(listed))
        return listed | set(unseen[:hidden])

    def entries(self, key: Key) -> Sequence[Entry]:
        """Return what stands under exactly that key."""
        return self._entries.get(key, ())

    def is_outdone(self, operation: Operation) -> bool:
        """Whether a new entry at its own time says the same as setting an older one."""
        if operation.action is Action.ADD or not operation.progress:
            return False
        times = [e.updated_at for e in self._entries[operation.key]]
        return all(t and to_minute(t) < operation.watched_at for t in times)


class _PlacePlan:
    """One season, or one film: what is written, and what becomes of each viewing.

    ``fates`` and ``planned`` are what the latest viewings alone would get.
    """

    def __init__(
        self,
        desired: Desired,
        rules: Rules,
        shelf: _Shelf,
        fates: Mapping[Key, Fate],
        planned: Sequence[Operation],
    ) -> None:
        first = next(iter(fates))
        self._default_key = first._replace(episode=None)
        self._airings: Airings = rules.airings.get(first.place, {})
        self._trusted = rules.records.get(first.place, SeasonRecord()).covers
        self._gone = {k: rules.gone[k].minutes for k in fates if k in rules.gone}
        self._shelf, self._planned = shelf, planned
        self._times = {
            key: desired.watched[key].times
            for key, fate in fates.items()
            if fate is not Fate.KEPT
        }
        has_new_default = any(o.is_default for o in planned)
        self._given = [
            # As an entry of its own: else a default could be taken to stand for it.
            replace(o, action=Action.ADD) if shelf.is_outdone(o) else o
            for o in planned
            if o.action is Action.SET and (o.progress or not has_new_default)
        ]
        added = {o.key: o.watched_at for o in self._given if o.action is Action.ADD}
        self._there = {
            key: {*times} & shelf.minutes(key, times)
            for key, times in self._times.items()
        }
        self._left = {
            key: {*times} - self._there[key] - {added.get(key)} - self._removed(key)
            for key, times in self._times.items()
        }
        self._standing = shelf.minutes(self._default_key) if first.season else set()
        #: What each new default saves, and the zeros that it needs.
        self._saved: dict[datetime, int] = {}
        self._zeros: dict[int, datetime] = {}
        # A new default would bring back what somebody removed.
        is_kept_apart = self._gone or self._default_key in rules.gone
        if self._airings and not is_kept_apart:
            mode = rules.mode_of(first.media)
            self._choose_defaults(mode, {key.episode for key in fates})
        self._stands = self._assign({*self._standing, *self._saved})

    def operations(self) -> list[Operation]:
        """Return what is written."""
        taken = {v for found in self._stands.values() for v in found.items()}
        singles = [
            Operation(Action.ADD, key, minute, reason=self._reason(key, minute))
            for key, left in self._left.items()
            for minute in left
            if (key, minute) not in taken and _is_writable(key)
        ]
        zeros = [
            Operation(Action.SET, self._key(n), at, progress=0, reason=_NEVER)
            for n, at in self._zeros.items()
        ]
        defaults = [self._default(at) for at in self._saved]
        return _in_order([*self._given, *singles, *zeros, *defaults])

    def fates(self) -> dict[Key, dict[datetime, Fate]]:
        """Say what becomes of every viewing of what is not kept."""
        fates = {}
        for key, times in self._times.items():
            fates[key] = dict.fromkeys(times, _written(key))
            fates[key] |= dict.fromkeys(self._removed(key) & {*times}, Fate.KEPT)
            fates[key] |= dict.fromkeys(self._there[key], Fate.ALREADY_THERE)
        for found in self._stands.values():
            for key, minute in found.items():
                fates[key][minute] = Fate.COVERED
        for operation in self._given:
            if operation.progress:
                fates[operation.key][self._times[operation.key][-1]] = Fate.WRITTEN
        return fates

    def note(self, note: SeasonNote) -> SeasonNote:
        """Say of the season what is true of all viewings."""
        reason = note.reason
        if self._saved:
            reason = self._default(max(self._saved)).reason
        elif any(o.is_default for o in self._planned):
            reason = "each viewing needs an entry of its own"
        writes, saved = len(self.operations()), sum(self._saved.values())
        return replace(note, writes=writes, saved=saved, reason=reason)

    def _removed(self, key: Key) -> frozenset[datetime]:
        """Return the minutes that were written and removed on Discovr since."""
        return self._gone.get(key, frozenset())

    def _choose_defaults(self, mode: Mode, watched: set[int | None]) -> None:
        """Write a default for each round for which it saves writes by itself.

        None beside one that stands there for anything else than a round.
        """
        own = {n: self._shelf.entries(self._key(n)) for n in self._airings}
        # A zero may be ours: before it was written it counted as one to write.
        bare = {n for n in own.keys() - watched if not any(e.progress for e in own[n])}
        times = {k.episode or 0: times for k, times in self._times.items()}
        rewatches = find_rewatches(times, bare, self._airings, mode)
        standing = self._shelf.entries(self._default_key)
        if len(self._standing & {*rewatches}) < count_viewings(standing):
            return
        for at in rewatches:
            if at in self._standing:
                continue
            zeros = {
                n
                for n in bare - self._zeros.keys()
                if not own[n] and not self._span(n).is_surely_not_before(at)
            }
            others = {*self._standing, *self._saved}
            saved = self._count({*others, at}) - self._count(others) - 1 - len(zeros)
            if saved > 0:
                self._saved[at] = saved
                self._zeros |= dict.fromkeys(zeros, at)

    def _count(self, defaults: Collection[datetime]) -> int:
        found = self._assign(defaults).values()
        return sum(_is_writable(key) for of_one in found for key in of_one)

    def _assign(
        self, defaults: Collection[datetime]
    ) -> dict[datetime, dict[Key, datetime]]:
        """Say for which viewings each default stands."""
        stands: dict[datetime, dict[Key, datetime]] = {}
        left = {key: {*times} for key, times in self._left.items()}
        for at in sorted(defaults, reverse=True):
            stands[at] = {}
            for key, times in left.items():
                minute = stood_for(times, at, self._span(key.episode or 0, at))
                if minute is not None:
                    times.discard(minute)
                    stands[at][key] = minute
        return stands

    def _span(self, number: int, default: datetime | None = None) -> Span:
        """Say when it aired; what we wrote a default for needs no date again."""
        airing = self._airings.get(number)
        if airing is None and default in self._standing and number in self._trusted:
            return _LONG_AGO
        return span_of(airing)

    def _key(self, number: int) -> Key:
        return self._default_key._replace(episode=number)

    def _reason(self, key: Key, minute: datetime) -> str:
        is_latest = minute == self._times[key][-1]
        return "not there yet" if is_latest else "an earlier viewing"

    def _default(self, at: datetime) -> Operation:
        found = self._stands[at].items()
        covers = tuple(Cover(*c) for c in sorted((k.episode or 0, t) for k, t in found))
        planned = [o.reason for o in self._planned if o.is_default]
        is_first = at == max(self._saved) and planned
        reason = planned[0] if is_first else f"watched again; last one {at:%Y-%m-%d}"
        return Operation(Action.ADD, self._default_key, at, 100, covers, reason)


def _is_writable(key: Key) -> bool:
    return key.episode is None or key.episode >= FIRST_EPISODE


def _written(key: Key) -> Fate:
    return Fate.WRITTEN if _is_writable(key) else Fate.UNSUPPORTED


def find_rewatches(
    watched: Mapping[int, Collection[datetime]],
    bare: Collection[int],
    airings: Airings,
    mode: Mode,
) -> list[datetime]:
    """Return the times of the defaults that the history is worth, newest first.

    ``watched`` holds the times of every episode, ``bare`` the unwatched ones that a
    default would reach. The first stands for most at the least cost; each further one
    for a round in which every watched episode was watched once more. Each saves writes
    beside all the others, so it does so whichever of them stand there already.
    """
    left = {n: set(times) for n, times in watched.items() if n >= FIRST_EPISODE}
    zeroable = {n for n in bare if mode is Mode.FEWEST and n >= FIRST_EPISODE}
    ceiling = min(
        (span_of(airings.get(n)).earliest for n in bare if n not in zeroable),
        default=_END_OF_TIME,
    )
    times = {t for of_one in left.values() for t in of_one if t <= ceiling}
    if mode is Mode.OFF or not times - {UNKNOWN_DATE}:
        return []
    saves = _savings(left, zeroable, airings)
    first = max(times - {UNKNOWN_DATE}, key=lambda t: (saves(t), t))
    at = first if saves(first) > 0 else None
    rewatches: list[datetime] = []
    while at is not None:
        rewatches.append(at)
        for number, of_one in left.items():
            of_one -= {stood_for(of_one, at, span_of(airings.get(number)))}
        at = _next_round(left, at, airings)
    return rewatches


def _next_round(
    left: Mapping[int, Collection[datetime]], before: datetime, airings: Airings
) -> datetime | None:
    older = [[t for t in times if t < before] for times in left.values()]
    at = max((t for times in older for t in times), default=UNKNOWN_DATE)
    if not all(older) or at == UNKNOWN_DATE:
        return None
    spans = (span_of(airings.get(number)) for number in left)
    return at if sum(span.is_surely_before(at) for span in spans) > 1 else None


def stood_for(
    left: Iterable[datetime], default: datetime, aired: Span
) -> datetime | None:
    """Return the viewing of one episode that a default at that time stands for.

    Of those that have no other place, the latest up to its own time; the newest
    default chooses first. This needs no memory, so it holds without a ledger.
    """
    if not aired.is_surely_before(default):
        return None
    return max((t for t in left if t <= default), default=None)


def _savings(
    watched: Mapping[int, Collection[datetime]],
    zeroable: Iterable[int],
    airings: Airings,
) -> Callable[[datetime], int]:
    """Return how many writes a default at a time saves, were it the only one."""
    firsts = {n: min(times) for n, times in watched.items()}
    aired = {n: span_of(airings.get(n)).latest for n in watched}
    by_watch = sorted(t for n, t in firsts.items() if aired[n] < t)
    by_date = sorted(aired[n] for n, t in firsts.items() if aired[n] >= t)
    limits = sorted(span_of(airings.get(n)).earliest for n in zeroable)

    def saves(at: datetime) -> int:
        reached = bisect_right(by_watch, at) + bisect_left(by_date, at)
        return reached - bisect_left(limits, at) - 1

    return saves

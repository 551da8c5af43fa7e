"""``plays = "all"``: every viewing has a place of its own, not only the latest.

The identity of a viewing is (key, minute). The plan for the latest viewings is made
first, by the same rules as ever; this adds what the older ones need.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from sync.domain.collapse import Fate
from sync.domain.entries import OUR_LABEL, count_viewings
from sync.domain.plan import Action, Cover, Operation, Plan, SeasonId
from sync.domain.plays import UNKNOWN_DATE, Key, to_minute
from sync.domain.seasons import span_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sync.domain.desired import Desired
    from sync.domain.entries import Entry
    from sync.domain.rules import Rules
    from sync.domain.seasons import Airings

_REASON = "an earlier viewing"


def add_older_viewings(
    plan: Plan, desired: Desired, existing: Iterable[Entry], rules: Rules
) -> Plan:
    """Return the plan with an entry for every viewing that has none.

    A complete rewatch of a season that gets a default now becomes a second default.
    """
    shelf = _Shelf(existing, rules.written)
    keys: defaultdict[tuple[str, int | None], list[Key]] = defaultdict(list)
    for key, fate in plan.fates.items():
        if fate not in (Fate.KEPT, Fate.UNSUPPORTED):
            keys[key[:2]].append(key)
    planned: defaultdict[tuple[str, int | None], list[Operation]] = defaultdict(list)
    for operation in plan.operations:
        if shelf.is_outdone(operation):
            # As an entry of its own: else a default could be taken to stand for it.
            operation = replace(operation, action=Action.ADD)  # noqa: PLW2901  # the same viewing
        planned[operation.key[:2]].append(operation)
    older: dict[Key, dict[datetime, Fate]] = {}
    fates = dict(plan.fates)
    for place, of_place in keys.items():
        season = _Season(desired, rules, shelf, of_place, planned[place])
        new = season.second_defaults() + season.single_entries()
        planned[place] = _in_order(planned[place] + new)
        older |= season.older
        fates |= season.rewritten
    operations = sorted((o for p in planned.values() for o in p), key=lambda o: o.order)
    return replace(plan, operations=tuple(operations), fates=fates, older=older)


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

    def __init__(
        self, existing: Iterable[Entry], written: Mapping[Key, Collection[datetime]]
    ) -> None:
        self._written = written
        self._entries: defaultdict[Key, list[Entry]] = defaultdict(list)
        for entry in existing:
            self._entries[entry.key].append(entry)

    def minutes(self, key: Key, wanted: Iterable[datetime] = ()) -> set[datetime]:
        """Return the minutes of completed viewings, merged ones included.

        What hides behind an entry of ours, and was not written as far as is known, is
        taken for the oldest of those ``wanted``: the ledger may have been lost.
        """
        done = [e for e in self._entries[key] if e.is_completed]
        listed = {to_minute(e.updated_at) for e in done if e.updated_at}
        hidden = count_viewings(done) - len(done)
        written = set(self._written.get(key, ())) - listed
        unseen = sorted(written, reverse=True)
        if listed and any(e.imported == OUR_LABEL for e in done):
            lost = {*wanted} - written
            unseen += sorted(t for t in lost if t < min(listed))
        return listed | set(unseen[:hidden])

    def is_outdone(self, operation: Operation) -> bool:
        """Whether a new entry at its own time says the same as setting an old one."""
        if operation.action is Action.ADD or not operation.progress:
            return False
        times = [e.updated_at for e in self._entries[operation.key]]
        return all(t is not None and t <= operation.watched_at for t in times)


class _Season:
    """One season, or one film, with the viewings that have no place yet."""

    def __init__(
        self,
        desired: Desired,
        rules: Rules,
        shelf: _Shelf,
        keys: Sequence[Key],
        new: Sequence[Operation],
    ) -> None:
        media, season, _ = keys[0]
        self._default_key = Key(media, season)
        self._airings: Airings = (
            rules.airings.get(SeasonId(media, season), {}) if season else {}
        )
        standing = shelf.minutes(self._default_key) if season else set()
        self._new_default = next((o for o in new if o.is_default), None)
        self._has_own = {key for key in keys if shelf.minutes(key)}
        self.older: dict[Key, dict[datetime, Fate]] = {}
        #: Keys whose latest viewing is added though an older one stands there.
        self.rewritten: dict[Key, Fate] = {}
        self._left: dict[Key, set[datetime]] = {}
        added: defaultdict[Key, set[datetime]] = defaultdict(set)
        for operation in new:
            if operation.action is Action.ADD:
                added[operation.key].add(operation.watched_at)
        times = {o.watched_at for o in new if o.is_default} | standing
        for key in keys:
            viewing = desired.watched[key]
            own = shelf.minutes(key, viewing.times) | added[key]
            left = set(viewing.times) - own
            fates = dict.fromkeys(set(viewing.times) & own, Fate.ALREADY_THERE)
            for default in sorted(times, reverse=True):
                if (stood_for := self._stood_for(key, left, default)) is not None:
                    left.discard(stood_for)
                    fates[stood_for] = Fate.COVERED
            fates |= dict.fromkeys(left, Fate.WRITTEN)
            # What became of the latest is in the plan, unless it is added here.
            if fates.pop(viewing.latest, None) is Fate.WRITTEN:
                self.rewritten[key] = Fate.WRITTEN
            self.older[key] = fates
            self._left[key] = left

    def second_defaults(self) -> list[Operation]:
        """Write each further complete round of a freshly collapsed season as one."""
        operations: list[Operation] = []
        before = self._new_default.watched_at if self._new_default else None
        while before is not None and self._has_round():
            at = max(t for left in self._left.values() for t in left if t < before)
            covers = {
                key: stood_for
                for key, left in self._left.items()
                if (stood_for := self._stood_for(key, left, at)) is not None
            }
            if len(covers) < 2 or at == UNKNOWN_DATE:
                break
            for key, stood_for in covers.items():
                self._left[key].discard(stood_for)
                self.older[key][stood_for] = Fate.COVERED
            operations.append(self._default(at, covers))
            before = at
        return operations

    def single_entries(self) -> list[Operation]:
        """Write what no default stands for."""
        return [
            Operation(Action.ADD, key, minute, reason=_REASON)
            for key, left in self._left.items()
            for minute in left
        ]

    def _has_round(self) -> bool:
        return not self._has_own and all(self._left.values())

    def _stood_for(
        self, key: Key, left: Collection[datetime], default: datetime
    ) -> datetime | None:
        """Return the viewing that a default at that time stands for.

        Of those that have no other place, the latest up to its own time; the newest
        default chooses first. This needs no memory, so it holds without a ledger.
        """
        if key.episode is None:
            return None
        if not span_of(self._airings.get(key.episode)).is_surely_before(default):
            return None
        return max((t for t in left if t <= default), default=None)

    def _default(self, at: datetime, covers: Mapping[Key, datetime]) -> Operation:
        stands_for = sorted((k.episode or 0, t) for k, t in covers.items())
        return Operation(
            Action.ADD,
            self._default_key,
            at,
            covers=tuple(Cover(*cover) for cover in stands_for),
            reason=f"watched again; last one {at:%Y-%m-%d}",
        )

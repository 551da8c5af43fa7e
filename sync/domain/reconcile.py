"""Compares what should be there with what is there, and decides every write."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from sync.domain.collapse import plan_season
from sync.domain.entries import FIRST_EPISODE
from sync.domain.plan import Action, Fate, Operation, Plan, SeasonNote
from sync.domain.plays import Key, Place
from sync.domain.rewatches import add_older_viewings
from sync.domain.rules import Mode, Rules, SeasonRecord
from sync.domain.seasons import current_entry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sync.domain.desired import Desired
    from sync.domain.entries import Entry


def reconcile(desired: Desired, existing: Iterable[Entry], rules: Rules) -> Plan:
    """Return the plan that brings the profile in step. Pure and independent of order.

    Planning again after the plan was applied gives no operations.
    """
    existing = tuple(existing)
    by_place: defaultdict[Place, list[Entry]] = defaultdict(list)
    for entry in existing:
        by_place[entry.key.place].append(entry)
    operations: list[Operation] = []
    fates: dict[Key, Fate] = {}
    notes: list[SeasonNote] = []
    seasons: defaultdict[Place, dict[int, datetime]] = defaultdict(dict)
    for key, viewing in desired.watched.items():
        if key.season is not None and key.episode is not None:
            seasons[key.place][key.episode] = viewing.latest
            continue
        there = by_place[key.place]
        fate, operation = _plan_film(key, viewing.latest, there, rules)
        fates[key] = fate
        operations += [operation] if operation else []
    aside: defaultdict[Place, set[int]] = defaultdict(set)
    for key in desired.keys_aside() - desired.watched.keys():
        if key.episode is not None:
            aside[key.place].add(key.episode)
    for place, watched in sorted(seasons.items()):
        there = by_place[place]
        note = _plan_season(
            place, watched, there, rules, operations, fates, aside[place]
        )
        notes.append(note)
    operations.sort(key=lambda operation: operation.order)
    gone = _name_gone(fates, existing, rules)
    plan = Plan(tuple(operations), fates, tuple(notes), gone=gone)
    if rules.has_every_viewing:
        plan = add_older_viewings(plan, desired, existing, rules)
    return plan


def seasons_to_write(desired: Desired, existing: Iterable[Entry]) -> Iterator[Place]:
    """Name the season of each episode that needs a write where no default is added.

    The same as a plan without defaults names, and where nothing stands yet without one.
    """
    existing = tuple(existing)
    standing = {entry.key.place for entry in existing}
    for key in desired.watched:
        is_episode = key.season is not None and (key.episode or 0) >= FIRST_EPISODE
        if is_episode and key.place not in standing:
            yield key.place
    begun = replace(desired, watched=desired.watched.within(standing))
    draft = reconcile(begun, existing, Rules(mode=Mode.OFF))
    for operation in draft.operations:
        if operation.key.season is not None:
            yield operation.key.place


def _name_gone(
    fates: Mapping[Key, Fate], existing: Iterable[Entry], rules: Rules
) -> frozenset[Key]:
    """Name the keys that are kept though nothing stands there: it was removed."""
    kept = {key for key in rules.gone if fates.get(key) is Fate.KEPT}
    return frozenset(kept - {entry.key for entry in existing} if kept else ())


def _plan_film(
    key: Key, watched_at: datetime, there: Sequence[Entry], rules: Rules
) -> tuple[Fate, Operation | None]:
    current, conflict = current_entry(there), rules.conflict
    if current is None:
        if key in rules.gone and rules.gone[key].holds(watched_at):
            return Fate.KEPT, None
        reason = "not there yet"
        return Fate.WRITTEN, Operation(Action.ADD, key, watched_at, reason=reason)
    if current.is_completed:
        return Fate.ALREADY_THERE, None
    if conflict.keeps(current.updated_at, watched_at):
        return Fate.KEPT, None
    reason = "there under 80 %"
    return Fate.WRITTEN, Operation(Action.SET, key, watched_at, reason=reason)


def _plan_season(
    place: Place,
    watched: Mapping[int, datetime],
    there: Sequence[Entry],
    rules: Rules,
    operations: list[Operation],
    fates: dict[Key, Fate],
    left_out: Collection[int],
) -> SeasonNote:
    record = rules.records.get(place, SeasonRecord())
    gone = {
        number
        for number, watched_at in watched.items()
        if (found := rules.gone.get(Key(*place, number))) and found.holds(watched_at)
    }
    choice = plan_season(
        place,
        watched,
        there,
        rules.airings.get(place),
        mode=rules.mode_of(place.media),
        conflict=rules.conflict,
        record=replace(
            record,
            gone=gone,
            left_out=left_out,
            has_lost_default=Key(*place) in rules.gone,
        ),
        labels=rules.labels,
    )
    operations += choice.operations
    fates |= {Key(*place, number): fate for number, fate in choice.outcomes.items()}
    reason = rules.disputed.get(place, choice.reason)
    return SeasonNote(
        season=place,
        watched=len(watched),
        writes=len(choice.operations),
        saved=choice.saved,
        reason=reason,
        late=choice.late,
    )

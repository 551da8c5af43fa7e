"""The collapse of one season: one entry where one will do, and never one that lies.

Decides what is written for one season of one show, with what stands in the profile
counted in, and says why. Sending it is not decided here, nor is anything about films.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.entries import FIRST_EPISODE
from sync.domain.origin import TRAKT
from sync.domain.plan import Action, Cover, Fate, Operation
from sync.domain.plays import UNKNOWN_DATE, Key
from sync.domain.rules import NO_RECORD, Conflict, Mode, SeasonRecord
from sync.domain.seasons import (
    Reading,
    may_cover,
    read_default,
    span_of,
    split_season,
    surely_covers,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sync.domain.entries import Entry
    from sync.domain.plays import Place
    from sync.domain.seasons import Airing, Airings, SeasonEntries, Span

NO_AIR_DATES = "no air dates: nothing is collapsed"
ONE_ENTRY = "one entry needs no default"
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SeasonChoice:
    """What is written for one season, and why.

    ``outcomes`` has each watched episode; ``saved`` is what a new default saves against
    one entry per episode that needs one.
    """

    operations: tuple[Operation, ...]
    outcomes: Mapping[int, Fate]
    reason: str
    saved: int
    late: tuple[int, ...] = ()


def plan_season(  # one season, and all that decides about it
    place: Place,
    watched: Mapping[int, datetime],
    existing: Sequence[Entry],
    airings: Airings | None,
    *,
    mode: Mode,
    conflict: Conflict,
    record: SeasonRecord = NO_RECORD,
    labels: Collection[str] = (TRAKT.label,),
) -> SeasonChoice:
    """Choose the fewest writes after which a client shows all that was watched.

    ``place`` is the season, ``watched`` holds the latest time (UTC minute) of each of
    its watched episodes, ``existing`` all its entries, of which those with one of the
    ``labels`` are ours; without ``airings`` nothing is collapsed and nothing is read as
    covered.
    """
    entries = split_season(existing)
    case = _Case(
        place, watched, entries, airings or {}, mode, labels, left_out=record.left_out
    )
    fates = {n: _settle(case, n, conflict, record) for n in watched}
    gone = {n for n in record.gone if n in watched and fates[n] is None}
    # A new default would bring back what somebody removed.
    case = replace(case, gone=gone, has_lost_default=record.has_lost_default)
    fates |= dict.fromkeys(gone, Fate.KEPT)
    to_set = [n for n, fate in fates.items() if fate is Fate.WRITTEN]
    needing = sorted(n for n, fate in fates.items() if fate is None)
    default = _cheapest_default(case, needing)
    covered = {cover.episode for cover in default.covers} if default else set()
    to_add = [n for n in needing if n not in covered and n >= FIRST_EPISODE]
    late = overreach(existing, watched, airings, record, labels)
    reason = _explain(case, default, to_add, late)

    operations = [case.add(n) for n in to_add] + [case.set(n) for n in to_set]
    if default:
        operations.append(case.add_default(default, reason))
        operations += [case.zero(n, default.at) for n in default.zeros]
    if mode is Mode.FEWEST:
        times = [d.updated_at for d in case.entries.defaults if d.updated_at]
        limited_at = min(times, default=UNKNOWN_DATE)
        operations += [case.zero(n, limited_at) for n in late if n >= FIRST_EPISODE]
    outcomes = {
        n: fate or (Fate.COVERED if n in covered else _written(n))
        for n, fate in fates.items()
    }
    in_order = tuple(sorted(operations, key=lambda o: o.order))
    saved = default.saved if default else 0
    return SeasonChoice(in_order, outcomes, reason, saved, tuple(late))


def overreach(
    existing: Sequence[Entry],
    watched: Collection[int],
    airings: Airings | None,
    record: SeasonRecord = NO_RECORD,
    labels: Collection[str] = (TRAKT.label,),
) -> list[int]:
    """Name the episodes that a default of ours may cover and that nobody watched.

    They turned up in the catalogue, or got another date, after it was written. What a
    default of the person's own may cover too is theirs, and not named.
    """
    own, defaults = split_season(existing)
    marks = [d for d in defaults if d.is_completed]

    def is_ours(airing: Airing | None) -> bool:
        covering = [d for d in marks if may_cover(d, airing)]
        return bool(covering) and all(d.imported in labels for d in covering)

    accounted = {*watched, *own, *record.covers, *record.left_out}
    candidates = sorted((airings or {}).items())
    return [n for n, airing in candidates if n not in accounted and is_ours(airing)]


@dataclass(frozen=True, slots=True)
class _Case:
    """One season as it was handed in."""

    place: Place
    watched: Mapping[int, datetime]
    entries: SeasonEntries
    airings: Airings
    mode: Mode
    labels: Collection[str]
    gone: Collection[int] = ()
    left_out: Collection[int] = ()
    has_lost_default: bool = False

    def span(self, number: int) -> Span:
        return span_of(self.airings.get(number))

    def bare(self) -> list[int]:
        """Unwatched episodes with no entry of their own to hold off a default.

        One that is left out is there, whether the catalogue knows it or not.
        """
        accounted = self.watched.keys() | self.entries.own.keys()
        return sorted({*self.airings, *self.left_out} - accounted)

    def key(self, number: int | None) -> Key:
        return Key(*self.place, number)

    def add(self, number: int) -> Operation:
        at = self.watched[number]
        return Operation(Action.ADD, self.key(number), at, reason="not there yet")

    def set(self, number: int) -> Operation:
        at = self.watched[number]
        return Operation(Action.SET, self.key(number), at, reason="there under 80 %")

    def add_default(self, default: _Default, reason: str) -> Operation:
        at, covers = default.at, default.covers
        return Operation(Action.ADD, self.key(None), at, covers=covers, reason=reason)

    def zero(self, number: int, at: datetime) -> Operation:
        what = "left out on request" if number in self.left_out else "never watched"
        why = f"{what}, and a season default would cover it"
        return Operation(Action.SET, self.key(number), at, progress=0, reason=why)

    def name(self, numbers: Sequence[int]) -> str:
        more = f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""
        return f"S{self.place.season:02d}E{numbers[0]:02d}{more}"


class _Default(NamedTuple):
    """A season default that pays."""

    at: datetime
    covers: tuple[Cover, ...]
    zeros: tuple[int, ...]
    saved: int


def _written(number: int) -> Fate:
    return Fate.WRITTEN if number >= FIRST_EPISODE else Fate.UNSUPPORTED


def _settle(
    case: _Case, number: int, conflict: Conflict, record: SeasonRecord
) -> Fate | None:
    """Decide a watched episode by what stands there; None if that is nothing.

    WRITTEN means here that the entry of its own gets its 100.
    """
    entry = case.entries.own.get(number)
    if entry is None:
        return _read_standing(case, number, conflict, record)
    if entry.is_completed:
        return Fate.ALREADY_THERE
    is_our_zero = number in record.zeros and not entry.progress
    if not is_our_zero and conflict.keeps(entry.updated_at, case.watched[number]):
        return Fate.KEPT
    return _written(number)


def _read_standing(
    case: _Case, number: int, conflict: Conflict, record: SeasonRecord
) -> Fate | None:
    # What our defaults surely covered when they were written needs no air dates again.
    defaults, airing = case.entries.defaults, case.airings.get(number)
    if not defaults:
        return None
    reading = read_default(defaults, airing)
    all_ours = all(d.is_completed and d.imported in case.labels for d in defaults)
    if reading is Reading.OPEN and all_ours and number in record.covers:
        return Fate.COVERED
    if reading is Reading.COMPLETED:
        return Fate.COVERED
    if reading is Reading.NOT_COMPLETED:
        un_marks = [d for d in defaults if surely_covers(d, airing)]
        if any(conflict.keeps(d.updated_at, case.watched[number]) for d in un_marks):
            return Fate.KEPT
    return None


def _cheapest_default(case: _Case, needing: Sequence[int]) -> _Default | None:
    """Weigh a default at each watched time against one entry per episode.

    Entries of their own win a tie; among defaults the latest wins. No season gets a
    second default.
    """
    if case.mode is Mode.OFF or case.entries.defaults or case.has_lost_default:
        return None
    writable = [n for n in needing if n >= FIRST_EPISODE]
    bare = case.bare()
    zeroable = [n for n in bare if case.mode is Mode.FEWEST and n >= FIRST_EPISODE]
    barred = {*bare, *case.gone} - set(zeroable)
    ceiling = min((case.span(n).earliest for n in barred), default=_END_OF_TIME)
    spans = {n: case.span(n) for n in needing}
    latest = sorted(spans[n].latest for n in writable)
    earliest = sorted(case.span(n).earliest for n in zeroable)

    def cost(at: datetime) -> int:
        apart = len(writable) - bisect_left(latest, at)
        return 1 + apart + bisect_left(earliest, at)

    # An unknown date is no time at which anything was watched.
    times = {t for t in case.watched.values() if t <= ceiling and t != UNKNOWN_DATE}
    at = min(sorted(times, reverse=True), key=cost, default=None)
    if at is None or cost(at) >= len(writable):
        return None
    covered = (n for n, span in spans.items() if span.is_surely_before(at))
    return _Default(
        at,
        tuple(Cover(n, case.watched[n]) for n in covered),
        tuple(n for n in zeroable if not case.span(n).is_surely_not_before(at)),
        len(writable) - cost(at),
    )


def _explain(
    case: _Case, default: _Default | None, to_add: Sequence[int], late: Sequence[int]
) -> str:
    if case.entries.defaults:
        never = f"; it may cover {case.name(late)}, never watched" if late else ""
        return f"a season default stands there already{never}"
    if default:
        return _explain_default(case, default, to_add)
    if not to_add:
        return "nothing to add"
    if case.mode is Mode.OFF:
        return "season defaults are off"
    if not any(case.airings.values()):
        # Of a season with one entry to add nobody asks for the dates.
        return ONE_ENTRY if len(to_add) == 1 else NO_AIR_DATES
    gone = sorted(case.gone)
    removed = case.name(gone) if gone else ""
    if case.has_lost_default:
        removed = "its season default"
    apart = f"kept apart: {removed} removed on Discovr"
    return apart if removed else _explain_apart(case, to_add)


def _explain_default(case: _Case, default: _Default, apart: Sequence[int]) -> str:
    watched = len(case.watched)
    known = len(case.watched.keys() | case.airings.keys())
    head = f"all {known}" if watched == known else f"{watched} of {known}"
    when = "last one" if default.at == max(case.watched.values()) else "as of"
    parts = [f"{head} watched", f"{when} {default.at:%Y-%m-%d}"]
    if apart:
        parts.append(f"on its own: {case.name(apart)}")
    if default.zeros:
        parts.append(f"held back by a zero: {case.name(default.zeros)}")
    return "; ".join(parts)


def _explain_apart(case: _Case, to_add: Sequence[int]) -> str:
    """Name what stands in the way of a default at the last watch."""
    last = max(case.watched.values())
    if len(to_add) == 1:
        return ONE_ENTRY
    if last == UNKNOWN_DATE:
        return "watched on unknown dates: nothing is collapsed"
    bare = list(case.bare())
    reached = [n for n in bare if not case.span(n).is_surely_not_before(last)]
    if any(case.span(n).is_surely_before(last) for n in reached):
        # All of them, as the map of the report shows an empty square for each.
        parts = {
            "never watched": [n for n in bare if n not in case.left_out],
            "left out on request": [n for n in bare if n in case.left_out],
        }
        return "; ".join(
            f"{case.name(numbers)} {'was' if len(numbers) == 1 else 'were'} {words}"
            for words, numbers in parts.items()
            if numbers
        )
    missed = [n for n in to_add if not case.span(n).is_surely_before(last)]
    first = min(reached or missed)
    name, airing = case.name([first]), case.airings.get(first)
    if airing is None:
        return f"kept apart: {name} has no air date"
    if airing.span.is_surely_not_before(last):
        return f"kept apart: {name} airs after the last watch"
    # An unwatched episode may air that much later, a watched one that much earlier.
    margin = airing.margin if reached else airing.after or airing.margin
    hours = margin // timedelta(hours=1)
    return f"kept apart: {name} airs within {hours} h of the last watch"

"""A reading client, a profile, and every allowed plan: DESIGN.md section 3 as written.

Nothing here knows how the planner works. Coverage is decided by moving the air date of
each episode to the ends of its margin and looking at what a client then shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from itertools import chain, combinations, product
from operator import gt
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st

from sync.domain.collapse import SeasonChoice, plan_season
from sync.domain.entries import Entry
from sync.domain.plan import Action, Operation
from sync.domain.plays import UNKNOWN_DATE, Key, Place
from sync.domain.rules import Conflict, Mode
from sync.domain.seasons import Airing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sync.domain.seasons import Airings

PLACE = Place("TV_1396", 1)
DAY_0 = datetime(2024, 1, 1, 20, 30, tzinfo=UTC)
RUN_AT = datetime(2026, 8, 1, 12, 0, 17, tzinfo=UTC)


def day(number: float) -> datetime:
    return DAY_0 + timedelta(days=number)


def entry(
    episode: int | None,
    at: datetime | None,
    progress: float = 100,
    imported: str | None = None,
) -> Entry:
    return Entry(Key(*PLACE, episode), at, progress, imported)


@dataclass(frozen=True)
class Season:
    """One season as the planner gets it."""

    watched: Mapping[int, datetime]
    airings: Airings | None
    existing: tuple[Entry, ...] = ()
    mode: Mode = Mode.CLEAN
    conflict: Conflict = Conflict.NEWEST

    def plan(self) -> SeasonChoice:
        return plan_season(
            PLACE,
            self.watched,
            self.existing,
            self.airings,
            mode=self.mode,
            conflict=self.conflict,
        )

    def airing(self, number: int) -> Airing | None:
        return (self.airings or {}).get(number)

    @cached_property
    def by_episode(self) -> dict[int | None, tuple[Entry, ...]]:
        groups: dict[int | None, tuple[Entry, ...]] = {}
        for e in self.existing:
            groups[e.key.episode] = (*groups.get(e.key.episode, ()), e)
        return groups

    def own(self, number: int) -> tuple[Entry, ...]:
        return self.by_episode.get(number, ())

    @property
    def defaults(self) -> tuple[Entry, ...]:
        return self.by_episode.get(None, ())

    @cached_property
    def required(self) -> list[int]:
        """What law 1 asks for."""
        return [n for n in self.watched if n >= 1 and not is_kept(self, n)]

    @cached_property
    def sets_needed(self) -> list[int]:
        """Own entries under 80 % that have to be raised, in every plan alike."""
        own = ((n, self.own(n)) for n in self.required)
        return [n for n, same in own if same and not all(shown(same, (), None))]

    @property
    def numbers(self) -> set[int]:
        named = {n for n in self.by_episode if n is not None}
        return {*self.watched, *(self.airings or ()), *named}

    def after(self, choice: SeasonChoice, *, patch_moves: bool = True) -> Season:
        return replace(
            self,
            existing=applied(self.existing, choice.operations, patch_moves=patch_moves),
        )


def applied(
    entries: Sequence[Entry],
    operations: Sequence[Operation],
    *,
    patch_moves: bool = True,
) -> tuple[Entry, ...]:
    """What is there then: POST appends; PATCH upserts, and may move the time."""
    profile = list(entries)
    for operation in operations:
        if operation.action is Action.ADD:
            profile.append(Entry(operation.key, operation.watched_at, 100, "trakt"))
            continue
        same = [e for e in profile if e.key == operation.key]
        if not same:
            profile.append(Entry(operation.key, RUN_AT, operation.progress))
            continue
        hit = max(same, key=_by_time)
        at = RUN_AT if patch_moves else hit.updated_at
        profile.remove(hit)
        profile.append(replace(hit, progress=operation.progress, updated_at=at))
    return tuple(profile)


def _by_time(e: Entry) -> tuple[datetime, float]:
    return (e.updated_at or datetime.min.replace(tzinfo=UTC), e.progress)


# --- what a client shows, in every way it may read --------------------------------


@cache
def shown(
    own: tuple[Entry, ...], defaults: tuple[Entry, ...], airing: Airing | None
) -> tuple[bool, ...]:
    """Whether a client shows the episode as completed, once per way of reading.

    The ways: its air date moved by nothing or by its margin; no date at all, taken as
    aired and as not aired; and where several defaults cover it, whichever one counts.
    """
    ways = list(_ways_of_covering(defaults, airing))
    if own:
        return (max(own, key=_by_time).progress >= 80,) * 2 * len(ways)
    marks = [[d.progress >= 80 for d in covering] for covering in ways]
    return (*map(any, marks), *(bool(m) and all(m) for m in marks))


def _ways_of_covering(
    defaults: tuple[Entry, ...], airing: Airing | None
) -> Iterator[list[Entry]]:
    for is_undated_covered, shift in product((False, True), (-1, 0, 1)):
        air = airing.at + shift * airing.margin if airing else None
        yield [
            d
            for d in defaults
            if (
                air < d.updated_at
                if air is not None and d.updated_at is not None
                else is_undated_covered
            )
        ]


def shown_in(season: Season, number: int) -> tuple[bool, ...]:
    return shown(season.own(number), season.defaults, season.airing(number))


# --- section 4: what of W has to be shown ------------------------------------------


def is_kept(season: Season, number: int) -> bool:
    """Whether the conflict rule leaves a watched episode as the profile has it."""
    played_at = season.watched[number]
    if season.conflict is Conflict.TRAKT:
        return False
    own = season.own(number)
    if own:
        against = [max(own, key=_by_time)]
        if against[0].progress >= 80:
            return False
    else:
        ways = list(_ways_of_covering(season.defaults, season.airing(number)))
        if any(d.progress >= 80 for way in ways for d in way):
            return False
        against = [d for d in season.defaults if all(d in way for way in ways)]
    if season.conflict is Conflict.DISCOVR:
        return bool(against)
    return any(_is_newer(d.updated_at, played_at) for d in against)


def _is_newer(updated_at: datetime | None, played_at: datetime) -> bool:
    return updated_at is None or updated_at >= played_at + timedelta(minutes=1)


def broken_laws(before: Season, after: Season) -> Iterator[str]:
    """Name what laws 1 and 2 say against ``after``, whichever way a client reads."""
    for number in before.required:
        if not all(shown_in(after, number)):
            yield f"1: {number} is not shown"
    for number in after.numbers:
        was, now = shown_in(before, number), shown_in(after, number)
        if number not in before.watched and any(map(gt, now, was)):
            yield f"2: {number} was never watched"
        if any(map(gt, was, now)):
            yield f"2: {number} is un-watched"


# --- every allowed plan --------------------------------------------------------------


class Plan(NamedTuple):
    default_at: datetime | None
    adds: frozenset[int]
    zeros: frozenset[int]

    @property
    def writes(self) -> int:
        return (self.default_at is not None) + len(self.adds) + len(self.zeros)


def subsets(numbers: Sequence[int]) -> Iterator[frozenset[int]]:
    sizes = range(len(numbers) + 1)
    return map(frozenset, chain.from_iterable(combinations(numbers, k) for k in sizes))


def every_plan(season: Season) -> Iterator[Plan]:
    """Enumerate whatever section 3 lets one try, lawful or not."""
    times: list[datetime | None] = [None]
    if season.mode is not Mode.OFF and not season.defaults:
        times += sorted(set(season.watched.values()) - {UNKNOWN_DATE})
    missing = [n for n in season.watched if n >= 1 and not season.own(n)]
    free = [n for n in season.airings or {} if n not in season.watched and n >= 1]
    free = [n for n in free if not season.own(n)]
    for default_at in times:
        is_limited = default_at is not None and season.mode is Mode.FEWEST
        for adds in subsets(missing):
            for zeros in subsets(free if is_limited else []):
                yield Plan(default_at, adds, zeros)


def carried_out(season: Season, plan: Plan) -> Season:
    new = [entry(n, season.watched[n]) for n in plan.adds]
    new += [entry(n, RUN_AT, 0) for n in plan.zeros]
    new += [entry(n, RUN_AT) for n in season.sets_needed]
    if plan.default_at is not None:
        new.append(entry(None, plan.default_at))
    return replace(season, existing=(*season.existing, *new))


def best_plan(season: Season) -> Plan:
    """Try the cheapest first: the first one that breaks no law is the best.

    Entries of their own win a tie, then the latest default.
    """

    def rank(plan: Plan) -> tuple[int, float]:
        at = plan.default_at
        return (plan.writes, -at.timestamp() if at else float("-inf"))

    plans = sorted(every_plan(season), key=rank)
    return next(p for p in plans if is_lawful(season, p))


def is_lawful(season: Season, plan: Plan) -> bool:
    return next(broken_laws(season, carried_out(season, plan)), None) is None


def as_plan(choice: SeasonChoice) -> Plan:
    """The planner's choice in the same terms; its SETs to 100 are in every plan."""
    adds = [o for o in choice.operations if o.action is Action.ADD]
    return Plan(
        next((o.watched_at for o in adds if o.is_default), None),
        frozenset(o.key.episode for o in adds if o.key.episode is not None),
        frozenset(
            o.key.episode
            for o in choice.operations
            if o.key.episode is not None and o.progress == 0
        ),
    )


# --- seasons on a grid where the margins end exactly on a watch --------------------

WATCHES = [
    UNKNOWN_DATE,
    day(0),
    *[day(10)] * 3,
    day(10) + timedelta(minutes=1),
    day(12),
]
AIRINGS = [
    *[
        Airing(day(n), timedelta(hours=48))
        for n in (-40, -30, -20, 0, 8, 10, 12, 14, 30)
    ],
    *[Airing(day(n), timedelta(hours=24)) for n in (9, 11, 13)],
    None,
]
TIMES = [None, day(-5), day(9), day(10) + timedelta(seconds=30), day(11), day(20)]
LABELS = [(100, "trakt"), (100, "trakt"), (100, None), (0, None)]


def random_season(seed: int) -> Season:
    """Two to six episodes, with everything that can stand in a profile."""
    pick = Random(seed)  # noqa: S311  # no secret
    numbers = pick.sample(range(9), pick.randint(2, 6))
    airings = AIRINGS[: pick.choice([4, 4, len(AIRINGS)])]
    own = pick.choices([n for n in numbers if n], k=pick.choice([0, 0, 1, 2, 3]))
    existing = [entry(n, pick.choice(TIMES), pick.choice([0, 79.9, 80])) for n in own]
    existing += [
        entry(None, pick.choice(TIMES), *pick.choice(LABELS))
        for _ in range(pick.choice([0, 0, 0, 0, 1, 2]))
    ]
    return Season(
        {n: pick.choice(WATCHES) for n in numbers if pick.random() < 0.75},
        {n: pick.choice(airings) for n in numbers if pick.random() < 0.95},
        tuple(existing),
        pick.choice([*Mode, Mode.CLEAN, Mode.FEWEST, Mode.FEWEST]),
        pick.choice(list(Conflict)),
    )


def grid_seasons() -> st.SearchStrategy[Season]:
    """One draw a season: drawing it piece by piece takes longer than planning it."""
    return st.integers(0, 2**32).map(random_season)

"""The rounds in which a season was watched: the times of the defaults that it may get.

Only where every viewing counts. They follow from the history and the air dates alone,
whatever stands in the profile. So a plan of which a part was carried out, by a run that
was killed, leads to the rest of it, and not to another plan.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sync.domain.entries import FIRST_EPISODE
from sync.domain.plays import UNKNOWN_DATE
from sync.domain.rules import Mode
from sync.domain.seasons import span_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from sync.domain.seasons import Airings, Span

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def find_rounds(
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
    rounds: list[datetime] = []
    while at is not None:
        rounds.append(at)
        for number, of_one in left.items():
            of_one -= {stood_for(of_one, at, span_of(airings.get(number)))}
        at = _next_round(left, at, airings)
    return rounds


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

"""Short forms of what is kept by the thousand: numbers by their steps, runs by length.

Each comes back exactly as it was, in its order.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from sync.domain.plan import Cover, Fate
from sync.domain.plays import Ids, Key, Play

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sync.domain.plays import Title

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


def pack_plays(plays: Sequence[Play]) -> list[Any]:
    """Return a column for each part of the plays, without the last that are empty."""
    columns: list[Any] = [
        # Plays are cut to the minute, so that this is exact.
        _to_steps([(play.watched_at - _EPOCH) // _MINUTE for play in plays]) or [],
        _to_steps([play.season for play in plays]),
        _to_steps([play.episode for play in plays]),
        _to_steps([play.id for play in plays]),
        _to_steps([play.episode_id for play in plays]),
        _known([play.episode_ids for play in plays]),
    ]
    while columns[-1] is None:
        columns.pop()
    return columns


def unpack_plays(title: Title, columns: Sequence[Any]) -> Iterator[Play]:
    """Read the plays of a title back."""
    make = tuple.__new__  # what Play(...) does, in less time
    numbers = [_from_steps(column, len(columns[0])) for column in columns[:5]]
    nothing = [None] * len(columns[0])
    numbers += [nothing] * (5 - len(numbers))
    ids = nothing if len(columns) <= len(numbers) else columns[5]
    for minutes, season, episode, id_, episode_id, own in zip(
        *numbers, ids, strict=True
    ):
        watched_at = _EPOCH + minutes * _MINUTE
        known = None if own is None else Ids(**own)
        yield make(Play, (title, watched_at, season, episode, id_, episode_id, known))


def pack_fates(fates: Mapping[Key, Fate]) -> list[Any]:
    """Return season, first episode, number of episodes and fate, for each run.

    However they come, they are told in the order of their numbers.
    """
    runs: list[Any] = []
    last: list[Any] = [None] * 4
    in_order = sorted(fates.items(), key=_numbers)
    for (_, season, episode), fate in in_order:
        is_run = None not in (episode, last[1])
        if is_run and (last[0], last[1] + last[2], last[3]) == (season, episode, fate):
            last[2] += 1
        else:
            last = [season, episode, 1, fate.value]
            runs.append(last)
    return runs


def _numbers(item: tuple[Key, Fate]) -> tuple[int, int]:
    (_, season, episode), _ = item
    return -1 if season is None else season, -1 if episode is None else episode


def unpack_fates(
    runs: Iterable[Any],
) -> dict[int | None, Mapping[int | None, Fate]]:
    """Read fates back, by season and episode. Seasons that are alike share theirs."""
    seasons: defaultdict[int | None, list[Any]] = defaultdict(list)
    for season, *run in runs:
        seasons[season].append(tuple(run))
    return {season: _to_fates(tuple(of)) for season, of in seasons.items()}


@lru_cache(maxsize=1024)
def _to_fates(
    runs: tuple[tuple[int | None, int, str], ...],
) -> Mapping[int | None, Fate]:
    fates: dict[int | None, Fate] = {}
    for first, length, value in runs:
        numbers = [None] if first is None else range(first, first + length)
        fates.update(dict.fromkeys(numbers, Fate(value)))
    return fates


def pack_older(older: Mapping[Key, Mapping[datetime, Fate]]) -> list[Any]:
    """Return season, episode, fate and the steps of the minutes, for each fate."""
    packed: list[Any] = []
    for key in sorted(older, key=lambda key: key.order):
        by_fate: dict[Fate, list[int | None]] = {}
        for at in sorted(older[key]):
            minute = (at - _EPOCH) // _MINUTE
            by_fate.setdefault(older[key][at], []).append(minute)
        for fate, minutes in sorted(by_fate.items()):
            packed.append([key.season, key.episode, fate.value, _to_steps(minutes)])
    return packed


def unpack_older(media: str, packed: Iterable[Any]) -> dict[Key, dict[datetime, Fate]]:
    """Read back what became of viewings beside the latest."""
    older: dict[Key, dict[datetime, Fate]] = {}
    for season, episode, value, steps in packed:
        of_key = older.setdefault(Key(media, season, episode), {})
        of_key |= {_EPOCH + n * _MINUTE: Fate(value) for n in accumulate(steps)}
    return older


def pack_numbers(numbers: Iterable[int]) -> list[int]:
    """Return where each run of numbers begins, and how long it is."""
    runs: list[int] = []
    for number in sorted(numbers):
        if runs and sum(runs[-2:]) == number:
            runs[-1] += 1
        else:
            runs += (number, 1)
    return runs


def unpack_numbers(runs: Sequence[int]) -> Iterator[int]:
    """Read numbers back, in their order."""
    for first, length in zip(runs[::2], runs[1::2], strict=True):
        yield from range(first, first + length)


def pack_covers(covers: Sequence[Cover]) -> list[Any]:
    """Return the steps of the episodes, then of their minutes; times between whole."""
    if any((cover.watched_at - _EPOCH) % _MINUTE for cover in covers):
        return [
            [cover.episode, cover.watched_at.astimezone(UTC).isoformat()]
            for cover in covers
        ]
    minutes = [(cover.watched_at - _EPOCH) // _MINUTE for cover in covers]
    episodes = _to_steps([cover.episode for cover in covers]) or []
    return [*episodes, *(_to_steps(minutes) or [])]


def unpack_covers(kept: Sequence[Any]) -> Iterator[Cover]:
    """Read covers back, also as they were kept before: each with its time in full."""
    if kept and isinstance(kept[0], list):
        for episode, watched_at in kept:
            yield Cover(episode, datetime.fromisoformat(watched_at))
        return
    half = len(kept) // 2
    episodes, minutes = accumulate(kept[:half]), accumulate(kept[half:])
    for episode, minute in zip(episodes, minutes, strict=True):
        yield Cover(episode, _EPOCH + minute * _MINUTE)


def _to_steps(values: Sequence[int | None]) -> list[int | None] | None:
    """Return how far each number is from the one before; None where there is none."""
    steps: list[int | None] = []
    last = 0
    for value in values:
        steps.append(None if value is None else value - last)
        last = last if value is None else value
    return steps if any(step is not None for step in steps) else None


def _from_steps(
    steps: Sequence[int | None] | None, length: int
) -> Sequence[int | None]:
    if steps is None:
        return [None] * length
    if None not in steps:
        return [*accumulate(steps)]  # there is no None in it
    last, values = 0, []
    for step in steps:
        last += step or 0
        values.append(None if step is None else last)
    return values


def _known(ids: Sequence[Ids | None]) -> list[Any] | None:
    known = [None if own is None else own.known() for own in ids]
    return known if any(own is not None for own in known) else None

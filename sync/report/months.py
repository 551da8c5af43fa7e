"""Plays by month over the years: the bars of a chart, and the table behind it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.plays import UNKNOWN_DATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

_FIRST = ("Jan", "Feb", "Mar", "Apr", "May", "Jun")
MONTHS = (*_FIRST, "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Shades of the table beside none at all.
LEVELS = 5
#: A play dated by mistake must not stretch the axis over centuries: where the span is
#: longer than this, years without a play are left out.
MOST_YEARS = 40
#: So many years have room for their number on a narrow and on a wide screen.
NARROW, WIDE = 6, 20
#: Heights in pixels: the bars grow up from the base line, numbers stand below it.
TOP, BASE = 22, 162
_LAST_X = 88


class Bar(NamedTuple):
    """One month; ``x`` and ``width`` in percent, the rest in pixels."""

    x: str
    width: str
    y: str
    height: str
    label: str


class YearLabel(NamedTuple):
    """The number of a year under its first month; ``rank`` 0 fits every screen."""

    x: str
    year: int
    rank: int


class Cell(NamedTuple):
    """The plays of one month, and how dark that is."""

    plays: int
    level: int


@dataclass(frozen=True, slots=True)
class YearRow:
    """A year of the table."""

    year: int
    cells: tuple[Cell, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Months:
    """All of it; ``undated`` plays are in no bar."""

    bars: tuple[Bar, ...]
    labels: tuple[YearLabel, ...]
    rows: tuple[YearRow, ...]
    plays: int
    undated: int
    peak: int
    peak_month: str
    has_gaps: bool


def build_months(times: Iterable[datetime]) -> Months:
    """Count plays by their UTC month."""
    counts: Counter[tuple[int, int]] = Counter()
    undated = 0
    for instant in times:
        if instant == UNKNOWN_DATE:
            undated += 1
        else:
            counts[instant.year, instant.month] += 1
    with_plays = sorted({year for year, _ in counts})
    years = _years(with_plays)
    best = max(counts, key=lambda month: (counts[month], month), default=None)
    peak = counts[best] if best else 0
    return Months(
        bars=tuple(_bars(years, counts, peak)),
        labels=tuple(_labels(years)),
        rows=tuple(_rows(with_plays, counts, peak)),
        plays=counts.total(),
        undated=undated,
        peak=peak,
        peak_month=_name(*best) if best else "",
        has_gaps=len(years) > 1 and years[-1] - years[0] >= len(years),
    )


def _years(with_plays: Sequence[int]) -> Sequence[int]:
    if not with_plays or with_plays[-1] - with_plays[0] >= MOST_YEARS:
        return with_plays
    return range(with_plays[0], with_plays[-1] + 1)


def _bars(
    years: Sequence[int], counts: Counter[tuple[int, int]], peak: int
) -> Iterable[Bar]:
    slot = 100 / (12 * max(1, len(years)))
    for index, year in enumerate(years):
        for month in range(1, 13):
            if plays := counts[year, month]:
                height = max(2.0, (BASE - TOP) * plays / peak)
                yield Bar(
                    x=f"{(12 * index + month - 1) * slot:.3f}%",
                    width=f"{slot * 0.82:.3f}%",
                    y=f"{BASE - height:.1f}",
                    height=f"{height:.1f}",
                    label=f"{_name(year, month)}: {plays:,}",
                )


def _labels(years: Sequence[int]) -> Iterable[YearLabel]:
    on_wide, on_narrow = (ceil(len(years) / room) for room in (WIDE, NARROW))
    # Each number of a narrow screen is one of a wide screen too.
    on_narrow = on_wide * ceil(on_narrow / max(1, on_wide))
    for index, year in enumerate(years):
        if index % on_wide == 0:
            x = 100 * index / len(years)
            # At the right edge of a narrow screen the number would stand outside.
            rank = 0 if index % on_narrow == 0 and x <= _LAST_X else 1
            yield YearLabel(f"{x:.3f}%", year, rank)


def _rows(
    years: Sequence[int], counts: Counter[tuple[int, int]], peak: int
) -> Iterable[YearRow]:
    totals: defaultdict[int, int] = defaultdict(int)
    for (year, _), plays in counts.items():
        totals[year] += plays
    for year in years:
        of_year = [counts[year, month] for month in range(1, 13)]
        # The root tells small months apart, of which there are most.
        cells = (Cell(n, ceil(LEVELS * sqrt(n / peak))) for n in of_year)
        yield YearRow(year, tuple(cells), totals[year])


def _name(year: int, month: int) -> str:
    return f"{MONTHS[month - 1]} {year}"

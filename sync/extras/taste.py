"""What a first page should show: filters derived from what was watched, with reasons.

Every play counts: a film seen three times says more than one seen once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from sync.extras.genres import TMDB_GENRES, tmdb_genres

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sync.domain.plays import Kind

#: Whether a page joins its genres by "and" or by "or" is undocumented: so few of them
#: leave something to show either way.
MOST_GENRES = 3
#: What fewer plays than this have in common is no taste of the person's.
LEAST_SHARE = Fraction(1, 10)
#: Fewer plays than this say nothing.
LEAST_PLAYS = 5
#: "Usual" is what most plays have in common: so many of them.
USUAL_SHARE = Fraction(8, 10)
#: Lengths are cut to full steps, so that a page is not about 97 to 143 minutes.
STEP_MIN = 5
#: A year outside of these is a mistake.
YEARS = range(1870, 2200)


@dataclass(frozen=True, slots=True)
class Watched:
    """A film or show that was watched; ``plays`` of a show counts its episodes."""

    plays: int
    genres: tuple[str, ...] = ()
    minutes: int | None = None
    year: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a page is about. Genres and keywords are TMDB ids; lengths in minutes."""

    kind: Kind
    genres: tuple[int, ...] = ()
    keywords: tuple[int, ...] = ()
    regions: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    shortest: int | None = None
    longest: int | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Filters, and in words why; ``reasons`` by what they are about."""

    filters: Filters
    reasons: Mapping[str, str] = field(default_factory=dict)


def derive(kind: Kind, watched: Collection[Watched]) -> Choice:
    """Choose filters that fit what was watched of one kind of title."""
    plays = sum(item.plays for item in watched)
    if plays < LEAST_PLAYS:
        number = "1 play is" if plays == 1 else f"{plays} plays are"
        reason = f"{number} too few to tell"
        return Choice(Filters(kind=kind), {"genres": reason})
    genres, why_genres = _favourites(kind, watched, plays)
    (shortest, longest), why_length = _usual_length(watched)
    (first_day, last_day), why_dates = _decades(watched)
    filters = Filters(
        kind=kind,
        genres=genres,
        shortest=shortest,
        longest=longest,
        first_day=first_day,
        last_day=last_day,
    )
    reasons = {"genres": why_genres, "length": why_length, "released": why_dates}
    return Choice(filters, reasons)


def _favourites(
    kind: Kind, watched: Collection[Watched], plays: int
) -> tuple[tuple[int, ...], str]:
    counts: Counter[int] = Counter()
    for item in watched:
        for genre in {i for slug in item.genres for i in tmdb_genres(kind, slug)}:
            counts[genre] += item.plays
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    chosen = [(g, n) for g, n in ranked[:MOST_GENRES] if n >= LEAST_SHARE * plays]
    if not chosen:
        return (), "no genre stands out"
    names = TMDB_GENRES[kind]
    shares = ", ".join(f"{names[g]} {_percent(n, plays)}" for g, n in chosen)
    return tuple(g for g, _ in chosen), f"{shares} of {plays:,} plays"


def _usual_length(
    watched: Collection[Watched],
) -> tuple[tuple[int | None, int | None], str]:
    """Leave out the same share of plays at either end."""
    lengths: Counter[int] = Counter()
    for item in watched:
        if item.minutes:
            lengths[item.minutes] += item.plays
    plays = lengths.total()
    if plays < LEAST_PLAYS:
        return (None, None), "too few lengths are known"
    tail = plays * (1 - USUAL_SHARE) / 2
    shortest = _beyond(sorted(lengths.items()), tail) // STEP_MIN * STEP_MIN
    longest = -(-_beyond(sorted(lengths.items(), reverse=True), tail) // STEP_MIN)
    longest *= STEP_MIN
    inside = sum(n for length, n in lengths.items() if shortest <= length <= longest)
    return (shortest, longest), f"{_percent(inside, plays)} of plays are that long"


def _beyond(lengths: list[tuple[int, int]], tail: Fraction) -> int:
    """Return the first length at which more plays than that have passed."""
    passed = 0
    for length, plays in lengths:
        passed += plays
        if passed > tail:
            return length
    return lengths[-1][0]


def _decades(
    watched: Collection[Watched],
) -> tuple[tuple[date | None, date | None], str]:
    """Choose the shortest row of decades that holds what is usual, then the fullest."""
    decades: Counter[int] = Counter()
    for item in watched:
        if item.year is not None and item.year in YEARS:
            decades[item.year // 10 * 10] += item.plays
    plays = decades.total()
    if plays < LEAST_PLAYS:
        return (None, None), "too few years are known"
    rows = [(a, b) for a in decades for b in decades if a <= b]

    def held(row: tuple[int, int]) -> int:
        return sum(n for decade, n in decades.items() if row[0] <= decade <= row[1])

    fitting = [row for row in rows if held(row) >= USUAL_SHARE * plays]
    first, last = min(fitting, key=lambda row: (row[1] - row[0], -held(row), -row[1]))
    reason = f"{_percent(held((first, last)), plays)} of plays are from these years"
    return (date(first, 1, 1), date(last + 9, 12, 31)), reason


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.0%}"

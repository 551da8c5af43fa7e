"""The map of what was watched: shows by season and episode, and films by year."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from sync.documents.words import say_time
from sync.domain.addresses import page_of
from sync.domain.plan import Fate
from sync.domain.plays import UNKNOWN_DATE, Key, Kind
from sync.report.squares import SQUARES, UNSENT, UNWATCHED
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sync.documents.report import FailedDocument
    from sync.domain.histories import SeasonFacts, TitleHistory
    from sync.report.squares import Square as State

NAMELESS = "(no title)"
UNDATED = "date unknown"
_OWN = {SQUARES[Fate.WRITTEN].code, SQUARES[Fate.ALREADY_THERE].code}
_DEFAULT = SQUARES[Fate.COVERED].code
#: What so many shows have in common is said once for all of them.
_MANY = 3


class Square(NamedTuple):
    """One episode: the code of its state, and all there is to say in a line."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Season:
    """A row of squares; ``reason`` says why its entries are what they are.

    ``is_known``: the squares are all of its episodes, not the watched ones alone. A
    reason that several seasons share is said once, in the element ``told_in``.
    """

    name: str
    watched: int
    is_known: bool
    reason: str
    squares: tuple[Square, ...]
    told_in: str = ""


class SharedReason(NamedTuple):
    """A reason of several seasons, which ``whose`` names or counts."""

    id: str
    reason: str
    whose: str


@dataclass(frozen=True, slots=True)
class Show:
    """A show with its seasons; ``entries`` stand for all of its watched episodes."""

    name: str
    year: int | None
    plays: int
    episodes: int
    entries: int
    seasons: tuple[Season, ...]
    codes: str
    page: str = ""
    reasons: tuple[SharedReason, ...] = ()


@dataclass(frozen=True, slots=True)
class Film:
    """A film and when it was watched, newest last."""

    name: str
    year: int | None
    code: str
    state: str
    times: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class FilmYear:
    """The films that were last watched in one year."""

    name: str
    films: tuple[Film, ...]


def failure_details(failed: Iterable[FailedDocument]) -> dict[Key, str]:
    """Say of every key why its write did not arrive, whatever write that was."""
    details = {}
    for failure in failed:
        key = failure.operation.key
        detail = failure.detail or failure.outcome
        if failure.is_unsent:
            detail = UNSENT.name
        whole = Key(key.media, key.season)
        details[whole._replace(episode=key.episode)] = detail
        for cover in failure.operation.covers:
            details[whole._replace(episode=cover.episode)] = detail
    return details


def build_shows(
    histories: Iterable[TitleHistory], details: Mapping[Key, str]
) -> tuple[Show, ...]:
    """Return all shows by name, with a square for each episode that is known."""
    shows = (_show(h, details) for h in histories if h.title.kind is Kind.SHOW)
    return tuple(sorted(shows, key=lambda show: (show.name.casefold(), show.year or 0)))


def share_reasons(
    shows: Sequence[Show],
) -> tuple[tuple[Show, ...], tuple[SharedReason, ...]]:
    """Say each reason once: what many shows share for all, else for its show."""
    in_shows = Counter(
        reason
        for show in shows
        for reason in {s.reason for s in show.seasons}
        if reason
    )
    many = {reason: n for reason, n in in_shows.most_common() if n >= _MANY}
    shared = tuple(
        SharedReason(f"why-{number}", reason, count(shows_with_it, "show"))
        for number, (reason, shows_with_it) in enumerate(many.items(), start=1)
    )
    ids = {one.reason: one.id for one in shared}
    return tuple(_share_within(n, s, ids) for n, s in enumerate(shows)), shared


def _share_within(number: int, show: Show, above: Mapping[str, str]) -> Show:
    names: defaultdict[str, list[str]] = defaultdict(list)
    for season in show.seasons:
        if season.reason and season.reason not in above:
            names[season.reason].append(season.name)
    own = tuple(
        SharedReason(f"why-{number}-{place}", reason, _whose(of, show))
        for place, (reason, of) in enumerate(names.items())
        if len(of) > 1
    )
    ids = {**above, **{one.reason: one.id for one in own}}
    seasons = tuple(
        replace(season, reason="", told_in=ids[season.reason])
        if season.reason in ids
        else season
        for season in show.seasons
    )
    return replace(show, seasons=seasons, reasons=own)


def _whose(names: Sequence[str], show: Show) -> str:
    """Name the seasons; nothing where they are all of the show."""
    if len(names) == len(show.seasons):
        return ""
    numbers = ", ".join(name.removeprefix("Season ") for name in names)
    return f"Seasons {numbers}"


def build_films(
    histories: Iterable[TitleHistory], details: Mapping[Key, str]
) -> tuple[FilmYear, ...]:
    """Return all films by the year in which they were last watched, newest first."""
    years: defaultdict[int, list[tuple[datetime, Film]]] = defaultdict(list)
    for history in histories:
        if history.title.kind is Kind.FILM and history.plays:
            times = sorted(play.watched_at for play in history.plays)
            film = _film(history, times, details)
            last = times[-1]
            years[0 if last == UNKNOWN_DATE else last.year].append((last, film))
    return tuple(
        FilmYear(str(year) if year else UNDATED.capitalize(), _newest_first(films))
        for year, films in sorted(years.items(), reverse=True)
    )


def moment(instant: datetime) -> str:
    """Write a time of the map, where all are UTC and it is said once."""
    if instant == UNKNOWN_DATE:
        return UNDATED
    return say_time(instant).removesuffix(" UTC")


def _moments(times: Sequence[datetime]) -> str:
    """Write times in order, and all that have no date as one."""
    dated = [moment(instant) for instant in times if instant != UNKNOWN_DATE]
    undated = len(times) - len(dated)
    if undated:
        dated.append(UNDATED + (f" ({count(undated, 'time')})" if undated > 1 else ""))
    return ", ".join(dated)


def count_fates(histories: Iterable[TitleHistory]) -> Counter[Fate]:
    """Count all plays that are known by what became of them."""
    counts: Counter[Fate] = Counter()
    for history in histories:
        media = history.media or ""
        plays = Counter((play.season, play.episode) for play in history.plays)
        for place, number in plays.items():
            counts[_fate(history, Key(media, *place))] += number
        for play in history.plays if history.older else ():
            key = Key(media, play.season, play.episode)
            if fate := history.older.get(key, {}).get(play.watched_at):
                counts[_fate(history, key)] -= 1
                counts[fate] += 1
    return counts


def name_of(name: str) -> str:
    """Return a title that can be seen."""
    return name if name.strip() else NAMELESS


def _newest_first(films: list[tuple[datetime, Film]]) -> tuple[Film, ...]:
    films.sort(key=lambda pair: pair[0], reverse=True)
    return tuple(film for _, film in films)


def _film(
    history: TitleHistory, times: Sequence[datetime], details: Mapping[Key, str]
) -> Film:
    key = Key(history.media or "")
    state, words = _state(history, key, details)
    return Film(
        name=name_of(history.title.name),
        year=history.title.year,
        code=state.code,
        state=words,
        times=_moments(times),
        page=page_of(history.media),
    )


def _show(history: TitleHistory, details: Mapping[Key, str]) -> Show:
    times: defaultdict[int, defaultdict[int, list[datetime]]]
    times = defaultdict(lambda: defaultdict(list))
    for play in history.plays:
        times[play.season or 0][play.episode or 0].append(play.watched_at)
    facts = {season.number: season for season in history.seasons}
    seasons = tuple(
        _season(history, number, times[number], facts.get(number), details)
        for number in sorted(times, key=lambda number: (number == 0, number))
    )
    codes = [{square.code for square in season.squares} for season in seasons]
    own = sum(square.code in _OWN for season in seasons for square in season.squares)
    return Show(
        name=name_of(history.title.name),
        year=history.title.year,
        plays=len(history.plays),
        episodes=sum(map(len, times.values())),
        entries=own + sum(_DEFAULT in present for present in codes),
        seasons=seasons,
        codes="".join(sorted(set().union(*codes))),
        page=page_of(history.media),
    )


def _season(
    history: TitleHistory,
    number: int,
    times: Mapping[int, Sequence[datetime]],
    facts: SeasonFacts | None,
    details: Mapping[Key, str],
) -> Season:
    known = times.keys() | (facts.episodes if facts else ())
    squares = []
    for episode in sorted(known):
        if episode not in times:
            text = f"Episode {episode}: {UNWATCHED.name}"
            squares.append(Square(UNWATCHED.code, text))
            continue
        key = Key(history.media or "", number, episode)
        state, words = _state(history, key, details)
        when = _moments(sorted(times[episode]))
        text = f"Episode {episode}: {words}; watched {when}"
        squares.append(Square(state.code, text))
    return Season(
        name=f"Season {number}" if number else "Specials",
        watched=len(times),
        is_known=bool(facts and facts.episodes),
        reason=facts.reason if facts else "",
        squares=tuple(squares),
    )


def _state(
    history: TitleHistory, key: Key, details: Mapping[Key, str]
) -> tuple[State, str]:
    """Return the square of a film or episode, and its words with why it is so."""
    state, why = SQUARES[_fate(history, key)], details.get(key)
    if state is SQUARES[Fate.FAILED] and why == UNSENT.name:
        return UNSENT, UNSENT.name
    return state, f"{state.name} ({why})" if why else state.name


def _fate(history: TitleHistory, key: Key) -> Fate:
    """Return what became of a film or episode; what has no fate is not possible."""
    if found := history.fates.get(key):
        return found
    is_unmatched = history.media is None and key.season != 0
    return Fate.UNMATCHED if is_unmatched else Fate.UNSUPPORTED

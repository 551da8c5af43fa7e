"""Laws 1, 2 and 7 with two catalogues that number differently, lack dates, and grow.

Discovr's clients read TMDB as it will be in the end. What TMDB and Trakt list when the
plan is made is less, or other.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.collapse import plan_season
from sync.domain.entries import Entry
from sync.domain.plays import Place
from sync.domain.rules import Conflict, Mode
from sync.domain.seasons import Airing, Reading, read_season
from sync.ledger import Ledger
from sync.transform.air_dates import Catalogue, Question
from sync.transform.listings import ShowDates
from tests.clocks import FakeClock
from tests.factories import show
from tests.long import at_every_length, pick

if TYPE_CHECKING:
    from collections.abc import Collection

    from sync.domain.collapse import SeasonChoice
    from sync.domain.plays import Title
    from sync.domain.seasons import Airings
    from sync.transform.listings import Dates

PLACE = Place("TV_501", 1)
DAY_0 = date(2024, 1, 1)
EXAMPLES = pick(40, 200, 600)
MODES = st.sampled_from([Mode.CLEAN, Mode.FEWEST])


def text(day: int | None) -> str | None:
    return None if day is None else (DAY_0 + timedelta(days=day)).isoformat()


def at(day: float) -> datetime:
    return datetime(2024, 1, 1, 12, tzinfo=UTC) + timedelta(days=day)


@dataclass
class Shelf:
    """A catalogue on paper; ``dates`` None: it cannot be reached."""

    name: str
    days: dict[int, int | None] | None
    has_ended: bool = False

    def show_id(self, media: str, title: Title) -> int | None:
        return 501

    async def dates(self, show: int, seasons: Collection[int]) -> ShowDates:
        listed: Dates = {1: {n: text(day) for n, day in (self.days or {}).items()}}
        return ShowDates(listed, self.has_ended)

    def airing(self, text: str) -> Airing:
        day = date.fromisoformat(text)
        if self.name == "tmdb":
            return Airing.from_date(day)
        return Airing.from_instant(datetime(day.year, day.month, day.day, tzinfo=UTC))

    def open_overflow(self) -> None: ...


@dataclass(frozen=True)
class Case:
    """A season in which Trakt and TMDB may disagree about everything.

    ``later`` is what TMDB adds to ``tmdb`` after the plan was made.
    """

    watched: dict[int, datetime]
    tmdb: dict[int, int | None]
    trakt: dict[int, int | None]
    later: dict[int, int | None]
    has_ended: bool
    mode: Mode

    def plan(self) -> tuple[SeasonChoice, Airings | None]:
        return asyncio.run(self._plan())

    async def _plan(self) -> tuple[SeasonChoice, Airings | None]:
        clock = FakeClock(at(400))
        shelves = Shelf("tmdb", self.tmdb, self.has_ended), Shelf("trakt", self.trakt)
        since = {PLACE: max(self.watched.values())}
        question = Question({PLACE.media: {1}}, {PLACE.media: show(1)}, since)
        async with await Ledger.open("sqlite://") as ledger:
            catalogue = Catalogue(shelves, ledger, clock)
            answer = await catalogue.look_up(question, lambda _done, _total: None)
        airings = answer.airings.get(PLACE)
        # As the pipeline does: a watched number that is not there keeps it apart.
        if airings is not None and self.watched.keys() - airings.keys():
            airings = None
        choice = plan_season(
            PLACE, self.watched, (), airings, mode=self.mode, conflict=Conflict.NEWEST
        )
        return choice, airings

    def shown(self, choice: SeasonChoice, days: dict[int, int | None]) -> set[int]:
        """Return what may be shown as watched where TMDB lists these days."""
        entries = [
            Entry(o.key, o.watched_at, o.progress, "trakt") for o in choice.operations
        ]
        airings = {
            n: Airing.from_date(DAY_0 + timedelta(days=d)) if d is not None else None
            for n, d in days.items()
        }
        readings = read_season(entries, airings)
        return {n for n, reading in readings.items() if reading is Reading.COMPLETED}

    def may_show(self, choice: SeasonChoice, days: dict[int, int | None]) -> set[int]:
        """Return what some reading of the dates shows."""
        entries = [
            Entry(o.key, o.watched_at, o.progress, "trakt") for o in choice.operations
        ]
        airings = {
            n: Airing.from_date(DAY_0 + timedelta(days=d)) if d is not None else None
            for n, d in days.items()
        }
        readings = read_season(entries, airings)
        return {n for n, r in readings.items() if r is not Reading.NOT_COMPLETED}


days = st.one_of(st.none(), st.integers(-20, 60))
listed = st.dictionaries(st.integers(1, 7), days, max_size=7)
watches = st.dictionaries(
    st.integers(1, 7), st.integers(0, 200).map(at), min_size=1, max_size=7
)


@st.composite
def cases(draw: st.DrawFn, *, grows: bool) -> Case:
    tmdb, watched = draw(listed), draw(watches)
    trakt = draw(st.one_of(st.just(tmdb), listed))
    later: dict[int, int | None] = {}
    has_ended = draw(st.booleans())
    if grows:
        # It aired by then, and only Trakt had it listed.
        later = {max(tmdb, default=0) + 1: draw(st.integers(-20, 60))}
        trakt = {**tmdb, **later}
        has_ended = False
        watched = {n: t for n, t in watched.items() if n in tmdb} or {1: at(70)}
    return Case(watched, tmdb, trakt, later, has_ended, draw(MODES))


@at_every_length
@settings(max_examples=EXAMPLES)
@given(case=cases(grows=False))
def test_laws_1_and_2_hold_however_the_catalogues_number(case: Case) -> None:
    choice, _ = case.plan()
    assert case.shown(choice, case.tmdb) >= case.watched.keys()
    assert case.may_show(choice, case.tmdb) <= case.watched.keys()


@at_every_length
@settings(max_examples=EXAMPLES)
@given(case=cases(grows=False))
def test_a_default_says_what_single_entries_would_have_said(case: Case) -> None:
    choice, _ = case.plan()
    single = plan_season(
        PLACE, case.watched, (), None, mode=Mode.OFF, conflict=Conflict.NEWEST
    )
    assert case.shown(choice, case.tmdb) == case.shown(single, case.tmdb)
    assert len(choice.operations) <= len(single.operations)


@at_every_length
@settings(max_examples=EXAMPLES)
@given(case=cases(grows=False))
def test_law_7_nothing_that_tmdb_alone_allows_is_given_away_where_a_show_ended(
    case: Case,
) -> None:
    choice, airings = case.plan()
    known = [day for day in case.tmdb.values() if day is not None]
    is_early = known and max(case.watched.values()) - at(max(known)) > timedelta(61)
    if case.has_ended and is_early and not case.watched.keys() - case.tmdb.keys():
        alone = {
            n: Airing.from_date(DAY_0 + timedelta(days=d)) if d is not None else None
            for n, d in case.tmdb.items()
        }
        assert airings == alone
        best = plan_season(
            PLACE, case.watched, (), alone, mode=case.mode, conflict=Conflict.NEWEST
        )
        assert len(choice.operations) == len(best.operations)


@at_every_length
@settings(max_examples=EXAMPLES)
@given(case=cases(grows=True))
def test_law_2_holds_when_tmdb_lists_what_only_trakt_knew(case: Case) -> None:
    choice, _ = case.plan()
    grown = {**case.tmdb, **case.later}
    assert case.may_show(choice, grown) <= case.watched.keys()

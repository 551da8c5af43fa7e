"""Filters out of what was watched."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from sync.domain.plays import Kind
from sync.extras.genres import TMDB_GENRES, TRAKT_GENRES
from sync.extras.taste import MOST_GENRES, USUAL_SHARE, Watched, derive

FILMS = [
    Watched(6, ("drama", "crime"), 120, 1994),
    Watched(3, ("comedy",), 97, 2003),
    Watched(1, ("horror", "biography"), 240, 1931),
]


def test_the_favourites_are_those_with_the_largest_share_of_plays() -> None:
    choice = derive(Kind.FILM, FILMS)
    assert choice.filters.genres == (18, 80, 35)
    assert choice.reasons["genres"] == "Drama 60%, Crime 60%, Comedy 30% of 10 plays"


def test_the_usual_length_leaves_out_what_is_rare_at_either_end() -> None:
    choice = derive(Kind.FILM, FILMS)
    assert (choice.filters.shortest, choice.filters.longest) == (95, 120)
    assert choice.reasons["length"] == "90% of plays are that long"


def test_the_decades_are_the_shortest_row_that_holds_most() -> None:
    choice = derive(Kind.FILM, FILMS)
    assert choice.filters.first_day == date(1990, 1, 1)
    assert choice.filters.last_day == date(2009, 12, 31)
    assert choice.reasons["released"] == "90% of plays are from these years"


def test_one_genre_of_trakt_counts_once_though_two_lead_to_it() -> None:
    watched = [Watched(10, ("action", "adventure", "superhero"))]
    assert derive(Kind.SHOW, watched).filters.genres == (10759,)


def test_too_few_plays_filter_nothing_and_say_so() -> None:
    choice = derive(Kind.SHOW, [Watched(4, ("drama",), 50, 2011)])
    assert choice.filters.genres == ()
    assert choice.filters.shortest is None
    assert choice.reasons == {"genres": "4 plays are too few to tell"}


def test_what_is_not_known_filters_nothing() -> None:
    choice = derive(Kind.FILM, [Watched(9, ("none",), None, 3), Watched(9)])
    assert choice.filters.genres == ()
    assert (choice.filters.shortest, choice.filters.first_day) == (None, None)
    assert set(choice.reasons) == {"genres", "length", "released"}


watched_lists = st.lists(
    st.builds(
        Watched,
        st.integers(1, 400),
        st.lists(st.sampled_from(sorted(TRAKT_GENRES)), max_size=4).map(tuple),
        st.none() | st.integers(1, 400),
        st.none() | st.integers(1900, 2026),
    ),
    max_size=25,
)


@given(st.sampled_from(Kind), watched_lists, st.randoms(use_true_random=False))
def test_filters_hold_what_is_usual_whatever_the_order(
    kind: Kind, watched: list[Watched], random: object
) -> None:
    choice = derive(kind, watched)
    filters = choice.filters
    shuffled = list(watched)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own class
    assert derive(kind, shuffled) == choice
    assert len(filters.genres) <= MOST_GENRES
    assert set(filters.genres) <= set(TMDB_GENRES[kind])
    if filters.first_day and filters.last_day:
        dated = [item for item in watched if item.year]
        span = range(filters.first_day.year, filters.last_day.year + 1)
        inside = sum(item.plays for item in dated if item.year in span)
        assert inside >= USUAL_SHARE * sum(item.plays for item in dated)
    if filters.shortest is not None and filters.longest is not None:
        timed = [(item.minutes, item.plays) for item in watched if item.minutes]
        inside = sum(n for m, n in timed if filters.shortest <= m <= filters.longest)
        assert inside >= USUAL_SHARE * sum(n for _, n in timed)

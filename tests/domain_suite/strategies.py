"""Random accounts and profiles, small enough for collisions to be common."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from sync.domain.entries import Entry
from sync.domain.plays import UNKNOWN_DATE, Key, Place, Play
from sync.domain.seasons import Airing, Airings
from tests.factories import T0, film, show

moments = st.one_of(
    st.integers(0, 60).map(lambda days: T0 + timedelta(days=days)),
    st.just(UNKNOWN_DATE),
)
titles = st.one_of(
    st.integers(1, 3).map(film),
    st.integers(1, 3).map(show),
    st.just(film(9, tmdb=None)),
    st.just(show(8, tmdb=None)),
)


@st.composite
def plays(draw: st.DrawFn) -> Play:
    title = draw(titles)
    number = draw(st.integers(12_000_000_001, 12_000_000_400))
    watched_at = draw(moments)
    if title.kind == "film":
        return Play(title, watched_at, id=number)
    season, episode = draw(st.integers(0, 2)), draw(st.integers(0, 5))
    return Play(title, watched_at, season, episode, number)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    number = draw(st.integers(501, 503))
    key = Key(f"MV_{number}")
    if draw(st.booleans()):
        episode = draw(st.one_of(st.none(), st.integers(1, 5)))
        key = Key(f"TV_{number}", draw(st.integers(1, 2)), episode)
    return Entry(
        key,
        draw(st.one_of(st.none(), moments)),
        draw(st.sampled_from([0.0, 40.0, 79.9, 80.0, 100.0])),
        draw(st.sampled_from([None, "trakt"])),
    )


airing = st.one_of(
    st.none(),
    st.integers(-30, 70).map(lambda d: Airing.from_instant(T0 + timedelta(days=d))),
    st.integers(-30, 70).map(
        lambda d: Airing.from_date((T0 + timedelta(days=d)).date())
    ),
)
season_airings: st.SearchStrategy[Airings] = st.dictionaries(
    st.integers(0, 6), airing, max_size=7
)
catalogues = st.dictionaries(
    st.builds(
        Place,
        st.integers(501, 503).map(lambda n: f"TV_{n}"),
        st.integers(1, 2),
    ),
    season_airings,
    max_size=6,
)

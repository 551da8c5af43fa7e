"""Titles to leave out, in all the ways in which a person may write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.filters import BY_LIST, BY_NAME, Filter, Only
from sync.domain.plays import Ids, Kind, Title, title_key
from sync.domain.skips import read_skip

BAD = Title(
    Kind.SHOW,
    "Breaking Bad",
    2008,
    Ids(1388, "breaking-bad", "tt0903747", 1396, 81189),
)
TRON = Title(Kind.FILM, "Tron: Legacy", 2010, Ids(12, "tron-2010", "tt1104001", 20526))
UGLY = Title(
    Kind.FILM,
    "The Good, the Bad and the Ugly",
    1966,
    Ids(429, "ugly", "tt0060196", 429),
)
#: Its slug is another's number on Trakt, its TMDB id that of a film.
REAL = Title(Kind.SHOW, "24", 2001, Ids(460, "24", "tt0285331", 20526, 76290))
OTHER = Title(Kind.SHOW, "Another", 1999, Ids(24, "another", "tt0285332", 7, 8))
OFFICES = [
    Title(Kind.SHOW, "The Office", year, Ids(n, f"the-office-{year}", f"tt000{n}", n))
    for n, year in ((2996, 2001), (2316, 2005))
]
ALL = [BAD, TRON, UGLY, REAL, OTHER, *OFFICES]

FORMS = [
    *[
        (text, BAD)
        for text in (
            "Breaking Bad",
            "  breaking   BAD ",
            "Breaking Bad (2008)",
            "breaking-bad",
            "slug:breaking-bad",
            "tt0903747",
            "TT0903747",
            "imdb:tt0903747",
            "imdb: tt0903747",
            "TV_1396",
            "tv_1396",
            "tmdb:1396",
            "tmdb:TV_1396",
            "show:tmdb:1396",
            "tvdb:81189",
            "trakt:1388",
            "https://trakt.tv/shows/breaking-bad",
            "trakt.tv/shows/breaking-bad",
            "https://app.trakt.tv/shows/breaking-bad?mode=media",
            "https://www.trakt.tv/shows/breaking-bad/",
            "https://trakt.tv/shows/1388",
            "https://www.themoviedb.org/tv/1396-breaking-bad",
            "https://www.themoviedb.org/tv/1396-breaking-bad?language=de",
            "themoviedb.org/tv/1396",
            "https://www.imdb.com/title/tt0903747/",
            "https://m.imdb.com/de/title/tt0903747/?ref_=nv_sr_srsg_0",
            "http://imdb.com/title/tt0903747#cast",
        )
    ],
    *[
        (text, TRON)
        for text in (
            "Tron: Legacy",
            "tron: legacy (2010)",
            "MV_20526",
            "film:tmdb:20526",
            "movie: tmdb: 20526",
            "https://trakt.tv/movies/tron-2010",
            "https://app.trakt.tv/movies/tron-2010",
            "https://www.themoviedb.org/movie/20526-tron-legacy",
        )
    ],
    ("The Good, the Bad and the Ugly", UGLY),
    ("24", REAL),
    ("https://trakt.tv/shows/24", REAL),
    ("trakt:24", OTHER),
    ("show:tmdb:20526", REAL),
    ("The Office (2005)", OFFICES[1]),
    ("https://trakt.tv/shows/the-office-2001", OFFICES[0]),
]


def left_out(*texts: str) -> set[str]:
    sieve = Filter(skip=texts).over(ALL)
    return {t.label for t in ALL if sieve.why_title(t) == BY_NAME}


@pytest.mark.parametrize(("text", "title"), FORMS)
def test_every_form_names_its_title_and_no_other(text: str, title: Title) -> None:
    assert left_out(text) == {title.label}


def test_a_name_or_id_of_several_names_all_and_that_is_known() -> None:
    both = {office.label for office in OFFICES}
    assert left_out("the office") == both
    assert left_out("tmdb:20526") == {TRON.label, REAL.label}
    (found,) = Filter(skip=("The Office",)).over(ALL).several
    assert {title.label for title in found[1]} == both


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("Braking Bad", BAD),
        ("Breaking Bad (2009)", BAD),
        ("Good, the Bad and the Ugly", UGLY),
        ("Office", OFFICES[0]),
        ("https://trakt.tv/shows/breakin-bad", BAD),
        ("https://trakt.tv/movies/tron-2011", TRON),
        ("slug:breaking_bad", BAD),
        ("tt0903748", BAD),
        ("Xyzzy", None),
    ],
)
def test_what_names_nothing_is_known_with_the_nearest_title(
    text: str, nearest: Title | None
) -> None:
    sieve = Filter(skip=(text, "Breaking Bad")).over(ALL)
    (stray,) = sieve.strays
    assert (stray.skip.said, stray.nearest) == (text, nearest)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "write a name"),
        ("   ", "write a name"),
        ("https://www.netflix.com/title/70143836", "trakt.tv, themoviedb.org"),
        ("https://eviltrakt.tv/shows/breaking-bad", "no film and no show"),
        ("https://trakt.tv/users/me/history", "no film and no show"),
        ("https://www.themoviedb.org/person/17419", "no film and no show"),
        (
            "https://trakt.tv/shows/breaking-bad/seasons/1/episodes/2",
            "did you mean https://trakt.tv/shows/breaking-bad?",
        ),
        (
            "https://www.themoviedb.org/tv/1396-breaking-bad/season/1",
            "did you mean https://www.themoviedb.org/tv/1396?",
        ),
        ("tmbd:1396", "did you mean tmdb:1396?"),
        ("trkt:1388", "did you mean trakt:1388?"),
        ("tmdb:breaking-bad", "write it like tmdb:1396"),
        ("tmdb:tt0903747", "write it like imdb:tt0903747"),
        ("imdb:1396", "write it like tmdb:1396"),
        ("tvdb:0", "write it like tvdb:1396"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_right_way(
    text: str, hint: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(hint)):
        read_skip(text)


@settings(max_examples=60)
@given(st.text(max_size=20))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        skip = read_skip(text)
    except ValueError as refused:
        words = str(refused)
    else:
        words = "did you mean"
        Filter(skip=(text,)).over(ALL)
        assert skip.said == " ".join(text.split())
    assert "; write" in words or "did you mean" in words


def test_titles_without_a_name_are_not_one_by_what_they_lack() -> None:
    nameless = Title(Kind.FILM, "(untitled)", None, Ids(tmdb=5))
    sieve = Filter(skip=("(untitled)",)).over([nameless])
    assert sieve.why_title(nameless) is None
    assert sieve.strays


def test_an_id_that_was_found_counts_like_one_of_its_own() -> None:
    home = Title(Kind.FILM, "Home Movie", 1990, Ids(9))
    there = Filter(skip=("https://themoviedb.org/movie/77",))
    assert there.over([home]).why_title(home) is None
    assert there.over([home], {home: 77}).why_title(home) == BY_NAME


def test_a_title_of_the_list_is_left_out_for_a_reason_of_its_own() -> None:
    sieve = Filter().over(ALL, listed=[TRON])
    assert not sieve.is_idle
    assert [t for t in ALL if sieve.why_title(t) == BY_LIST] == [TRON]
    fresh = Title(Kind.FILM, "Renamed", 2010, Ids(12))
    assert title_key(fresh) == title_key(TRON)
    assert sieve.why_title(fresh) == BY_LIST


def test_the_digest_moves_with_what_is_wanted_alone() -> None:
    assert Filter().digest == ""
    assert Filter(skip=("a", "b")).digest == Filter(skip=("b", "a")).digest
    assert Filter(skip=("a",)).digest != Filter(only=Only.FILMS).digest

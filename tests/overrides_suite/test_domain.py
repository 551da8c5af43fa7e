"""How ids are written by people, and how titles are known again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.overrides import Override, TitleIndex, find_conflict, read_id
from sync.domain.plays import Ids, Kind, Title

TITLES = st.builds(
    Title,
    kind=st.sampled_from(Kind),
    name=st.sampled_from(["Ghost", "ghost", "Ghosts"]),
    year=st.sampled_from([None, 1990, 2022]),
    ids=st.builds(
        Ids,
        trakt=st.sampled_from([None, 1, 2]),
        imdb=st.sampled_from([None, "tt1", "tt2"]),
        tvdb=st.sampled_from([None, 1, 2]),
    ),
)


def film(name: str = "Ghost", year: int | None = 1990, **ids: object) -> Title:
    return Title(Kind.FILM, name, year, Ids(**ids))  # type: ignore[arg-type]  # loose


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("1396", Kind.SHOW, "1396"),
        (" 001396 ", Kind.SHOW, "1396"),
        ("1396.0", Kind.SHOW, "1396"),
        ("1396,00", Kind.SHOW, "1396"),
        ("TV_1396", Kind.SHOW, "1396"),
        ("MV_550", Kind.FILM, "550"),
        ("https://www.themoviedb.org/tv/1396-breaking-bad", Kind.SHOW, "1396"),
        ("https://www.themoviedb.org/tv/1396/season/1?language=de", Kind.SHOW, "1396"),
        ("TheMovieDB.org/Movie/550", Kind.FILM, "550"),
        ("tt0903747", Kind.SHOW, "tt0903747"),
        ("https://www.imdb.com/title/tt0137523/?ref_=fn", Kind.FILM, "tt0137523"),
        ("https://m.imdb.com/de/title/tt0137523/", Kind.FILM, "tt0137523"),
    ],
)
def test_whatever_a_person_pastes_is_understood(
    text: str, kind: Kind, said: str
) -> None:
    assert read_id(text, kind) == said


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("Breaking Bad", Kind.SHOW, "no number"),
        ("0", Kind.SHOW, "no number"),
        ("-5", Kind.SHOW, "no number"),
        ("13.96", Kind.SHOW, "no number"),
        ("True", Kind.SHOW, "no number"),
        ("1" * 5000, Kind.SHOW, "no number"),
        ("https://www.themoviedb.org/movie/550-fight-club", Kind.SHOW, "id of a film"),
        ("https://www.themoviedb.org/tv/1396-breaking-bad", Kind.FILM, "id of a show"),
        ("MV_550", Kind.SHOW, "id of a film"),
        ("https://www.themoviedb.org/person/17419", Kind.SHOW, "no film and no show"),
        ("https://trakt.tv/shows/breaking-bad", Kind.SHOW, "no number"),
        ("nm0186505", Kind.SHOW, "no number"),
    ],
)
def test_what_cannot_be_an_id_of_the_title_is_refused_in_words(
    text: str, kind: Kind, words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        read_id(text, kind)
    # A key that went into the wrong field must not show.
    assert text == "0" or text not in str(caught.value)


def test_the_trakt_id_is_asked_first_then_the_others_then_the_name() -> None:
    index = TitleIndex(
        [
            (film("A", trakt=1, imdb="tt1"), "by trakt"),
            (film("B", imdb="tt2"), "by imdb"),
            (film("C", tvdb=3), "by tvdb"),
            (film("D", tmdb=4), "by tmdb"),
            (film("E"), "by name"),
        ]
    )
    assert index.find(film("?", trakt=1, imdb="tt2")) == "by trakt"
    assert index.find(film("?", trakt=9, imdb="tt2")) == "by imdb"
    assert index.find(film("?", tvdb=3)) == "by tvdb"
    assert index.find(film("?", tmdb=4)) == "by tmdb"
    assert index.find(film("e ", trakt=9)) == "by name"
    assert index.find(film("E", year=2022)) is None
    assert index.find(Title(Kind.SHOW, "E", 1990)) is None


def test_a_name_alone_does_not_join_two_titles_that_ids_tell_apart() -> None:
    index = TitleIndex([(film(trakt=1), "one")])
    assert index.find(film(trakt=2)) is None
    assert index.find(film(imdb="tt5")) == "one"
    assert index.find(film()) == "one"


@given(TITLES)
def test_every_title_is_known_again(title: Title) -> None:
    assert TitleIndex([(title, "it")]).find(title) == "it"


@given(TITLES, TITLES)
def test_knowing_a_title_again_works_both_ways(one: Title, other: Title) -> None:
    there = TitleIndex([(one, True)]).find(other)
    assert there == TitleIndex([(other, True)]).find(one)


@settings(max_examples=200)
@given(st.lists(st.tuples(TITLES, st.sampled_from(["5", "6"])), max_size=4))
def test_two_ids_for_one_title_are_a_conflict_wherever_they_stand(
    pairs: list[tuple[Title, str]],
) -> None:
    ids = [Override(title, said) for title, said in pairs]
    conflict = find_conflict(ids)
    if conflict:
        assert conflict[0].said != conflict[1].said
    for first in ids:
        alone = TitleIndex([(first.title, first)])
        if any(o.said != first.said and alone.find(o.title) for o in ids):
            assert conflict

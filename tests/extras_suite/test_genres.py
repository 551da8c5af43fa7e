"""The table of genres, complete on both sides."""

from __future__ import annotations

import pytest

from sync.domain.plays import Kind
from sync.extras.genres import TMDB_GENRES, TRAKT_GENRES, find_genre, tmdb_genres
from sync.sandbox.account.sample import sample_account

#: The genres of Trakt's API contract (``genreEnumSchema``) in 2026.
CONTRACT = """
action adventure animation biography children comedy crime documentary drama family
fantasy game-show history home-and-garden holiday horror mini-series music musical
mystery news none reality romance science-fiction short soap special-interest
sporting-event suspense talk-show thriller war western anime superhero donghua
"""
#: What ``/genre/movie/list`` and ``/genre/tv/list`` of TMDB hold.
FILMS = "28 12 16 35 80 99 18 10751 14 36 27 10402 9648 10749 878 10770 53 10752 37"
SHOWS = "10759 16 35 80 99 18 10751 10762 9648 10763 10764 10765 10766 10767 10768 37"


def test_every_genre_of_trakt_has_its_place_in_the_table() -> None:
    assert set(CONTRACT.split()) <= set(TRAKT_GENRES)


@pytest.mark.parametrize(("kind", "listed"), [(Kind.FILM, FILMS), (Kind.SHOW, SHOWS)])
def test_every_genre_of_tmdb_is_known_and_reached(kind: Kind, listed: str) -> None:
    numbers = {int(number) for number in listed.split()}
    assert set(TMDB_GENRES[kind]) == numbers
    assert {i for slug in TRAKT_GENRES for i in tmdb_genres(kind, slug)} == numbers


def test_the_genres_of_the_sample_are_all_known() -> None:
    used = {slug for title in sample_account().titles for slug in title.genres}
    assert used <= set(TRAKT_GENRES)


def test_a_genre_that_nobody_knows_stands_for_nothing() -> None:
    assert tmdb_genres(Kind.FILM, "brand-new") == ()


@pytest.mark.parametrize(
    ("kind", "word", "found"),
    [
        (Kind.FILM, "878", (878,)),
        (Kind.FILM, "science fiction", (878,)),
        (Kind.SHOW, "science-fiction", (10765,)),
        (Kind.SHOW, "Sci-Fi & Fantasy", (10765,)),
        (Kind.SHOW, "Horror", ()),
        (Kind.SHOW, "878", ()),
        (Kind.FILM, "nonsense", ()),
    ],
)
def test_a_genre_is_found_by_id_name_or_slug(
    kind: Kind, word: str, found: tuple[int, ...]
) -> None:
    assert find_genre(kind, word) == found

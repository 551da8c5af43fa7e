"""Trakt's genres by their slugs, and the ids that TMDB has for them.

Films and shows have lists of their own at TMDB. An empty pair of brackets says that
TMDB knows no such genre there; what Trakt stopped using is kept for old answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sync.domain.plays import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

#: TMDB's own lists: ``/genre/movie/list`` and ``/genre/tv/list``.
TMDB_GENRES: Mapping[Kind, Mapping[int, str]] = {
    Kind.FILM: {
        28: "Action",
        12: "Adventure",
        16: "Animation",
        35: "Comedy",
        80: "Crime",
        99: "Documentary",
        18: "Drama",
        10751: "Family",
        14: "Fantasy",
        36: "History",
        27: "Horror",
        10402: "Music",
        9648: "Mystery",
        10749: "Romance",
        878: "Science Fiction",
        53: "Thriller",
        10770: "TV Movie",
        10752: "War",
        37: "Western",
    },
    Kind.SHOW: {
        10759: "Action & Adventure",
        16: "Animation",
        35: "Comedy",
        80: "Crime",
        99: "Documentary",
        18: "Drama",
        10751: "Family",
        10762: "Kids",
        9648: "Mystery",
        10763: "News",
        10764: "Reality",
        10765: "Sci-Fi & Fantasy",
        10766: "Soap",
        10767: "Talk",
        10768: "War & Politics",
        37: "Western",
    },
}


class _Pair(NamedTuple):
    films: tuple[int, ...]
    shows: tuple[int, ...]


TRAKT_GENRES: Mapping[str, _Pair] = {
    "action": _Pair((28,), (10759,)),
    "adventure": _Pair((12,), (10759,)),
    "animation": _Pair((16,), (16,)),
    "anime": _Pair((16,), (16,)),
    "biography": _Pair((), ()),
    "children": _Pair((10751,), (10762,)),
    "comedy": _Pair((35,), (35,)),
    "crime": _Pair((80,), (80,)),
    "documentary": _Pair((99,), (99,)),
    "donghua": _Pair((16,), (16,)),
    "drama": _Pair((18,), (18,)),
    "family": _Pair((10751,), (10751,)),
    "fantasy": _Pair((14,), (10765,)),
    "game-show": _Pair((), (10764,)),
    "history": _Pair((36,), ()),
    "holiday": _Pair((), ()),
    "home-and-garden": _Pair((), (10764,)),
    "horror": _Pair((27,), ()),
    "mini-series": _Pair((), ()),
    "music": _Pair((10402,), ()),
    "musical": _Pair((10402,), ()),
    "mystery": _Pair((9648,), (9648,)),
    "news": _Pair((), (10763,)),
    "none": _Pair((), ()),
    "reality": _Pair((), (10764,)),
    "romance": _Pair((10749,), ()),
    "science-fiction": _Pair((878,), (10765,)),
    "short": _Pair((), ()),
    "soap": _Pair((), (10766,)),
    "special-interest": _Pair((), ()),
    "sporting-event": _Pair((), ()),
    "superhero": _Pair((28,), (10759,)),
    "suspense": _Pair((53,), ()),
    "talk-show": _Pair((), (10767,)),
    "thriller": _Pair((53,), ()),
    "war": _Pair((10752,), (10768,)),
    "western": _Pair((37,), (37,)),
    # No longer in Trakt's contract of 2026.
    "disaster": _Pair((), ()),
    "eastern": _Pair((), ()),
    "fan-film": _Pair((), ()),
    "film-noir": _Pair((), ()),
    "food": _Pair((), ()),
    "indie": _Pair((), ()),
    "road": _Pair((), ()),
    "sports": _Pair((), ()),
    "travel": _Pair((), ()),
    "tv-movie": _Pair((10770,), ()),
}


def tmdb_genres(kind: Kind, slug: str) -> tuple[int, ...]:
    """Return TMDB's ids for a genre of Trakt; none where it has no counterpart."""
    pair = TRAKT_GENRES.get(slug, _Pair((), ()))
    return pair.films if kind is Kind.FILM else pair.shows


def find_genre(kind: Kind, word: str) -> tuple[int, ...]:
    """Read what a person wrote: a TMDB id, a name of TMDB, or a slug of Trakt.

    Nothing where that kind of title has no such genre.
    """
    names = TMDB_GENRES[kind]
    if word.isdecimal():
        return (int(word),) if int(word) in names else ()
    named = [i for i, name in names.items() if name.casefold() == word.casefold()]
    return tuple(named) or tmdb_genres(kind, word.lower().replace(" ", "-"))

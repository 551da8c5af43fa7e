"""What makes a record a play: a kind, a title, for an episode its place, and a time.

One place for both routes, so that the API and a download set aside the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias

from connectors.trakt.lenient import is_nothing, to_imdb

if TYPE_CHECKING:
    from connectors.trakt.models import (
        EpisodeModel,
        HistoryItem,
        PlaybackItem,
        TitleModel,
    )
    from connectors.trakt.strict import StrictEpisode, StrictItem, StrictTitle

    #: A play, whichever way it was read.
    HistoryRecord: TypeAlias = HistoryItem | StrictItem
    Playable: TypeAlias = HistoryRecord | PlaybackItem
    Named: TypeAlias = TitleModel | StrictTitle
    InSeason: TypeAlias = EpisodeModel | StrictEpisode

KindName: TypeAlias = Literal["movie", "episode"]

MOST_SEASON = 9_999
MOST_EPISODE = 99_999

_WORD = re.compile(r"[^\W\d_]")

IN_NO_KIND = "is neither a film nor an episode"
IN_BOTH_KINDS = "could be a film or an episode, and does not say which"
NO_FILM = "names no film: it has neither an id nor a title"
NO_SHOW = "is an episode without its show"
WHOLE_SHOW = (
    "is about a whole show or season, and does not say which episode was watched: "
    "season and episode are missing"
)


class UnusableError(Exception):
    """One record is set aside. The text goes on after "it".

    ``remedy`` is what its person can do about it, where more than to look at it helps.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


class UnsupportedError(UnusableError):
    """The record can be read, and is of a kind of thing that is no play here."""


def check_kind(item: Playable) -> KindName:
    """Return what the record is a play of. Raises UnusableError for one of nothing."""
    episode, show = item.episode, item.show
    if item.type == "episode" and episode is not None and show is not None:
        season, number = episode.season, episode.number
        if (
            show.ids.trakt
            and season is not None
            and number is not None
            and 0 <= season <= MOST_SEASON
            and 0 <= number <= MOST_EPISODE
        ):
            return (
                "episode"  # as nearly all are; what follows takes three times as long
            )
    if _find_kind(item) == "movie":
        if item.movie is None:
            raise UnusableError(IN_NO_KIND)
        if not has_name(item.movie):
            raise UnusableError(NO_FILM)
        return "movie"
    if episode is None:
        raise UnusableError(WHOLE_SHOW if show is not None else IN_NO_KIND)
    if not (has_name(show) or has_lookup(episode)):
        raise UnusableError(NO_SHOW)
    _check_place(episode)
    return "episode"


def _find_kind(item: Playable) -> KindName:
    said = item.type
    if said == "episode":
        return "episode"
    if said == "movie":
        return "movie"
    word = said.strip().lower() if said else ""
    if word in ("movie", "episode"):
        return "movie" if word == "movie" else "episode"
    if _WORD.search(word) and not is_nothing(word):
        # A season, or a kind of thing that came later: what it brings along is no sign.
        is_whole = item.show is not None and item.movie is None
        if is_whole:
            raise UnusableError(WHOLE_SHOW)
        raise UnsupportedError(IN_NO_KIND)
    # Where nothing is said, it is what the record brings along.
    episode = item.episode
    is_episode = episode is not None and (_has_place(episode) or item.show is not None)
    if not (item.movie is not None and has_name(item.movie)):
        return "movie" if episode is None and item.show is None else "episode"
    if episode is None or not is_episode:
        return "movie"
    _check_place(episode)
    raise UnusableError(IN_BOTH_KINDS)


def has_name(title: Named | None) -> bool:
    """Whether a film or show can be told from others: by an id, or by its name.

    Slugs are left out: Trakt changes them.
    """
    return title is not None and (has_id(title) or not is_nothing(title.title))


def has_id(title: Named) -> bool:
    """Whether a catalogue knows a film or show by one of its ids."""
    ids = title.ids
    return bool(ids.trakt or ids.tmdb or ids.tvdb or to_imdb(ids.imdb))


def has_lookup(episode: InSeason) -> bool:
    """Whether TMDB can tell the show of an episode from the episode's own ids."""
    return bool(episode.ids.tvdb or to_imdb(episode.ids.imdb))


def _has_place(episode: InSeason) -> bool:
    return episode.season is not None and episode.number is not None


def _check_place(episode: InSeason) -> None:
    for name, number, most in (
        ("a season", episode.season, MOST_SEASON),
        ("an episode", episode.number, MOST_EPISODE),
    ):
        if number is None:
            bare = name.partition(" ")[2]
            raise UnusableError(f"has no {bare} number that can be read")
        if not 0 <= number <= most:
            raise UnusableError(f"has {name} number out of range, which cannot be")

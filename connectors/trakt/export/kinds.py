"""What a row is about: a column says it, or its own shape, or the name of its file.

Nothing is guessed into a film.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors.trakt.export.columns import (
    EPISODE,
    EPISODES,
    FILM,
    SEASONS,
    SHOW,
    TYPES,
    get,
    has_prefix,
    squash,
)
from connectors.trakt.export.names import to_printable
from connectors.trakt.sense import IN_BOTH_KINDS, UnsupportedError, UnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.trakt.export.columns import Columns

_WORDS = {
    "movie": "movie movies film films feature featurefilm tvmovie tvfilm",
    "show": "show shows tv tvshow tvshows series serie tvseries miniseries"
    " tvminiseries television",
    "season": "season seasons tvseason",
    "episode": "episode episodes tvepisode tvepisodes showepisode",
}
_KINDS = {word: kind for kind, words in _WORDS.items() for word in words.split()}
#: Kinds of things that nobody watches, or that Discovr has no place for.
_OTHER_WORDS = """
    person people persons actor actress cast crew director character
    list lists user users profile comment comments review note notes
    company studio network genre game games videogame book books audiobook
    song songs track tracks album albums artist music musicvideo concert
    podcast podcastepisode podcastseries livestream channel
"""
_OTHER_KINDS = frozenset(_OTHER_WORDS.split())
#: What was done, and not to what.
_DONE = """
    watch watched watching scrobble scrobbled checkin play played plays view viewed
    seen history rewatch rewatched
"""
_ACTIONS = frozenset(_DONE.split())

NO_KIND = (
    "does not say whether it is a film or an episode: {}, and for an episode season "
    "and episode are missing"
)
NAME_THE_KIND = (
    "Add a column type that says movie or episode; or name the file as the tool that "
    "wrote it does: export_movies_history, export_episodes_history."
)
_OTHER_KIND = "it is neither film nor episode"
_NO_WORD = "nobody here knows whether that is a film or an episode"
_KEEP_ONE = "Keep the column that says the right one, and take the other out."
_WRITE_THE_KIND = "Write movie or episode there, or take the row out."
_LETTER = re.compile(r"[^\W\d_]")
_PLAIN = re.compile(r"(?=.{1,24}$)[^\W\d_]+(?:[ _-][^\W\d_]+)*")


def find_kind(row: Columns, named_kind: str | None) -> str:
    """Return movie, show, season or episode.

    ``named_kind`` is what the name of the file says. Raises UnusableError.
    """
    said = [kind for _, _, kind in _read_types(row) if kind]
    if "movie" in said and set(said) != {"movie"}:
        raise UnusableError(IN_BOTH_KINDS, _KEEP_ONE)
    if said:
        return said[0]
    for column, word, _ in _read_types(row):
        where = f"in the column {to_printable(row.spell(column))}"
        if squash(word) in _OTHER_KINDS:
            raise UnsupportedError(f'says "{word}" {where}: {_OTHER_KIND}')
        # A word, and nothing that might be a secret in the wrong column.
        said_there = f'"{word}"' if _PLAIN.fullmatch(word) else "a word"
        raise UnusableError(f"says {said_there} {where}: {_NO_WORD}", _WRITE_THE_KIND)
    return _find_shape(row, named_kind)


def read_kind(word: object) -> str | None:
    """Return the kind that a word is known to mean, or None."""
    return _KINDS.get(squash(word)) if isinstance(word, str) else None


def _find_shape(row: Columns, named_kind: str | None) -> str:
    is_film = has_prefix(row, FILM)
    has_numbers = get(row, *SEASONS) is not None and get(row, *EPISODES) is not None
    is_episode = has_numbers or has_prefix(row, SHOW) or has_prefix(row, EPISODE)
    if is_film and is_episode:
        raise UnusableError(IN_BOTH_KINDS, NAME_THE_KIND)
    if is_film or is_episode:
        return "movie" if is_film else "episode"
    if named_kind == "movie" and get(row, *SEASONS) is None:
        return "movie"
    if named_kind == "episode":
        return "episode" if get(row, *SEASONS, *EPISODES) is not None else "show"
    empty = [name for name in row.raw if squash(name) in TYPES]
    missing = "a column type is missing"
    if empty:
        missing = f"its column {to_printable(empty[0].strip())} is empty"
    raise UnusableError(NO_KIND.format(missing), NAME_THE_KIND)


def _read_types(row: Columns) -> Iterator[tuple[str, str, str | None]]:
    """Yield column, word and the kind that it means, of each that means a kind."""
    for column in TYPES:
        for word in row.every(column):
            is_word = isinstance(word, str) and _LETTER.search(word) is not None
            if is_word and squash(word) not in _ACTIONS:
                yield column, word.strip(), read_kind(word)

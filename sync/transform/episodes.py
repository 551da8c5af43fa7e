"""Which show an episode is of, where a file gives ids and not whose they are.

TMDB's ``find`` answers it: the id is that of a show, or of an episode, which names its
show. IMDb ids are unique; TVDB counts shows and episodes apart, so that one number can
be one of each, and then something else has to agree.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from connectors.errors import RejectedError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from connectors.tmdb.client import TmdbClient
    from sync.domain.plays import Ids, Play, Title

#: So many episodes of a title are asked about at most; all have to agree.
MOST_CLUES = 5


class Clue(NamedTuple):
    """The ids of one episode row, and where it stands in its show."""

    ids: Ids
    season: int | None
    episode: int | None


Clues: TypeAlias = "Sequence[Clue]"


def gather_clues(
    plays: Iterable[Play], titles: Collection[Title]
) -> dict[Title, list[Clue]]:
    """Return by title what its episodes may tell, spread over all of them."""
    clues: defaultdict[Title, set[Clue]] = defaultdict(set)
    for play in plays:
        ids = play.episode_ids
        if ids is not None and (ids.imdb or ids.tvdb) and play.title in titles:
            clues[play.title].add(Clue(ids, play.season, play.episode))
    return {title: _spread(found) for title, found in clues.items()}


def _spread(clues: set[Clue]) -> list[Clue]:
    in_order = sorted(clues, key=_order)
    step = -(-len(in_order) // MOST_CLUES)
    return in_order[::step]


def _order(clue: Clue) -> tuple[int, int, str, int]:
    ids = clue.ids
    return (clue.season or 0, clue.episode or 0, ids.imdb or "", ids.tvdb or 0)


async def find_show(client: TmdbClient, title: Title, clues: Clues) -> int | None:
    """Return TMDB's id of the show that all clues lead to, where they lead to one."""
    shows = {await _ask(client, title, clue) for clue in clues} - {None}
    return shows.pop() if len(shows) == 1 else None


async def _ask(client: TmdbClient, title: Title, clue: Clue) -> int | None:
    ids = clue.ids
    for source, number in (("imdb_id", ids.imdb), ("tvdb_id", ids.tvdb)):
        if number is None:
            continue
        try:
            answer = await client.find(number, source)
        except RejectedError:
            continue
        is_unique = source == "imdb_id"
        found = {
            hit.id
            for hit in answer.tv_results
            if is_unique or hit.id == ids.tmdb or _is_named(hit.name, title)
        } | {
            hit.show_id
            for hit in answer.tv_episode_results
            if is_unique
            or hit.id == ids.tmdb
            or (hit.season_number, hit.episode_number) == (clue.season, clue.episode)
        }
        if len(found) == 1:
            return found.pop()
    return None


def _is_named(name: str | None, title: Title) -> bool:
    return (name or "").strip().casefold() == title.name.strip().casefold()
